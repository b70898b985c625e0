package azdps_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// TestUpdateToGeneratedKeys asks the service for new keys and loses every answer. Update must not say that it has made them
// when it has not.
func TestUpdateToGeneratedKeys(t *testing.T) {
	tests := map[string]struct {
		fault   dpstest.Fault
		foreign bool // somebody else writes after the fault
		applied bool
	}{
		"applied":                          {dpstest.DropResponse(), false, true},
		"not applied":                      {dpstest.DropRequest(), false, false},
		"not applied, and a foreign write": {dpstest.DropRequest(), true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
				u.create(t, server, azdps.NewGeneratedKeyAttestation())
				before, err := u.mechanism(t.Context(), client)
				require.NoError(t, err)
				other := connect(t, server.ConnectionString(), server.Transport())
				server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.Context().Value(foreignKey{}) != nil {
						next.ServeHTTP(w, r)
						return
					}
					if test.foreign {
						assert.NoError(t, u.replace(context.WithValue(r.Context(), foreignKey{}, true), other, func(recordView) {}))
					}
					test.fault(w, r, next)
				}, &dpstest.ControlOptions{Operation: u.put, Times: -1})

				_, err = u.update(t.Context(), client, func(v recordView) error {
					*v.attestation = azdps.NewGeneratedKeyAttestation()
					return nil
				})
				after, getError := u.mechanism(t.Context(), client)
				require.NoError(t, getError)
				changed := before.SymmetricKey.PrimaryKey != after.SymmetricKey.PrimaryKey
				assert.Equal(t, test.applied, changed)
				if test.applied {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
				}
			})
		})
	}
}

// foreignKey marks the requests of somebody else.
type foreignKey struct{}

// TestUpdateReturnsErrorsOfTheFunction takes no error of the function for one of its own, however it looks.
func TestUpdateReturnsErrorsOfTheFunction(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		for _, own := range []error{
			fmt.Errorf("my own: %w", azdps.ErrOutcomeUnknown),
			&azcore.ResponseError{StatusCode: http.StatusPreconditionFailed},
			errors.Join(azdps.ErrOutcomeUnknown, &azcore.ResponseError{StatusCode: http.StatusPreconditionFailed}),
		} {
			runs := 0
			_, err := u.update(t.Context(), client, func(recordView) error { runs++; return own })
			assert.Equal(t, own, err)
			assert.Equal(t, 1, runs)
		}
		assert.Zero(t, requestsOf(server, u.put))
	})
}

// TestLineEndOfASignature reads a token as from a file.
func TestLineEndOfASignature(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ token, want, problem string }{
		"a line end":         {"SharedAccessSignature sr=a\r\n", "SharedAccessSignature sr=a", ""},
		"empty":              {"", "", "empty shared access signature"},
		"white space":        {" \n", "", "empty shared access signature"},
		"a line end within":  {"SharedAccessSignature\nsr=a", "", "no HTTP header can carry"},
		"letters beyond it":  {"SharedAccessSignature sr=ä", "", "no HTTP header can carry"},
		"as it should be":    {"SharedAccessSignature sr=a&sig=b", "SharedAccessSignature sr=a&sig=b", ""},
		"spaces around it":   {"  SharedAccessSignature sr=a ", "SharedAccessSignature sr=a", ""},
		"not even that word": {"a", "a", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := newScript(reply(http.StatusOK, "{}"))
			options := &azdps.ClientOptions{}
			options.Transport = transport
			client, err := azdps.NewDeviceProvisioningClientWithSAS("https://"+wireHost, azcore.NewSASCredential(test.token), options)
			require.NoError(t, err)
			_, err = client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
			if test.problem != "" {
				require.ErrorContains(t, err, "credential")
				require.ErrorContains(t, err, test.problem)
				assert.NotContains(t, err.Error(), "sr=")
				assert.Empty(t, transport.sent())
				return
			}
			require.NoError(t, err)
			require.Len(t, transport.sent(), 1)
			assert.Equal(t, []string{test.want}, transport.sent()[0].Header["Authorization"])
		})
	}
}

// TestContextThatEndsAfterTheAnswer cancels a write once it is applied and answered. azcore then returns the error of the context
// instead of the answer.
func TestContextThatEndsAfterTheAnswer(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"applied": http.StatusOK, "refused": http.StatusConflict} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			client := clientOver(t, newScript(func(r *http.Request) (*http.Response, error) {
				resp, err := reply(status, `{"registrationId":"device-1","attestation":{"type":"tpm"}}`)(r)
				resp.Body = cancelAtEnd{resp.Body, cancel}
				return resp, err
			}))
			_, err := client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
				RegistrationID: "device-1", Attestation: azdps.NewGeneratedKeyAttestation(),
			}, nil)
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, status == http.StatusOK, errors.Is(err, azdps.ErrOutcomeUnknown))
		})
	}
}

// cancelAtEnd cancels a context when a body is closed.
type cancelAtEnd struct {
	io.Reader
	cancel context.CancelFunc
}

func (c cancelAtEnd) Close() error {
	c.cancel()
	return nil
}

// TestCreatedIsSuccess takes the status that HTTP has for a create, although the service says 200.
func TestCreatedIsSuccess(t *testing.T) {
	t.Parallel()
	client := clientOver(t, newScript(reply(http.StatusCreated, `{"registrationId":"device-1","attestation":{"type":"tpm"}}`)))
	stored, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), azdps.IndividualEnrollment{
		RegistrationID: "device-1", Attestation: azdps.NewGeneratedKeyAttestation(),
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, "device-1", stored.RegistrationID)
}
