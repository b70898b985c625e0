package fleet_test

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// planGolden compares a text with a file; AZDPS_UPDATE_GOLDEN=1 writes the file anew.
func planGolden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("AZDPS_UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	wanted, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(wanted), text)
}

// changesOfAllKinds returns a plan with every kind of change; both sides of each secret hold the word secret or a test key.
func changesOfAllKinds(t *testing.T, server *dpstest.Server) *fleet.Plan[azdps.IndividualEnrollment] {
	t.Helper()
	const symmetric = `"attestation":{"type":"symmetricKey"}`
	keys := func(primary, secondary string) string {
		return fmt.Sprintf(`"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":%q,"secondaryKey":%q}}`, primary, secondary)
	}
	hook := func(url string) string {
		return `,"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"` + url + `","apiVersion":"2019-03-31"}`
	}
	loadLines(t, server,
		`{"registrationId":"same",`+symmetric+`}`,
		`{"registrationId":"gone-1",`+symmetric+`}`,
		`{"registrationId":"Gone-2",`+symmetric+`}`,
		`{"registrationId":"rekeyed",`+keys(testKey, otherTestKey)+`}`,
		`{"registrationId":"attested",`+keys(testKey, otherTestKey)+`}`,
		`{"registrationId":"hooked",`+symmetric+hook("https://user:secret1@example.com/a?code=secret2")+`}`,
		`{"registrationId":"retwinned",`+symmetric+`,"initialTwin":{"tags":{"site":"berlin","n":1.0,"a b":[1],"long":"`+strings.Repeat("ä", 200)+`"}}}`,
		`{"registrationId":"moved",`+symmetric+`,"provisioningStatus":"disabled","iotHubHostName":"a.azure-devices.net"}`,
	)
	var desired []azdps.IndividualEnrollment
	for _, text := range []string{
		`{"registrationId":"moved",` + symmetric + `,"deviceId":"m<1>","capabilities":{"iotEdge":true}}`,
		`{"registrationId":"new-1",` + keys(testKey, otherTestKey) + `}`,
		`{"registrationId":"retwinned",` + symmetric + `,"initialTwin":{"tags":{"site":"paris\u202e\u009b31m","n":1,"a b":[],"e":{}},"properties":{"desired":{"x":{"y":null}}}}}`,
		`{"registrationId":"hooked",` + symmetric + hook("https://example.com/b?code=secret3") + `}`,
		`{"registrationId":"SAME",` + symmetric + `}`,
		`{"registrationId":"attested","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"},"later":{"x":"secret4"}}}`,
		`{"registrationId":"rekeyed",` + keys(otherTestKey, testKey) + `}`,
		`{"registrationId":"new-2",` + symmetric + hook("https://example.com/c?code=secret5") + `}`,
	} {
		desired = append(desired, recordFrom[azdps.IndividualEnrollment](t, text))
	}
	return planFor(t, clientOf(t, server, nil), &fleet.PlanOptions{Delete: true, MaxDeletes: 2}, desired...)
}

// TestPlanTexts compares what is written with files, and looks for secrets in all that can be printed.
func TestPlanTexts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		p := changesOfAllKinds(t, server)
		text, object := textOf(t, p), jsonOf(t, p)
		planGolden(t, "plan.txt", text)
		planGolden(t, "plan.json", object)

		printed := text + object
		for change := range p.Changes() {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				printed += fmt.Sprintf(verb, change) + fmt.Sprintf(verb, &change) + fmt.Sprintf(verb, change.Fields)
			}
		}
		printed += fmt.Sprintf("%v %+v %#v", p, *p, *p)
		for _, secret := range []string{testKey, otherTestKey, "secret"} {
			assert.NotContains(t, printed, secret)
			assert.NotContains(t, printed, fmt.Sprintf("%x", secret))
		}
		assert.Equal(t, 9, p.Len())
		for left := range p.Len() {
			for change := range p.Changes() {
				if left--; left < 0 {
					assert.NotEmpty(t, change.ID)
					break
				}
			}
		}
	})
}

