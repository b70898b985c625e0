package azdps_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

const (
	rotationCallers = 1000
	rotationCalls   = 5                     // of each caller
	rotationEvery   = 10 * time.Millisecond // a new key, signature or token
	rotationGrace   = 5 * time.Millisecond  // for which the service still takes the one before
	rotationLatency = 3 * time.Millisecond  // of an answer
)

// issued is a credential that a service took, or takes.
type issued struct {
	policy, key string // of a signature
	token       string // of a bearer
	until       time.Time
}

// verifier is a service that knows all credentials that were ever valid, and until when.
type verifier struct {
	mu       sync.Mutex
	issued   []*issued
	requests int
	used     map[*issued]bool
	refused  []string
}

// issue adds a credential, and takes the last one for a grace period only.
func (v *verifier) issue(next issued) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.issued) > 0 {
		v.issued[len(v.issued)-1].until = time.Now().Add(rotationGrace)
	}
	v.issued = append(v.issued, &next)
}

// Do implements policy.Transporter.
func (v *verifier) Do(r *http.Request) (*http.Response, error) {
	v.verify(r.Header.Get("Authorization"))
	time.Sleep(rotationLatency) // of virtual time: the tests run in bubbles
	switch {
	case r.Method == http.MethodDelete:
		return reply(http.StatusNoContent, "")(r)
	case strings.HasSuffix(r.URL.Path, "/query"):
		return reply(http.StatusOK, "[]")(r)
	case r.Method == http.MethodPost:
		return reply(http.StatusOK, `{"type":"none","errors":[],"isSuccessful":true}`)(r)
	}
	return reply(http.StatusOK, "{}")(r)
}

// verify finds the credential that made an Authorization header, which must be good now.
func (v *verifier) verify(header string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	for i, candidate := range slices.Backward(v.issued) {
		if !candidate.made(header) {
			continue
		}
		v.used[candidate] = true
		if !candidate.until.IsZero() && time.Now().After(candidate.until) {
			v.refused = append(v.refused, fmt.Sprintf("credential %d of %d is used after its grace", i, len(v.issued)))
		}
		return
	}
	v.refused = append(v.refused, "no credential is of this whole header: "+header)
}

// made reports whether a header was made from the credential: by the key of the policy that it names, over what it says.
func (c *issued) made(header string) bool {
	if c.token != "" {
		return header == "Bearer "+c.token
	}
	text, ok := strings.CutPrefix(header, "SharedAccessSignature ")
	members, err := url.ParseQuery(text)
	if !ok || err != nil || members.Get("skn") != c.policy || strings.Count(text, "&") != 3 {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(c.key)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(url.QueryEscape(members.Get("sr")) + "\n" + members.Get("se")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == members.Get("sig")
}

// rotatingToken is an identity with a token of a short life.
type rotatingToken struct{ service *verifier }

// GetToken implements azcore.TokenCredential.
func (r rotatingToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	r.service.mu.Lock()
	defer r.service.mu.Unlock()
	end := time.Now().Add(rotationEvery)
	next := &issued{token: fmt.Sprintf("token.%d.%s", len(r.service.issued), strings.Repeat("x", len(r.service.issued)%7)), until: end.Add(rotationGrace)}
	r.service.issued = append(r.service.issued, next)
	return azcore.AccessToken{Token: next.token, ExpiresOn: end}, nil
}

// rotationKey is the nth key of a policy. Keys have different lengths, so that a half-changed one would be neither.
func rotationKey(policy string, n int) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fmt.Sprintf("%s-%d-", policy, n), 1+n%5)))
}

