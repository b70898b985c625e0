package azdps_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func TestUpdateKeepsEverythingElse(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		before, err := u.get(t.Context(), client)
		require.NoError(t, err)
		etag := string(*before.etag)
		keys, err := u.mechanism(t.Context(), client)
		require.NoError(t, err)

		updated, err := u.update(t.Context(), client, addOne)
		require.NoError(t, err)
		assert.Equal(t, "1", countOf(updated))
		assert.NotEqual(t, etag, string(*updated.etag))
		assert.Nil(t, updated.state)
		assert.Equal(t, keys, *updated.attestation, "the result has the keys")

		after, err := u.get(t.Context(), client)
		require.NoError(t, err)
		assert.Equal(t, *updated.etag, *after.etag)
		assert.Equal(t, "1", countOf(after))
		assert.Equal(t, *before.attestation, *after.attestation)
		keysAfter, err := u.mechanism(t.Context(), client)
		require.NoError(t, err)
		assert.Equal(t, keys, keysAfter)
		*after.twin = *before.twin
		assert.Equal(t, u.withoutTimes(before), u.withoutTimes(after))

		for _, request := range server.Requests() {
			if request.Operation == u.put {
				assert.Equal(t, []string{etag}, request.Header["If-Match"], "never an asterisk")
			}
		}
		assert.Equal(t, 1, requestsOf(server, u.put))
	})
}

// TestUpdateKeepsUnknownMembers reads and writes members that no version of the client knows, at every level.
func TestUpdateKeepsUnknownMembers(t *testing.T) {
	t.Parallel()
	const x = `"x":{"y":[1]}`
	stored := `{"registrationId":"device-1","etag":"IjEi","attestation":{"type":"symmetricKey","symmetricKey":{"sx":0},` + x + `},
		"capabilities":{"iotEdge":true,` + x + `},"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false,` + x + `},
		"customAllocationDefinition":{"webhookUrl":"https://f.example.com","apiVersion":"2019-03-31",` + x + `},
		"initialTwin":{"tags":{"count":1,` + x + `},"properties":{"desired":{"n":123456789012345678},` + x + `},` + x + `},
		"optionalDeviceInformation":{` + x + `},"registrationState":{"status":"unassigned"},"createdDateTimeUtc":"2026-01-02T03:04:05Z",` + x + `}`
	mechanism := `{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + wireKey + `","secondaryKey":"` + otherKey + `","mx":1},"m":2}`
	transport := newScript(reply(200, stored), reply(200, mechanism), reply(200, stored))
	_, err := clientOver(t, transport).IndividualEnrollments().Update(t.Context(), "device-1", func(e *azdps.IndividualEnrollment) error {
		e.DeviceID = "new"
		return nil
	}, nil)
	require.NoError(t, err)

	require.Len(t, transport.sent(), 3)
	var want, got map[string]any
	require.NoError(t, json.Unmarshal([]byte(stored), &want))
	require.NoError(t, json.Unmarshal(transport.sent()[2].body, &got))
	for _, readOnly := range []string{"etag", "registrationState", "createdDateTimeUtc"} {
		delete(want, readOnly)
	}
	want["deviceId"] = "new"
	attestation := want["attestation"].(map[string]any)
	attestation["m"] = 2.0
	attestation["symmetricKey"] = map[string]any{"primaryKey": wireKey, "secondaryKey": otherKey, "sx": 0.0, "mx": 1.0}
	assert.Equal(t, want, got)
	assert.Contains(t, string(transport.sent()[2].body), "123456789012345678", "no digit is lost")
}

