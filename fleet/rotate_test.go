package fleet_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, side.member, 25)
				old := stored(t, srv)
				var last fleet.Progress
				outcomes, err := collect(rotateKeys(t.Context(), side.member, clientOf(t, srv, nil), seqOf(ids...), &fleet.RotateOptions{
					BulkOptions: fleet.BulkOptions{Options: fleet.Options{Total: 25, Progress: func(p fleet.Progress) { last = p }}},
				}))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 25}, results(outcomes))
				require.EqualValues(t, 25, last.Done)
				require.EqualValues(t, 25, last.Total)

				seen := map[string]bool{}
				for _, outcome := range outcomes {
					require.Equal(t, ids[outcome.Index], outcome.ID)
					primary, secondary := keysOf(t, srv, outcome.ID)
					require.Equal(t, keyOf("P"), secondary)
					bytes, err := base64.StdEncoding.DecodeString(primary)
					require.NoError(t, err)
					require.Len(t, bytes, 64)
					require.False(t, seen[primary], "each record has a key of its own")
					seen[primary] = true
				}
				for id, record := range stored(t, srv) {
					for _, changed := range []string{"attestation", "etag", "lastUpdatedDateTimeUtc"} {
						delete(record, changed)
						delete(old[id], changed)
					}
					require.Equal(t, old[id], record)
				}
				require.Len(t, srv.Requests(), 3*25)
			})
		})
	}
}

func TestRotateKeysLetsDevicesIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "own"), keyed("enrollmentGroupId", "line"))
		client := clientOf(t, srv, nil)
		for _, side := range sides {
			id := map[string]string{"individual": "own", "group": "line"}[side.name]
			outcomes, err := collect(rotateKeys(t.Context(), side.member, client, seqOf(id), &fleet.RotateOptions{NewKey: next}))
			require.NoError(t, err)
			require.Equal(t, fleet.ResultUpdated, outcomes[0].Result)
		}
		for _, c := range []struct {
			name, id, own, group string
			status               int
		}{
			{"the old primary key", "own", keyOf("P"), "", 202},
			{"the new key", "own", keyOf("next of own"), "", 202},
			{"the old secondary key", "own", keyOf("S"), "", 401},
			{"derived from the old primary key", "member", "", keyOf("P"), 202},
			{"derived from the new key", "member", "", keyOf("next of line"), 202},
			{"derived from the old secondary key", "member", "", keyOf("S"), 401},
		} {
			key := c.own
			if c.group != "" {
				var err error
				key, err = azdps.DeriveDeviceKey(c.group, c.id)
				require.NoError(t, err)
			}
			require.Equal(t, c.status, register(t, srv, srv.Transport(), c.id, key), c.name)
		}
	})
}

func TestRotateKeysAgain(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, side.member, 12)
				client := clientOf(t, srv, nil)
				options := &fleet.RotateOptions{NewKey: next}
				outcomes, err := collect(rotateKeys(t.Context(), side.member, client, seqOf(ids...), options))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 12}, results(outcomes))
				after := stored(t, srv)

				outcomes, err = collect(rotateKeys(t.Context(), side.member, client, seqOf(ids...), options))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultUnchanged: 12}, results(outcomes))
				require.Equal(t, after, stored(t, srv))

				later := &fleet.RotateOptions{NewKey: func(id string) (string, error) { return keyOf("later of " + id), nil }}
				_, err = collect(rotateKeys(t.Context(), side.member, client, seqOf(ids...), later))
				require.NoError(t, err)
				outcomes, err = collect(rotateKeys(t.Context(), side.member, client, seqOf(ids...), options))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultUnchanged: 12}, results(outcomes), "an older rotation is not made again")
			})
		})
	}
}

// An id that comes twice must not lose the key that its devices use.
func TestRotateKeysTwiceInOneRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "r"))
		rotation := fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), clientOf(t, srv, nil), seqOf("r", "R", "r"), nil)
		for range 2 { // ranging again is the same rotation
			_, err := collect(rotation)
			require.NoError(t, err)
			_, secondary := keysOf(t, srv, "r")
			require.Equal(t, keyOf("P"), secondary)
		}
		require.Contains(t, results(mustCollect(t, rotation)), fleet.ResultUnchanged)
	})
}

