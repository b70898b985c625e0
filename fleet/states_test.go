package fleet_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

func TestStates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 7})
		ids := loadKeyed(t, srv, "registrationId", 30)
		for _, id := range ids[:10] {
			require.Equal(t, http.StatusAccepted, register(t, srv, srv.Transport(), id, keyOf("P")))
		}
		load(t, srv, `{"registrationId":"r-20","status":"failed","errorCode":400207}`, keyed("enrollmentGroupId", "line"))
		client := clientOf(t, srv, nil)
		srv.Control(dpstest.Throttle(30*time.Second), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet})
		srv.Control(before(func() {
			_, err := client.IndividualEnrollments().Delete(context.Background(), "r-29", nil)
			if err != nil {
				t.Error(err)
			}
		}), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet, ID: "r-29"})
		requests := len(srv.Requests())

		var last fleet.Progress
		start := time.Now()
		found, err := all(fleet.States(t.Context(), client, &fleet.Options{Progress: func(p fleet.Progress) { last = p }}))
		require.NoError(t, err)
		require.Len(t, found, 29, "r-29 is gone")
		require.EqualValues(t, 30, last.Done)
		require.GreaterOrEqual(t, time.Since(start), 30*time.Second)
		require.Len(t, srv.Requests(), requests+5+30+1+1, "pages, records, the one that was throttled and the deletion")

		statuses := map[azdps.RegistrationStatus]int{}
		for _, enrollment := range found {
			statuses[enrollment.RegistrationState.Status]++
			if enrollment.RegistrationState.Status == azdps.RegistrationStatusAssigned {
				require.NotEmpty(t, enrollment.RegistrationState.AssignedHub)
			}
			require.NotEmpty(t, enrollment.ETag)
		}
		require.Equal(t, map[azdps.RegistrationStatus]int{
			azdps.RegistrationStatusAssigned: 10, azdps.RegistrationStatusFailed: 1, azdps.RegistrationStatusUnassigned: 18,
		}, statuses)
	})
}

// A thousand reads at the quota take a minute, whatever each of them takes.
func TestStatesAtTheQuota(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(&dpstest.Options{OperationsPerMinute: 1000})
		loadKeyed(t, srv, "registrationId", 2000)
		client := clientOf(t, srv, after(500*time.Millisecond, time.Second, srv.Transport()))
		start := time.Now()
		found, err := all(fleet.States(t.Context(), client, nil))
		require.NoError(t, err)
		require.Len(t, found, 2000)
		require.Less(t, time.Since(start), 150*time.Second)
		for _, request := range srv.Requests() {
			require.NotEqual(t, http.StatusTooManyRequests, request.StatusCode)
		}
	})
}

func TestStatesEnds(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"break", "cancel", "unauthorized", "unreachable"} {
		t.Run(end, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				loadKeyed(t, srv, "registrationId", 200)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				client := clientOf(t, srv, after(time.Millisecond, time.Second, srv.Transport()))
				var last error
				n := 0
				for _, err := range fleet.States(ctx, client, nil) {
					if last = err; err != nil {
						continue
					}
					if n++; n != 20 {
						continue
					}
					if end == "break" {
						break
					}
					switch end {
					case "cancel":
						cancel()
					case "unauthorized":
						srv.Control(dpstest.Respond(401, 401002, "No.", nil), &dpstest.ControlOptions{Times: -1})
					case "unreachable":
						srv.Control(dpstest.DropRequest(), &dpstest.ControlOptions{Times: -1})
					}
				}
				require.Equal(t, end == "break", last == nil)
				require.Equal(t, end == "unauthorized", azdps.HasStatusCode(last, http.StatusUnauthorized))
				if end == "cancel" {
					require.ErrorIs(t, last, context.Canceled)
				}
				require.Less(t, n, 200)
				before := len(srv.Requests())
				time.Sleep(time.Hour)
				require.Len(t, srv.Requests(), before)
			})
		})
	}
}