// TestPlanEmptyTexts writes a plan without changes.
func TestPlanEmptyTexts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		loadLines(t, server, `{"registrationId":"other","attestation":{"type":"symmetricKey"}}`)
		p := planFor[azdps.IndividualEnrollment](t, clientOf(t, server, nil), nil)
		assert.Equal(t, "Nothing to change.\n0 to create, 0 to update, 0 to delete; 0 unchanged, 1 not desired and left alone.\n", textOf(t, p))
		assert.Equal(t, "{\"changes\":[],\"creates\":0,\"updates\":0,\"deletes\":0,\"unchanged\":0,\"others\":1}\n", jsonOf(t, p))
		broken := errors.New("disk full")
		assert.ErrorIs(t, p.WriteText(failing{broken}), broken)
		assert.ErrorIs(t, p.WriteJSON(failing{broken}), broken)
		for range p.Changes() {
			assert.Fail(t, "there is no change")
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestPlanOnlyReads makes a plan and writes it: a dry run.
func TestPlanOnlyReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		p := changesOfAllKinds(t, server)
		textOf(t, p)
		jsonOf(t, p)
		calls := make(map[dpstest.Operation]int)
		for _, request := range server.Requests() {
			calls[request.Operation]++
		}
		// The keys of two records are desired and there: rekeyed, and attested, whose desired attestation has none.
		assert.Equal(t, map[dpstest.Operation]int{
			dpstest.OperationIndividualEnrollmentQuery:                   1,
			dpstest.OperationIndividualEnrollmentGetAttestationMechanism: 1,
		}, calls)
	})
}

// TestPlanDeletes bounds what a plan may delete.
func TestPlanDeletes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		options fleet.PlanOptions
		deletes int // -1 for an error
	}{
		{fleet.PlanOptions{}, 0},
		{fleet.PlanOptions{MaxDeletes: 10}, 0},
		{fleet.PlanOptions{Delete: true}, -1},
		{fleet.PlanOptions{Delete: true, MaxDeletes: -1}, -1},
		{fleet.PlanOptions{Delete: true, MaxDeletes: 2}, -1},
		{fleet.PlanOptions{Delete: true, MaxDeletes: 3}, 3},
	} {
		t.Run(fmt.Sprint(test.options.Delete, test.options.MaxDeletes), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				for i := range 4 {
					loadLines(t, server, fmt.Sprintf(`{"registrationId":"device-%d","attestation":{"type":"symmetricKey"}}`, i))
				}
				p, err := fleet.NewPlan(t.Context(), clientOf(t, server, nil), seqOf(device("DEVICE-2")), &test.options)
				if test.deletes < 0 {
					require.ErrorIs(t, err, fleet.ErrTooManyDeletes)
					assert.Nil(t, p)
					return
				}
				require.NoError(t, err)
				var ids []string
				for change := range p.Changes() {
					assert.Equal(t, fleet.ActionDelete, change.Action)
					ids = append(ids, change.ID)
				}
				assert.Equal(t, []string{"device-0", "device-1", "device-3"}[:test.deletes], append([]string{}, ids...))
				applyAll(t, p)
				assert.Len(t, stored(t, server), 4-test.deletes)
			})
		})
	}
}