// TestUpdateKeepsARotation lets somebody replace the keys between the two reads of an update.
func TestUpdateKeepsARotation(t *testing.T) {
	t.Parallel()
	for kind, u := range updaters {
		t.Run(kind, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server, client := startService(t)
				other := connect(t, server.ConnectionString(), server.Transport())
				u.create(t, server, azdps.NewGeneratedKeyAttestation())
				rotated, err := azdps.NewSymmetricKeyAttestation(wireKey, otherKey)
				require.NoError(t, err)

				reads := 0
				stop := server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if reads++; reads == 2 {
						assert.NoError(t, u.replace(r.Context(), other, func(v recordView) { *v.attestation = rotated }))
					}
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{ID: u.id, Times: 2})
				defer stop()

				runs := 0
				updated, err := u.update(t.Context(), client, func(v recordView) error {
					runs++
					return addOne(v)
				})
				require.NoError(t, err)
				assert.Equal(t, wireKey, updated.attestation.SymmetricKey.PrimaryKey, "the rotation is not undone")
				assert.Equal(t, "1", countOf(updated))
				assert.Equal(t, 2, runs)
				keys, err := u.mechanism(t.Context(), client)
				require.NoError(t, err)
				assert.Equal(t, rotated, keys)
			})
		})
	}
}

// TestUpdateMeetsForeignWrites changes a record that somebody else changes between the read and the write, twice.
func TestUpdateMeetsForeignWrites(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		other := connect(t, server.ConnectionString(), server.Transport())
		writes := 0
		server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("X-Foreign") == "" && writes < 2 {
				writes++
				assert.NoError(t, u.replace(foreign(r.Context()), other, func(v recordView) {
					*v.status = azdps.ProvisioningStatusDisabled
					_ = addOne(v)
				}))
			}
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Operation: u.put, Times: -1})
		runs := 0
		updated, err := u.update(t.Context(), client, func(v recordView) error {
			runs++
			return addOne(v)
		})
		require.NoError(t, err)
		assert.Equal(t, 3, runs)
		assert.Equal(t, "3", countOf(updated), "both writes of the other and this one")
		assert.Equal(t, azdps.ProvisioningStatusDisabled, *updated.status)
	})
}

// TestUpdateFindsItsLostWrite applies the write and loses the answer, in several ways.
func TestUpdateFindsItsLostWrite(t *testing.T) {
	t.Parallel()
	lostWrites := map[string]dpstest.Fault{
		"dropped":    dpstest.DropResponse(),
		"broken off": dpstest.Truncate(10),
		"502": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(nowhere{}, r)
			w.WriteHeader(http.StatusBadGateway)
		},
		"slow": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(nowhere{}, r)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		},
	}
	for name, lost := range lostWrites {
		t.Run(name, func(t *testing.T) {
			forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
				server.Control(lost, &dpstest.ControlOptions{Operation: u.put})
				runs := 0
				updated, err := u.update(t.Context(), client, func(v recordView) error {
					runs++
					*v.status = azdps.ProvisioningStatusDisabled
					return addOne(v)
				})
				require.NoError(t, err)
				assert.Equal(t, 1, runs, "the function must not count twice")
				assert.Equal(t, "1", countOf(updated))
				assert.Nil(t, updated.state)
				stored, err := u.get(t.Context(), client)
				require.NoError(t, err)
				assert.Equal(t, *stored.etag, *updated.etag)
				assert.Equal(t, "1", countOf(stored))
				keys, err := u.mechanism(t.Context(), client)
				require.NoError(t, err)
				assert.Equal(t, keys, *updated.attestation, "the result has the keys")
				assert.Equal(t, 2, requestsOf(server, u.put))
			})
		})
	}
}

// nowhere is a writer for answers that are lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

