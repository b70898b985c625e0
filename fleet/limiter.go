package fleet

import (
	"context"
	"sync"
	"time"
)

const (
	quota = 1000 // operations a minute of one service

	// margin is the share of the quota that is left free: operations arrive less evenly than they are sent, and a service
	// that counts by the minute must not see one too many.
	margin = 0.01

	// slack is how far a limiter makes up for callers that came late. It is half of what margin leaves free in a minute.
	slack = 300 * time.Millisecond

	// recovery is the share of the quota by which a limiter speeds up again each second after the service throttled it.
	recovery = 0.05 / 60

	// deepest is the least share of its rate that a limiter keeps when it is throttled once, and shallow the same when it was
	// throttled within brief before: so short a time does not tell what rate the service admits.
	deepest = 0.5
	shallow = 0.9
	brief   = 20 * time.Second

	// lowest is the share of the quota that a limiter never goes below, so that it learns when there is more again.
	lowest = 0.02
)

// Limiter paces calls evenly to stay within the quota of one service. Share one between all runs against a service, in all
// goroutines; it is safe for concurrent use. When the service throttles all the same, because something else uses the quota
// too, the limiter learns what is left and slowly tries for more again.
type Limiter struct {
	turn chan struct{} // is held by the caller that waits for the next operation; the others queue

	mu       sync.Mutex
	full     float64       // operations a second at most
	rate     float64       // operations a second now
	next     time.Time     // when the next operation is due
	held     time.Time     // nothing is sent before
	waited   time.Duration // in pauses, all told
	grown    time.Time     // when rate was last brought up to date
	slowed   time.Time     // when rate was last lowered
	measured time.Time     // when the count of sent began
	sent     float64       // operations since
}

// NewLimiter allows so many operations a minute; 0 means 1,000, the quota of a service. It sends them 1 % slower than that, which
// keeps a service that counts by the minute from throttling.
func NewLimiter(operationsPerMinute int) *Limiter {
	if operationsPerMinute <= 0 {
		operationsPerMinute = quota
	}
	full := float64(operationsPerMinute) / time.Minute.Seconds() * (1 - margin)
	return &Limiter{turn: make(chan struct{}, 1), full: full, rate: full}
}

// Wait blocks until the next operation may be sent. Its error is that of ctx.
func (l *Limiter) Wait(ctx context.Context) error { return l.wait(ctx, 1) }

// Pause holds every caller back for d from now on; a pause under way is never shortened.
func (l *Limiter) Pause(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause(time.Now(), d)
}

// wait waits for an operation that counts several times.
func (l *Limiter) wait(ctx context.Context, operations int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		d := l.take(float64(operations))
		if d <= 0 {
			return nil
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
}

// take takes the next place if it is due, and else returns the time until then.
func (l *Limiter) take(operations float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if due := later(l.next, l.held); due.After(now) {
		return due.Sub(now)
	}
	if l.measured.IsZero() {
		l.measured, l.grown = now, now
	}
	l.rate = min(l.full, l.rate+l.full*recovery*now.Sub(l.grown).Seconds())
	l.grown = now
	l.next = later(l.next, now.Add(-slack)).Add(seconds(operations / l.rate))
	l.sent += operations
	return 0
}

// throttled holds everybody back for d because the service refused an operation that was sent at a time. The rate falls to what
// the service has admitted since the last time, pauses included. Operations that were under way when it fell do not
// lower it again.
func (l *Limiter) throttled(sent time.Time, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.pause(now, d)
	if !sent.After(l.slowed) {
		return
	}
	end, least := later(now, l.held), deepest
	if now.Sub(l.measured) < brief {
		least = shallow
	}
	if passed := end.Sub(l.measured).Seconds(); passed > 0 {
		admitted := (l.sent - 1) / passed
		l.rate = max(min(l.rate, admitted), l.rate*least, l.full*lowest)
	}
	l.slowed, l.measured, l.grown, l.sent = now, end, end, 0
}

func (l *Limiter) pause(now time.Time, d time.Duration) {
	end := now.Add(d)
	from := later(now, l.held)
	if !end.After(from) {
		return
	}
	l.waited += end.Sub(from)
	l.held = end
	l.next = end // nothing is made up for after a pause
}

// perSecond is the present rate.
func (l *Limiter) perSecond() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate
}

// throttledFor is the time of all pauses so far.
func (l *Limiter) throttledFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waited - max(0, time.Until(l.held))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
