package azdps_test

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// TestOverASocket sends every operation over TLS on the loopback interface.
func TestOverASocket(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewServer(nil)
			t.Cleanup(server.Close)
			require.NoError(t, server.Load(strings.NewReader(records)))
			client := connect(t, server.ConnectionString(), server.Client())
			require.NoError(t, operation.do(t.Context(), client))
		})
	}
}

// TestWhatNeverReachedTheService uses the default transport, in real time and without retries.
func TestWhatNeverReachedTheService(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refusing := listener.Addr().String()
	require.NoError(t, listener.Close())

	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)

	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)

	for name, host := range map[string]string{
		"refused": refusing, "untrusted": untrusted.Listener.Addr().String(), "no TLS": plain.Listener.Addr().String(), "no such host": "dps.invalid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range calls {
				client, err := constructors["key"]("https://"+host, &azdps.ClientOptions{})
				require.NoError(t, err)
				ctx := withoutRetries(t.Context())
				err = operation.do(ctx, client)
				require.Error(t, err, operation.operation)
				require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown, operation.operation)
				if name == "untrusted" {
					var authority x509.UnknownAuthorityError
					require.ErrorAs(t, err, &authority)
				}
			}
		})
	}
}

// TestDialThatNeverEnds gives up a connection that is not there yet.
func TestDialThatNeverEnds(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	client := clientOver(t, &http.Client{Transport: transport})
	for _, operation := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		err := operation.do(ctx, client)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
	}
}

// TestConnectionsThatBreak reach the service, or may have.
func TestConnectionsThatBreak(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]dpstest.Fault{
		"request dropped": dpstest.DropRequest(), "answer dropped": dpstest.DropResponse(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewServer(nil)
			t.Cleanup(server.Close)
			require.NoError(t, server.Load(strings.NewReader(records)))
			server.Control(fault, &dpstest.ControlOptions{Times: -1})
			client := connect(t, server.ConnectionString(), server.Client(), noRetries)
			for _, operation := range calls {
				err := operation.do(t.Context(), client)
				require.Error(t, err)
				assert.Equal(t, operation.kind != readCall, isUnknown(err), "%s: %v", operation.operation, err)
			}
		})
	}
}

// TestGivingUpOnASocket cancels calls that the service has and does not answer.
func TestGivingUpOnASocket(t *testing.T) {
	t.Parallel()
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	server.Control(dpstest.Delay(time.Hour), &dpstest.ControlOptions{Times: -1})
	client := connect(t, server.ConnectionString(), server.Client())
	for _, operation := range calls {
		ctx, cancel := context.WithCancel(t.Context())
		before := len(server.Requests())
		done := make(chan error)
		go func() { done <- operation.do(ctx, client) }()
		require.Eventually(t, func() bool { return len(server.Requests()) > before }, 10*time.Second, time.Millisecond)
		cancel()
		err := <-done
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, operation.kind != readCall, isUnknown(err), operation.operation)
	}
}
