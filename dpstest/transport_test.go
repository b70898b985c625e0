package dpstest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// answerWith makes a server whose next request is answered by handler.
func answerWith(handler http.HandlerFunc) *dpstest.Server {
	srv := dpstest.NewUnstartedServer(nil)
	srv.Control(func(w http.ResponseWriter, r *http.Request, _ http.Handler) { handler(w, r) }, nil)
	return srv
}

func TestTransportStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := answerWith(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusTeapot)
			w.(http.Flusher).Flush()
			w.Header().Set("Too", "late")
			for _, part := range []string{"one", "two"} {
				time.Sleep(time.Minute)
				_, _ = io.WriteString(w, part)
			}
			time.Sleep(time.Minute)
		})
		start := time.Now()
		response, err := srv.Transport().Get("https://any.example/path?query")
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, "202 Accepted", response.Status)
		require.Empty(t, response.Header.Get("Too"))
		buffer := make([]byte, 10)
		for i, part := range []string{"one", "two"} {
			n, err := response.Body.Read(buffer)
			require.NoError(t, err)
			require.Equal(t, part, string(buffer[:n]))
			require.Equal(t, time.Second+time.Duration(i+1)*time.Minute, time.Since(start))
		}
		_, err = response.Body.Read(buffer)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, time.Second+3*time.Minute, time.Since(start))
		require.NoError(t, response.Body.Close())
		_, err = response.Body.Read(buffer)
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestTransportRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	srv := answerWith(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Length", "2")
		_, _ = io.WriteString(w, "ok")
		n, err := io.WriteString(w, "!")
		if n != 0 || !errors.Is(err, http.ErrContentLength) {
			panic("a byte too many was taken")
		}
	})
	sent := &closedReader{Reader: strings.NewReader("hello")}
	request, err := http.NewRequest("POST", "https://Host.example:1234/a%2Fb?c=d", sent)
	require.NoError(t, err)
	response, err := srv.Transport().Do(request)
	require.NoError(t, err)
	require.EqualValues(t, 2, response.ContentLength)
	require.Equal(t, "text/plain; charset=utf-8", response.Header.Get("Content-Type"))
	require.Same(t, request, response.Request)
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "ok", string(data))

	require.True(t, sent.closed)
	require.Equal(t, "hello", string(body))
	require.Equal(t, "Host.example:1234", got.Host)
	require.Equal(t, "/a%2Fb?c=d", got.RequestURI)
	require.Empty(t, got.URL.Host)
	require.Equal(t, "/a%2Fb", got.URL.EscapedPath())
	require.EqualValues(t, 5, got.ContentLength)
	require.Equal(t, "Go-http-client/1.1", got.UserAgent())
	require.Equal(t, "https", request.URL.Scheme, "the caller's request is as it was")
	require.Empty(t, request.Header)
}

type closedReader struct {
	io.Reader
	closed bool
}

func (r *closedReader) Close() error {
	r.closed = true
	return nil
}

func TestTransportErrors(t *testing.T) {
	t.Parallel()
	client := dpstest.NewUnstartedServer(nil).Transport()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		request func() *http.Request
		want    string
	}{
		"body fails": {func() *http.Request {
			r, _ := http.NewRequest("PUT", "https://a/b", io.MultiReader(strings.NewReader("x"), brokenReader{broken}))
			return r
		}, "broken"},
		"body too short": {func() *http.Request {
			r, _ := http.NewRequest("PUT", "https://a/b", strings.NewReader("x"))
			r.ContentLength = 2
			return r
		}, "Content-Length is 2"},
		"no host": {func() *http.Request {
			r, _ := http.NewRequest("GET", "https:///b", nil)
			return r
		}, "no host"},
		"cancelled before": {func() *http.Request {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", "https://a/b", nil)
			return r
		}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Transport.RoundTrip(test.request())
			require.ErrorContains(t, err, test.want)
		})
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestTransportBrokenAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		before  bool // the headers
	}{
		"abort before headers": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"abort after status":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic(http.ErrAbortHandler) }, true},
		"panic":                {func(http.ResponseWriter, *http.Request) { panic("oops") }, true},
		"abort in the body": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			panic(http.ErrAbortHandler)
		}, false},
		"too short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "x")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := answerWith(test.handler).Transport().Get("https://a/b")
			if test.before {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				return
			}
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Equal(t, "x", string(body))
			require.NoError(t, response.Body.Close())
		})
	}
}

func TestTransportWithoutBody(t *testing.T) {
	t.Parallel()
	for method, status := range map[string]int{"GET": 204, "PUT": 304, "HEAD": 200} {
		srv := answerWith(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				panic("a body was taken")
			}
		})
		request, err := http.NewRequest(method, "https://a/b", nil)
		require.NoError(t, err)
		response, err := srv.Transport().Do(request)
		require.NoError(t, err)
		require.Equal(t, status, response.StatusCode)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Empty(t, body)
	}
}

func TestTransportTellsTheHandlerThatTheClientLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := false
		srv := answerWith(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			<-r.Context().Done()
			_, err := io.WriteString(w, "y")
			left = err != nil
		})
		response, err := srv.Transport().Get("https://a/b")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		synctest.Wait()
		require.True(t, left)
		_, err = response.Body.Read(make([]byte, 1))
		require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
	})
}

func TestTransportAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		srv.Control(dpstest.Delay(time.Hour), nil)
		time.AfterFunc(time.Minute, srv.Close)
		start := time.Now()
		_, err := srv.Transport().Get("https://a/b")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, time.Minute, time.Since(start))
		srv.Close()
		_, err = srv.Transport().Get("https://a/b")
		require.ErrorIs(t, err, http.ErrServerClosed)
	})
}

// One server serves any number of bubbles, and none.
func TestServerAcrossBubbles(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Clock: func() time.Time { return time.Unix(1700000000, 0) }})
	client := connect(t, srv, srv.Transport(), func() time.Time { return time.Unix(1700000000, 0) })
	client.do(200, "PUT", "/enrollments/device-1", device1)
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			srv.Control(dpstest.Delay(time.Hour), nil)
			client.do(200, "GET", "/enrollments/device-1", "")
		})
	}
	client.do(200, "GET", "/enrollments/device-1", "")
}

// TestTransportOfAClientThatLeft has a handler that ends with the client, without an answer. That is no answer of 200.
func TestTransportOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			srv := answerWith(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://a/b", nil)
			require.NoError(t, err)
			_, err = srv.Transport().Do(r)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}