func TestRotateKeysRefuses(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed(side.member, "good"), keyed(side.member, "keyless"), keyed(side.member, "short"), keyed(side.member, "bad"),
					certified(side.member, side.certificates, "x509", issue(t, "x509", time.Now().Add(time.Hour))))
				srv.Control(dpstest.Respond(400, 400004, "No.", nil), &dpstest.ControlOptions{Operation: side.put, ID: "bad"})
				fault := &fleet.InputError{Line: 3, Reason: "is no id"}
				ids := func(yield func(string, error) bool) {
					_ = yield("good", nil) && yield("missing", nil) && yield("", fault) && yield("x509", nil) && yield("a/b", nil) &&
						yield("keyless", nil) && yield("short", nil) && yield("bad", nil)
				}
				errNone := errors.New("none left")
				outcomes, err := collect(rotateKeys(t.Context(), side.member, clientOf(t, srv, nil), ids, &fleet.RotateOptions{
					NewKey: func(id string) (string, error) {
						switch id {
						case "keyless":
							return "", errNone
						case "short":
							return "c2hvcnQ=", nil
						}
						return next(id)
					},
				}))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 1, fleet.ResultRefused: 7}, results(outcomes))
				byID := map[string]error{}
				for _, outcome := range outcomes {
					byID[outcome.ID] = outcome.Err
				}
				require.NoError(t, byID["good"])
				require.True(t, azdps.HasStatusCode(byID["missing"], http.StatusNotFound))
				require.ErrorIs(t, byID[""], fault)
				require.EqualError(t, byID["x509"], "fleet: the record has no symmetric keys")
				require.ErrorContains(t, byID["a/b"], "the service takes ASCII letters")
				require.ErrorIs(t, byID["keyless"], errNone)
				require.ErrorContains(t, byID["short"], "has 5 bytes")
				require.True(t, azdps.HasCode(byID["bad"], azdps.ErrorCodeInvalidArgument))
				require.Zero(t, asked(srv, dpstest.Operation("")), "nothing is sent to a wrong path")
			})
		})
	}
}

func TestRotateKeysGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "good"))
		client := clientOf(t, srv, nil)
		options := &fleet.RotateOptions{}
		options.MaxConcurrency, options.MaxFailures = 1, 2
		outcomes, err := collect(fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf("a", "good", "b", "c", "d"), options))
		require.ErrorIs(t, err, fleet.ErrTooManyFailures)
		require.Len(t, outcomes, 3)

		outcomes, err = collect(fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqThenError(errInput, "good"), nil))
		require.ErrorIs(t, err, errInput)
		require.Len(t, outcomes, 1)

		srv.Control(dpstest.Respond(401, 401002, "No.", nil), nil)
		outcomes, err = collect(fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf("good", "a"), nil))
		require.True(t, azdps.HasStatusCode(err, http.StatusUnauthorized))
		require.LessOrEqual(t, len(outcomes), 1)
	})
}

func TestRotateKeysAfterFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fault dpstest.Fault
		times int
		least time.Duration
	}{
		{"answer lost", dpstest.DropResponse(), 1, 0},
		{"answer lost three times", dpstest.DropResponse(), 3, 0},
		{"answer cut off", dpstest.Truncate(20), 1, 0},
		{"request lost", dpstest.DropRequest(), 2, 0},
		{"failed", dpstest.Respond(500, 500001, "Oops.", nil), 3, 0},
		{"throttled", dpstest.Throttle(30 * time.Second), 2, time.Minute},
		{"unavailable", dpstest.Respond(503, 503001, "Later.", http.Header{"Retry-After": {"20"}}), 1, 20 * time.Second},
		{"slow", dpstest.Delay(2 * time.Minute), 1, time.Minute},
	}
	for _, side := range sides {
		for _, c := range cases {
			t.Run(side.name+" "+c.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := dpstest.NewUnstartedServer(nil)
					ids := loadKeyed(t, srv, side.member, 5)
					start := time.Now()
					for _, operation := range []dpstest.Operation{side.get, side.mechanism, side.put} {
						srv.Control(c.fault, &dpstest.ControlOptions{Operation: operation, ID: "r-2", Times: c.times})
					}
					outcomes, err := collect(rotateKeys(t.Context(), side.member, clientOf(t, srv, nil), seqOf(ids...), nil))
					require.NoError(t, err)
					require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 5}, results(outcomes))
					for _, id := range ids {
						primary, secondary := keysOf(t, srv, id)
						require.Equal(t, keyOf("P"), secondary, "rotated once")
						require.NotEqual(t, keyOf("P"), primary)
					}
					require.GreaterOrEqual(t, time.Since(start), c.least)
				})
			})
		}
	}
}

// change writes a record in between, as somebody else would.
func change(t *testing.T, client *azdps.DeviceProvisioningClient, id string, edit func(*azdps.IndividualEnrollment)) func() {
	return func() {
		_, err := client.IndividualEnrollments().Update(context.Background(), id, func(e *azdps.IndividualEnrollment) error {
			edit(e)
			return nil
		}, nil)
		if err != nil {
			t.Error(err)
		}
	}
}

