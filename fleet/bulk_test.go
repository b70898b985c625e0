package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestBulkOutcomes has one record for each way a record can end, in each mode, for both kinds.
func TestBulkOutcomes(t *testing.T) {
	t.Parallel()
	t.Run("enrollments", func(t *testing.T) {
		testOutcomes(t, device, func(e *azdps.IndividualEnrollment, etag azcore.ETag, status azdps.ProvisioningStatus) {
			e.ETag, e.ProvisioningStatus = etag, status
		}, azdps.ErrorCodeEnrollmentExists, azdps.ErrorCodeEnrollmentNotFound)
	})
	t.Run("groups", func(t *testing.T) {
		testOutcomes(t, group, func(g *azdps.EnrollmentGroup, etag azcore.ETag, status azdps.ProvisioningStatus) {
			g.ETag, g.ProvisioningStatus = etag, status
		}, azdps.ErrorCodeEnrollmentGroupExists, azdps.ErrorCodeEnrollmentGroupNotFound)
	})
}

func testOutcomes[T fleet.Record](t *testing.T, newRecord func(string) T, set func(*T, azcore.ETag, azdps.ProvisioningStatus), exists, missing azdps.ErrorCode) {
	for _, test := range []struct {
		mode   azdps.BulkOperationMode
		id     string
		etag   string
		status azdps.ProvisioningStatus
		want   fleet.Result
		code   azdps.ErrorCode
	}{
		{"create", "new", "", "", fleet.ResultCreated, ""},
		{"create", "OLD", "", "", fleet.ResultConflict, exists},
		{"create", "bad id", "", "", fleet.ResultRefused, ""},
		{"create", "bad.", "", "", fleet.ResultRefused, azdps.ErrorCodeInvalidArgument},
		{"update", "old", "", "disabled", fleet.ResultUpdated, ""},
		{"update", "old", "stale", "disabled", fleet.ResultUpdated, ""},
		{"update", "old", "", "", fleet.ResultUnchanged, ""},
		{"update", "old", "", "enabled", fleet.ResultUnchanged, ""},
		{"update", "new", "", "", fleet.ResultRefused, missing},
		{"update", "bad id", "", "", fleet.ResultRefused, ""},
		{"update", "old", "", "none", fleet.ResultRefused, azdps.ErrorCodeInvalidArgument},
		{"updateIfMatchETag", "old", "current", "", fleet.ResultUpdated, ""},
		{"updateIfMatchETag", "old", "stale", "", fleet.ResultConflict, "412001"},
		{"updateIfMatchETag", "old", "", "", fleet.ResultRefused, ""},
		{"updateIfMatchETag", "new", "stale", "", fleet.ResultRefused, missing},
		{"delete", "Old", "", "", fleet.ResultDeleted, ""},
		{"delete", "old", "current", "", fleet.ResultDeleted, ""},
		{"delete", "old", "stale", "", fleet.ResultConflict, "412001"},
		{"delete", "new", "", "", fleet.ResultRefused, missing},
		{"delete", "bad id", "", "", fleet.ResultRefused, ""},
	} {
		t.Run(fmt.Sprint(test.mode, " ", test.id, " ", test.etag, " ", test.status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				client := clientOf(t, server, nil)
				_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(newRecord("stale"), newRecord("old")), nil))
				require.NoError(t, err)
				before := stored(t, server)
				record, good := newRecord(test.id), newRecord("good")
				etag := before["old"]["etag"].(string)
				if test.etag == "stale" {
					etag = before["stale"]["etag"].(string)
				}
				if test.etag == "" {
					etag = ""
				}
				set(&record, azcore.ETag(etag), test.status)
				outcomes, err := collect(fleet.Bulk(t.Context(), client, test.mode, seqOf(record, good), nil))
				require.NoError(t, err)
				require.Len(t, outcomes, 2)
				outcome := outcomes[0]
				if outcome.ID == "good" {
					outcome = outcomes[1]
				}
				assert.Equal(t, test.id, outcome.ID)
				assert.Equal(t, test.want, outcome.Result, outcome.Err)
				assert.EqualValues(t, 0, outcome.Index)
				after := stored(t, server)
				switch test.want {
				case fleet.ResultCreated, fleet.ResultUpdated, fleet.ResultDeleted, fleet.ResultUnchanged:
					assert.NoError(t, outcome.Err)
				default:
					require.Error(t, outcome.Err)
					assert.Equal(t, test.code != "", azdps.HasCode(outcome.Err, test.code), "%v", outcome.Err)
					assert.NotContains(t, outcome.Err.Error(), "\n")
				}
				changed := test.want == fleet.ResultUpdated
				assert.Equal(t, changed || test.want == fleet.ResultDeleted, before["old"]["etag"] != after["old"]["etag"])
				if changed {
					assert.Equal(t, before["old"]["attestation"], after["old"]["attestation"], "the keys are kept")
				}
			})
		})
	}
}

func TestBulkRefusesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
	outcomes, err := collect(fleet.Bulk(t.Context(), client, "upsert", devices(1), nil))
	require.ErrorContains(t, err, "upsert")
	require.Empty(t, outcomes)
}

// TestBulkEndsEarly has the reasons for which a run ends before its input does.
func TestBulkEndsEarly(t *testing.T) {
	broken := errors.New("the disk broke")
	fails := func(n int) iter.Seq2[azdps.IndividualEnrollment, error] {
		return func(yield func(azdps.IndividualEnrollment, error) bool) {
			for i := range n {
				if !yield(device(fmt.Sprintf("device-%d", i)), nil) {
					return
				}
			}
			yield(azdps.IndividualEnrollment{}, broken)
		}
	}
	for _, test := range []struct {
		name   string
		input  iter.Seq2[azdps.IndividualEnrollment, error]
		fault  dpstest.Fault
		status int
		want   error
	}{
		{"the input fails", fails(25), nil, 0, broken},
		{"unauthorized", devices(25), dpstest.Respond(401, 401002, "Unauthorized", nil), 401, nil},
		{"forbidden", devices(25), dpstest.Respond(403, 403000, "Forbidden", nil), 403, nil},
		{"no such service", devices(25), dpstest.Respond(404, 404000, "Not found", nil), 404, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				if test.fault != nil {
					defer server.Control(test.fault, &dpstest.ControlOptions{Times: -1})()
				}
				_, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", test.input, nil))
				require.Error(t, err)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				if test.status != 0 {
					require.True(t, azdps.HasStatusCode(err, test.status))
				}
			})
		})
	}
}

func TestBulkGoesOnAfterAFaultOfTheInput(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		input := fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(
			`{"registrationId":"a","attestation":{"type":"symmetricKey"}}` + "\n{oops\n" + `{"registrationId":"b","attestation":{"type":"symmetricKey"}}` + "\n"))
		outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", input, nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 2, fleet.ResultRefused: 1}, results(outcomes))
		for _, outcome := range outcomes {
			if outcome.Result == fleet.ResultRefused {
				fault, ok := errors.AsType[*fleet.InputError](outcome.Err)
				require.True(t, ok)
				require.Equal(t, 2, fault.Line)
				require.EqualValues(t, 1, outcome.Index)
			}
		}
		require.Len(t, stored(t, server), 2)
	})
}

// TestBulkKeepsTheOrderOfAnID writes records of few ids again and again, some of them in other case.
func TestBulkKeepsTheOrderOfAnID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const ids, writes = 7, 70
		server := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, server, after(time.Millisecond, 300*time.Millisecond, server.Transport()))
		_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(ids), nil))
		require.NoError(t, err)
		var input []azdps.IndividualEnrollment
		for n := range ids * writes {
			record := device(fmt.Sprintf("device-%d", n%ids))
			if n%3 == 0 {
				record.RegistrationID = strings.ToUpper(record.RegistrationID)
			}
			record.DeviceID = fmt.Sprint(n / ids)
			input = append(input, record)
		}
		last := make(map[string]int64)
		for outcome, err := range fleet.Bulk(t.Context(), client, "update", seqOf(input...), nil) {
			require.NoError(t, err)
			require.Equal(t, fleet.ResultUpdated, outcome.Result)
			id := strings.ToLower(outcome.ID)
			require.GreaterOrEqual(t, outcome.Index, last[id])
			last[id] = outcome.Index
		}
		for _, record := range stored(t, server) {
			require.Equal(t, fmt.Sprint(writes-1), record["deviceId"])
		}
	})
}

func TestBulkGivesUp(t *testing.T) {
	const records = 2000
	bad := func(every int) iter.Seq2[azdps.IndividualEnrollment, error] {
		return func(yield func(azdps.IndividualEnrollment, error) bool) {
			for i := range records {
				record := device(fmt.Sprintf("device-%d", i))
				if i%every == every-1 {
					record.RegistrationID = fmt.Sprintf("bad id %d", i)
				}
				if !yield(record, nil) {
					return
				}
			}
		}
	}
	for _, test := range []struct {
		name        string
		every       int
		options     fleet.Options
		least, most int // outcomes; 0 for all
	}{
		{"never", 2, fleet.Options{}, 0, 0},
		{"at the first", 50, fleet.Options{MaxFailures: 1}, 10, 400},
		{"after twenty", 10, fleet.Options{MaxFailures: 20}, 150, 600},
		{"above a tenth", 5, fleet.Options{MaxFailureShare: 0.1}, 100, 500},
		{"above a tenth, late", 5, fleet.Options{MaxFailureShare: 0.1, MinRecords: 1000}, 1000, 1500},
		{"below a tenth", 20, fleet.Options{MaxFailureShare: 0.1}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", bad(test.every), &fleet.BulkOptions{Options: test.options}))
				counts := results(outcomes)
				require.Len(t, stored(t, server), counts[fleet.ResultCreated], "what was written is reported")
				if test.most == 0 {
					require.NoError(t, err)
					require.Len(t, outcomes, records)
					return
				}
				require.ErrorIs(t, err, fleet.ErrTooManyFailures)
				require.GreaterOrEqual(t, len(outcomes), test.least)
				require.LessOrEqual(t, len(outcomes), test.most)
			})
		})
	}
}

