package fleet_test

import (
	"bytes"
	"context"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestGoroutinesEndBeforeTheLoop looks for those of a run, which inherit a label, as soon as its loop is over.
func TestGoroutinesEndBeforeTheLoop(t *testing.T) {
	t.Parallel()
	const label = "a run whose goroutines end"
	working := func() (stacks []string) {
		var all bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&all, 1))
		for stack := range strings.SplitSeq(all.String(), "\n\n") {
			if strings.Contains(stack, label) && strings.Contains(stack, "fleet.(*pool") {
				stacks = append(stacks, stack)
			}
		}
		return stacks
	}
	slow := transporter(func(r *http.Request) (*http.Response, error) {
		time.Sleep(time.Millisecond) // so that all goroutines are needed
		return obliging(r)
	})
	client := clientOf(t, dpstest.NewUnstartedServer(nil), slow)
	options := &fleet.BulkOptions{Options: fleet.Options{Limiter: fleet.NewLimiter(1 << 30)}}
	for _, leaveAfter := range []int{1_000, 100_000} {
		for range 10 {
			pprof.Do(t.Context(), pprof.Labels("run", label), func(ctx context.Context) {
				count := 0
				for _, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, devices(2_000), options) {
					require.NoError(t, err)
					if count++; count == leaveAfter {
						require.NotEmpty(t, working())
						break
					}
				}
			})
			require.Empty(t, working())
		}
	}
}
