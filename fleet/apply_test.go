package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// disabled yields so many records that differ from those of devices.
func disabled(n int) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for e, err := range devices(n) {
			e.ProvisioningStatus = azdps.ProvisioningStatusDisabled
			if !yield(e, err) {
				return
			}
		}
	}
}

// threeStages returns a plan that creates new-0 to new-(n-1), updates device-0 to device-(n-1), and deletes as many others.
func threeStages(t *testing.T, server *dpstest.Server, n int) (*azdps.DeviceProvisioningClient, *fleet.Plan[azdps.IndividualEnrollment]) {
	t.Helper()
	client := clientOf(t, server, nil)
	for i := range n {
		loadLines(t, server,
			fmt.Sprintf(`{"registrationId":"device-%d","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":%q,"secondaryKey":%q}}}`, i, testKey, otherTestKey),
			fmt.Sprintf(`{"registrationId":"old-%d","attestation":{"type":"symmetricKey"}}`, i))
	}
	desired := func(yield func(azdps.IndividualEnrollment, error) bool) {
		for e, err := range disabled(n) {
			created := device("new" + e.RegistrationID[len("device"):])
			if !yield(e, err) || !yield(created, err) {
				return
			}
		}
	}
	p, err := fleet.NewPlan(t.Context(), client, desired, &fleet.PlanOptions{Delete: true, MaxDeletes: n})
	require.NoError(t, err)
	require.Equal(t, 3*n, p.Len())
	return client, p
}

// TestApply makes changes of every kind, keeps the keys, and tells the changes apart by index.
func TestApply(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 25
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		_, p := threeStages(t, server, n)
		outcomes := applyAll(t, p)
		wanted := map[fleet.Action]fleet.Result{
			fleet.ActionCreate: fleet.ResultCreated, fleet.ActionUpdate: fleet.ResultUpdated, fleet.ActionDelete: fleet.ResultDeleted,
		}
		byIndex := make(map[int64]fleet.Outcome)
		for _, outcome := range outcomes {
			byIndex[outcome.Index] = outcome
		}
		i := int64(0)
		for change := range p.Changes() {
			assert.Equal(t, change.ID, byIndex[i].ID)
			assert.Equal(t, wanted[change.Action], byIndex[i].Result)
			i++
		}
		records := stored(t, server)
		require.Len(t, records, 2*n)
		for i := range n {
			record := records[fmt.Sprintf("device-%d", i)]
			assert.Equal(t, "disabled", record["provisioningStatus"])
			assert.Equal(t, map[string]any{"primaryKey": testKey, "secondaryKey": otherTestKey},
				record["attestation"].(map[string]any)["symmetricKey"])
		}
	})
}

// TestApplyConflicts leaves alone what changed since the plan.
func TestApplyConflicts(t *testing.T) {
	t.Parallel()
	touch := func(id string) func(*testing.T, *azdps.DeviceProvisioningClient) {
		return func(t *testing.T, client *azdps.DeviceProvisioningClient) {
			_, err := client.IndividualEnrollments().Update(t.Context(), id, func(e *azdps.IndividualEnrollment) error {
				e.DeviceID = "changed"
				return nil
			}, nil)
			require.NoError(t, err)
		}
	}
	remove := func(id string) func(*testing.T, *azdps.DeviceProvisioningClient) {
		return func(t *testing.T, client *azdps.DeviceProvisioningClient) {
			_, err := client.IndividualEnrollments().Delete(t.Context(), id, nil)
			require.NoError(t, err)
		}
	}
	for name, test := range map[string]struct {
		id     string
		change func(*testing.T, *azdps.DeviceProvisioningClient)
		isLeft bool
	}{
		"created meanwhile": {"new-0", func(t *testing.T, client *azdps.DeviceProvisioningClient) {
			e := device("NEW-0")
			e.DeviceID = "changed"
			_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), e, nil)
			require.NoError(t, err)
		}, true},
		"changed before the update":   {"device-1", touch("device-1"), true},
		"deleted before the update":   {"device-1", remove("device-1"), false},
		"changed before the deletion": {"old-1", touch("old-1"), true},
		"deleted before the deletion": {"old-1", remove("old-1"), false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				client, p := threeStages(t, server, 3)
				test.change(t, client)
				outcomes, err := collect(p.Apply(t.Context(), nil))
				require.NoError(t, err)
				require.Len(t, outcomes, 9)
				for _, outcome := range outcomes {
					if outcome.ID == test.id {
						assert.Equal(t, fleet.ResultConflict, outcome.Result)
						assert.Error(t, outcome.Err)
						continue
					}
					assert.NoError(t, outcome.Err)
				}
				record, exists := stored(t, server)[test.id]
				assert.Equal(t, test.isLeft, exists)
				if exists {
					assert.Equal(t, "changed", record["deviceId"])
				}
			})
		})
	}
}

