package fleet_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// versions yields records of one id, of which each shows its version, and others between them.
func versions(n, between int) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for version := range n {
			record := device("a")
			record.DeviceID = fmt.Sprint("v", version)
			if !yield(record, nil) {
				return
			}
			for i := range between {
				if !yield(device(fmt.Sprintf("other-%d-%d", version, i)), nil) {
					return
				}
			}
		}
	}
}

// TestBulkSendsNothingAfterAnUnknownRecord does not learn what became of the first version of a record. Later versions, which wait for
// it or are read long after, are not sent; the next run sends all of them, so that the last version is there in the end.
func TestBulkSendsNothingAfterAnUnknownRecord(t *testing.T) {
	for _, between := range []int{0, 9, 1000} {
		t.Run(fmt.Sprint(between), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, keyed("registrationId", "a"))
				for version := range 3 {
					for i := range between {
						load(t, srv, keyed("registrationId", fmt.Sprintf("other-%d-%d", version, i)))
					}
				}
				client := clientOf(t, srv, nil)
				var lost atomic.Bool
				srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					body, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(bytes.NewReader(body))
					if !bytes.Contains(body, []byte(`"v0"`)) || lost.Swap(true) {
						next.ServeHTTP(w, r)
						return
					}
					srv.Control(dpstest.Respond(500, 500001, "No.", nil), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet, ID: "a", Times: 8})
					dpstest.DropResponse()(w, r, next)
				}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
				path := filepath.Join(t.TempDir(), "journal")

				outcomes, err := withJournal(t, path, client, azdps.BulkOperationModeUpdate, versions(3, between))
				require.NoError(t, err)
				require.Len(t, outcomes, 3*(1+between))
				unknown := 0
				for _, outcome := range outcomes {
					if outcome.ID == "a" {
						require.Equal(t, fleet.ResultUnknown, outcome.Result)
						require.Error(t, outcome.Err)
						unknown++
					}
				}
				require.Equal(t, 3, unknown)
				require.Equal(t, "v0", stored(t, srv)["a"]["deviceId"])

				outcomes, err = withJournal(t, path, client, azdps.BulkOperationModeUpdate, versions(3, between))
				require.NoError(t, err)
				require.Len(t, outcomes, 3*(1+between))
				require.Zero(t, results(outcomes)[fleet.ResultUnknown])
				require.Equal(t, "v2", stored(t, srv)["a"]["deviceId"])
			})
		})
	}
}
