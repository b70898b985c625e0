package fleet_test

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// unreadable is a table of which nobody can tell how many rows are not read, and why.
type unreadable struct {
	table, want string
	more        []string // faults that follow
}

func unreadableTables() map[string]unreadable {
	const quotes = "a cell with a quote must begin with one, end with one, and double those between"
	var open strings.Builder
	open.WriteString("registrationId,attestation\na,symmetricKey\n\"b,symmetricKey\n")
	for i := range 100 {
		fmt.Fprintf(&open, "device-%d,symmetricKey\n", i)
	}
	return map[string]unreadable{
		"header": {
			table: "registrationID,attestation\na,symmetricKey\nb,symmetricKey\n",
			want:  "fleet: line 1: registrationId: is missing in the header, which is the first row; capitals count",
		},
		"columns": {
			table: "registrationId,kind,size\na,symmetricKey\nb,symmetricKey\n",
			want:  "fleet: line 1, column 16: \"kind\": is no column of this table",
			more:  []string{"fleet: line 1, column 21: \"size\": is no column of this table"},
		},
		"header too long": {
			table: "registrationId," + strings.Repeat("x", fleet.MaxRecordSize+10_000),
			want:  "fleet: line 1: a row has more than 1048576 bytes; a quote may have been left open",
		},
		"row too long": {
			table: "registrationId,attestation\na,symmetricKey\n\"b" + strings.Repeat(",symmetricKey\n", fleet.MaxRecordSize/10),
			want:  "fleet: line 3: a row has more than 1048576 bytes; a quote may have been left open",
		},
		"open quote to the end": {
			table: open.String(),
			want:  "fleet: line 103, column 24: " + quotes + "; the row begins in line 3",
		},
		"open quote to the next": {
			table: open.String() + "c,\"symmetricKey\"\nd,symmetricKey\nd,oil\n",
			want:  "fleet: line 104, column 3: " + quotes + "; the row begins in line 3",
			more: []string{
				"fleet: line 106, column 3: attestation: must be symmetricKey or tpm or x509",
				"fleet: line 106, column 1: registrationId: is the same as in line 105; ids compare without case",
			},
		},
	}
}

// TestUnreadRowsEndARun ends runs and walks with an error when rows could not be read, so that nobody takes those for one record that
// was refused.
func TestUnreadRowsEndARun(t *testing.T) {
	t.Parallel()
	for name, test := range unreadableTables() {
		read := func() iter.Seq2[azdps.IndividualEnrollment, error] {
			return fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(test.table), nil)
		}
		ids := func(yield func(string, error) bool) {
			for record, err := range read() {
				if !yield(record.RegistrationID, err) {
					return
				}
			}
		}
		for run, do := range map[string]func(*testing.T, *azdps.DeviceProvisioningClient) iter.Seq2[fleet.Outcome, error]{
			"bulk": func(t *testing.T, client *azdps.DeviceProvisioningClient) iter.Seq2[fleet.Outcome, error] {
				return fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, read(), nil)
			},
			"journal": func(t *testing.T, client *azdps.DeviceProvisioningClient) iter.Seq2[fleet.Outcome, error] {
				journal, err := fleet.OpenJournal(filepath.Join(t.TempDir(), "journal"))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, journal.Close()) })
				return fleet.Bulk(t.Context(), client, azdps.BulkOperationModeCreate, read(), &fleet.BulkOptions{Journal: journal})
			},
			"walk": func(t *testing.T, client *azdps.DeviceProvisioningClient) iter.Seq2[fleet.Outcome, error] {
				return fleet.Decommission(t.Context(), client, ids, nil)
			},
		} {
			t.Run(name+"/"+run, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					outcomes, err := collect(do(t, clientOf(t, dpstest.NewUnstartedServer(nil), nil)))
					require.EqualError(t, err, test.want)
					require.Zero(t, results(outcomes)[fleet.ResultRefused])
				})
			})
		}
	}
}

// TestUnreadRowsAreChecked lists them as faults of the file, and goes on to check it where that can be done.
func TestUnreadRowsAreChecked(t *testing.T) {
	t.Parallel()
	for name, test := range unreadableTables() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts []string
			for err := range fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(test.table), "", nil) {
				fault, ok := errors.AsType[*fleet.InputError](err)
				require.True(t, ok, err)
				require.Positive(t, fault.Line)
				texts = append(texts, err.Error())
			}
			require.Equal(t, append([]string{test.want}, test.more...), texts)
		})
	}
}
