package fleet_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestDecommissionTakesUpWhatIsHalfDone has registrations that the service refuses to delete, or to show, in the first run. The second
// one, with the journal of the first, deletes them.
func TestDecommissionTakesUpWhatIsHalfDone(t *testing.T) {
	t.Parallel()
	devices := []string{"both", "group-1", "half"}
	deletes := map[string]facts{
		"both":    {fleet.ResultDeleted, false, false},
		"group-1": {fleet.ResultDeleted, true, false},
		"half":    {fleet.ResultDeleted, false, false},
	}
	disables := map[string]facts{
		"both":    {fleet.ResultUpdated, false, false},
		"group-1": {fleet.ResultDeleted, true, false},
		"half":    {fleet.ResultUpdated, false, false},
	}
	for _, test := range []struct {
		refused     dpstest.Operation
		disableOnly bool
		fails       []string
		want        map[string]facts
	}{
		{dpstest.OperationDeviceRegistrationStateDelete, false, devices, deletes},
		{dpstest.OperationDeviceRegistrationStateDelete, true, devices, disables},
		{dpstest.OperationDeviceRegistrationStateGet, false, []string{"group-1"}, deletes},
		{dpstest.OperationDeviceRegistrationStateGet, true, []string{"group-1"}, disables},
	} {
		t.Run(fmt.Sprint(test.refused, " ", test.disableOnly), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				loadDevices(t, srv)
				client := clientOf(t, srv, nil)
				path := filepath.Join(t.TempDir(), "journal")
				run := func() []fleet.Outcome {
					options := &fleet.DecommissionOptions{DisableOnly: test.disableOnly}
					options.Journal = openJournal(t, path)
					defer func() { require.NoError(t, options.Journal.Close()) }()
					return mustCollect(t, fleet.Decommission(t.Context(), client, seqOf(devices...), options))
				}
				restore := srv.Control(dpstest.Respond(400, 400004, "No.", nil), &dpstest.ControlOptions{Operation: test.refused, Times: -1})
				for _, outcome := range run() {
					require.Equal(t, slices.Contains(test.fails, outcome.ID), outcome.Result == fleet.ResultRefused, outcome.ID)
				}
				restore()

				require.Equal(t, test.want, factsOf(t, run()))
				for _, id := range devices {
					_, err := client.DeviceRegistrationStates().Get(t.Context(), id, nil)
					require.True(t, azdps.HasStatusCode(err, http.StatusNotFound), id)
				}
				require.Equal(t, test.want, factsOf(t, run()), "and then it is done")
			})
		})
	}
}
