package azdps_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// watched counts the open connections of a transport, and can hold up its dials.
type watched struct {
	*http.Transport
	mu   sync.Mutex
	open int
}

// watch takes over the dials of a transport.
func watch(transport *http.Transport, dial func(ctx context.Context, network, address string) (net.Conn, error)) *watched {
	w := &watched{Transport: transport}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w.add(1)
		return &watchedConnection{Conn: connection, closed: sync.OnceFunc(func() { w.add(-1) })}, nil
	}
	return w
}

func (w *watched) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open += n
}

func (w *watched) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}

type watchedConnection struct {
	net.Conn
	closed func()
}

func (c *watchedConnection) Close() error {
	c.closed()
	return c.Conn.Close()
}

// goroutines lists those that were started, at any depth, by what ran with a label.
func goroutines(t *testing.T, label string) string {
	t.Helper()
	var profile bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	var found []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, fmt.Sprintf("%q:%q", "call", label)) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

// labelled runs a function so that goroutines finds what it leaves behind.
func labelled(t *testing.T, label string, do func()) {
	t.Helper()
	pprof.Do(t.Context(), pprof.Labels("call", label), func(context.Context) { do() })
	assert.Eventually(t, func() bool { return goroutines(t, label) == "" }, 10*time.Second, 10*time.Millisecond, "goroutines are left")
	if left := goroutines(t, label); left != "" {
		t.Log(left)
	}
}

// cancelState is where a call is when it is cancelled.
type cancelState struct {
	name string
	sent bool // the service may have the request
	idle bool // the connection is good for another call

	// start makes a transport to a service, and what tells, of a trace of the call, that the state is reached.
	start func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace)
}

// overSocket makes a service that meets each request with a fault.
func overSocket(t *testing.T, fault dpstest.Fault) (*watched, string) {
	t.Helper()
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	require.NoError(t, server.Load(strings.NewReader(records)))
	server.Control(fault, &dpstest.ControlOptions{Times: -1})
	return watch(server.Client().Transport.(*http.Transport).Clone(), (&net.Dialer{}).DialContext), server.ConnectionString()
}

// stringOf is a connection string for a host.
func stringOf(host string) string {
	return "HostName=" + host + ";SharedAccessKeyName=" + wirePolicy + ";SharedAccessKey=" + wireKey
}

// dialTime is the limit of a dial and of a TLS handshake. Package net/http goes on with them after the call has ended, for the
// next one, and lets go of everything at that limit: 30 and 10 seconds with the default transport.
const dialTime = 50 * time.Millisecond

var cancelStates = []cancelState{
	{"before the call", false, false, func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		reached()
		transport, connectionString := overSocket(t, dpstest.Delay(time.Hour))
		return transport, connectionString, &httptrace.ClientTrace{}
	}},
	{"dialing", false, false, func(_ *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		return watch(&http.Transport{}, func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTime)
			defer cancel()
			reached()
			<-ctx.Done()
			return nil, ctx.Err()
		}), stringOf(wireHost), &httptrace.ClientTrace{}
	}},
	{"in the TLS handshake", false, false, func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		return watch(&http.Transport{TLSHandshakeTimeout: dialTime}, (&net.Dialer{}).DialContext), stringOf(listener.Addr().String()),
			&httptrace.ClientTrace{TLSHandshakeStart: reached}
	}},
	{"waiting for the headers", true, false, func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		transport, connectionString := overSocket(t, dpstest.Delay(time.Hour))
		return transport, connectionString, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { reached() }}
	}},
	{"reading the body", true, false, func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		transport, connectionString := overSocket(t, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte(`{"registrationId":`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		return transport, connectionString, &httptrace.ClientTrace{GotFirstResponseByte: reached}
	}},
	{"waiting for a retry", false, true, func(t *testing.T, reached func()) (*watched, string, *httptrace.ClientTrace) {
		transport, connectionString := overSocket(t, dpstest.Throttle(30*time.Second))
		return transport, connectionString, &httptrace.ClientTrace{PutIdleConn: func(error) { reached() }}
	}},
}

// TestCancelFreesEverything cancels each operation in each state, over sockets and in real time: the error is the context's,
// a write that may have been applied says so, and no goroutine and no connection is left.
func TestCancelFreesEverything(t *testing.T) {
	t.Parallel()
	for _, state := range cancelStates {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			for _, operation := range calls {
				t.Run(operation.operation, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					reached := sync.OnceFunc(func() {
						if state.name != "before the call" {
							time.Sleep(5 * time.Millisecond) // the call goes on to where it waits
						}
						cancel()
					})
					transport, connectionString, trace := state.start(t, reached)
					client := connect(t, connectionString, &http.Client{Transport: transport.Transport})
					var err error
					labelled(t, t.Name(), func() {
						err = operation.do(httptrace.WithClientTrace(ctx, trace), client)
						if state.idle {
							transport.CloseIdleConnections()
						}
					})
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, state.sent && operation.kind != readCall, isUnknown(err), err)
					assert.Eventually(t, func() bool { return transport.count() == 0 }, 10*time.Second, 10*time.Millisecond, "connections are left")
				})
			}
		})
	}
}

// TestGoroutinesAreFound proves that the test above would see one that is left.
func TestGoroutinesAreFound(t *testing.T) {
	t.Parallel()
	end, ended := make(chan struct{}), make(chan struct{})
	pprof.Do(t.Context(), pprof.Labels("call", t.Name()), func(context.Context) {
		go func() {
			<-end
			close(ended)
		}()
	})
	require.Eventually(t, func() bool { return goroutines(t, t.Name()) != "" }, 10*time.Second, time.Millisecond)
	close(end)
	<-ended
}

// TestCancelBetweenCalls cancels what is made of several calls, between two of them: the bubble ends only when nothing is left.
func TestCancelBetweenCalls(t *testing.T) {
	t.Parallel()
	t.Run("in the delay of an Update", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := startService(t)
			server.Control(dpstest.Respond(http.StatusPreconditionFailed, 412001, "changed", nil), &dpstest.ControlOptions{
				Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate, Times: -1,
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // the delay is 50 ms at least
			defer cancel()
			start := time.Now()
			_, err := client.IndividualEnrollments().Update(ctx, "device-1", func(*azdps.IndividualEnrollment) error { return nil }, nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
			assert.Equal(t, 20*time.Millisecond, time.Since(start))
			assert.Equal(t, 1, requestsOf(server, dpstest.OperationIndividualEnrollmentCreateOrUpdate))
		})
	})
	t.Run("before an Update asks what became of its write", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := startService(t, noRetries)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				cancel()
				dpstest.DropResponse()(w, r, next)
			}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate})
			_, err := client.IndividualEnrollments().Update(ctx, "device-1", func(*azdps.IndividualEnrollment) error { return nil }, nil)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
		})
	})
	t.Run("between two pages", func(t *testing.T) {
		forEachList(t, func(t *testing.T, l lister) {
			server, client, _ := l.withItems(t, 25)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got := 0
			var last error
			for _, err := range l.all(ctx, client, 0, 10) {
				if last = err; err == nil {
					got++
				}
				cancel()
			}
			require.ErrorIs(t, last, context.Canceled)
			assert.Equal(t, 10, got, "a page that is there is handed out")
			assert.Len(t, server.Requests(), 1)
		})
	})
	t.Run("after a break", func(t *testing.T) {
		forEachList(t, func(t *testing.T, l lister) {
			server, client, _ := l.withItems(t, 25)
			for _, err := range l.all(t.Context(), client, 0, 10) {
				require.NoError(t, err)
				break
			}
			assert.Len(t, server.Requests(), 1)
		})
	})
}
