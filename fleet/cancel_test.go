package fleet_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// cancelled are all runs. Each gives the error with which it ended, and the ids that it told to be done.
var cancelled = map[string]func(ctx context.Context, t *testing.T, client *azdps.DeviceProvisioningClient) (done []string, err error){
	"Bulk create": cancelledBulk("create"), "Bulk update": cancelledBulk("update"),
	"Bulk updateIfMatchETag": cancelledBulk("updateIfMatchETag"), "Bulk delete": cancelledBulk("delete"),
	"RotateKeys": cancelledOutcomes(func(ctx context.Context, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.RotateKeys[azdps.IndividualEnrollment](ctx, client, cancelledIDs(), &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Journal: journal}})
	}),
	"RotateCertificates": cancelledOutcomes(func(ctx context.Context, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		certificates := func(yield func(fleet.Certificate, error) bool) {
			for id := range cancelledIDs() {
				if !yield(fleet.Certificate{ID: id}, nil) {
					return
				}
			}
		}
		return fleet.RotateCertificates[azdps.IndividualEnrollment](ctx, client, certificates, &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Journal: journal}})
	}),
	"Decommission": cancelledOutcomes(func(ctx context.Context, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.Decommission(ctx, client, cancelledIDs(), &fleet.DecommissionOptions{BulkOptions: fleet.BulkOptions{Journal: journal}})
	}),
	"Copy": cancelledOutcomes(func(ctx context.Context, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.Copy[azdps.IndividualEnrollment](ctx, client, client, &fleet.CopyOptions{BulkOptions: fleet.BulkOptions{Journal: journal}})
	}),
	"NewPlan and Apply": func(ctx context.Context, _ *testing.T, client *azdps.DeviceProvisioningClient) ([]string, error) {
		plan, err := fleet.NewPlan(ctx, client, cancelledInput(), nil)
		if err != nil {
			return nil, err
		}
		return cancelledFollow(plan.Apply(ctx, nil))
	},
	"Export": func(ctx context.Context, _ *testing.T, client *azdps.DeviceProvisioningClient) ([]string, error) {
		_, err := readAll(fleet.Export[azdps.IndividualEnrollment](ctx, client, &fleet.ExportOptions{Keys: true}))
		return nil, err
	},
	"States": func(ctx context.Context, _ *testing.T, client *azdps.DeviceProvisioningClient) ([]string, error) {
		_, err := readAll(fleet.States(ctx, client, nil))
		return nil, err
	},
	"Expiring": func(ctx context.Context, _ *testing.T, client *azdps.DeviceProvisioningClient) ([]string, error) {
		_, err := readAll(fleet.Expiring[azdps.IndividualEnrollment](ctx, client, time.Now(), nil))
		return nil, err
	},
}

// cancelledRecords is how many records the runs have, half of which the service holds.
const cancelledRecords = 80

func cancelledInput() iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for record := range devices(cancelledRecords) {
			record.DeviceID, record.ETag = "changed", `"none"`
			if !yield(record, nil) {
				return
			}
		}
	}
}

func cancelledIDs() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range cancelledRecords {
			if !yield(fmt.Sprint("device-", i), nil) {
				return
			}
		}
	}
}

func cancelledBulk(mode azdps.BulkOperationMode) func(context.Context, *testing.T, *azdps.DeviceProvisioningClient) ([]string, error) {
	return cancelledOutcomes(func(ctx context.Context, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.Bulk(ctx, client, mode, cancelledInput(), &fleet.BulkOptions{Journal: journal})
	})
}

func cancelledOutcomes(run func(context.Context, *azdps.DeviceProvisioningClient, *fleet.Journal) iter.Seq2[fleet.Outcome, error]) func(context.Context, *testing.T, *azdps.DeviceProvisioningClient) ([]string, error) {
	return func(ctx context.Context, t *testing.T, client *azdps.DeviceProvisioningClient) ([]string, error) {
		journal, err := fleet.OpenJournal(filepath.Join(t.TempDir(), "journal"))
		require.NoError(t, err)
		defer func() { require.NoError(t, journal.Close()) }()
		return cancelledFollow(run(ctx, client, journal))
	}
}

func cancelledFollow(run iter.Seq2[fleet.Outcome, error]) (done []string, err error) {
	outcomes, err := collect(run)
	for _, outcome := range outcomes {
		if outcome.Result == fleet.ResultCreated {
			done = append(done, outcome.ID)
		}
	}
	return done, err
}

// TestCancelEndsEveryRun cancels each run at several times, while calls take their time, while the service throttles for an hour
// and while it does not answer. The error is the context's, what was told to be created is there, the run ends at once, and the
// bubble ends only when no goroutine is left.
func TestCancelEndsEveryRun(t *testing.T) {
	t.Parallel()
	for weather, fault := range map[string]dpstest.Fault{
		"calls that take their time": dpstest.Delay(30 * time.Millisecond),
		"throttled for an hour":      dpstest.Throttle(time.Hour),
		"no answer":                  dpstest.Delay(time.Hour),
		"an answer without end":      dpstest.DelayBody(time.Hour),
		"a bad network":              nil, // has a state, so each run gets its own
	} {
		for name, run := range cancelled {
			t.Run(weather+"/"+name, func(t *testing.T) {
				t.Parallel()
				for _, at := range []time.Duration{0, 31 * time.Millisecond, 200 * time.Millisecond, 1500 * time.Millisecond} {
					t.Run(at.String(), func(t *testing.T) {
						bubble(t, func(t *testing.T) {
							server := dpstest.NewUnstartedServer(nil)
							defer server.Close()
							for i := range cancelledRecords / 2 {
								load(t, server, keyed("registrationId", fmt.Sprint("device-", i)))
							}
							client := clientOf(t, server, nil)
							weather := fault
							if weather == nil {
								weather = badWeather()
							}
							server.Control(weather, &dpstest.ControlOptions{Times: -1})
							ctx, cancel := context.WithTimeout(t.Context(), at)
							defer cancel()
							start := time.Now()
							done, err := run(ctx, t, client)
							if time.Since(start) < at {
								return // it was faster
							}
							require.ErrorIs(t, err, context.DeadlineExceeded)
							assert.Equal(t, at, time.Since(start), "it ended late")
							held := stored(t, server)
							for _, id := range done {
								assert.Contains(t, held, id)
							}
						})
					})
				}
			})
		}
	}
}
