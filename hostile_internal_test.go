package azdps

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rewinding is a policy that has azcore put back the body that all tries share, as its log of bodies and its answer to a
// challenge do.
type rewinding struct{}

func (rewinding) Do(req *policy.Request) (*http.Response, error) {
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	return req.Next()
}

// TestTryThatIsOver lets a transport go on sending a try that is over. It must not take bytes of the next one.
func TestTryThatIsOver(t *testing.T) {
	t.Parallel()
	for name, policies := range map[string][]policy.Policy{"sent": nil, "rewound and sent": {rewinding{}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var earlier []io.Reader
			var whole []string
			transport := doer(func(r *http.Request) (*http.Response, error) {
				for _, body := range earlier {
					_, err := body.Read(make([]byte, 10))
					assert.NoError(t, err)
				}
				replayed, err := r.GetBody()
				assert.NoError(t, err)
				_, err = r.Body.Read(make([]byte, 10))
				assert.NoError(t, err)
				again, err := r.GetBody()
				assert.NoError(t, err)
				data, err := io.ReadAll(again)
				assert.NoError(t, err)
				whole = append(whole, string(data))
				earlier = append(earlier, r.Body, replayed)
				return nil, errors.New("failed")
			})
			credential, err := NewSharedAccessKeyCredential("owner", "MDEyMzQ1Njc4OWFiY2RlZg==")
			require.NoError(t, err)
			options := &ClientOptions{}
			options.Transport, options.PerRetryPolicies, options.Retry.RetryDelay = transport, policies, time.Microsecond
			client, err := NewDeviceProvisioningClientWithSharedAccessKey("https://dps.invalid", credential, options)
			require.NoError(t, err)
			_, err = client.EnrollmentGroups().CreateOrUpdate(t.Context(),
				EnrollmentGroup{EnrollmentGroupID: "a", Attestation: NewGeneratedKeyAttestation()}, nil)
			require.ErrorIs(t, err, ErrOutcomeUnknown)
			require.Len(t, whole, 4)
			for _, body := range whole {
				assert.Equal(t, `{"enrollmentGroupId":"a","attestation":{"type":"symmetricKey","symmetricKey":{}}}`, body)
			}
			for i, body := range earlier { // of each try the one it sent, which it has read from itself, and one replayed
				rest, err := io.ReadAll(body)
				require.NoError(t, err)
				read := 10 * (3 - i/2 + 1 - i%2)
				assert.Len(t, rest, len(whole[0])-read, "nobody else has read from body %d", i)
			}
		})
	}
}