// TestApplyWritesConditionally looks at what is sent.
func TestApplyWritesConditionally(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		_, p := threeStages(t, server, 3)
		reads := len(server.Requests())
		applyAll(t, p)
		calls := make(map[dpstest.Operation]int)
		for _, request := range server.Requests()[reads:] {
			calls[request.Operation]++
			if request.Operation == dpstest.OperationIndividualEnrollmentDelete {
				assert.NotEmpty(t, request.Header.Get("If-Match"))
			}
		}
		assert.Equal(t, map[dpstest.Operation]int{
			dpstest.OperationIndividualEnrollmentRunBulkOperation:        2, // three creates, and three updates under their ETags
			dpstest.OperationIndividualEnrollmentGetAttestationMechanism: 3, // the keys to keep
			dpstest.OperationIndividualEnrollmentDelete:                  3,
		}, calls)
	})
}

// TestApplyInBadWeather loses answers, and reports what is true all the same.
func TestApplyInBadWeather(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 100
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		_, p := threeStages(t, server, n)
		stop := server.Control(badApplyWeather(), &dpstest.ControlOptions{Times: -1})
		outcomes := applyAll(t, p)
		stop()
		assert.Equal(t, map[fleet.Result]int{fleet.ResultCreated: n, fleet.ResultUpdated: n, fleet.ResultDeleted: n}, results(outcomes))
		assert.Len(t, stored(t, server), 2*n)
	})
}

// badApplyWeather loses answers, after the request took effect or before, and throttles.
func badApplyWeather() dpstest.Fault {
	faults := map[int]dpstest.Fault{
		0: dpstest.DropResponse(), 4: dpstest.DropRequest(), 8: dpstest.Throttle(time.Second),
		12: dpstest.Respond(http.StatusInternalServerError, 500000, "failed", nil), 16: dpstest.Truncate(1),
	}
	turn := make(chan int, 1)
	turn <- 0
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		i := <-turn
		turn <- i + 1
		if fault := faults[i%19]; fault != nil {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// TestApplyDeleteOutcomes are the ends of a deletion.
func TestApplyDeleteOutcomes(t *testing.T) {
	t.Parallel()
	deletes := &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentDelete, ID: "old-0", Times: -1}
	for name, test := range map[string]struct {
		fault  dpstest.Fault
		result fleet.Result
	}{
		"refused": {dpstest.Respond(http.StatusBadRequest, 400004, "no", nil), fleet.ResultRefused},
		"failing": {dpstest.DropRequest(), fleet.ResultRefused},
		"deleted": {dpstest.DropResponse(), fleet.ResultDeleted},
		"unknown": {dpstest.DropResponse(), fleet.ResultUnknown},
		"other":   {dpstest.DropRequest(), fleet.ResultConflict},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				_, p := threeStages(t, server, 2)
				server.Control(test.fault, deletes)
				switch name {
				case "unknown":
					server.Control(dpstest.Respond(http.StatusForbidden, 403000, "no", nil), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet})
				case "other":
					loadLines(t, server, `{"registrationId":"old-0","attestation":{"type":"symmetricKey"}}`)
				}
				outcomes, err := collect(p.Apply(t.Context(), nil))
				require.NoError(t, err)
				require.Len(t, outcomes, 6)
				for _, outcome := range outcomes {
					if outcome.ID == "old-0" {
						assert.Equal(t, test.result, outcome.Result, outcome.Err)
						assert.Equal(t, test.result != fleet.ResultDeleted, outcome.Err != nil)
					}
				}
			})
		})
	}
}

