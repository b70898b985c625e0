package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestApplyProgress makes one progress of three stages, at the pace of one limiter.
func TestApplyProgress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		_, p := threeStages(t, server, 20)
		var reports []fleet.Progress
		options := &fleet.BulkOptions{Options: fleet.Options{
			Progress: func(p fleet.Progress) { reports = append(reports, p) }, Total: 5, Limiter: fleet.NewLimiter(60),
		}}
		start := time.Now()
		_, err := collect(p.Apply(t.Context(), options))
		require.NoError(t, err)
		// 2 calls create, 20 read keys, 2 update, 20 delete.
		assert.InDelta(t, 44, time.Since(start).Seconds(), 3)
		assert.InDelta(t, 44, len(reports), 5)
		for i, report := range reports {
			assert.Equal(t, int64(60), report.Total)
			if i > 0 {
				assert.GreaterOrEqual(t, report.Done, reports[i-1].Done)
			}
			assert.Equal(t, i == len(reports)-1, report.Done == 60)
		}
		assert.Equal(t, int64(5), options.Total, "options are not changed")
	})
}

// TestApplyRemaining estimates the time of all stages, not of the one that runs.
func TestApplyRemaining(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		_, p := threeStages(t, server, 30)
		start, reports := time.Now(), 0
		options := &fleet.BulkOptions{Options: fleet.Options{Limiter: fleet.NewLimiter(60), Progress: func(p fleet.Progress) {
			passed := time.Since(start).Seconds()
			assert.InDelta(t, float64(p.Done)/passed, p.PerSecond, 1e-6)
			if p.Done == 0 {
				assert.Zero(t, p.Remaining)
				return
			}
			reports++
			assert.InDelta(t, float64(p.Total-p.Done)/p.PerSecond, p.Remaining.Seconds(), 1e-3)
		}}}
		_, err := collect(p.Apply(t.Context(), options))
		require.NoError(t, err)
		assert.Greater(t, reports, 30)
	})
}

// TestApplyLastProgress is reported also if a stage ends the run with the last of its own records.
func TestApplyLastProgress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		client := clientOf(t, server, nil)
		p := planFor(t, client, nil, device("new"))
		loadLines(t, server, `{"registrationId":"new","attestation":{"type":"symmetricKey"}}`) // a conflict
		var reports []fleet.Progress
		options := fleet.Options{MaxFailures: 1, Progress: func(p fleet.Progress) { reports = append(reports, p) }}
		_, err := collect(p.Apply(t.Context(), &fleet.BulkOptions{Options: options}))
		require.ErrorIs(t, err, fleet.ErrTooManyFailures)
		require.Len(t, reports, 1)
		require.Equal(t, fleet.Progress{Done: 1, Failed: 1, Total: 1}, fleet.Progress{Done: reports[0].Done, Failed: reports[0].Failed, Total: reports[0].Total})
	})
}

// TestApplyNothing reports once at the end, as every run does.
func TestApplyNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := planFor[azdps.EnrollmentGroup](t, keeperClient(t, newKeeper("enrollmentGroupId")), nil)
		reports := 0
		outcomes, err := collect(p.Apply(t.Context(), &fleet.BulkOptions{Options: fleet.Options{Progress: func(fleet.Progress) { reports++ }}}))
		assert.NoError(t, err)
		assert.Empty(t, outcomes)
		assert.Equal(t, 1, reports)
	})
}
