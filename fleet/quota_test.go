package fleet_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

const perMinute = 1000

// meter is a way to count a quota of 1,000 operations a minute. It admits an operation, or says how long to wait.
type meter interface {
	admit(now time.Time) (time.Duration, bool)
}

// fixedWindow counts in minutes, each of which begins with its first operation.
type fixedWindow struct {
	start time.Time
	count int
}

func (w *fixedWindow) admit(now time.Time) (time.Duration, bool) {
	if w.count == 0 || now.Sub(w.start) >= time.Minute {
		w.start, w.count = now, 0
	}
	if w.count == perMinute {
		return time.Minute - now.Sub(w.start), false
	}
	w.count++
	return 0, true
}

// slidingWindow counts the operations of the last minute.
type slidingWindow struct{ times []time.Time }

func (w *slidingWindow) admit(now time.Time) (time.Duration, bool) {
	for len(w.times) > 0 && now.Sub(w.times[0]) >= time.Minute {
		w.times = w.times[1:]
	}
	if len(w.times) == perMinute {
		return time.Minute - now.Sub(w.times[0]), false
	}
	w.times = append(w.times, now)
	return 0, true
}

// tokenBucket fills evenly and starts full.
type tokenBucket struct {
	size, tokens float64
	last         time.Time
}

func newTokenBucket(size float64) *tokenBucket { return &tokenBucket{size: size, tokens: size} }

func (b *tokenBucket) admit(now time.Time) (time.Duration, bool) {
	const perSecond = perMinute / 60.0
	if !b.last.IsZero() {
		b.tokens = min(b.size, b.tokens+perSecond*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / perSecond * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// gate applies a meter to all clients of a service, and counts what it admits.
type gate struct {
	mu       sync.Mutex
	meter    meter
	admitted int
}

func (g *gate) admit() (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait, ok := g.meter.admit(time.Now())
	if ok {
		g.admitted++
	}
	return wait, ok
}

func (g *gate) guard(next policy.Transporter) policy.Transporter {
	return transporter(func(r *http.Request) (*http.Response, error) {
		wait, ok := g.admit()
		if ok {
			return next.Do(r)
		}
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Request: r, Body: io.NopCloser(bytes.NewBufferString(`{"errorCode":429001}`)),
			Header: http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}},
		}, nil
	})
}

// takeHalf is another client of the service: it sends half the quota, evenly, and waits when it is told to.
func (g *gate) takeHalf(stop <-chan struct{}) {
	ticker := time.NewTicker(2 * time.Minute / perMinute)
	defer ticker.Stop()
	var until time.Time
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			if now.Before(until) {
				continue
			}
			if wait, ok := g.admit(); !ok {
				until = now.Add(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
			}
		}
	}
}

var meters = []struct {
	name string
	new  func() meter
}{
	{"fixed window", func() meter { return &fixedWindow{} }},
	{"sliding window", func() meter { return &slidingWindow{} }},
	{"token bucket", func() meter { return newTokenBucket(perMinute) }},
	{"small token bucket", func() meter { return newTokenBucket(20) }},
}

// quotaRun is an import against a quota.
type quotaRun struct {
	gate   *gate
	calls  *counter
	stop   chan struct{} // the other client
	began  time.Time
	client *azdps.DeviceProvisioningClient
}

func newQuotaRun(t *testing.T, server *dpstest.Server, service policy.Transporter, m meter, shared bool) *quotaRun {
	t.Helper()
	r := &quotaRun{gate: &gate{meter: m}, calls: &counter{}, stop: make(chan struct{}), began: time.Now()}
	r.client = clientOf(t, server, after(20*time.Millisecond, 100*time.Millisecond, r.calls.count(r.gate.guard(service))))
	if shared {
		go r.gate.takeHalf(r.stop)
	}
	return r
}

func (r *quotaRun) start(t *testing.T, records int) iter.Seq2[fleet.Outcome, error] {
	return fleet.Bulk(t.Context(), r.client, azdps.BulkOperationModeCreate, devices(records), nil)
}

// check ends the other client and says how much of the quota both used.
func (r *quotaRun) check(t *testing.T) {
	t.Helper()
	close(r.stop)
	passed := time.Since(r.began)
	used := float64(r.gate.admitted) / (perMinute * passed.Minutes())
	refused := float64(r.calls.throttled) / float64(r.calls.calls)
	t.Logf("%.1f %% of the quota in %s, %d of %d calls throttled (%.2f %%)", 100*used, passed.Round(time.Second), r.calls.throttled, r.calls.calls, 100*refused)
	assert.GreaterOrEqual(t, used, 0.98)
	assert.LessOrEqual(t, refused, 0.01)
}

// TestQuota creates records against each way to count the quota, alone and beside a client that takes half of it. TestMillion does so with
// a million, and looks what the service holds.
func TestQuota(t *testing.T) {
	const records = 20_000
	for _, m := range meters {
		for _, shared := range []bool{false, true} {
			t.Run(fmt.Sprint(m.name, ", shared ", shared), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newQuotaRun(t, dpstest.NewUnstartedServer(nil), obliging, m.new(), shared)
					outcomes, err := collect(r.start(t, records))
					require.NoError(t, err)
					r.check(t)
					require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: records}, results(outcomes))
				})
			})
		}
	}
}

// TestQuotaOfTheEmulator uses the quota that dpstest counts itself.
func TestQuotaOfTheEmulator(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server, calls := dpstest.NewUnstartedServer(&dpstest.Options{OperationsPerMinute: perMinute}), &counter{}
		client := clientOf(t, server, after(20*time.Millisecond, 100*time.Millisecond, calls.count(server.Transport())))
		start := time.Now()
		outcomes, err := collect(fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, devices(20_000), nil))
		require.NoError(t, err)
		require.Len(t, outcomes, 20_000)
		require.Zero(t, calls.throttled)
		require.Less(t, time.Since(start), 2*time.Minute*100/98)
	})
}

// TestQuotaAtAnyLatency keeps the limiter busy however long a call takes, and with few calls in flight if they are short.
func TestQuotaAtAnyLatency(t *testing.T) {
	for _, test := range []struct {
		latency time.Duration
		flying  int
	}{{time.Millisecond, 8}, {100 * time.Millisecond, 8}, {time.Second, 32}, {3 * time.Second, 64}} {
		t.Run(test.latency.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				var flying, most atomic.Int64
				slow := after(test.latency, test.latency+time.Millisecond, obliging)
				client := clientOf(t, server, transporter(func(r *http.Request) (*http.Response, error) {
					most.Store(max(most.Load(), flying.Add(1)))
					defer flying.Add(-1)
					return slow.Do(r)
				}))
				start := time.Now()
				_, err := collect(fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, devices(20_000), nil))
				require.NoError(t, err)
				require.Less(t, time.Since(start), 2*time.Minute*104/100+2*test.latency)
				require.LessOrEqual(t, most.Load(), int64(test.flying))
			})
		})
	}
}

// TestCountItems counts a bulk operation as its items.
func TestCountItems(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		start := time.Now()
		_, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), azdps.BulkOperationModeCreate, devices(5000), &fleet.BulkOptions{Options: fleet.Options{CountItems: true}}))
		require.NoError(t, err)
		require.InDelta(t, 5*time.Minute, time.Since(start), float64(5*time.Second))
	})
}
