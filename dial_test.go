package azdps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGate takes all places of an address, and looks who gets through.
func TestGate(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	other := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	gate := newGate(&tls.Config{RootCAs: roots})
	address := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "https://") }
	dial := func(ctx context.Context, s *httptest.Server) (net.Conn, error) {
		return gate.dial(ctx, "tcp", address(s))
	}

	connection, err := dial(t.Context(), server)
	require.NoError(t, err)
	require.NoError(t, connection.Close())
	value, known := gate.places.Load(address(server))
	require.True(t, known)
	places := value.(chan struct{})
	require.Empty(t, places, "a connection that is made takes no place")
	for range cap(places) {
		places <- struct{}{}
	}

	connection, err = dial(t.Context(), other)
	require.NoError(t, err, "each address has places of its own")
	require.NoError(t, connection.Close())

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = dial(ctx, server)
	require.ErrorIs(t, err, context.DeadlineExceeded, "who waits can leave")

	w := new(write)
	done := make(chan error)
	go func() {
		connection, err := dial(w.context(t.Context()), server)
		if err == nil {
			_ = connection.Close()
		}
		done <- err
	}()
	w.connected.Store(true)
	<-places
	require.ErrorIs(t, <-done, errNotNeeded, "the write has got a connection while it waited")
	require.Len(t, places, cap(places)-1, "and gave its place back")
	w.connected.Store(false)
	connection, err = dial(w.context(t.Context()), server)
	require.NoError(t, err)
	require.NoError(t, connection.Close())
}

// TestGateDialsAgain lets net/http get a connection that is dead, and ask for another: that one is needed.
func TestGateDialsAgain(t *testing.T) {
	t.Parallel()
	w := new(write)
	hooks := (&connection{write: w}).trace()
	for range 2 {
		hooks.GetConn("")
		require.False(t, w.connected.Load())
		hooks.GotConn(httptrace.GotConnInfo{})
		require.True(t, w.connected.Load())
	}
}

// TestGateKeepsTheProtocols speaks HTTP/2 with a server that does, and HTTP/1.1 with one that does not.
func TestGateKeepsTheProtocols(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		seen := make(chan int, 1)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.ProtoMajor }))
		server.EnableHTTP2 = major == 2
		server.StartTLS()
		t.Cleanup(server.Close)
		client := clientAt(t, server.URL, trusting(t, server))
		_, err := client.IndividualEnrollments().Delete(t.Context(), "device-1", nil)
		require.NoError(t, err)
		assert.Equal(t, major, <-seen)
	}
}
