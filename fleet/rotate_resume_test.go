package fleet_test

import (
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

func openJournal(t *testing.T, path string) *fleet.Journal {
	t.Helper()
	journal, err := fleet.OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, journal.Close()) })
	return journal
}

func TestRotateKeysGoesOn(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, side.member, 40)
				client := clientOf(t, srv, after(time.Millisecond, time.Second, srv.Transport()))
				path := filepath.Join(t.TempDir(), "journal")
				for stop := range 5 {
					journal := openJournal(t, path)
					taken := 0
					for _, err := range rotateKeys(t.Context(), side.member, client, seqOf(ids...), &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Journal: journal}, NewKey: next}) {
						require.NoError(t, err)
						if taken++; taken == 8*(stop+1) && stop < 4 {
							break
						}
					}
					require.NoError(t, journal.Close())
				}
				for _, id := range ids {
					primary, secondary := keysOf(t, srv, id)
					require.Equal(t, []string{keyOf("next of " + id), keyOf("P")}, []string{primary, secondary})
				}
				content, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NotContains(t, string(content), keyOf("P"))
				require.NotContains(t, string(content), "r-1")
			})
		})
	}
}

// A kill leaves the journal as it is at that moment: here while one record is being written.
func TestRotateKeysAfterKill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		newKey  func(string) (string, error)
		applied bool
		result  fleet.Result
		rotated bool
	}{
		{"given keys, written", next, true, fleet.ResultUpdated, true},
		{"given keys, not written", next, false, fleet.ResultUpdated, true},
		{"random keys, written", nil, true, fleet.ResultUnknown, true},
		{"random keys, not written", nil, false, fleet.ResultUnknown, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, "registrationId", 3)
				client := clientOf(t, srv, nil)
				dir := t.TempDir()
				path, copied := filepath.Join(dir, "journal"), filepath.Join(dir, "copy")
				ctx, kill := context.WithCancel(t.Context())
				srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if c.applied {
						next.ServeHTTP(w, r)
					}
					content, err := os.ReadFile(path)
					if err == nil {
						err = os.WriteFile(copied, content, 0o600)
					}
					if err != nil {
						t.Error(err)
					}
					kill()
					panic(http.ErrAbortHandler)
				}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate, ID: "r-1"})
				options := &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Journal: openJournal(t, path)}, NewKey: c.newKey}
				options.MaxConcurrency = 1
				outcomes, err := collect(fleet.RotateKeys[azdps.IndividualEnrollment](ctx, client, seqOf(ids...), options))
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, fleet.ResultUnknown, outcomes[len(outcomes)-1].Result)

				options.Journal = openJournal(t, copied)
				outcomes = mustCollect(t, fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(ids...), options))
				require.Equal(t, []fleet.Result{fleet.ResultUpdated, c.result, fleet.ResultUpdated},
					[]fleet.Result{outcomes[0].Result, outcomes[1].Result, outcomes[2].Result})
				primary, secondary := keysOf(t, srv, "r-1")
				require.Equal(t, c.rotated, primary != keyOf("P"))
				require.Equal(t, c.rotated, secondary == keyOf("P"))

				_, err = collect(fleet.RotateCertificates[azdps.IndividualEnrollment](t.Context(), client, seqOf[fleet.Certificate](), &fleet.RotateOptions{BulkOptions: options.BulkOptions}))
				require.ErrorIs(t, err, fleet.ErrJournalMismatch)
			})
		})
	}
}

func TestRotateKeysEndsCleanly(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"break", "cancel"} {
		t.Run(end, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				ids := loadKeyed(t, srv, "registrationId", 200)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				client := clientOf(t, srv, after(time.Millisecond, time.Second, srv.Transport()))
				var last error
				n := 0
				for _, err := range fleet.RotateKeys[azdps.IndividualEnrollment](ctx, client, seqOf(ids...), nil) {
					if last = err; err != nil {
						continue
					}
					if n++; n == 20 && end == "break" {
						break
					} else if n == 20 {
						cancel()
					}
				}
				if end == "cancel" {
					require.ErrorIs(t, last, context.Canceled)
				}
				before := len(srv.Requests())
				time.Sleep(time.Hour)
				require.Len(t, srv.Requests(), before)
				require.Less(t, before, 200)
			})
		})
	}
}

// An id that comes twice keeps the key that its devices use, also if the run ends between its two places.
func TestRotateKeysTwiceOverAResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		newKey func(string) (string, error)
		want   map[fleet.Result]int
	}{
		{"random keys", nil, map[fleet.Result]int{fleet.ResultUpdated: 2, fleet.ResultRefused: 1}},
		{"given keys", func(id string) (string, error) { return next(strings.ToLower(id)) }, map[fleet.Result]int{fleet.ResultUpdated: 2, fleet.ResultUnchanged: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed("registrationId", "r-0"), keyed("registrationId", "r-1"))
				client := clientOf(t, srv, nil)
				options := &fleet.RotateOptions{NewKey: c.newKey}
				options.Journal, options.MaxConcurrency = openJournal(t, filepath.Join(t.TempDir(), "journal")), 1
				run := func() iter.Seq2[fleet.Outcome, error] {
					return fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf("r-0", "r-1", "R-0"), options)
				}
				for _, err := range run() {
					require.NoError(t, err)
					break
				}
				outcomes := mustCollect(t, run())
				require.Equal(t, c.want, results(outcomes))
				for _, outcome := range outcomes {
					if outcome.Result == fleet.ResultRefused {
						require.EqualValues(t, 2, outcome.Index)
						require.ErrorAs(t, outcome.Err, new(*fleet.InputError))
						require.ErrorContains(t, outcome.Err, "the id was given before")
					}
				}
				_, secondary := keysOf(t, srv, "r-0")
				require.Equal(t, keyOf("P"), secondary, "rotated once")
			})
		})
	}
}

// A record whose write cannot be noted is not written.
func TestRotateKeysWithoutItsJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		ids := loadKeyed(t, srv, "registrationId", 5)
		client := clientOf(t, srv, nil)
		options := &fleet.RotateOptions{NewKey: next}
		options.Journal, options.MaxConcurrency = openJournal(t, filepath.Join(t.TempDir(), "journal")), 1
		var last error
		for _, err := range fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(ids...), options) {
			if last = err; err == nil {
				require.NoError(t, options.Journal.Close())
			}
		}
		require.ErrorIs(t, last, os.ErrClosed)
		require.Equal(t, 1, asked(srv, dpstest.OperationIndividualEnrollmentCreateOrUpdate))
		_, err := collect(fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(ids...), options))
		require.ErrorIs(t, err, os.ErrClosed)
	})
}
