package dpstest_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

func TestOptions_listener(t *testing.T) {
	for name, test := range map[string]struct{ listen, host string }{
		"of another loopback address": {"127.0.0.2:0", "127.0.0.2"},
		"of all addresses":            {"0.0.0.0:0", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", test.listen)
			require.NoError(t, err)
			srv := dpstest.NewUnstartedServer(&dpstest.Options{Listener: listener})
			defer srv.Close()
			assert.True(t, strings.HasPrefix(srv.URL(), "https://"+test.host+":"), srv.URL())
			srv.Start()
			response, err := srv.Client().Get(srv.URL()) // the certificate is good for the address
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, http.StatusNotFound, response.StatusCode)
		})
	}
}

func TestOptions_listenerOfAServerThatNeverStarted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Listener: listener})
	srv.Close()
	_, err = listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestClientOfAnUnstartedServer must not look for the made-up host in the network.
func TestClientOfAnUnstartedServer(t *testing.T) {
	t.Parallel()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL(), nil)
	require.NoError(t, err)
	_, err = server.Client().Do(request)
	require.ErrorContains(t, err, "use Transport instead of Client")
	server.Start()
	request, err = http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL(), nil)
	require.NoError(t, err)
	resp, err := server.Client().Do(request)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}
