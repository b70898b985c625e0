package azdps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// ErrOutcomeUnknown is matched, by [errors.Is], by the error of a write that may have been applied although it failed: a try
// reached the service, or may have, and got no answer that tells. That is a connection that broke, a deadline that passed, an
// answer that could not be read, a status above 499 but for 501, 503 and 505, or a success that the service does not have, such as 202.
//
// The retries of the client do not hide it. If the answer to a create is lost and the retry meets the record that the first try
// made, the error says 409 and matches ErrOutcomeUnknown, so that it is not taken for the record of somebody else. Read the
// record to find out what the service holds. Two cases are solved without the caller: a Delete whose retry meets 404 has
// succeeded, and Update looks for itself what became of its write.
var ErrOutcomeUnknown = errors.New("azdps: the write may have been applied")

// write is what became of the tries of one write. azcore shows the last one only.
type write struct {
	sent bool // the last request may have reached the service, which has not refused it
	lost bool // a try that may have reached the service got no answer that tells what became of it
	done bool // the last try was answered with success

	connected atomic.Bool // the last request has a connection, which the gate may learn in another goroutine
}

// writeKey finds the write that a request belongs to in the context of the request.
type writeKey struct{}

// context is the one of the requests of a write. That of a read, for which w is nil, hides the write that it may be a part of: a policy
// of the caller can use the client.
func (w *write) context(ctx context.Context) context.Context {
	if w == nil && writeOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, writeKey{}, w)
}

// writeOf is the write that a request belongs to, nil for a read.
func writeOf(ctx context.Context) *write {
	w, _ := ctx.Value(writeKey{}).(*write)
	return w
}

// lose notes an answer that tells nothing. A nil write belongs to an operation that changes nothing.
func (w *write) lose() {
	if w != nil {
		w.lost = true
	}
}

// outcome adds ErrOutcomeUnknown to the error of a write that may have been applied.
func (w *write) outcome(err error) error {
	if w == nil || !w.lost {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
}

// answerPolicy sees each try. For a write it notes whether the answer was lost; for a read it lets azcore retry an answer
// that broke off, which azcore itself does for GET but not for POST.
type answerPolicy struct{}

// Do implements [policy.Policy].
func (answerPolicy) Do(req *policy.Request) (*http.Response, error) {
	inMemory(req)
	ctx := req.Raw().Context()
	w := writeOf(ctx)
	if w != nil {
		w.sent = false
	}
	resp, err := req.Next()
	if err == nil && w == nil { // writes have no large answers
		err = downloadBody(req, resp)
	}
	if w != nil {
		if w.sent && (err != nil || untold(resp.StatusCode)) {
			w.lost = true
		}
		w.done = err == nil && resp.StatusCode < http.StatusMultipleChoices
	} else if broken, ok := errors.AsType[*brokenBodyError](err); ok {
		resp, err = nil, broken // without azcore's mark that forbids to retry
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// If it is the context of the call that ended, azcore returns the error of that instead.
		err = fmt.Errorf("azdps: no whole answer within the TryTimeout of the retry options: %w", err)
	}
	return resp, err
}

// refused reports whether a status says for sure that a request took no effect, whatever becomes of the body of the answer.
func refused(statusCode int) bool {
	return statusCode >= http.StatusMultipleChoices && !untold(statusCode)
}

// untold reports whether a status leaves open if the request took effect: the service, or a proxy before it, gave up on it
// half-way.
func untold(statusCode int) bool {
	switch statusCode {
	case http.StatusNotImplemented, http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported:
		return false
	}
	return statusCode >= http.StatusInternalServerError
}
