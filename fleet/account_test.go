package fleet_test

import (
	"fmt"
	"iter"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// withFaults yields three records, with a fault of the input before each; a fault that is mended is a record.
func withFaults[T any](record func(id string) T, mended string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range 3 {
			bad := fmt.Sprintf("bad-%d", i)
			if bad == mended {
				if !yield(record(bad), nil) {
					return
				}
			} else if !yield(*new(T), &fleet.InputError{Line: 2*i + 1, Reason: "is not JSON"}) {
				return
			}
			if !yield(record(fmt.Sprintf("good-%d", i)), nil) {
				return
			}
		}
	}
}

// TestFaultsOfTheInputCountOnce starts runs with a journal again until they are through. Each gives up at the first failure, and so at
// another fault of the input.
func TestFaultsOfTheInputCountOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run  func(*testing.T, *azdps.DeviceProvisioningClient, *fleet.BulkOptions) iter.Seq2[fleet.Outcome, error]
		want map[fleet.Result]int
	}{
		"bulk": {
			func(t *testing.T, client *azdps.DeviceProvisioningClient, options *fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
				return fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, withFaults(device, ""), options)
			},
			map[fleet.Result]int{fleet.ResultRefused: 3, fleet.ResultCreated: 3},
		},
		"walk": {
			func(t *testing.T, client *azdps.DeviceProvisioningClient, options *fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
				ids := withFaults(func(id string) string { return id }, "")
				return fleet.Decommission(t.Context(), client, ids, &fleet.DecommissionOptions{BulkOptions: *options})
			},
			map[fleet.Result]int{fleet.ResultRefused: 3, fleet.ResultUnchanged: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
				path := filepath.Join(t.TempDir(), "journal")
				for run := range 4 {
					journal, err := fleet.OpenJournal(path)
					require.NoError(t, err)
					options := &fleet.BulkOptions{Journal: journal, Options: fleet.Options{MaxFailures: 1, MaxConcurrency: 1}}
					outcomes, err := collect(test.run(t, client, options))
					require.NoError(t, journal.Close())
					if run < 3 {
						require.ErrorIs(t, err, fleet.ErrTooManyFailures)
						require.Equal(t, run+1, results(outcomes)[fleet.ResultRefused], "run %d", run)
						continue
					}
					require.NoError(t, err)
					require.Equal(t, test.want, results(outcomes))
				}
			})
		})
	}
}

// TestFaultsOfTheInputCanBeMended writes a record that an earlier run could not read.
func TestFaultsOfTheInputCanBeMended(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, srv, nil)
		path := filepath.Join(t.TempDir(), "journal")
		after := func(input iter.Seq2[azdps.IndividualEnrollment, error]) iter.Seq2[azdps.IndividualEnrollment, error] {
			return func(yield func(azdps.IndividualEnrollment, error) bool) {
				for record, err := range devices(100) { // a journal knows its input by the first of it
					if !yield(record, err) {
						return
					}
				}
				input(yield)
			}
		}
		_, err := withJournal(t, path, client, azdps.BulkOperationModeCreate, after(withFaults(device, "")))
		require.NoError(t, err)
		outcomes, err := withJournal(t, path, client, azdps.BulkOperationModeCreate, after(withFaults(device, "bad-1")))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultRefused: 2, fleet.ResultCreated: 104}, results(outcomes))
		require.Contains(t, stored(t, srv), "bad-1")
	})
}
