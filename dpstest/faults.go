package dpstest

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/azdps/azdps/internal/emulator"
)

// Respond answers with an error of the service, in the service's form. Header is added to the answer's; it may be nil.
// The service does not see the request.
func Respond(statusCode int, errorCode int, message string, header http.Header) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		emulator.WriteError(w, now(r), &emulator.Error{Status: statusCode, Code: errorCode, Message: message, Header: header})
	}
}

// Throttle answers 429 as the service does, with a Retry-After header in whole seconds, rounded up, unless retryAfter is
// negative.
func Throttle(retryAfter time.Duration) Fault {
	header := http.Header{}
	if retryAfter >= 0 {
		header.Set("Retry-After", emulator.RetryAfter(retryAfter))
	}
	return Respond(http.StatusTooManyRequests, 429001, "Operations are being throttled for this tenant.", header)
}

// now is the time of the server that has the request.
func now(r *http.Request) time.Time {
	if clock, ok := r.Context().Value(clockKey{}).(func() time.Time); ok {
		return clock()
	}
	return time.Now()
}

// Delay waits before the service sees the request, and so before the answer's headers. It ends early, and the request
// with it, if the client gives up. The time is that of the process, or of the synctest bubble, not of [Options.Clock].
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		wait(r.Context(), d)
		next.ServeHTTP(w, r)
	}
}

// DelayBody sends the answer's headers at once and waits before it sends the body.
func DelayBody(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := capture(w, r, next)
		w.WriteHeader(answer.status)
		_ = http.NewResponseController(w).Flush()
		wait(r.Context(), d)
		_, _ = w.Write(answer.body.Bytes())
	}
}

// wait waits for d, and drops the request if its client gives up before.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		drop()
	}
}

// drop ends the connection of the request that the calling goroutine serves.
func drop() { panic(http.ErrAbortHandler) }

// DropRequest breaks the connection before the service sees the request. A client of net/http sends a request without a
// body again on its own if that happens on a connection that it used before.
func DropRequest() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { drop() }
}

// DropResponse lets the service do its work and breaks the connection instead of answering.
func DropResponse() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		capture(w, r, next)
		drop()
	}
}

// Truncate breaks the connection after n bytes of the answer's body, or at its end if it is shorter.
func Truncate(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := capture(w, r, next)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Next(n))
		_ = http.NewResponseController(w).Flush()
		drop()
	}
}

// EmptyPage answers a query with an empty page whose continuation leads to what the page would have had. Other requests,
// and queries that fail, pass unchanged.
func EmptyPage() Fault {
	return editPage(func(r *http.Request, answer *captured) {
		if token, err := emulator.AnotherToken(r); err == nil {
			answer.Header().Set("x-ms-continuation", token)
			answer.body.Reset()
			answer.body.WriteString("[]")
		}
	})
}

// RepeatToken answers a query with the continuation token it came with, so that a client that follows it never ends.
// Requests without one pass unchanged, but use the fault up: give it some Times.
func RepeatToken() Fault {
	return editPage(func(r *http.Request, answer *captured) {
		if token := r.Header.Get("x-ms-continuation"); token != "" {
			answer.Header().Set("x-ms-continuation", token)
		}
	})
}

// editPage changes the answer to a query that succeeds.
func editPage(edit func(r *http.Request, answer *captured)) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := capture(w, r, next)
		if answer.status == http.StatusOK && answer.Header().Get("x-ms-item-type") != "" {
			edit(r, answer)
		}
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes())
	}
}

// captured is an answer that has not been sent. Its header is that of the writer it is for.
type captured struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// capture lets next answer, and holds the answer back.
func capture(w http.ResponseWriter, r *http.Request, next http.Handler) *captured {
	answer := &captured{ResponseWriter: w}
	next.ServeHTTP(answer, r)
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
	return answer
}

func (c *captured) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *captured) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(p)
}
