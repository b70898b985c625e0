package fleet_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// heapInUse is the size of what is in use, in bytes.
func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestBulkInConstantMemory runs many records with a journal, against a service that keeps nothing. It does not run beside other
// tests, whose heap would count.
func TestBulkInConstantMemory(t *testing.T) {
	const records = 100_000
	client := clientOf(t, dpstest.NewUnstartedServer(nil), obliging)
	journal, err := fleet.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	defer journal.Close()
	options := &fleet.BulkOptions{Journal: journal, Options: fleet.Options{Limiter: fleet.NewLimiter(100_000_000)}}
	before, most, done := heapInUse(), int64(0), 0
	for outcome, err := range fleet.Bulk(t.Context(), client, "create", devices(records), options) {
		require.NoError(t, err)
		require.Equal(t, fleet.ResultCreated, outcome.Result)
		if done++; done%10_000 == 0 {
			most = max(most, heapInUse()-before)
		}
	}
	require.Equal(t, records, done)
	t.Logf("live heap at most %.1f MB above the start", float64(most)/1e6)
	assert.Less(t, most, int64(8e6))
}

// TestBulkHoldsTenRecordsACall counts the records that were read and have no outcome yet, with ids of their own and with few ids.
func TestBulkHoldsTenRecordsACall(t *testing.T) {
	t.Parallel()
	const records = 6000
	for _, test := range []struct{ concurrency, ids, bound int }{
		{0, records, 650}, {1, records, 20}, {300, records, 3010}, {0, 5, 270},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client := clientOf(t, dpstest.NewUnstartedServer(nil), after(time.Second, 50*time.Second, obliging))
				read, done, most := 0, 0, 0
				input := func(yield func(azdps.IndividualEnrollment, error) bool) {
					for read < records {
						record := device(fmt.Sprint("device-", read%test.ids))
						read++
						most = max(most, read-done)
						if !yield(record, nil) {
							return
						}
					}
				}
				options := &fleet.BulkOptions{Options: fleet.Options{MaxConcurrency: test.concurrency, Limiter: fleet.NewLimiter(1_000_000)}}
				for _, err := range fleet.Bulk(t.Context(), client, "create", input, options) {
					require.NoError(t, err)
					done++
				}
				require.Equal(t, records, done)
				assert.LessOrEqual(t, most, test.bound)
				assert.Greater(t, most, test.bound*3/4)
			})
		})
	}
}

// TestMillion imports a million records against each way to count the quota, alone and beside another client. It takes some minutes
// and 4 GB:
//
//	AZDPS_LONG=1 go test ./fleet -run TestMillion -v -timeout 60m
func TestMillion(t *testing.T) {
	long(t)
	const records = 1_000_000
	for _, m := range meters {
		for _, shared := range []bool{false, true} {
			name := m.name
			if shared {
				name += " shared"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { importMillion(t, m.new(), shared, records) })
			})
		}
	}
}

func importMillion(t *testing.T, m meter, shared bool, records int) {
	server := dpstest.NewUnstartedServer(nil)
	r := newQuotaRun(t, server, server.Transport(), m, shared)
	during, done := int64(0), 0
	for outcome, err := range r.start(t, records) {
		require.NoError(t, err)
		require.Equal(t, fleet.ResultCreated, outcome.Result)
		if done++; done == records*99/100 {
			during = heapInUse()
		}
	}
	require.Equal(t, records, done)
	r.check(t)
	after := heapInUse()
	t.Logf("live heap %.0f MB during the run, %.0f MB of the emulator alone", float64(during)/1e6, float64(after)/1e6)
	assert.Less(t, during-after, int64(100e6))
	lines := lineCounter(0)
	require.NoError(t, server.Dump(&lines))
	require.EqualValues(t, records, lines, "every record once")
}

// lineCounter counts the lines that are written to it.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}
