package azdps_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// maxBody is the MaxResponseBody of the fault tests.
const maxBody = 1000

// fault is something that goes wrong with every try of a call, and what comes of it.
type fault struct {
	answer  answer
	tries   int
	bulk    int    // tries of a bulk operation, if others
	unknown bool   // a write may have been applied
	status  int    // of the ResponseError, or 0 for none
	text    string // is in the error
	is      error
	context func(context.Context) (context.Context, context.CancelFunc)
}

// faults happen to all operations alike.
var faults = map[string]fault{
	"no answer":            {answer: fails(errReset), tries: 4, unknown: true, is: errReset},
	"no answer in time":    {answer: hangs, tries: 4, unknown: true, is: context.DeadlineExceeded},
	"body that breaks off": {answer: breaksOff(`{"`), tries: 4, bulk: 1, unknown: true, is: io.ErrUnexpectedEOF, text: "broke off"},
	"body that breaks off at its start": {
		answer: breaksOff(""), tries: 4, bulk: 1, unknown: true, is: io.ErrUnexpectedEOF, text: "broke off"},
	"body beyond MaxResponseBody": {
		answer: reply(http.StatusOK, `"`+strings.Repeat("x", maxBody)+`"`), tries: 1, unknown: true, text: "MaxResponseBody"},
	"body that is announced beyond MaxResponseBody": {
		answer: announced(maxBody + 1), tries: 1, unknown: true, text: "MaxResponseBody"},
	"error body beyond MaxResponseBody": {
		answer: reply(http.StatusUnauthorized, strings.Repeat("x", maxBody+1)), tries: 1, text: "MaxResponseBody"},
	"200 with HTML": {
		answer: reply(http.StatusOK, "<html>Sign in</html>", "Content-Type", "text/html"), tries: 1, unknown: true, text: "text/html"},
	"400":                 {answer: serviceError(http.StatusBadRequest, "400004"), tries: 1, status: http.StatusBadRequest},
	"401":                 {answer: serviceError(http.StatusUnauthorized, "401002"), tries: 1, status: http.StatusUnauthorized},
	"403 with HTML":       {answer: reply(http.StatusForbidden, "<html>"), tries: 1, status: http.StatusForbidden, text: "<html>"},
	"404":                 {answer: serviceError(http.StatusNotFound, "404201"), tries: 1, status: http.StatusNotFound},
	"409":                 {answer: serviceError(http.StatusConflict, "409201"), tries: 1, status: http.StatusConflict},
	"412":                 {answer: serviceError(http.StatusPreconditionFailed, "412001"), tries: 1, status: http.StatusPreconditionFailed},
	"429":                 {answer: serviceError(http.StatusTooManyRequests, "429001"), tries: 4, status: http.StatusTooManyRequests},
	"500":                 {answer: serviceError(http.StatusInternalServerError, "500001"), tries: 4, unknown: true, status: http.StatusInternalServerError},
	"502 with HTML":       {answer: reply(http.StatusBadGateway, "<html>"), tries: 4, unknown: true, status: http.StatusBadGateway},
	"503":                 {answer: serviceError(http.StatusServiceUnavailable, "503001"), tries: 4, status: http.StatusServiceUnavailable},
	"504 empty":           {answer: reply(http.StatusGatewayTimeout, ""), tries: 4, unknown: true, status: http.StatusGatewayTimeout},
	"a redirect":          {answer: reply(http.StatusTemporaryRedirect, "", "Location", "https://example.com"), tries: 1, status: http.StatusTemporaryRedirect},
	"connection refused":  {answer: fails(&net.OpError{Op: "dial", Err: errReset}), tries: 4, is: errReset},
	"no such host":        {answer: fails(&net.DNSError{Err: "no such host"}), tries: 4, text: "no such host"},
	"cancelled before":    {answer: hangs, tries: 0, is: context.Canceled, context: cancelAfter(-1)},
	"cancelled during":    {answer: hangs, tries: 1, unknown: true, is: context.Canceled, context: cancelAfter(5 * time.Second)},
	"deadline of a call":  {answer: hangs, tries: 1, unknown: true, is: context.DeadlineExceeded, context: endAfter(5 * time.Second)},
	"cancelled in a wait": {answer: serviceError(http.StatusServiceUnavailable, "1", "Retry-After", "30"), tries: 1, is: context.Canceled, context: cancelAfter(5 * time.Second)},
}

// announced answers with a Content-Length.
func announced(length int64) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := reply(http.StatusOK, "{}")(r)
		resp.ContentLength = length
		return resp, err
	}
}

func cancelAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		if d < 0 {
			cancel()
		} else {
			time.AfterFunc(d, cancel)
		}
		return ctx, cancel
	}
}

func endAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

// TestFaults lets each fault happen to each operation.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(fault.answer)
				client := clientOver(t, transport, func(o *azdps.ClientOptions) { o.MaxResponseBody = maxBody })
				ctx := t.Context()
				if fault.context != nil {
					var cancel context.CancelFunc
					ctx, cancel = fault.context(ctx)
					defer cancel()
				}
				fault.check(t, operation, operation.do(ctx, client), len(transport.sent()))
			})
		})
	}
}

func (f fault) check(t *testing.T, operation call, err error, tries int) {
	t.Helper()
	require.Error(t, err)
	want := f.tries
	if operation.kind == bulkCall && f.bulk > 0 {
		want = f.bulk
	}
	assert.Equal(t, want, tries, "tries")
	if f.unknown && operation.kind != readCall {
		require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
	} else {
		require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
	}
	if f.status == 0 {
		var response *azcore.ResponseError
		require.NotErrorAs(t, err, &response)
	} else {
		assert.True(t, azdps.HasStatusCode(err, f.status), "%v", err)
	}
	if f.is != nil {
		require.ErrorIs(t, err, f.is)
	}
	assert.Contains(t, err.Error(), f.text)
	assert.NotContains(t, err.Error(), wireKey)
	assert.NotContains(t, err.Error(), "sig=")
}

