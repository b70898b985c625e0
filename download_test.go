package azdps_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// replacer is a policy of a caller that reads each answer and puts another in its place.
type replacer struct {
	old, new string
	read     []string
}

// Do implements [policy.Policy].
func (p *replacer) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil {
		return resp, err
	}
	body, err := runtime.Payload(resp)
	p.read = append(p.read, string(body))
	resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(body), p.old, p.new)))
	return resp, err
}

// TestPagesAreSeen lets everybody see the body of a page, and put another in its place, who can with any other answer.
func TestPagesAreSeen(t *testing.T) {
	t.Parallel()
	const page = `[{"registrationId":"a","attestation":{"type":"symmetricKey"}}]`
	list := func(t *testing.T, perCall, perRetry []policy.Policy) (string, *http.Response) {
		options := stubOptions(&stubTransport{status: http.StatusOK, answer: page})
		options.PerCallPolicies, options.PerRetryPolicies = perCall, perRetry
		credential, err := azdps.NewSharedAccessKeyCredential("provisioningserviceowner", stubKey)
		require.NoError(t, err)
		client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+stubHost, credential, options)
		require.NoError(t, err)
		var captured *http.Response
		got, err := client.IndividualEnrollments().NewQueryPager(nil).NextPage(policy.WithCaptureResponse(t.Context(), &captured))
		require.NoError(t, err)
		require.Len(t, got.Items, 1)
		return got.Items[0].RegistrationID, captured
	}
	t.Run("captured", func(t *testing.T) {
		t.Parallel()
		id, captured := list(t, nil, nil)
		require.Equal(t, "a", id)
		body, err := io.ReadAll(captured.Body)
		require.NoError(t, err)
		require.Equal(t, page, string(body))
	})
	t.Run("by policies", func(t *testing.T) {
		t.Parallel()
		perCall, perRetry := &replacer{old: `"b"`, new: `"c"`}, &replacer{old: `"a"`, new: `"b"`}
		id, _ := list(t, []policy.Policy{perCall}, []policy.Policy{perRetry})
		require.Equal(t, "c", id)
		require.Equal(t, []string{page}, perRetry.read)
		require.Equal(t, []string{strings.ReplaceAll(page, `"a"`, `"b"`)}, perCall.read)
	})
}

// TestPagesOfManySizes reads pages that are longer and shorter than the one before, which the room is made for.
func TestPagesOfManySizes(t *testing.T) {
	t.Parallel()
	var answers []answer
	var want []string
	sizes := []int{1, 500, 0, 2, 499, 500, 1}
	for page, size := range sizes {
		items := make([]string, size)
		for i := range items {
			id := fmt.Sprintf("device-%d-%d", page, i)
			want = append(want, id)
			items[i] = `{"registrationId":"` + id + `","attestation":{"type":"symmetricKey"}}`
		}
		token := strconv.Itoa(page + 1)
		if page == len(sizes)-1 {
			token = ""
		}
		answers = append(answers, reply(http.StatusOK, "["+strings.Join(items, ",")+"]", "X-Ms-Continuation", token))
	}
	var got []string
	for enrollment, err := range clientOver(t, newScript(answers...)).IndividualEnrollments().All(t.Context(), nil) {
		require.NoError(t, err)
		got = append(got, enrollment.RegistrationID)
	}
	require.Equal(t, want, got)
}
