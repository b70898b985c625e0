package azdps_test

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// TestDefaultBounds reads no more of 1 GB than the defaults allow.
func TestDefaultBounds(t *testing.T) {
	t.Parallel()
	const limit = 64 << 20
	for name, head := range map[string]string{
		"chunks": chunked + "40000000\r\n", "no length": "HTTP/1.0 200 OK\r\n\r\n", "compressed": "",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var written int
				w := newWire(begins(head, func(p *peer) {
					if name == "compressed" {
						n, _ := io.WriteString(p, rawAnswer(200, gzipBomb(), "Content-Encoding: gzip"))
						written = n
						return
					}
					text := strings.Repeat("[", 1<<20)
					for err := error(nil); err == nil; {
						var n int
						n, err = io.WriteString(p, text)
						written += n
					}
				}))
				defer w.end(t)
				err := calls[0].do(t.Context(), w.client(t))
				require.ErrorContains(t, err, "larger than the 67108864 bytes of ClientOptions.MaxResponseBody")
				assert.Equal(t, 1, w.tried())
				synctest.Wait()
				assert.LessOrEqual(t, written, limit+1<<20)
			})
		})
	}
}

// TestKeptConnectionThatDies breaks a connection that was good for a first request, at the second one or before it.
func TestKeptConnectionThatDies(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(*peer){
		"at the request": func(p *peer) { p.read() }, "before it": func(*peer) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				var connections atomic.Int32
				w := newWire(func(p *peer) {
					if connections.Add(1) > 1 {
						says(operation.rawOK())(p)
						return
					}
					saysAndCloses(operation.rawOK())(p)
					second(p)
				})
				defer w.end(t)
				client := w.client(t)
				require.NoError(t, operation.do(t.Context(), client))
				synctest.Wait()
				require.NoError(t, operation.do(t.Context(), client))
				assert.EqualValues(t, 2, connections.Load())
			})
		})
	}
}

// TestAnswerToNoRequest sends a second answer after the first. It must not be taken for that of the next request.
func TestAnswerToNoRequest(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		var connections atomic.Int32
		w := newWire(func(p *peer) {
			if connections.Add(1) > 1 {
				says(rawAnswer(http.StatusForbidden, ""))(p)
				return
			}
			says(operation.rawOK() + operation.rawOK())(p)
		})
		defer w.end(t)
		client := w.client(t)
		require.NoError(t, operation.do(t.Context(), client))
		synctest.Wait()
		err := operation.do(t.Context(), client)
		require.True(t, azdps.HasStatusCode(err, http.StatusForbidden), "%v", err)
	})
}

// resetListener accepts connections that end with a reset, and counts those that are open.
type resetListener struct {
	net.Listener
	accepted, open atomic.Int32
	serving        sync.WaitGroup
}

func listen(t *testing.T, serve func(*net.TCPConn)) *resetListener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &resetListener{Listener: listener}
	l.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			l.accepted.Add(1)
			l.open.Add(1)
			l.serving.Go(func() {
				defer l.open.Add(-1)
				serve(conn.(*net.TCPConn))
			})
		}
	})
	return l
}

// reset closes a connection so that the other end is told of it by a reset.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

// TestResetsOnASocket meets resets of TCP, which a pipe does not have, and leaves no goroutine behind. It does not run in parallel
// to other tests, whose goroutines would count.
func TestResetsOnASocket(t *testing.T) {
	for name, serve := range map[string]func(*net.TCPConn){
		"in the request": func(conn *net.TCPConn) {
			_, _ = conn.Read(make([]byte, 1))
			reset(conn)
		},
		"after the request is read": func(conn *net.TCPConn) {
			_, _ = conn.Read(make([]byte, 64<<10))
			reset(conn)
		},
		"in the body of the answer": func(conn *net.TCPConn) {
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
			time.Sleep(time.Millisecond) // or the reset overtakes the answer
			reset(conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			listener := listen(t, serve)
			transport := &http.Transport{}
			client := connect(t, "HostName="+listener.Addr().String()+";SharedAccessKeyName=a;SharedAccessKey="+wireKey,
				overHTTP{&http.Client{Transport: transport}}, func(o *azdps.ClientOptions) { o.Retry.RetryDelay = time.Microsecond })
			for _, operation := range calls {
				accepted := listener.accepted.Load()
				err := operation.do(t.Context(), client)
				require.Error(t, err, operation.operation)
				assert.Equal(t, operation.kind != readCall, isUnknown(err), "%s: %v", operation.operation, err)
				tries := listener.accepted.Load() - accepted
				if operation.kind != bulkCall || tries != 1 { // the answer to a bulk operation may have begun
					assert.EqualValues(t, 4, tries, operation.operation)
				}
			}
			require.NoError(t, listener.Close())
			transport.CloseIdleConnections()
			listener.serving.Wait()
			assert.Zero(t, listener.open.Load())
			for range 5000 {
				if runtime.NumGoroutine() <= before {
					return
				}
				time.Sleep(time.Millisecond) // the goroutines end by themselves, but not at once
			}
			assert.LessOrEqual(t, runtime.NumGoroutine(), before, "goroutines are left behind")
		})
	}
}

// overHTTP sends without TLS, to keep the bytes of a test plain.
type overHTTP struct{ *http.Client }

// Do implements policy.Transporter.
func (o overHTTP) Do(r *http.Request) (*http.Response, error) {
	plain := r.Clone(r.Context())
	plain.URL.Scheme = "http"
	return o.Client.Do(plain)
}