// TestEmptyAnswers are none where the service answers with a record.
func TestEmptyAnswers(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(reply(status, ""))
				err := operation.do(t.Context(), clientOver(t, transport))
				assert.Len(t, transport.sent(), 1)
				if operation.kind == deleteCall {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				assert.Equal(t, operation.kind != readCall, isUnknown(err))
			})
		})
	}
}

// TestFaultsThatPass lets a try fail for sure and the next succeed.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"no answer": fails(errReset), "refused": fails(&net.OpError{Op: "dial", Err: errReset}), "500": serviceError(500, "500001"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(first, operation.ok())
				require.NoError(t, operation.do(t.Context(), clientOver(t, transport)))
				require.Len(t, transport.sent(), 2)
				assert.Equal(t, transport.sent()[0].body, transport.sent()[1].body, "the retry sends the same")
			})
		})
	}
}

// TestLostAnswers lets the service apply a write whose answer is lost, and looks at what the retry makes of it.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.DropResponse(), nil)
		err := operation.do(t.Context(), client)
		assert.Equal(t, 2, requestsOf(server, dpstest.Operation(operation.operation)))
		switch operation.kind {
		case readCall:
			require.NoError(t, err)
		case putCall:
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
			assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists, azdps.ErrorCodeEnrollmentGroupExists), "%v", err)
			assert.True(t, azdps.HasStatusCode(err, http.StatusConflict))
		case deleteCall:
			require.NoError(t, err, "the 404 of the retry says that the delete succeeded")
		case bulkCall:
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown, "the item that exists may be the client's own")
			var refused *azdps.BulkOperationError
			require.ErrorAs(t, err, &refused)
			assert.Len(t, refused.Failures, 1)
			assert.False(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists, azdps.ErrorCodeEnrollmentGroupExists))
		}
	})
}

// TestEarlierTryLost ends with an answer that says no to a write of which an earlier try may have been applied.
func TestEarlierTryLost(t *testing.T) {
	t.Parallel()
	for _, last := range []int{401, 404, 409, 412, 429} {
		t.Run(http.StatusText(last), func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(fails(errReset), serviceError(last, "1"))
				err := operation.do(t.Context(), clientOver(t, transport))
				if operation.kind == deleteCall && last == http.StatusNotFound {
					require.NoError(t, err)
					return
				}
				assert.True(t, azdps.HasStatusCode(err, last), "%v", err)
				assert.Equal(t, operation.kind != readCall, isUnknown(err))
			})
		})
	}
}

// TestRefusedTriesLeaveNoDoubt meets 409 and 404 after tries that never reached the service or were refused by it.
func TestRefusedTriesLeaveNoDoubt(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answer{
		"refused connection": fails(&net.OpError{Op: "dial", Err: errReset}), "429": serviceError(429, "429001"), "503": serviceError(503, "1"),
	} {
		for _, last := range []int{http.StatusNotFound, http.StatusConflict} {
			t.Run(name+" and "+http.StatusText(last), func(t *testing.T) {
				t.Parallel()
				forEachCall(t, func(t *testing.T, operation call) {
					err := operation.do(t.Context(), clientOver(t, newScript(first, serviceError(last, "1"))))
					assert.True(t, azdps.HasStatusCode(err, last), "%v", err)
					require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
				})
			})
		}
	}
}

// TestRefusedConnectionAfterAnAnswer fails at last without a connection, after tries that the service answered.
func TestRefusedConnectionAfterAnAnswer(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]answer{
		"refused": fails(&net.OpError{Op: "dial", Err: errReset}), "no such host": fails(&net.DNSError{Err: "no such host"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(serviceError(429, "429001"), last)
				err := operation.do(t.Context(), clientOver(t, transport))
				require.Error(t, err)
				require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
				assert.Len(t, transport.sent(), 4)
			})
		})
	}
}

// TestBulkAfterLostAnswer says that the outcome is unknown only if an item may be the client's own.
func TestBulkAfterLostAnswer(t *testing.T) {
	t.Parallel()
	for code, unknown := range map[string]bool{"409201": true, "404201": true, "412001": true, "400004": false} {
		t.Run(code, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				refused := reply(http.StatusOK, `{"errors":[{"registrationId":"device-2","errorCode":`+code+`,"errorStatus":"No."}],"isSuccessful":false}`)
				client := clientOver(t, newScript(fails(errReset), refused))
				err := callOf(t, "IndividualEnrollment_RunBulkOperation").do(t.Context(), client)
				var failures *azdps.BulkOperationError
				require.ErrorAs(t, err, &failures)
				assert.Equal(t, unknown, isUnknown(err))
			})
		})
	}
}

// TestAnotherSuccess answers as the service never does, with a record whose keys the error must not show.
func TestAnotherSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusAccepted, http.StatusNonAuthoritativeInfo, http.StatusPartialContent} {
		for _, operation := range calls {
			err := operation.do(t.Context(), clientOver(t, newScript(reply(status, mechanismAnswer))))
			require.True(t, azdps.HasStatusCode(err, status), operation.operation)
			assert.Equal(t, operation.kind != readCall, isUnknown(err), operation.operation)
			assert.NotContains(t, err.Error(), wireKey, operation.operation)
		}
	}
}