// TestPlanErrors ends a plan for faults of the input and of the service.
func TestPlanErrors(t *testing.T) {
	t.Parallel()
	fault := &fleet.InputError{Line: 3, Reason: "is not JSON"}
	with := func(err error) iter.Seq2[azdps.IndividualEnrollment, error] {
		return func(yield func(azdps.IndividualEnrollment, error) bool) {
			_ = yield(device("a"), nil) && yield(device("b"), nil) && yield(device(""), err) && yield(device("c"), nil)
		}
	}
	ranges := 0
	once := func(yield func(azdps.IndividualEnrollment, error) bool) {
		if ranges++; ranges == 1 {
			_ = yield(device("a"), nil) && yield(device("b"), nil)
		}
	}
	other := 0
	another := func(yield func(azdps.IndividualEnrollment, error) bool) {
		other++
		e := device("new")
		e.DeviceID = fmt.Sprint(other)
		yield(e, nil)
	}
	unwritable := device("a")
	unwritable.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"a": make(chan int)}}
	const changed = "fleet: desired record 0 is not what it was: a plan ranges over the desired records several times, and they must" +
		" be the same each time"
	for name, test := range map[string]struct {
		desired iter.Seq2[azdps.IndividualEnrollment, error]
		text    string
		calls   int
	}{
		"input":      {with(fault), "fleet: desired record 2: fleet: line 3: is not JSON", 0},
		"duplicates": {seqOf(device("x"), device("a"), device("b"), device("B"), device("X"), device("A")), "fleet: desired records 2 and 3 have the same id; ids compare without case", 0},
		"unwritable": {seqOf(unwritable), "fleet: desired record 0 cannot be written as JSON", 0},
		"one-shot":   {once, changed, 1},
		"changing":   {another, changed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				_, err := fleet.NewPlan(t.Context(), clientOf(t, server, nil), test.desired, nil)
				require.EqualError(t, err, test.text)
				assert.Len(t, server.Requests(), test.calls)
			})
		})
	}
	t.Run("the fault is told", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, err := fleet.NewPlan(t.Context(), keeperClient(t, newKeeper("registrationId")), with(fault), nil)
			assert.ErrorIs(t, err, fault)
		})
	})
}

// TestPlanServiceFails fails half-way, on the second page or on keys.
func TestPlanServiceFails(t *testing.T) {
	t.Parallel()
	keyed := device("device-7")
	keyed.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
	for _, operation := range []dpstest.Operation{
		dpstest.OperationIndividualEnrollmentQuery,
		dpstest.OperationIndividualEnrollmentGetAttestationMechanism,
	} {
		t.Run(string(operation), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 5})
				defer server.Close()
				client := clientOf(t, server, nil)
				for range collectAll(t, fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, devices(20), nil)) {
					continue
				}
				calls := 0
				stop := server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if calls++; calls == 2 || operation == dpstest.OperationIndividualEnrollmentGetAttestationMechanism {
						dpstest.Respond(http.StatusForbidden, 403000, "no", nil)(w, r, next)
						return
					}
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Operation: operation, Times: -1})
				_, err := fleet.NewPlan(t.Context(), client, seqOf(keyed), nil)
				assert.True(t, azdps.HasStatusCode(err, http.StatusForbidden), err)
				stop()

				// What may pass does: the plan is complete.
				server.Control(dpstest.Respond(http.StatusInternalServerError, 500000, "again", nil), &dpstest.ControlOptions{Operation: operation, Times: 3})
				server.Control(dpstest.Truncate(1), &dpstest.ControlOptions{Operation: operation, Times: 2})
				server.Control(dpstest.Throttle(5), &dpstest.ControlOptions{Operation: operation})
				assert.Equal(t, 1, planFor(t, client, nil, keyed).Len())
			})
		})
	}
}

func collectAll(t testing.TB, outcomes iter.Seq2[fleet.Outcome, error]) []fleet.Outcome {
	t.Helper()
	list, err := collect(outcomes)
	require.NoError(t, err)
	return list
}

