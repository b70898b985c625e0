package fleet

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
)

const (
	maxConcurrency   = 64
	firstConcurrency = 8 // before the latency is known

	tryTimeout   = time.Minute
	maxRepeats   = 7 // of one call, after faults
	repeatDelay  = 500 * time.Millisecond
	maxDelay     = 30 * time.Second
	maxRetryTime = time.Hour // of what a Retry-After may ask for, and for which 503 is waited out
)

// oneTry turns off the retries of the pipeline, which would send more than the limiter knows of and hide lost answers.
var oneTry = policy.RetryOptions{MaxRetries: -1, TryTimeout: tryTimeout}

// pacer sends the calls of one run. It is safe for concurrent use.
type pacer struct {
	limiter    *Limiter
	most       int
	countItems bool

	mu      sync.Mutex
	latency float64 // seconds a call takes, as a moving average; 0 before the first
}

func newPacer(options *Options) *pacer {
	p := &pacer{limiter: options.Limiter, most: options.MaxConcurrency, countItems: options.CountItems}
	if p.limiter == nil {
		p.limiter = NewLimiter(0)
	}
	if p.most <= 0 {
		p.most = maxConcurrency
	}
	return p
}

// concurrency is how many calls keep the limiter busy by Little's law, with half as many again and two for what varies.
func (p *pacer) concurrency() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latency == 0 {
		return min(p.most, firstConcurrency)
	}
	return min(p.most, 2+int(math.Ceil(1.5*p.latency*p.limiter.perSecond())))
}

// weight is that of one call in the moving average.
const weight = 0.1

func (p *pacer) observe(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.latency == 0 {
		p.latency = d.Seconds()
		return
	}
	p.latency += weight * (d.Seconds() - p.latency)
}

// rest waits before a repeat, which makes calls take longer.
func (p *pacer) rest(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	p.latency += weight * d.Seconds()
	p.mu.Unlock()
	return sleep(ctx, d)
}

// read sends a call that changes nothing, and again after any fault that may pass.
func read[R any](ctx context.Context, p *pacer, call func(context.Context) (R, error)) (result R, err error) {
	err = p.do(ctx, 1, func(ctx context.Context) (err error) {
		result, err = call(ctx)
		return err
	})
	return result, err
}

// do sends a call under the limiter, each try of it. 429 and 503 hold back everybody who uses the limiter and do not
// count. What else may pass is repeated after growing delays, a bounded number of times; not so a write whose
// answer was lost: that error, which matches [azdps.ErrOutcomeUnknown], is for the caller to clear up.
func (p *pacer) do(ctx context.Context, operations int, call func(context.Context) error) error {
	start := time.Now()
	for repeats, waits := 0, 0; ; {
		if err := p.limiter.wait(ctx, operations); err != nil {
			return err
		}
		sent := time.Now()
		err := call(policy.WithRetryOptions(ctx, oneTry))
		p.observe(time.Since(sent))
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, azdps.ErrOutcomeUnknown):
			return err
		case azdps.HasStatusCode(err, http.StatusTooManyRequests):
			p.limiter.throttled(sent, retryAfter(err, waits))
			waits++
		case azdps.HasStatusCode(err, http.StatusServiceUnavailable) && time.Since(start) < maxRetryTime:
			p.limiter.Pause(retryAfter(err, waits))
			waits++
		case mayPass(err) && repeats < maxRepeats:
			if err := p.rest(ctx, backoff(repeats)); err != nil {
				return err
			}
			repeats++
		default:
			return err
		}
	}
}

// bulkOperations is what a bulk operation counts against the quota.
func (p *pacer) bulkOperations(items int) int {
	if p.countItems {
		return items
	}
	return 1
}

// mayPass reports whether an error is no verdict on the request.
func mayPass(err error) bool {
	if response, ok := errors.AsType[*azcore.ResponseError](err); ok {
		switch response.StatusCode {
		case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	return !isFinal(err)
}

// isFinal reports whether azcore or azdps marked an error as one that comes again, such as a parameter that is refused
// before anything is sent.
func isFinal(err error) bool {
	_, ok := errors.AsType[interface {
		error
		NonRetriable()
	}](err)
	return ok
}

// backoff is how long to wait before a repeat; the jitter keeps callers that failed together from coming back together.
func backoff(repeats int) time.Duration {
	d := min(maxDelay, repeatDelay<<min(repeats, 10))
	return d/2 + rand.N(d) //nolint:gosec // it guards nothing
}

// retryAfter is how long the service asks to wait, in seconds or until a date. Without that it is a second, and more each time.
func retryAfter(err error, waits int) time.Duration {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || response.RawResponse == nil {
		return backoff(waits + 1)
	}
	header := response.RawResponse.Header
	value := header.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil && s >= 0 {
		return seconds(min(s, maxRetryTime.Seconds()))
	}
	if date, err := http.ParseTime(value); err == nil {
		now := time.Now()
		if sent, err := http.ParseTime(header.Get("Date")); err == nil {
			now = sent // the service's clock, which the date is of
		}
		return min(max(0, date.Sub(now)), maxRetryTime)
	}
	return backoff(waits + 1)
}
