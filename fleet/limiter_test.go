package fleet_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/fleet"
)

func TestLimiterPaces(t *testing.T) {
	for _, test := range []struct{ perMinute, want int }{{0, 1000}, {-5, 1000}, {60, 60}, {1000, 1000}, {100_000, 100_000}} {
		t.Run(fmt.Sprint(test.perMinute), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				limiter := fleet.NewLimiter(test.perMinute)
				var group sync.WaitGroup
				start := time.Now()
				for range 10 {
					group.Go(func() {
						for range test.want / 10 {
							assert.NoError(t, limiter.Wait(t.Context()))
						}
					})
				}
				group.Wait()
				assert.GreaterOrEqual(t, time.Since(start), 59*time.Second)
				assert.LessOrEqual(t, time.Since(start), 61*time.Second)
			})
		})
	}
}

// TestLimiterMakesUpForLittle lets callers come late: they may catch up by a few operations, never by a window full of them.
func TestLimiterMakesUpForLittle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		limiter := fleet.NewLimiter(1000)
		require.NoError(t, limiter.Wait(t.Context()))
		time.Sleep(time.Hour)
		start, atOnce := time.Now(), 0
		for time.Since(start) == 0 {
			require.NoError(t, limiter.Wait(t.Context()))
			atOnce++
		}
		assert.LessOrEqual(t, atOnce, 7)
	})
}

func TestLimiterPauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		limiter := fleet.NewLimiter(60_000)
		start := time.Now()
		limiter.Pause(time.Minute)
		limiter.Pause(time.Second) // does not shorten it
		limiter.Pause(-time.Second)
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				assert.NoError(t, limiter.Wait(t.Context()))
				assert.GreaterOrEqual(t, time.Since(start), 90*time.Second)
			})
		}
		time.Sleep(30 * time.Second)
		limiter.Pause(time.Minute) // also for those who wait already
		group.Wait()
		assert.Less(t, time.Since(start), 91*time.Second)
	})
}

func TestLimiterHeedsTheContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		limiter := fleet.NewLimiter(1)
		require.NoError(t, limiter.Wait(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() { assert.ErrorIs(t, limiter.Wait(ctx), context.DeadlineExceeded) })
		}
		start := time.Now()
		group.Wait()
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, limiter.Wait(ctx), context.DeadlineExceeded)
		require.NoError(t, limiter.Wait(t.Context()), "nobody holds the place of those who left")
	})
}

func TestPossibleResultValues(t *testing.T) {
	t.Parallel()
	values := fleet.PossibleResultValues()
	require.IsNonDecreasing(t, values)
	require.Len(t, values, 7)
}