// TestApplyEndsEarly ends a run at an error that concerns all records, in each stage.
func TestApplyEndsEarly(t *testing.T) {
	t.Parallel()
	forbidden := dpstest.Respond(http.StatusForbidden, 403000, "no", nil)
	for name, test := range map[string]struct {
		operation dpstest.Operation
		outcomes  int
	}{
		"create": {dpstest.OperationIndividualEnrollmentRunBulkOperation, 0},
		"update": {dpstest.OperationIndividualEnrollmentGetAttestationMechanism, 20},
		"delete": {dpstest.OperationIndividualEnrollmentDelete, 40},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				_, p := threeStages(t, server, 20)
				server.Control(forbidden, &dpstest.ControlOptions{Operation: test.operation, Times: -1})
				var last fleet.Progress
				outcomes, err := collect(p.Apply(t.Context(), &fleet.BulkOptions{Options: fleet.Options{Progress: func(p fleet.Progress) { last = p }}}))
				assert.True(t, azdps.HasStatusCode(err, http.StatusForbidden), err)
				assert.Len(t, outcomes, test.outcomes)
				assert.Equal(t, int64(test.outcomes), last.Done)
				assert.Equal(t, int64(60), last.Total)
			})
		})
	}
}

// TestApplyCancel ends a run in each stage, and a new plan has what is left.
func TestApplyCancel(t *testing.T) {
	t.Parallel()
	for _, operation := range []dpstest.Operation{
		dpstest.OperationIndividualEnrollmentRunBulkOperation,
		dpstest.OperationIndividualEnrollmentGetAttestationMechanism,
		dpstest.OperationIndividualEnrollmentDelete,
	} {
		t.Run(string(operation), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				_, p := threeStages(t, server, 30)
				ctx := cancelAfter(t.Context(), server, operation, 2)
				outcomes, err := collect(p.Apply(ctx, nil))
				assert.ErrorIs(t, err, context.Canceled)
				assert.Less(t, len(outcomes), 90)

				again, err := collect(p.Apply(t.Context(), nil)) // what was done is a conflict now
				require.NoError(t, err)
				assert.Len(t, again, 90)
				assert.GreaterOrEqual(t, results(again)[fleet.ResultConflict], len(outcomes)-results(outcomes)[fleet.ResultUnknown])
				assert.Len(t, stored(t, server), 60)
			})
		})
	}
}

// TestApplyLeft leaves the loop in each stage.
func TestApplyLeft(t *testing.T) {
	t.Parallel()
	for _, result := range []fleet.Result{fleet.ResultCreated, fleet.ResultUpdated, fleet.ResultDeleted} {
		t.Run(string(result), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				_, p := threeStages(t, server, 15)
				for outcome, err := range p.Apply(t.Context(), nil) {
					require.NoError(t, err)
					if outcome.Result == result {
						break
					}
				}
			})
		})
	}
}

