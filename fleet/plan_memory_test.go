package fleet_test

import (
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// heapForPlan is what the garbage collector leaves.
func heapForPlan() int64 {
	runtime.GC()
	runtime.GC() // what only a sync.Pool or a weak pointer held goes in the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestPlanMemory measures what a plan holds a record, when it is made and at most while it is. It is not parallel, so nothing else
// runs meanwhile.
func TestPlanMemory(t *testing.T) {
	const n, few = 10_000, 4000
	var lines strings.Builder
	padding := strings.Repeat("x", 100)
	for i := range n {
		fmt.Fprintf(&lines, `{"registrationId":"%036d","attestation":{"type":"symmetricKey"},`+
			`"initialTwin":{"tags":{"site":"berlin","padding":%q}}}`+"\n", i, padding)
	}
	// desired makes the records anew each time and measures the heap at the end.
	var most int64
	desired := func(n int, change func(*azdps.IndividualEnrollment)) iter.Seq2[azdps.IndividualEnrollment, error] {
		return func(yield func(azdps.IndividualEnrollment, error) bool) {
			for i := range n {
				e := device(fmt.Sprintf("%036d", i))
				e.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"site": "berlin", "padding": padding}}
				change(&e)
				if !yield(e, nil) {
					return
				}
			}
			most = max(most, heapForPlan())
		}
	}
	same := desired(n, func(*azdps.IndividualEnrollment) {})
	disabled := desired(few, func(e *azdps.IndividualEnrollment) { e.ProvisioningStatus = azdps.ProvisioningStatusDisabled })
	for _, test := range []struct {
		name     string
		desired  iter.Seq2[azdps.IndividualEnrollment, error]
		n        int64
		isFilled bool
		changes  int

		bound, boundMeanwhile int64 // bytes a record; of an id of 36 bytes, these are 48
	}{
		{"equal", same, n, true, 0, 60, 70},
		{"created", same, n, false, n, 120, 150},
		{"updated", disabled, few, true, few, 350, 450},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := dpstest.NewUnstartedServer(nil)
			defer server.Close()
			if test.isFilled {
				require.NoError(t, server.Load(strings.NewReader(lines.String())))
			}
			client := clientOf(t, server, nil)
			options := &fleet.PlanOptions{Options: fleet.Options{Limiter: fleet.NewLimiter(100_000_000)}}
			_, err := client.IndividualEnrollments().Get(t.Context(), "warm", nil) // fills what a client keeps
			require.Error(t, err)
			before := heapForPlan()
			most = 0
			p, err := fleet.NewPlan(t.Context(), client, test.desired, options)
			require.NoError(t, err)
			after := heapForPlan()
			assert.Equal(t, test.changes, p.Len())
			t.Logf("%d bytes a record, at most %d", (after-before)/test.n, (most-before)/test.n)
			assert.Less(t, (after-before)/test.n, test.bound)
			assert.Less(t, (most-before)/test.n, test.boundMeanwhile)
			runtime.KeepAlive(p)
		})
	}
}