// rotations are the ways to authenticate whose credential changes: each makes a client, and what changes its credential.
var rotations = map[string]func(t *testing.T, service *verifier) (*azdps.DeviceProvisioningClient, func(n int)){
	"key": func(t *testing.T, service *verifier) (*azdps.DeviceProvisioningClient, func(n int)) {
		credential, err := azdps.NewSharedAccessKeyCredential("owner", rotationKey("owner", 0))
		require.NoError(t, err)
		service.issue(issued{policy: "owner", key: rotationKey("owner", 0)})
		client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+wireHost, credential, optionsOver(service))
		require.NoError(t, err)
		return client, func(n int) {
			service.issue(issued{policy: "owner", key: rotationKey("owner", n)})
			assert.NoError(t, credential.Update(rotationKey("owner", n)))
			assert.Error(t, credential.Update("no base64?"), "what is no key is not taken")
		}
	},
	"signature": func(t *testing.T, service *verifier) (*azdps.DeviceProvisioningClient, func(n int)) {
		sign := func(n int) string {
			name := fmt.Sprint("policy-", n%3)
			service.issue(issued{policy: name, key: rotationKey(name, n)})
			token, err := azdps.GenerateSASToken(wireHost, name, rotationKey(name, n), time.Now().Add(time.Hour))
			assert.NoError(t, err)
			return token
		}
		credential := azcore.NewSASCredential(sign(0))
		client, err := azdps.NewDeviceProvisioningClientWithSAS("https://"+wireHost, credential, optionsOver(service))
		require.NoError(t, err)
		return client, func(n int) { credential.Update(sign(n)) }
	},
	"bearer token": func(t *testing.T, service *verifier) (*azdps.DeviceProvisioningClient, func(n int)) {
		client, err := azdps.NewDeviceProvisioningClient("https://"+wireHost, rotatingToken{service}, optionsOver(service))
		require.NoError(t, err)
		return client, func(int) {}
	},
}

// TestCredentialsRotateUnderLoad uses one client from a thousand goroutines while its credential is replaced every ten
// milliseconds. The service verifies each request: it carries a whole credential, the name of a policy with a signature by
// that policy's key, and one that is good at that time.
func TestCredentialsRotateUnderLoad(t *testing.T) {
	t.Parallel()
	for name, start := range rotations {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				service := &verifier{used: make(map[*issued]bool)}
				client, change := start(t, service)
				ctx, stop := context.WithCancel(t.Context())
				var changing, calling sync.WaitGroup
				changing.Go(func() {
					for n := 1; ctx.Err() == nil; n++ {
						time.Sleep(rotationEvery)
						change(n)
					}
				})
				for caller := range rotationCallers {
					calling.Go(func() {
						for n := range rotationCalls {
							operation := calls[(caller+n)%len(calls)]
							if !assert.NoError(t, operation.do(t.Context(), client), operation.operation) {
								return
							}
							time.Sleep(time.Duration(caller%7) * time.Millisecond)
						}
					})
				}
				calling.Wait()
				stop()
				changing.Wait()
				assert.Empty(t, service.refused)
				assert.GreaterOrEqual(t, service.requests, rotationCallers*rotationCalls)
				assert.Greater(t, len(service.used), 3, "of %d credentials", len(service.issued))
			})
		})
	}
}

// TestVerifierRefuses proves that the service of the test above would see a half-changed credential.
func TestVerifierRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		service := &verifier{used: make(map[*issued]bool)}
		sign := func(policy, key string) string {
			token, err := azdps.GenerateSASToken(wireHost, policy, key, time.Now().Add(time.Hour))
			require.NoError(t, err)
			return token
		}
		service.issue(issued{policy: "a", key: rotationKey("a", 0)})
		service.issue(issued{policy: "b", key: rotationKey("b", 1)})
		service.verify(sign("a", rotationKey("a", 0)))
		service.verify(sign("b", rotationKey("b", 1)))
		require.Empty(t, service.refused)
		for i, header := range []string{
			sign("a", rotationKey("b", 1)), sign("b", rotationKey("a", 0)), "", "Bearer " + sign("a", rotationKey("a", 0)),
			sign("a", rotationKey("a", 0))[:100] + sign("b", rotationKey("b", 1))[100:], sign("a", rotationKey("a", 0)) + "&skn=b",
		} {
			service.verify(header)
			require.Len(t, service.refused, i+1, header)
		}
		service.refused = nil
		time.Sleep(rotationGrace + 1)
		service.verify(sign("a", rotationKey("a", 0)))
		require.Len(t, service.refused, 1, "after its grace")
	})
}