// TestUpdateCannotTell has somebody else write after its own write, whose answer is lost.
func TestUpdateCannotTell(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]dpstest.Fault{"applied": dpstest.DropResponse(), "not applied": dpstest.DropRequest()} {
		t.Run(name, func(t *testing.T) {
			forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
				other := connect(t, server.ConnectionString(), server.Transport())
				server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					assert.NoError(t, u.replace(r.Context(), other, func(v recordView) { *v.status = azdps.ProvisioningStatusDisabled }))
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Operation: u.put}) // is asked second, for the retry
				server.Control(lost, &dpstest.ControlOptions{Operation: u.put})
				runs := 0
				_, err := u.update(t.Context(), client, func(v recordView) error {
					runs++
					return addOne(v)
				})
				require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
				assert.True(t, azdps.HasStatusCode(err, http.StatusPreconditionFailed), "%v", err)
				assert.Equal(t, 1, runs, "the function is not run again")
				stored, err := u.get(t.Context(), client)
				require.NoError(t, err)
				assert.Equal(t, azdps.ProvisioningStatusDisabled, *stored.status, "the other's write is kept")
			})
		})
	}
}

// TestUpdateCannotReadBack loses the answer to the write and may not read afterwards.
func TestUpdateCannotReadBack(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		server.Control(func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(nowhere{}, r)
			server.Control(dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil), &dpstest.ControlOptions{Operation: u.read, Times: -1})
			panic(http.ErrAbortHandler)
		}, &dpstest.ControlOptions{Operation: u.put})
		_, err := u.update(t.Context(), client, addOne)
		require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "could not be read back")
		require.ErrorContains(t, err, "Unauthorized")
		assert.False(t, azdps.HasStatusCode(err, http.StatusUnauthorized), "that is no answer to the write")
	})
}

// TestUpdateWithoutAnyAnswer loses the answers to all tries of the write. A look at the record tells what became of it.
func TestUpdateWithoutAnyAnswer(t *testing.T) {
	tests := map[string]struct {
		fault   dpstest.Fault
		applied bool
	}{
		"applied":     {dpstest.DropResponse(), true},
		"not applied": {dpstest.DropRequest(), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
				server.Control(test.fault, &dpstest.ControlOptions{Operation: u.put, Times: -1})
				runs := 0
				_, err := u.update(t.Context(), client, func(v recordView) error {
					runs++
					return addOne(v)
				})
				assert.Equal(t, 1, runs)
				assert.Equal(t, 4, requestsOf(server, u.put))
				stored, getError := u.get(t.Context(), client)
				require.NoError(t, getError)
				if test.applied {
					require.NoError(t, err)
					assert.Equal(t, "1", countOf(stored))
				} else {
					require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
					assert.NotEqual(t, "1", countOf(stored))
				}
			})
		})
	}
}

// TestUpdateGivesUp has others write all the time.
func TestUpdateGivesUp(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		server.Control(dpstest.Respond(http.StatusPreconditionFailed, 412001, "Precondition failed.", nil),
			&dpstest.ControlOptions{Operation: u.put, Times: -1})
		runs := 0
		start := time.Now()
		_, err := u.update(t.Context(), client, func(recordView) error { runs++; return nil })
		assert.True(t, azdps.HasStatusCode(err, http.StatusPreconditionFailed), "%v", err)
		require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "6 tries")
		assert.Equal(t, 6, runs)
		assert.Equal(t, 6, requestsOf(server, u.put))
		// Waits of 0.1, 0.2, 0.4, 0.8 and 1.6 seconds, each times 0.5 to 1.5.
		assert.GreaterOrEqual(t, time.Since(start), 1550*time.Millisecond)
		assert.Less(t, time.Since(start), 4650*time.Millisecond)
	})
}

// TestUpdateWaitsAreSpread lets two clients wait after a 412; with jitter they do not wait alike.
func TestUpdateWaitsAreSpread(t *testing.T) {
	waits := map[time.Duration]bool{}
	bubble(t, func(t *testing.T) {
		for range 3 {
			client := clientOver(t, newScript(
				reply(200, strings.ReplaceAll(enrollmentAnswer, "symmetricKey", "later")), serviceError(412, "412001"),
				reply(200, strings.ReplaceAll(enrollmentAnswer, "symmetricKey", "later")), reply(200, enrollmentAnswer)))
			start := time.Now()
			_, err := client.IndividualEnrollments().Update(t.Context(), "device-1", func(*azdps.IndividualEnrollment) error { return nil }, nil)
			require.NoError(t, err)
			waits[time.Since(start)] = true
		}
	})
	assert.Greater(t, len(waits), 1)
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		server.Control(dpstest.Respond(http.StatusPreconditionFailed, 412001, "Precondition failed.", nil),
			&dpstest.ControlOptions{Operation: u.put, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := u.update(ctx, client, addOne)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
		assert.Equal(t, time.Second, time.Since(start))

		cancel()
		before := len(server.Requests())
		_, err = u.update(ctx, client, addOne)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, server.Requests(), before)
	})
}