func TestRotateKeysWhileOthersWrite(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name      string
		edit      func(*azdps.IndividualEnrollment)
		fault     func(dpstest.Fault) dpstest.Fault // around what the others do
		times     int
		result    fleet.Result
		primary   string
		secondary string
	}{
		{"another member", func(e *azdps.IndividualEnrollment) { e.DeviceID = "other" }, nil, 2, fleet.ResultUpdated, keyOf("next of r"), keyOf("P")},
		{"another member each time", func(e *azdps.IndividualEnrollment) { e.DeviceID += "x" }, nil, 6, fleet.ResultConflict, keyOf("P"), keyOf("S")},
		{"their own rotation", func(e *azdps.IndividualEnrollment) {
			e.Attestation.SymmetricKey.PrimaryKey, e.Attestation.SymmetricKey.SecondaryKey = keyOf("X"), keyOf("P")
		}, nil, 1, fleet.ResultConflict, keyOf("X"), keyOf("P")},
		{"the same rotation", func(e *azdps.IndividualEnrollment) {
			e.Attestation.SymmetricKey.PrimaryKey, e.Attestation.SymmetricKey.SecondaryKey = keyOf("next of r"), keyOf("P")
		}, nil, 1, fleet.ResultUnchanged, keyOf("next of r"), keyOf("P")},
		{"another member after a write whose answer is lost", func(e *azdps.IndividualEnrollment) { e.DeviceID = "other" }, lostThen, 1,
			fleet.ResultUpdated, keyOf("next of r"), keyOf("P")},
		{"a rotation after a write whose answer is lost", func(e *azdps.IndividualEnrollment) {
			e.Attestation.SymmetricKey.SecondaryKey = e.Attestation.SymmetricKey.PrimaryKey
			e.Attestation.SymmetricKey.PrimaryKey = keyOf("X")
		}, lostThen, 1, fleet.ResultUpdated, keyOf("X"), keyOf("next of r")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed("registrationId", "r"))
				client := clientOf(t, srv, nil)
				times := 0
				var fault dpstest.Fault
				do := change(t, client, "r", c.edit)
				fault = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if times++; times > c.times {
						next.ServeHTTP(w, r)
						return
					}
					before := before(func() {
						kept := times
						times = c.times // the write of the others passes
						do()
						times = kept
					})
					if c.fault != nil {
						before = c.fault(before)
					}
					before(w, r, next)
				}
				srv.Control(fault, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate, Times: -1})
				outcomes := mustCollect(t, fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf("r"), &fleet.RotateOptions{NewKey: next}))
				require.Equal(t, c.result, outcomes[0].Result)
				require.Equal(t, c.result == fleet.ResultConflict, outcomes[0].Err != nil)
				primary, secondary := keysOf(t, srv, "r")
				require.Equal(t, []string{c.primary, c.secondary}, []string{primary, secondary})
			})
		})
	}
}

// lostThen lets a write pass, then the others do what they do, and the answer is lost.
func lostThen(others dpstest.Fault) dpstest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		dpstest.DropResponse()(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			others(w, r, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		}))
	}
}

func mustCollect(t *testing.T, outcomes func(func(fleet.Outcome, error) bool)) []fleet.Outcome {
	t.Helper()
	list, err := collect(outcomes)
	require.NoError(t, err)
	return list
}

// answer is a fault that answers with JSON.
func answer(body string) dpstest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}
}

// What cannot be written back safely is not written.
func TestRotateKeysNeedsETagAndKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		operation dpstest.Operation
		body      string
		reason    string
	}{
		{"no ETag", dpstest.OperationIndividualEnrollmentGet, `{"registrationId":"r","attestation":{"type":"symmetricKey"}}`, "gave no ETag"},
		{"no keys", dpstest.OperationIndividualEnrollmentGetAttestationMechanism, `{"type":"symmetricKey"}`, "did not give both keys"},
		{"one key", dpstest.OperationIndividualEnrollmentGetAttestationMechanism,
			`{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + keyOf("P") + `"}}`, "did not give both keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed("registrationId", "r"))
				srv.Control(answer(c.body), &dpstest.ControlOptions{Operation: c.operation})
				outcomes := mustCollect(t, fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), clientOf(t, srv, nil), seqOf("r"), nil))
				require.Equal(t, fleet.ResultRefused, outcomes[0].Result)
				require.ErrorContains(t, outcomes[0].Err, c.reason)
				require.NotContains(t, outcomes[0].Err.Error(), keyOf("P"))
				require.Zero(t, asked(srv, dpstest.OperationIndividualEnrollmentCreateOrUpdate))
			})
		})
	}
}
