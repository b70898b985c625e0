package dpstest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// enroll makes so many enrollments.
func enroll(t *testing.T, srv *dpstest.Server, count int) {
	t.Helper()
	var lines strings.Builder
	for i := range count {
		lines.WriteString(strings.Replace(device1, "device-1", "device-"+string(rune('a'+i)), 1) + "\n")
	}
	require.NoError(t, srv.Load(strings.NewReader(lines.String())))
}

func TestRespondAndThrottle(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		srv.Control(dpstest.Respond(503, 503001, "Later.", http.Header{"Retry-After": {"7"}}), nil)
		got := client.do(503, "GET", "/enrollments/device-1", "")
		require.Equal(t, 503001, got.code(t))
		require.Equal(t, "7", got.Header.Get("Retry-After"))
		require.Contains(t, string(got.body), got.Header.Get("x-ms-request-id"))
		client.do(404, "GET", "/enrollments/device-1", "")

		for wait, header := range map[time.Duration]string{-1: "", 0: "0", time.Millisecond: "1", 30 * time.Second: "30"} {
			srv.Control(dpstest.Throttle(wait), nil)
			got = client.do(429, "GET", "/enrollments/device-1", "")
			require.Equal(t, 429001, got.code(t))
			require.Equal(t, header, got.Header.Get("Retry-After"))
		}
	})
}

func TestDrops(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		dropped := func(err error) {
			t.Helper()
			require.Error(t, err)
			require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
			require.NotErrorIs(t, err, context.Canceled)
		}
		srv.Control(dpstest.DropRequest(), nil)
		_, err := client.try(t.Context(), "PUT", "/enrollments/device-1", device1)
		dropped(err)
		client.do(404, "GET", "/enrollments/device-1", "")

		srv.Control(dpstest.DropResponse(), nil)
		_, err = client.try(t.Context(), "PUT", "/enrollments/device-1", device1)
		dropped(err)
		client.do(200, "GET", "/enrollments/device-1", "")

		requests := srv.Requests()
		require.Len(t, requests, 4)
		require.Zero(t, requests[0].StatusCode)
		require.Zero(t, requests[2].StatusCode)
	})
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		client.do(200, "PUT", "/enrollments/device-1", device1)
		whole := client.do(200, "GET", "/enrollments/device-1", "").body
		for _, n := range []int{0, 1, 17, len(whole), len(whole) + 100} {
			srv.Control(dpstest.Truncate(n), nil)
			got, err := client.try(t.Context(), "GET", "/enrollments/device-1", "")
			require.NoError(t, err)
			require.Equal(t, 200, got.StatusCode)
			require.ErrorIs(t, got.err, io.ErrUnexpectedEOF)
			require.Equal(t, string(whole[:min(n, len(whole))]), string(got.body))
		}
	})
}

func TestPageFaults(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		enroll(t, srv, 5)
		page := func(token string) (body, next string) {
			t.Helper()
			client.header = http.Header{"X-Ms-Max-Item-Count": {"2"}}
			if token != "" {
				client.header.Set("x-ms-continuation", token)
			}
			got := client.do(200, "POST", "/enrollments/query", `{"query":"*"}`)
			require.Equal(t, "Enrollment", got.Header.Get("x-ms-item-type"))
			return string(got.body), got.Header.Get("x-ms-continuation")
		}
		first, token := page("")
		second, _ := page(token)

		srv.Control(dpstest.EmptyPage(), &dpstest.ControlOptions{Times: 2})
		empty, start := page("")
		require.Equal(t, "[]", empty)
		empty, again := page(start)
		require.Equal(t, "[]", empty)
		require.NotEqual(t, start, again)
		got, same := page(again)
		require.Equal(t, first, got)
		require.Equal(t, token, same)

		srv.Control(dpstest.EmptyPage(), nil)
		empty, other := page(token)
		require.Equal(t, "[]", empty)
		require.NotEqual(t, token, other)
		got, _ = page(other)
		require.Equal(t, second, got)

		stop := srv.Control(dpstest.RepeatToken(), &dpstest.ControlOptions{Times: -1})
		_, next := page("")
		require.Equal(t, token, next, "there is nothing to repeat yet")
		for range 3 {
			got, next = page(token)
			require.Equal(t, second, got)
			require.Equal(t, token, next)
		}
		stop()
		client.header = http.Header{"X-Ms-Continuation": {"bad"}}
		srv.Control(dpstest.EmptyPage(), nil)
		client.do(400, "POST", "/enrollments/query", "")
		client.header = nil
		srv.Control(dpstest.EmptyPage(), nil)
		require.NotEqual(t, "[]", string(client.do(200, "GET", "/enrollments/device-a", "").body))
	})
}

func TestDelaysInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		client := connect(t, srv, srv.Transport(), time.Now)
		start := time.Now()
		srv.Control(dpstest.Delay(time.Hour), nil)
		client.do(200, "PUT", "/enrollments/device-1", device1)
		require.Equal(t, time.Hour, time.Since(start))

		srv.Control(dpstest.DelayBody(time.Hour), nil)
		request, err := http.NewRequest("GET", client.base+"/enrollments/device-1?api-version=2021-10-01", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", client.sign())
		response, err := srv.Transport().Do(request)
		require.NoError(t, err)
		require.Equal(t, time.Hour, time.Since(start), "the headers came at once")
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "device-1")
		require.Equal(t, 2*time.Hour, time.Since(start))
		require.NoError(t, response.Body.Close())

		for name, fault := range map[string]dpstest.Fault{"headers": dpstest.Delay(time.Hour), "body": dpstest.DelayBody(time.Hour)} {
			srv.Control(fault, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			before := time.Now()
			got, err := client.try(ctx, "GET", "/enrollments/device-1", "")
			if name == "body" {
				require.NoError(t, err)
				err = got.err
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Minute, time.Since(before))
			cancel()
		}
	})
}

func TestDelayEndsWithTheClient(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewServer(nil)
	defer srv.Close()
	client := connect(t, srv, srv.Client(), time.Now)
	arrived, left := make(chan bool), make(chan bool)
	srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		defer close(left)
		close(arrived)
		dpstest.Delay(time.Hour)(w, r, next)
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := client.try(ctx, "PUT", "/enrollments/device-1", device1)
	require.ErrorIs(t, err, context.Canceled)
	<-left
	client.do(404, "GET", "/enrollments/device-1", "")
}

func TestControl(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	client := connect(t, srv, srv.Transport(), time.Now)
	status := func(code int) dpstest.Fault { return dpstest.Respond(code, code*1000, "", nil) }
	get := func(want int) {
		t.Helper()
		client.do(want, "GET", "/enrollments/device-1", "")
	}
	srv.Control(status(500), nil)
	srv.Control(status(501), nil)
	get(501) // the last is asked first
	get(500) // and the other was not used up
	get(404)

	srv.Control(status(503), &dpstest.ControlOptions{Times: 2})
	get(503)
	get(503)
	get(404)

	stop := srv.Control(status(503), &dpstest.ControlOptions{Times: -1})
	for range 5 {
		get(503)
	}
	stop()
	stop()
	get(404)

	srv.Control(status(503), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet, ID: "DEVICE-2"})
	get(404)
	client.do(404, "DELETE", "/enrollments/device-2", "")
	client.do(404, "GET", "/enrollmentGroups/device-2", "")
	client.do(503, "GET", "/enrollments/Device-2", "")

	var order []string
	for _, name := range []string{"first", "second"} {
		srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			order = append(order, name)
			next.ServeHTTP(w, r)
		}, nil)
	}
	get(404)
	require.Equal(t, []string{"second", "first"}, order)

	srv.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
	}, nil)
	got, err := client.try(t.Context(), "GET", "/nowhere", "")
	require.NoError(t, err)
	require.Equal(t, 502, got.StatusCode)
	require.Equal(t, "<html>Bad Gateway</html>", string(got.body))

	srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Header.Del("Authorization")
		next.ServeHTTP(w, r)
	}, nil)
	get(401)
}

func TestControlIsUsedUpOnce(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	client := connect(t, srv, srv.Transport(), time.Now)
	var failed atomic.Int32
	srv.Control(dpstest.Throttle(0), &dpstest.ControlOptions{Times: 7})
	done := make(chan bool)
	const callers = 30
	for range callers {
		go func() {
			defer func() { done <- true }()
			if got, err := client.try(context.Background(), "GET", "/enrollments/a", ""); err == nil && got.StatusCode == 429 {
				failed.Add(1)
			}
		}()
	}
	for range callers {
		<-done
	}
	require.EqualValues(t, 7, failed.Load())
	require.Len(t, srv.Requests(), callers)
}
