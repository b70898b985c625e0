package azdps_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// TestTransportsOfCallers takes from a hand-made transport what azcore takes: an answer without a body, nothing at all, and one that
// makes something else of the request.
func TestTransportsOfCallers(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		bare := func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusNoContent, Request: r, Header: http.Header{}}, nil
		}
		err := operation.do(t.Context(), clientOver(t, newScript(bare)))
		assert.Equal(t, operation.kind == deleteCall, err == nil, "%v", err)
		nothing := func(*http.Request) (*http.Response, error) { return nil, nil } //nolint:nilnil // that is the point
		err = operation.do(t.Context(), clientOver(t, newScript(nothing)))
		require.ErrorContains(t, err, "the transport returned no response")
		assert.Equal(t, operation.kind != readCall, errors.Is(err, azdps.ErrOutcomeUnknown))
		tunnel := func(r *http.Request) (*http.Response, error) {
			r.Method = http.MethodPatch
			return operation.ok()(r)
		}
		require.NoError(t, operation.do(t.Context(), clientOver(t, newScript(tunnel))))
	})
}

// TestPoliciesOfCallersHideNoLostWrite sends a write twice within a try, and reads within it.
func TestPoliciesOfCallersHideNoLostWrite(t *testing.T) {
	t.Parallel()
	reset := func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") }
	conflict := serviceError(http.StatusConflict, "409201")
	var client *azdps.DeviceProvisioningClient
	for name, test := range map[string]struct {
		policy  policyFunc
		answers []answer
		status  int
	}{
		"sends again": {func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if err != nil {
				resp, err = req.Next()
			}
			return resp, err
		}, []answer{reset, conflict}, http.StatusConflict},
		"reads": {func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if req.Raw().Method == http.MethodPut {
				_, _ = client.IndividualEnrollments().Get(req.Raw().Context(), "device-1", nil)
			}
			return resp, err
		}, []answer{reset, reply(http.StatusOK, "{}")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			options := optionsOver(newScript(test.answers...))
			options.Retry.MaxRetries = -1
			options.PerRetryPolicies = []policy.Policy{test.policy}
			credential, err := azdps.NewSharedAccessKeyCredential("owner", wireKey)
			require.NoError(t, err)
			client, err = azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+wireHost, credential, options)
			require.NoError(t, err)
			_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), newEnrollment("device-1"), nil)
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
			assert.Equal(t, test.status != 0, azdps.HasStatusCode(err, test.status))
		})
	}
}

// TestErrorIsReadByMany reads one error in many goroutines; the race detector watches.
func TestErrorIsReadByMany(t *testing.T) {
	t.Parallel()
	body := `{"errorCode":409201,"message":"Exists.","info":{"a":"b"}}`
	_, err := clientOver(t, newScript(reply(http.StatusConflict, body))).IndividualEnrollments().Get(t.Context(), "device-1", nil)
	var readers sync.WaitGroup
	for range 10 {
		readers.Go(func() {
			details, found := azdps.ErrorDetailsFrom(err)
			assert.True(t, found)
			assert.Equal(t, map[string]string{"a": "b"}, details.Info)
			details.Info["a"] = "of this goroutine"
			assert.Contains(t, err.Error(), "Exists.")
		})
	}
	readers.Wait()
}

// TestLongErrorCode keeps a code that is none of the service out of the text, wherever it stands.
func TestLongErrorCode(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("4", 1<<20)
	for name, answer := range map[string]answer{
		"body":   reply(http.StatusConflict, `{"errorCode":`+strconv.Quote(long)+`}`),
		"header": reply(http.StatusConflict, "", "X-Ms-Error-Code", long),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := clientOver(t, newScript(answer)).IndividualEnrollments().Get(t.Context(), "device-1", nil)
			response, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok)
			assert.Empty(t, response.ErrorCode)
			assert.Less(t, len(err.Error()), 70<<10)
		})
	}
}
