package fleet_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// loadDevices loads a device of each kind: with an enrollment and a registration, with one of them, and disabled. The device
// group-1 registers through a group.
func loadDevices(t *testing.T, srv *dpstest.Server) []string {
	t.Helper()
	load(t, srv, keyed("registrationId", "both"), keyed("registrationId", "enrolled"), keyed("enrollmentGroupId", "line"),
		certified("registrationId", "clientCertificates", "x509", issue(t, "x509", time.Now().Add(time.Hour))),
		`{"registrationId":"disabled","provisioningStatus":"disabled","attestation":{"type":"symmetricKey"}}`,
		`{"registrationId":"half","provisioningStatus":"disabled","attestation":{"type":"symmetricKey"}}`, `{"registrationId":"half","status":"assigned"}`)
	require.Equal(t, http.StatusAccepted, register(t, srv, srv.Transport(), "both", keyOf("P")))
	derived, err := azdps.DeriveDeviceKey(keyOf("P"), "group-1")
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, register(t, srv, srv.Transport(), "group-1", derived))
	return []string{"both", "enrolled", "group-1", "neither", "x509", "disabled", "half"}
}

// facts are an outcome without its position.
type facts struct {
	result                       fleet.Result
	noEnrollment, noRegistration bool
}

func factsOf(t *testing.T, outcomes []fleet.Outcome) map[string]facts {
	t.Helper()
	found := map[string]facts{}
	for _, outcome := range outcomes {
		f := facts{outcome.Result, errors.Is(outcome.Err, fleet.ErrNoEnrollment), errors.Is(outcome.Err, fleet.ErrNoRegistration)}
		require.Equal(t, f.noEnrollment || f.noRegistration, outcome.Err != nil, "%v", outcome.Err)
		found[outcome.ID] = f
	}
	return found
}

func TestDecommission(t *testing.T) {
	t.Parallel()
	deletes := map[string]facts{
		"both":     {fleet.ResultDeleted, false, false},
		"enrolled": {fleet.ResultDeleted, false, true},
		"group-1":  {fleet.ResultDeleted, true, false},
		"neither":  {fleet.ResultUnchanged, true, true},
		"x509":     {fleet.ResultDeleted, false, true},
		"disabled": {fleet.ResultDeleted, false, true},
		"half":     {fleet.ResultDeleted, false, false},
	}
	deletesAgain := map[string]facts{}
	for id := range deletes {
		deletesAgain[id] = facts{fleet.ResultUnchanged, true, true}
	}
	disables := map[string]facts{
		"both":     {fleet.ResultUpdated, false, false},
		"enrolled": {fleet.ResultUpdated, false, true},
		"group-1":  {fleet.ResultDeleted, true, false},
		"neither":  {fleet.ResultUnchanged, true, true},
		"x509":     {fleet.ResultUpdated, false, true},
		"disabled": {fleet.ResultUnchanged, false, true},
		"half":     {fleet.ResultUpdated, false, false},
	}
	disablesAgain := map[string]facts{
		"both":     {fleet.ResultUnchanged, false, true},
		"enrolled": {fleet.ResultUnchanged, false, true},
		"group-1":  {fleet.ResultUnchanged, true, true},
		"neither":  {fleet.ResultUnchanged, true, true},
		"x509":     {fleet.ResultUnchanged, false, true},
		"disabled": {fleet.ResultUnchanged, false, true},
		"half":     {fleet.ResultUnchanged, false, true},
	}
	for _, c := range []struct {
		name         string
		disableOnly  bool
		first, again map[string]facts
		left         []string
		calls        int // of the first run
	}{
		{"delete", false, deletes, deletesAgain, []string{"line"}, 5*3 + 3 + 2},
		{"disable", true, disables, disablesAgain, []string{"both", "disabled", "enrolled", "half", "line", "x509"}, 2*4 + 4*3 + 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadDevices(t, srv)
				client := clientOf(t, srv, nil)
				before := len(srv.Requests())
				options := &fleet.DecommissionOptions{DisableOnly: c.disableOnly}
				require.Equal(t, c.first, factsOf(t, mustCollect(t, fleet.Decommission(t.Context(), client, seqOf(ids...), options))))
				require.Equal(t, before+c.calls, len(srv.Requests())) //nolint:testifylint // which would print them all

				var left []string
				for id, record := range stored(t, srv) {
					left = append(left, id)
					require.Contains(t, record, "attestation", "no registration is left")
					require.Equal(t, id != "line", record["provisioningStatus"] == "disabled")
				}
				slices.Sort(left)
				require.Equal(t, c.left, left)
				if c.disableOnly {
					primary, secondary := keysOf(t, srv, "both")
					require.Equal(t, []string{keyOf("P"), keyOf("S")}, []string{primary, secondary})
				}

				after := stored(t, srv)
				require.Equal(t, c.again, factsOf(t, mustCollect(t, fleet.Decommission(t.Context(), client, seqOf(ids...), options))))
				require.Equal(t, after, stored(t, srv))
			})
		})
	}
}