func TestUpdateThatCannotWrite(t *testing.T) {
	forEachUpdate(t, func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient) {
		stop := errors.New("no need")
		_, err := u.update(t.Context(), client, func(recordView) error { return stop })
		assert.Equal(t, stop, err, "the error of the function as it is")

		_, err = u.update(t.Context(), client, func(v recordView) error { *v.id = "another"; return nil })
		require.ErrorContains(t, err, "must not change the id")

		_, err = u.update(t.Context(), client, func(v recordView) error { v.attestation.Type = ""; return nil })
		require.ErrorContains(t, err, "Attestation")

		_, err = u.update(t.Context(), client, nil)
		require.ErrorContains(t, err, "change: must not be nil")

		u.id = "missing"
		_, err = u.update(t.Context(), client, addOne)
		assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%v", err)

		u.id = "mis/sing"
		_, err = u.update(t.Context(), client, addOne)
		require.ErrorContains(t, err, "ID")
		assert.Zero(t, requestsOf(server, u.put))
	})
}

// TestUpdateOfWhatTheServiceLeavesOut does not write a record that it could not read in full.
func TestUpdateOfWhatTheServiceLeavesOut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ record, mechanism, want string }{
		"no etag":        {`{"registrationId":"device-1","attestation":{"type":"tpm","tpm":{"endorsementKey":"AAAA"}}}`, "", "gave no ETag"},
		"any etag":       {`{"registrationId":"device-1","attestation":{"type":"tpm","tpm":{"endorsementKey":"AAAA"}},"etag":"*"}`, "", "gave no ETag"},
		"no keys":        {enrollmentAnswer, `{"type":"symmetricKey"}`, "did not give both keys"},
		"empty keys":     {enrollmentAnswer, `{"type":"symmetricKey","symmetricKey":{"primaryKey":"","secondaryKey":""}}`, "did not give both keys"},
		"one key":        {enrollmentAnswer, `{"type":"symmetricKey","symmetricKey":{"primaryKey":"AAAA"}}`, "did not give both keys"},
		"no JSON at all": {enrollmentAnswer, `Sorry.`, "not the JSON of the service"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := newScript(reply(200, test.record), reply(200, test.mechanism))
			_, err := clientOver(t, transport).IndividualEnrollments().Update(t.Context(), "device-1",
				func(*azdps.IndividualEnrollment) error { return nil }, nil)
			require.ErrorContains(t, err, test.want)
			for _, request := range transport.sent() {
				assert.NotEqual(t, http.MethodPut, request.Method)
			}
		})
	}
}

// TestUpdateOfAnAttestationThatChanges replaces the symmetric keys by a certificate between the two reads.
func TestUpdateOfAnAttestationThatChanges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server, client := startService(t)
		other := connect(t, server.ConnectionString(), server.Transport())
		u := updaters["individual enrollment"]
		u.create(t, server, azdps.NewGeneratedKeyAttestation())
		tpm, err := azdps.NewTPMAttestation("AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA", "")
		require.NoError(t, err)
		server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			assert.NoError(t, u.replace(r.Context(), other, func(v recordView) { *v.attestation = tpm }))
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGetAttestationMechanism})
		updated, err := u.update(t.Context(), client, addOne)
		require.NoError(t, err)
		assert.Equal(t, tpm, *updated.attestation)
	})
}
