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

// TestClientOfAnUnstartedServer must neither look for the made-up host in the network nor wait for a listener that nobody serves.
func TestClientOfAnUnstartedServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	for name, options := range map[string]*dpstest.Options{"without a listener": nil, "with a listener": {Listener: listener}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewUnstartedServer(options)
			t.Cleanup(server.Close)
			get := func() error {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL(), nil)
				require.NoError(t, err)
				response, err := server.Client().Do(request)
				if err == nil {
					require.NoError(t, response.Body.Close())
				}
				return err
			}
			require.ErrorContains(t, get(), "use Transport instead of Client")
			server.Start()
			require.NoError(t, get())
		})
	}
}