// TestApplyGivesUp counts failures over all stages.
func TestApplyGivesUp(t *testing.T) {
	t.Parallel()
	for most, test := range map[int]struct {
		conflicts int
		isEnd     bool
	}{
		1: {1, true}, 3: {3, true}, 4: {4, true}, 6: {6, true}, 7: {6, false}, 0: {6, false},
	} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				client, p := threeStages(t, server, 2)
				for _, id := range []string{"new-0", "new-1"} {
					_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), device(id), nil)
					require.NoError(t, err)
				}
				for _, id := range []string{"device-0", "device-1", "old-0", "old-1"} {
					_, err := client.IndividualEnrollments().Delete(t.Context(), id, nil)
					require.NoError(t, err)
				}
				outcomes, err := collect(p.Apply(t.Context(), &fleet.BulkOptions{Options: fleet.Options{MaxFailures: most, MaxConcurrency: 1}}))
				assert.Equal(t, test.isEnd, errors.Is(err, fleet.ErrTooManyFailures), err)
				assert.GreaterOrEqual(t, results(outcomes)[fleet.ResultConflict], test.conflicts)
			})
		})
	}
}

// TestApplyChangedInput ends a run whose desired records are not those of the plan. Nothing is written but what was planned.
func TestApplyChangedInput(t *testing.T) {
	t.Parallel()
	failed := errors.New("no such file")
	other := device("device-1")
	other.DeviceID = "other"
	for name, test := range map[string]struct {
		later iter.Seq2[azdps.IndividualEnrollment, error]
		text  string
	}{
		"another":   {seqOf(device("device-0"), other, device("device-2")), "fleet: desired record 1 is not what it was"},
		"fewer":     {seqOf(device("device-0")), "fleet: desired record 1 is not what it was"},
		"none":      {seqOf[azdps.IndividualEnrollment](), "fleet: desired record 0 is not what it was"},
		"bad input": {failsWith(1, &fleet.InputError{Line: 2, Reason: "is not JSON"}), "fleet: desired record 1 is not what it was"},
		"error":     {failsWith(1, failed), "fleet: desired record 1: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				desired := devices(3)
				p, err := fleet.NewPlan(t.Context(), clientOf(t, server, nil), func(yield func(azdps.IndividualEnrollment, error) bool) { desired(yield) }, nil)
				require.NoError(t, err)
				desired = test.later
				_, err = collect(p.Apply(t.Context(), nil))
				assert.ErrorContains(t, err, test.text)
				if name == "error" {
					assert.ErrorIs(t, err, failed)
				}
				assert.NotContains(t, stored(t, server), "device-1")
			})
		})
	}
}

// failsWith yields n devices and an error.
func failsWith(n int, err error) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for e := range devices(n) {
			if !yield(e, nil) {
				return
			}
		}
		yield(azdps.IndividualEnrollment{}, err)
	}
}

// TestApplyTakesNoJournal says so.
func TestApplyTakesNoJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := planFor(t, keeperClient(t, newKeeper("registrationId")), nil, device("a"))
		outcomes, err := collect(p.Apply(t.Context(), &fleet.BulkOptions{Journal: new(fleet.Journal)}))
		assert.ErrorContains(t, err, "without a journal")
		assert.Empty(t, outcomes)
	})
}

// TestApplyGroups applies a plan of groups with changes of every kind.
func TestApplyGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		loadLines(t, server,
			`{"enrollmentGroupId":"changed","attestation":{"type":"symmetricKey"}}`,
			`{"enrollmentGroupId":"old","attestation":{"type":"symmetricKey"}}`,
			`{"registrationId":"device","attestation":{"type":"symmetricKey"}}`)
		changed, options := group("Changed"), &fleet.PlanOptions{Delete: true, MaxDeletes: 1}
		changed.ETag = azcore.ETag("b3RoZXI=") // of a file; the plan's counts
		changed.IoTHubHostName = "a.azure-devices.net"
		client := clientOf(t, server, nil)
		p := planFor(t, client, options, changed, group("new"))
		assert.Equal(t, "+ create new\n~ update Changed\n    iotHubHostName: (none) -> \"a.azure-devices.net\"\n- delete old\n"+
			"1 to create, 1 to update, 1 to delete; 0 unchanged, 0 not desired and left alone.\n", textOf(t, p))
		applyAll(t, p)
		assert.Zero(t, planFor(t, client, options, changed, group("new")).Len())
		assert.Contains(t, stored(t, server), "device", "individual enrollments are another matter")
	})
}
