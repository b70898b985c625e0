package fleet_test

import (
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestJournalHasNoIDs looks for the id of a record, and for addresses, in journals of runs whose errors have both.
func TestJournalHasNoIDs(t *testing.T) {
	t.Parallel()
	const id, everyTime = "customer-7", -1
	bulk := func(mode azdps.BulkOperationMode) func(*testing.T, *azdps.DeviceProvisioningClient, *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return func(t *testing.T, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
			return fleet.Bulk(t.Context(), client, mode, seqOf(device(id)), &fleet.BulkOptions{Journal: journal})
		}
	}
	for name, test := range map[string]struct {
		fault     dpstest.Fault
		operation dpstest.Operation
		run       func(*testing.T, *azdps.DeviceProvisioningClient, *fleet.Journal) iter.Seq2[fleet.Outcome, error]
		want      fleet.Result
	}{
		"lost rotation": {
			dpstest.DropRequest(), dpstest.OperationIndividualEnrollmentCreateOrUpdate,
			func(t *testing.T, client *azdps.DeviceProvisioningClient, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
				options := &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Journal: journal}}
				return fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(id), options)
			},
			fleet.ResultUnknown,
		},
		"lost update": {dpstest.DropRequest(), dpstest.OperationIndividualEnrollmentRunBulkOperation, bulk("update"), fleet.ResultRefused},
		"failed update": {
			dpstest.Respond(500, 500001, "No.", nil), dpstest.OperationIndividualEnrollmentRunBulkOperation, bulk("update"), fleet.ResultRefused,
		},
		"failure of another record": {
			func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				_, _ = w.Write([]byte(`{"errors":[{"registrationId":"customer-77","errorCode":400004,"errorStatus":"bad"}],"isSuccessful":false}`))
			},
			dpstest.OperationIndividualEnrollmentRunBulkOperation, bulk("update"), fleet.ResultRefused,
		},
		"refused":       {dpstest.Respond(404, 404201, "Enrollment not found.", nil), dpstest.OperationIndividualEnrollmentGet, bulk("update"), fleet.ResultRefused},
		"run that ends": {dpstest.DropRequest(), dpstest.OperationIndividualEnrollmentGet, bulk("update"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed("registrationId", id))
				path := filepath.Join(t.TempDir(), "journal")
				journal, err := fleet.OpenJournal(path)
				require.NoError(t, err)
				srv.Control(test.fault, &dpstest.ControlOptions{Operation: test.operation, Times: everyTime})
				outcomes, err := collect(test.run(t, clientOf(t, srv, nil), journal))
				if test.want == "" {
					require.Error(t, err)
				} else {
					require.NoError(t, err)
					require.Equal(t, test.want, outcomes[0].Result, "%v", outcomes[0].Err)
				}
				require.NoError(t, journal.Close())
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NotContains(t, string(data), "customer")
				require.NotContains(t, string(data), "api-version")
			})
		})
	}
}

// TestJournalOfALostRunHasNoIDs loses the answer to an update, and then the run and the next one end as they ask for the record.
func TestJournalOfALostRunHasNoIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "customer-7"))
		client := clientOf(t, srv, nil)
		srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			srv.Control(dpstest.DropRequest(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet, Times: -1})
			dpstest.DropResponse()(w, r, next)
		}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
		path := filepath.Join(t.TempDir(), "journal")
		for range 2 {
			outcomes, err := withJournal(t, path, client, azdps.BulkOperationModeUpdate, seqOf(device("customer-7")))
			require.ErrorContains(t, err, "customer-7")
			require.Equal(t, map[fleet.Result]int{fleet.ResultUnknown: 1}, results(outcomes))
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(data), "customer")
	})
}
