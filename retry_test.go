package azdps_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// forEachCall runs a test of each operation in virtual time.
func forEachCall(t *testing.T, test func(t *testing.T, operation call)) {
	t.Helper()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test(t, operation) })
		})
	}
}

func TestRetryAfterIsWaitedForExactly(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.Throttle(37*time.Second), nil)
		start := time.Now()
		require.NoError(t, operation.do(t.Context(), client))
		assert.Equal(t, 37*time.Second, time.Since(start))
		assert.Equal(t, 2, requestsOf(server, dpstest.Operation(operation.operation)))
	})
}

func TestQuotaIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(&dpstest.Options{OperationsPerMinute: 10})
		client := connect(t, server.ConnectionString(), server.Transport())
		start := time.Now()
		for i := range 21 {
			_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), newEnrollment("device-"+strconv.Itoa(i)), nil)
			require.NoError(t, err)
		}
		assert.Equal(t, 2*time.Minute, time.Since(start), "ten a minute, and the rest when the service says so")
	})
}

func TestServiceUnavailableBacksOff(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.Respond(http.StatusServiceUnavailable, 503000, "Busy.", nil), &dpstest.ControlOptions{Times: 2})
		start := time.Now()
		require.NoError(t, operation.do(t.Context(), client))
		// azcore waits 0.8 s and then 2.4 s, each times 0.8 to 1.3.
		assert.GreaterOrEqual(t, time.Since(start), 2560*time.Millisecond)
		assert.Less(t, time.Since(start), 4160*time.Millisecond)
		assert.Equal(t, 3, requestsOf(server, dpstest.Operation(operation.operation)))
	})
}

func TestLongRetryAfterEndsTheCall(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.Throttle(61*time.Second), &dpstest.ControlOptions{Times: -1})
		start := time.Now()
		err := operation.do(t.Context(), client)
		require.True(t, azdps.HasCode(err, azdps.ErrorCodeThrottled), "%v", err)
		response, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok)
		assert.Equal(t, "61", response.RawResponse.Header.Get("Retry-After"), "the caller can see how long to wait")
		assert.Zero(t, time.Since(start))
		assert.Len(t, server.Requests(), 1)
	})
}

func TestRetryAfterAsDate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		transport := newScript(
			func(r *http.Request) (*http.Response, error) {
				at := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
				return serviceError(http.StatusServiceUnavailable, "503001", "Retry-After", at)(r)
			},
			calls[0].ok(),
		)
		start := time.Now()
		require.NoError(t, calls[0].do(t.Context(), clientOver(t, transport)))
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]azdps.ErrorCode{http.StatusTooManyRequests: azdps.ErrorCodeThrottled, http.StatusServiceUnavailable: "503001"} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				transport := newScript(serviceError(status, string(code), "Retry-After", "5"))
				start := time.Now()
				err := operation.do(t.Context(), clientOver(t, transport))
				require.True(t, azdps.HasStatusCode(err, status), "%v", err)
				assert.True(t, azdps.HasCode(err, code))
				require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown, "the service said no")
				assert.Len(t, transport.sent(), 4)
				assert.Equal(t, 15*time.Second, time.Since(start))
			})
		})
	}
}

// signature is what an Authorization header says.
func signature(t *testing.T, r sentRequest) url.Values {
	t.Helper()
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "SharedAccessSignature ")
	require.True(t, found)
	values, err := url.ParseQuery(token)
	require.NoError(t, err)
	return values
}

func TestEachTryIsSignedAnew(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		busy := serviceError(http.StatusServiceUnavailable, "503001", "Retry-After", "50")
		transport := newScript(busy, busy, operation.ok())
		require.NoError(t, operation.do(t.Context(), clientOver(t, transport)))
		for _, request := range transport.sent() {
			expiry, err := strconv.ParseInt(signature(t, request).Get("se"), 10, 64)
			require.NoError(t, err)
			assert.Equal(t, request.at.Add(time.Hour).Unix(), expiry, "an hour from the try")
			want, err := azdps.GenerateSASToken(wireHost, wirePolicy, wireKey, time.Unix(expiry, 0))
			require.NoError(t, err)
			assert.Equal(t, []string{want}, request.Header["Authorization"])
		}
		assert.Len(t, transport.sent(), 3)
	})
}

func TestNewKeyTakesEffectWithTheNextTry(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		credential, err := azdps.NewSharedAccessKeyCredential(wirePolicy, wireKey)
		require.NoError(t, err)
		transport := newScript(
			func(r *http.Request) (*http.Response, error) {
				if err := credential.Update(otherKey); err != nil {
					return nil, err
				}
				return serviceError(http.StatusServiceUnavailable, "503001")(r)
			},
			operation.ok(),
		)
		client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+wireHost, credential, optionsOver(transport))
		require.NoError(t, err)
		require.NoError(t, operation.do(t.Context(), client))
		require.Len(t, transport.sent(), 2)
		for i, key := range []string{wireKey, otherKey} {
			request := transport.sent()[i]
			want, err := azdps.GenerateSASToken(wireHost, wirePolicy, key, request.at.Add(time.Hour))
			require.NoError(t, err)
			assert.Equal(t, want, request.Header.Get("Authorization"), "try %d", i+1)
		}
	})
}