// TestPlanOptions: progress counts the records of the service, a shared limiter paces, and a canceled context ends the plan.
func TestPlanOptions(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*dpstest.Server, *azdps.DeviceProvisioningClient) {
		server := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 5})
		t.Cleanup(server.Close)
		client := clientOf(t, server, nil)
		collectAll(t, fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, devices(50), nil))
		return server, client
	}
	t.Run("progress", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, client := start(t)
			var last fleet.Progress
			options := &fleet.PlanOptions{Options: fleet.Options{Progress: func(p fleet.Progress) { last = p }, Total: 50, Limiter: fleet.NewLimiter(60)}}
			p, err := fleet.NewPlan(t.Context(), client, devices(60), options)
			require.NoError(t, err)
			assert.Equal(t, 10, p.Len())
			assert.Equal(t, int64(50), last.Done)
			assert.Equal(t, int64(50), last.Total)
			assert.InDelta(t, 5, last.PerSecond, 1, "a page of 5 each second")
		})
	})
	t.Run("cancel", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := start(t)
			ctx := cancelAfter(t.Context(), server, dpstest.OperationIndividualEnrollmentQuery, 3)
			_, err := fleet.NewPlan(ctx, client, devices(60), nil)
			assert.ErrorIs(t, err, ctx.Err())
			assert.Error(t, ctx.Err())
		})
	})
	t.Run("cancel before", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server, client := start(t)
			calls := len(server.Requests())
			ctx := cancelAfter(t.Context(), server, "", 1)
			_, _ = client.IndividualEnrollments().Get(ctx, "device-1", nil)
			_, err := fleet.NewPlan(ctx, client, devices(60), nil)
			assert.ErrorIs(t, err, ctx.Err())
			assert.Len(t, server.Requests(), calls+1)
		})
	})
}

// TestPlanManyDiffer has more records that differ than are held at once.
func TestPlanManyDiffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 4500
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		client := clientOf(t, server, nil)
		options := &fleet.BulkOptions{Options: fleet.Options{Limiter: fleet.NewLimiter(1_000_000)}}
		collectAll(t, fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, devices(n), options))
		ranges := 0
		desired := countRanges(func(yield func(azdps.IndividualEnrollment, error) bool) {
			for e, err := range devices(n) {
				e.ProvisioningStatus = azdps.ProvisioningStatusDisabled
				if !yield(e, err) {
					return
				}
			}
		}, &ranges)
		p, err := fleet.NewPlan(t.Context(), client, desired, nil)
		require.NoError(t, err)
		assert.Equal(t, n, p.Len())
		assert.Equal(t, 3, ranges, "for the hashes, and twice for up to 4,096 records")
		i := 0
		for change := range p.Changes() {
			require.Equal(t, fmt.Sprintf("device-%d", i), change.ID)
			require.Equal(t, []fleet.FieldChange{{Path: "provisioningStatus", Old: `"enabled"`, New: `"disabled"`}}, change.Fields)
			i++
		}
	})
}

// TestPlanListedTwice counts a record once that moves from one page to the next while the list is read.
func TestPlanListedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		defer server.Close()
		loadLines(t, server, keyed("registrationId", "same"), keyed("registrationId", "differs"), keyed("registrationId", "other"))
		pages := 0
		twice := transporter(func(r *http.Request) (*http.Response, error) {
			const header = "X-Ms-Continuation"
			r.Header.Del(header)
			response, err := server.Transport().Do(r)
			if pages++; pages == 1 {
				response.Header.Set(header, "again")
			}
			return response, err
		})
		same, differs := device("same"), device("differs")
		same.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"floor": 1}}
		for _, isDelete := range []bool{false, true} {
			pages = 0
			p := planFor(t, clientOf(t, server, twice), &fleet.PlanOptions{Delete: isDelete, MaxDeletes: 1}, same, differs)
			want := map[bool]string{
				false: "0 to create, 1 to update, 0 to delete; 1 unchanged, 1 not desired and left alone.",
				true:  "0 to create, 1 to update, 1 to delete; 1 unchanged, 0 not desired and left alone.",
			}[isDelete]
			require.Contains(t, textOf(t, p), want)
			require.Equal(t, 2, pages)
		}
	})
}

func TestPossibleActionValues(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []fleet.Action{fleet.ActionCreate, fleet.ActionDelete, fleet.ActionUpdate}, fleet.PossibleActionValues())
}
