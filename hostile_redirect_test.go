package azdps_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// redirects are where a server may send a client.
var redirects = map[string]string{
	"another host":            "https://evil.example/enrollments/device-1",
	"another host, short":     "//evil.example/enrollments/device-1",
	"a host below":            "https://evil." + wireHost + "/",
	"another port":            "https://" + wireHost + ":8443/",
	"the same without TLS":    "http://" + wireHost + "/",
	"the same":                "https://" + wireHost + "/enrollments/other",
	"another path":            "/enrollments/other",
	"a user":                  "https://user:password@" + wireHost + "/",
	"a file":                  "file:///etc/passwd",
	"nowhere":                 "",
	"no URL":                  "https://evil.example:port/%",
	"a place that never ends": "https://evil.example/" + strings.Repeat("a", 10<<10),
}

// TestRedirectsAreNotFollowed has one request arrive at the service and nothing anywhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 305, 307, 308} {
		for name, location := range redirects {
			t.Run(strconv.Itoa(status)+" "+name, func(t *testing.T) {
				t.Parallel()
				forEachCall(t, func(t *testing.T, operation call) {
					w := newWire(says(rawAnswer(status, "", "Location: "+location)))
					defer w.end(t)
					err := operation.do(t.Context(), w.client(t))
					hostile{tries: 1, arrive: 1, status: status}.check(t, w, err, 0)
					assert.Equal(t, []string{wireHost + ":443"}, w.addresses())
				})
			})
		}
	}
}

// TestRedirectsOfACallerWhoWantsThem follows them to another host by an http.Client with a CheckRedirect of its own. The signature
// stays here; the body goes along, as net/http has it for 307 and 308.
func TestRedirectsOfACallerWhoWantsThem(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				var elsewhere wire
				w := newWire(nil)
				defer w.end(t)
				w.serve = func(p *peer) {
					if strings.HasPrefix(p.address, "evil.") {
						p.wire = &elsewhere
						says(rawAnswer(http.StatusForbidden, ""))(p)
						return
					}
					says(rawAnswer(status, "", "Location: https://evil.example/"))(p)
				}
				follow := &http.Client{Transport: w.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
				err := operation.do(t.Context(), clientOver(t, follow))
				require.Error(t, err)
				require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
				for _, request := range elsewhere.arrived() {
					assert.NotContains(t, strings.Join(request.header, ""), "Authorization:")
				}
			})
		})
	}
}

// TestUnauthorizedForever refuses every signature, with each challenge that azcore knows.
func TestUnauthorizedForever(t *testing.T) {
	t.Parallel()
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true}}}`))
	evaluation := `WWW-Authenticate: Bearer error="insufficient_claims", claims="` + claims + `"`
	for name, test := range map[string]struct {
		challenge string
		tries     map[string]int // by constructor
		text      string
	}{
		"no challenge":           {jsonHeader, nil, ""},
		"a challenge":            {`WWW-Authenticate: Bearer authorization_uri="https://evil.example", resource="https://evil.example"`, nil, ""},
		"a challenge for Basic":  {`WWW-Authenticate: Basic realm="evil"`, nil, ""},
		"claims are missing":     {evaluation, map[string]int{"token": 2}, ""},
		"claims that are none":   {`WWW-Authenticate: Bearer error="insufficient_claims", claims="!"`, nil, ""},
		"a challenge of garbage": {`WWW-Authenticate: ,,=",=\\`, nil, ""},
	} {
		for constructor, construct := range constructors {
			t.Run(name+" to a "+constructor, func(t *testing.T) {
				t.Parallel()
				forEachCall(t, func(t *testing.T, operation call) {
					w := newWire(says(rawAnswer(http.StatusUnauthorized, `{"errorCode":401002,"message":"Unauthorized"}`, test.challenge)))
					defer w.end(t)
					options := optionsOver(&http.Client{Transport: w.transport})
					w.countTries(options)
					client, err := construct("https://"+wireHost, options)
					require.NoError(t, err)
					start := time.Now()
					err = operation.do(t.Context(), client)
					assert.Zero(t, time.Since(start))
					require.Error(t, err)
					require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
					assert.NotContains(t, err.Error(), "secret")
					tries := max(1, test.tries[constructor])
					assert.Equal(t, tries, w.tried())
					assert.Len(t, w.arrived(), tries)
					assert.Equal(t, []string{wireHost + ":443"}, w.addresses())
					if constructor != "token" || name != "claims that are none" {
						assert.True(t, azdps.HasCode(err, azdps.ErrorCodeUnauthorized), "%v", err)
					}
				})
			})
		}
	}
}

// challenged gives a token, and none for the claims of a challenge if it has failed.
type challenged struct{ failed error }

func (c challenged) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if options.Claims != "" && c.failed != nil {
		return azcore.AccessToken{}, c.failed
	}
	return azcore.AccessToken{Token: "a", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// TestFailureAfterAChallenge ends a write that was refused and never reached the service again.
func TestFailureAfterAChallenge(t *testing.T) {
	t.Parallel()
	noToken := errors.New("no token")
	challenge := `WWW-Authenticate: Bearer error="insufficient_claims", claims="e30="`
	for name, credential := range map[string]challenged{"no token": {noToken}, "no connection": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				w := newWire(saysAndCloses(rawAnswer(http.StatusUnauthorized, "", challenge, "Connection: close")))
				defer w.end(t)
				w.dial = func(context.Context, string) error {
					if len(w.addresses()) > 1 {
						return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
					}
					return nil
				}
				client, err := azdps.NewDeviceProvisioningClient("https://"+wireHost, credential, optionsOver(&http.Client{Transport: w.transport}))
				require.NoError(t, err)
				err = operation.do(t.Context(), client)
				require.Error(t, err)
				require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
				assert.Len(t, w.arrived(), 1)
			})
		})
	}
}