func TestNewSignatureTakesEffectWithTheNextTry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		credential := azcore.NewSASCredential("SharedAccessSignature sr=old")
		transport := newScript(
			func(r *http.Request) (*http.Response, error) {
				credential.Update("SharedAccessSignature sr=new")
				return serviceError(http.StatusServiceUnavailable, "503001")(r)
			},
			calls[0].ok(),
		)
		client, err := azdps.NewDeviceProvisioningClientWithSAS("https://"+wireHost, credential, optionsOver(transport))
		require.NoError(t, err)
		require.NoError(t, calls[0].do(t.Context(), client))
		require.Len(t, transport.sent(), 2)
		assert.Equal(t, "SharedAccessSignature sr=old", transport.sent()[0].Header.Get("Authorization"))
		assert.Equal(t, "SharedAccessSignature sr=new", transport.sent()[1].Header.Get("Authorization"))
	})
}

func TestTryWithoutAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   dpstest.Fault
		timeout time.Duration // of the options
		want    time.Duration
	}{
		"no headers":             {dpstest.Delay(time.Hour), 0, time.Minute},
		"no body":                {dpstest.DelayBody(time.Hour), 0, time.Minute},
		"the caller's timeout":   {dpstest.Delay(time.Hour), 7 * time.Second, 7 * time.Second},
		"a timeout for the body": {dpstest.DelayBody(time.Hour), 7 * time.Second, 7 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server, client := startService(t, func(o *azdps.ClientOptions) { o.Retry.TryTimeout = test.timeout })
				server.Control(test.fault, nil)
				start := time.Now()
				require.NoError(t, callOf(t, "IndividualEnrollment_GetAttestationMechanism").do(t.Context(), client))
				assert.InDelta(t, test.want.Seconds()+0.84, time.Since(start).Seconds(), 0.21, "one timeout and one delay")
				assert.Len(t, server.Requests(), 2)
			})
		})
	}
}

func TestRetryOptionsOfOneCall(t *testing.T) {
	t.Parallel()
	t.Run("no retries", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := startService(t)
			server.Control(dpstest.Throttle(time.Second), nil)
			err := calls[0].do(policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: -1}), client)
			require.True(t, azdps.HasStatusCode(err, http.StatusTooManyRequests), "%v", err)
			assert.Len(t, server.Requests(), 1)
		})
	})
	t.Run("more retries", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := startService(t)
			server.Control(dpstest.Throttle(90*time.Second), &dpstest.ControlOptions{Times: 6})
			start := time.Now()
			ctx := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: 6, MaxRetryDelay: 2 * time.Minute})
			require.NoError(t, calls[0].do(ctx, client))
			assert.Equal(t, 9*time.Minute, time.Since(start))
			assert.Len(t, server.Requests(), 7)
		})
	})
	t.Run("no timeout", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := startService(t)
			server.Control(dpstest.Delay(10*time.Minute), nil)
			start := time.Now()
			require.NoError(t, calls[0].do(policy.WithRetryOptions(t.Context(), policy.RetryOptions{}), client))
			assert.Equal(t, 10*time.Minute, time.Since(start), "these options replace the default timeout of a try")
			assert.Len(t, server.Requests(), 1)
		})
	})
}

// TestCallEndsWithItsContext cancels calls that wait for a retry.
func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.Throttle(30*time.Second), &dpstest.ControlOptions{Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		start := time.Now()
		err := operation.do(ctx, client)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown, "each try was refused")
		assert.Equal(t, 45*time.Second, time.Since(start))
		assert.Len(t, server.Requests(), 2)
	})
}

// TestAnswerThatBreaksOff is retried for whatever does not write.
func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		server, client := startService(t)
		server.Control(dpstest.Truncate(1), nil)
		err := operation.do(t.Context(), client)
		tries := requestsOf(server, dpstest.Operation(operation.operation))
		switch operation.kind {
		case readCall:
			require.NoError(t, err)
			assert.Equal(t, 2, tries)
		case putCall:
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
			assert.True(t, azdps.HasStatusCode(err, http.StatusConflict), "the retry meets the record of the first try")
			assert.Equal(t, 2, tries)
		case deleteCall:
			require.NoError(t, err, "its answer has no body")
		case bulkCall:
			require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.Equal(t, 1, tries, "a bulk operation is not sent again by guess")
		}
	})
}
