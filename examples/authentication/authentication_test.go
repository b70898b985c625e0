package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

// calls are the answers that a service gave, with the kind of the credential that each came with.
func calls(server *dpstest.Server) (calls []string) {
	for _, request := range server.Requests() {
		kind, _, _ := strings.Cut(request.Header.Get("Authorization"), " ")
		calls = append(calls, kind+" "+http.StatusText(request.StatusCode))
	}
	return calls
}

var keyCalls = []string{
	"SharedAccessSignature OK",
	"SharedAccessSignature Unauthorized", "SharedAccessSignature OK", // a key
	"SharedAccessSignature Unauthorized", "SharedAccessSignature OK", // a signature
}

func TestRun_authenticatesInEachWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.Equal(t, append(keyCalls, "Bearer OK", "Bearer OK", "Bearer OK"), calls(stage.Server))
		for _, told := range []string{
			"refused with 401: it was signed with the old key",
			"refused with 401: the token is too old",
			"made the credential and a client, which are not used",
			"made another client, with a credential of the service in memory",
			"for the scope https://azure-devices-provisioning.net/.default\n",
			"asked https://login.microsoftonline.com/11111111-",
			"for the scope https://azure-devices-provisioning.net/.default, and a stand-in",
			"asked https://login.microsoftonline.us/11111111-",
			"for the scope https://azure-devices-provisioning.us/.default, and a stand-in",
			"Everything worked",
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.NotContains(t, stage.Output(), "left out")

		_, key, err := policyAndKey(stage.Server.ConnectionString())
		require.NoError(t, err)
		assert.NotContains(t, stage.Output(), key[:8])
		assert.NotContains(t, stage.Output(), "sig=")
	})
}

func TestRun_leavesOutWhatARealServiceWasNotNamedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connectionString func(*dpstest.Server) string
		calls            []string
		leftOut          int
	}{
		"with a key": {(*dpstest.Server).ConnectionString, keyCalls, 3},
		"with a signature": {func(server *dpstest.Server) string {
			policy, key, err := policyAndKey(server.ConnectionString())
			require.NoError(t, err)
			token, err := azdps.GenerateSASToken("127.0.0.1", policy, key, time.Now().Add(time.Hour))
			require.NoError(t, err)
			return "HostName=" + strings.TrimPrefix(server.URL(), "https://") + ";SharedAccessSignature=" + token
		}, keyCalls[:1], 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewServer(nil)
			defer server.Close()
			environment, err := exampletest.Environment(server, t.TempDir())
			require.NoError(t, err)
			environment["DPS_CONNECTION_STRING"] = test.connectionString(server)

			var out bytes.Buffer
			require.NoError(t, program.Run(t.Context(), &out, func(name string) string { return environment[name] }))
			assert.Equal(t, test.calls, calls(server))
			assert.Equal(t, test.leftOut, strings.Count(out.String(), "left out"), out.String())
			assert.NotContains(t, out.String(), "in memory")
		})
	}
}

func TestRun_fails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		skip  int // calls
		fault dpstest.Fault
		err   string
	}{
		"no access": {0, dpstest.Respond(http.StatusForbidden, 403000, "No.", nil), "read with the credential: "},
		"an old key is taken": {1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("[]"))
		}, "should have been refused with 401, but the result is: success"},
		"no token": {6, dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil), "read with the credential: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stage := exampletest.New(program)
				defer stage.Server.Close()
				n := 0
				stage.Server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if n++; n == test.skip+1 {
						test.fault(w, r, next)
						return
					}
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Times: -1})
				require.ErrorContains(t, stage.Run(t.Context()), test.err)
				assert.Len(t, stage.Server.Requests(), test.skip+1)
			})
		})
	}
}

func TestPolicyAndKey(t *testing.T) {
	t.Parallel()
	policy, key, err := policyAndKey("hostname=h;SharedAccessKey= a2V5PQ== ; SHAREDACCESSKEYNAME=owner")
	require.NoError(t, err)
	assert.Equal(t, "owner", policy)
	assert.Equal(t, "a2V5PQ==", key)
	_, _, err = policyAndKey("")
	require.ErrorIs(t, err, errNoKey)
}