func TestBulkStops(t *testing.T) {
	t.Run("when the consumer leaves", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server := dpstest.NewUnstartedServer(nil)
			client := clientOf(t, server, after(time.Second, 2*time.Second, server.Transport()))
			seen := 0
			for _, err := range fleet.Bulk(t.Context(), client, "create", devices(10_000), nil) {
				require.NoError(t, err)
				if seen++; seen == 42 {
					break
				}
			}
			require.Less(t, len(stored(t, server)), 1000)
		})
	})
	t.Run("when its context ends", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server := dpstest.NewUnstartedServer(nil)
			client := clientOf(t, server, after(time.Second, 2*time.Second, server.Transport()))
			ctx, cancel := context.WithTimeout(t.Context(), 10500*time.Millisecond)
			defer cancel()
			start := time.Now()
			outcomes, err := collect(fleet.Bulk(ctx, client, "create", devices(10_000), nil))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(start), 11*time.Second)
			counts := results(outcomes)
			require.LessOrEqual(t, counts[fleet.ResultCreated], len(stored(t, server)))
			require.GreaterOrEqual(t, counts[fleet.ResultCreated]+counts[fleet.ResultUnknown], len(stored(t, server)), "nothing is written that is not told")
			for _, outcome := range outcomes {
				if outcome.Result == fleet.ResultUnknown {
					require.ErrorIs(t, outcome.Err, azdps.ErrOutcomeUnknown)
				}
			}
		})
	})
	t.Run("before it starts", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			outcomes, err := collect(fleet.Bulk(ctx, clientOf(t, dpstest.NewUnstartedServer(nil), nil), "create", devices(100), nil))
			require.ErrorIs(t, err, context.Canceled)
			require.Empty(t, outcomes)
		})
	})
}

// TestBulkSplitsAChunk has a service that refuses, or fails on, an operation as a whole for one record in it.
func TestBulkSplitsAChunk(t *testing.T) {
	for _, test := range []struct {
		status int
		most   int // operations
	}{
		{http.StatusBadRequest, 14},
		{http.StatusRequestEntityTooLarge, 14},
		{http.StatusInternalServerError, 30},
	} {
		t.Run(http.StatusText(test.status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				operations := 0
				stop := server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					operations++
					body, _ := io.ReadAll(r.Body)
					if strings.Contains(string(body), "device-13\"") {
						dpstest.Respond(test.status, test.status*1000+4, "poison", nil)(w, r, next)
						return
					}
					r.Body = io.NopCloser(strings.NewReader(string(body)))
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
				defer stop()
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", devices(30), &fleet.BulkOptions{Options: fleet.Options{MaxConcurrency: 1}}))
				require.NoError(t, err)
				require.Len(t, outcomes, 30)
				require.Len(t, stored(t, server), 29)
				for _, outcome := range outcomes {
					if outcome.ID == "device-13" {
						require.Equal(t, fleet.ResultRefused, outcome.Result)
						require.True(t, azdps.HasStatusCode(outcome.Err, test.status), outcome.Err)
					} else {
						require.Equal(t, fleet.ResultCreated, outcome.Result)
					}
				}
				require.LessOrEqual(t, operations, test.most)
			})
		})
	}
}

func TestBulkReportsProgress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, server, after(20*time.Millisecond, 60*time.Millisecond, server.Transport()))
		server.Control(dpstest.Throttle(10*time.Second), nil)
		var reports []fleet.Progress
		var times []time.Time
		options := &fleet.BulkOptions{Options: fleet.Options{Total: 3000, ProgressEvery: 2 * time.Second, Progress: func(p fleet.Progress) {
			reports, times = append(reports, p), append(times, time.Now())
		}}}
		_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(3000), options))
		require.NoError(t, err)
		require.Greater(t, len(reports), 10)
		require.Less(t, len(reports), 20)
		for i := range len(times) - 2 {
			require.GreaterOrEqual(t, times[i+1].Sub(times[i]), 2*time.Second)
			require.GreaterOrEqual(t, reports[i+1].Done, reports[i].Done)
		}
		middle, last := reports[len(reports)/2], reports[len(reports)-1]
		require.Positive(t, middle.Remaining)
		require.EqualValues(t, 3000, last.Done)
		require.Zero(t, last.Failed)
		require.Zero(t, last.Remaining)
		require.EqualValues(t, 3000, last.Total)
		require.InDelta(t, 10*time.Second, last.Throttled, float64(time.Second))
		require.InDelta(t, 3000/time.Minute.Seconds()*2, last.PerSecond, 100)
	})
}