// The device must not come back between the two deletions.
func TestDecommissionTakesTheEnrollmentFirst(t *testing.T) {
	t.Parallel()
	for _, disableOnly := range []bool{false, true} {
		t.Run(map[bool]string{false: "delete", true: "disable"}[disableOnly], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				loadDevices(t, srv)
				comesBack := 0
				srv.Control(before(func() { comesBack = register(t, srv, srv.Transport(), "both", keyOf("P")) }),
					&dpstest.ControlOptions{Operation: dpstest.OperationDeviceRegistrationStateDelete, ID: "both"})
				outcomes := mustCollect(t, fleet.Decommission(t.Context(), clientOf(t, srv, nil), seqOf("both"), &fleet.DecommissionOptions{DisableOnly: disableOnly}))
				require.NotZero(t, comesBack)
				require.NoError(t, outcomes[0].Err)
				_, err := clientOf(t, srv, nil).DeviceRegistrationStates().Get(t.Context(), "both", nil)
				require.True(t, azdps.HasStatusCode(err, http.StatusNotFound))
			})
		})
	}
}

func TestDecommissionAfterFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fault dpstest.Fault
		times int
	}{
		{"answer lost", dpstest.DropResponse(), 3},
		{"request lost", dpstest.DropRequest(), 2},
		{"failed", dpstest.Respond(500, 500001, "Oops.", nil), 3},
		{"throttled", dpstest.Throttle(30 * time.Second), 2},
	}
	for _, disableOnly := range []bool{false, true} {
		for _, c := range cases {
			t.Run(map[bool]string{false: "delete ", true: "disable "}[disableOnly]+c.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := dpstest.NewUnstartedServer(nil)
					ids := loadDevices(t, srv)
					options := &fleet.DecommissionOptions{DisableOnly: disableOnly}
					expected := factsOf(t, mustCollect(t, fleet.Decommission(t.Context(), clientOf(t, srv, nil), seqOf(ids...), options)))

					srv = dpstest.NewUnstartedServer(nil)
					loadDevices(t, srv)
					for _, id := range ids {
						for _, operation := range []dpstest.Operation{
							dpstest.OperationIndividualEnrollmentGet, dpstest.OperationIndividualEnrollmentCreateOrUpdate,
							dpstest.OperationIndividualEnrollmentDelete, dpstest.OperationDeviceRegistrationStateGet,
							dpstest.OperationDeviceRegistrationStateDelete,
						} {
							srv.Control(c.fault, &dpstest.ControlOptions{Operation: operation, ID: id, Times: c.times})
						}
					}
					found := factsOf(t, mustCollect(t, fleet.Decommission(t.Context(), clientOf(t, srv, nil), seqOf(ids...), options)))
					require.Equal(t, expected, found)
				})
			})
		}
	}
}

func TestDecommissionRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		loadDevices(t, srv)
		load(t, srv, keyed("registrationId", "stays"), `{"registrationId":"stays","status":"assigned"}`)
		srv.Control(dpstest.Respond(400, 400004, "No.", nil), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentDelete, ID: "stays"})
		srv.Control(dpstest.Respond(400, 400004, "No.", nil), &dpstest.ControlOptions{Operation: dpstest.OperationDeviceRegistrationStateDelete, ID: "half"})
		client := clientOf(t, srv, nil)
		run := func() map[string]fleet.Outcome {
			byID := map[string]fleet.Outcome{}
			for _, outcome := range mustCollect(t, fleet.Decommission(t.Context(), client, seqOf("stays", "half", "a/b"), nil)) {
				byID[outcome.ID] = outcome
			}
			return byID
		}
		first := run()
		for _, outcome := range first {
			require.Equal(t, fleet.ResultRefused, outcome.Result)
		}
		require.True(t, azdps.HasCode(first["half"].Err, azdps.ErrorCodeInvalidArgument))
		state, err := client.DeviceRegistrationStates().Get(t.Context(), "stays", nil)
		require.NoError(t, err, "the registration of an enrollment that stays is left alone")
		require.Equal(t, azdps.RegistrationStatusAssigned, state.Status)
		require.NotContains(t, stored(t, srv), "half")

		again := run()
		require.Equal(t, fleet.ResultDeleted, again["stays"].Result)
		require.Equal(t, fleet.ResultUnchanged, again["half"].Result)
	})
}

func TestDecommissionWhileOthersWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		loadDevices(t, srv)
		client := clientOf(t, srv, nil)
		srv.Control(before(change(t, client, "both", func(e *azdps.IndividualEnrollment) { e.DeviceID = "other" })),
			&dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate})
		outcomes := mustCollect(t, fleet.Decommission(t.Context(), client, seqOf("both"), &fleet.DecommissionOptions{DisableOnly: true}))
		require.Equal(t, fleet.ResultUpdated, outcomes[0].Result)
		record := stored(t, srv)["both"]
		require.Equal(t, "other", record["deviceId"])
		require.Equal(t, "disabled", record["provisioningStatus"])
	})
}

func TestDecommissionGoesOn(t *testing.T) {
	t.Parallel()
	for _, disableOnly := range []bool{false, true} {
		t.Run(map[bool]string{false: "delete", true: "disable"}[disableOnly], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, "registrationId", 40)
				for _, id := range ids[:20] {
					require.Equal(t, http.StatusAccepted, register(t, srv, srv.Transport(), id, keyOf("P")))
				}
				client := clientOf(t, srv, after(time.Millisecond, time.Second, srv.Transport()))
				path := filepath.Join(t.TempDir(), "journal")
				options := &fleet.DecommissionOptions{DisableOnly: disableOnly}
				var outcomes []fleet.Outcome
				for stop := range 5 {
					outcomes = nil
					ctx, cancel := context.WithCancel(t.Context())
					options.Journal = openJournal(t, path)
					for outcome, err := range fleet.Decommission(ctx, client, seqOf(ids...), options) {
						if err != nil {
							require.ErrorIs(t, err, context.Canceled)
							break
						}
						if outcomes = append(outcomes, outcome); len(outcomes) == 8*(stop+1) && stop < 4 {
							cancel()
						}
					}
					cancel()
					require.NoError(t, options.Journal.Close())
				}
				require.Len(t, outcomes, 40)
				unregistered := 0
				for id, f := range factsOf(t, outcomes) {
					if f.noRegistration {
						require.NotContains(t, ids[:20], id)
						unregistered++
					}
					require.Equal(t, map[bool]fleet.Result{false: fleet.ResultDeleted, true: fleet.ResultUpdated}[disableOnly], f.result, id)
					require.False(t, f.noEnrollment, id)
				}
				require.Positive(t, unregistered, "the journal keeps what the outcomes of earlier runs tell")
				for _, record := range stored(t, srv) {
					require.True(t, disableOnly)
					require.Equal(t, "disabled", record["provisioningStatus"])
				}
			})
		})
	}
}
