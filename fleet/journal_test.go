package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// withJournal runs with the journal at a path.
func withJournal[T fleet.Record](t *testing.T, path string, client *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, records iter.Seq2[T, error]) ([]fleet.Outcome, error) {
	t.Helper()
	journal, err := fleet.OpenJournal(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, journal.Close()) }()
	return collect(fleet.Bulk(t.Context(), client, mode, records, &fleet.BulkOptions{Journal: journal, Options: fleet.Options{MaxConcurrency: 2}}))
}

// someDevices has records that are created, one that is refused, one in conflict, and two of one id.
func someDevices() iter.Seq2[azdps.IndividualEnrollment, error] {
	bad := device("bad.")
	bad.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
	list := []azdps.IndividualEnrollment{bad, device("exists")}
	for i := range 11 {
		list = append(list, device(fmt.Sprintf("device-%d", i)))
	}
	return seqOf(append(list, device("DEVICE-10"))...)
}

// journalLine is what the tests read of a journal.
type journalLine struct {
	Intent, Result []int64
	Codes          string
}

func readJournal(t *testing.T, data []byte) (lines []journalLine) {
	t.Helper()
	for text := range bytes.Lines(data) {
		if text[len(text)-1] != '\n' {
			break
		}
		line := journalLine{}
		require.NoError(t, json.Unmarshal(text, &line))
		lines = append(lines, line)
	}
	return lines
}

// TestJournalAtEveryByte ends a run after each byte of its journal. Of the records that were under way, some were written by then,
// and after whole lines also none or all. The next run must not send what was done, and must end as an undisturbed one does.
func TestJournalAtEveryByte(t *testing.T) {
	directory := t.TempDir()
	bubble(t, func(t *testing.T) { testJournalAtEveryByte(t, directory) })
}

func testJournalAtEveryByte(t *testing.T, directory string) {
	path := filepath.Join(directory, "whole")
	server := dpstest.NewUnstartedServer(nil)
	_, err := clientOf(t, server, nil).IndividualEnrollments().CreateOrUpdate(t.Context(), other("exists"), nil)
	require.NoError(t, err)
	want, err := withJournal(t, path, clientOf(t, server, nil), "create", someDevices())
	require.NoError(t, err)
	require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 11, fleet.ResultConflict: 2, fleet.ResultRefused: 1}, results(want))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	var inputs []azdps.IndividualEnrollment
	for record := range someDevices() {
		inputs = append(inputs, record)
	}
	for size := range len(whole) + 1 {
		resumeAt(t, filepath.Join(directory, fmt.Sprint(size)), whole[:size], 2, inputs, want)
		if size > 0 && whole[size-1] == '\n' {
			resumeAt(t, filepath.Join(directory, fmt.Sprint(size, "-none")), whole[:size], 0, inputs, want)
			resumeAt(t, filepath.Join(directory, fmt.Sprint(size, "-all")), whole[:size], 1, inputs, want)
		}
	}
}

// other is a record that somebody else made.
func other(id string) azdps.IndividualEnrollment {
	record := device(id)
	record.DeviceID = "other"
	return record
}

// resumeAt goes on with a journal as a killed run left it. Applied says which of the records under way were written: every so many,
// or none.
func resumeAt(t *testing.T, path string, journal []byte, applied int, inputs []azdps.IndividualEnrollment, want []fleet.Outcome) {
	server := dpstest.NewUnstartedServer(nil)
	require.NoError(t, os.WriteFile(path, journal, 0o600))
	state := make(map[int64]string)
	for _, line := range readJournal(t, journal) {
		for _, index := range line.Intent {
			state[index] = "sent"
		}
		for _, index := range line.Result {
			state[index] = "done"
		}
	}
	dump := strings.Builder{}
	dump.WriteString(`{"registrationId":"exists","deviceId":"other","attestation":{"type":"symmetricKey"}}` + "\n")
	written := make(map[string]bool)
	for i, record := range inputs {
		s := state[int64(i)]
		if id := strings.ToLower(record.RegistrationID); i >= 2 && !written[id] && (s == "done" || s == "sent" && applied > 0 && i%applied == 0) {
			written[id] = true
			fmt.Fprintf(&dump, `{"registrationId":%q,"attestation":{"type":"symmetricKey"}}`+"\n", record.RegistrationID)
		}
	}
	require.NoError(t, server.Load(strings.NewReader(dump.String())))
	outcomes, err := withJournal(t, path, clientOf(t, server, nil), "create", someDevices())
	require.NoError(t, err)
	require.Len(t, stored(t, server), 12)
	require.Len(t, outcomes, len(inputs))
	byIndex := make(map[int64]fleet.Outcome)
	for _, outcome := range outcomes {
		byIndex[outcome.Index] = outcome
	}
	for _, expected := range want {
		outcome := byIndex[expected.Index]
		require.Equal(t, expected.ID, outcome.ID)
		if expected.ID == "DEVICE-10" && state[expected.Index] == "sent" && outcome.Result == fleet.ResultCreated {
			continue // it is equal to the record that came before, so it cannot be told from its own write
		}
		require.Equal(t, expected.Result, outcome.Result, "%d bytes, applied %d, %s", len(journal), applied, expected.ID)
		if expected.Err != nil {
			require.Equal(t, expected.Err.Error(), outcome.Err.Error())
			require.True(t, azdps.HasStatusCode(outcome.Err, 400, 409))
		}
	}
	for _, request := range server.Requests() {
		if request.Operation != dpstest.OperationIndividualEnrollmentRunBulkOperation {
			continue
		}
		for i, record := range inputs {
			if state[int64(i)] == "done" {
				require.NotContains(t, string(request.Body), fmt.Sprintf("%q", record.RegistrationID), "it was done")
			}
		}
	}
}

func TestJournalHoldsNoIDsAndNoKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	_, err := withJournal(t, path, clientOf(t, dpstest.NewUnstartedServer(nil), nil), "create", someDevices())
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(string(data)), "device-")
	require.NotContains(t, string(data), testKey)
	require.Contains(t, string(data), "Invalid RegistrationId")
}

// TestJournalMode is that of its owner for a new file, and that of the file else.
func TestJournalMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode there")
	}
	created, existing := filepath.Join(t.TempDir(), "journal"), filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(existing, nil, 0o600))
	require.NoError(t, os.Chmod(existing, 0o640)) //nolint:gosec // another one than that of a new file
	for path, mode := range map[string]os.FileMode{created: 0o600, existing: 0o640} {
		openJournal(t, path)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
}

func TestJournalNamesDamage(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	path := filepath.Join(directory, "journal")
	_, err := withJournal(t, path, clientOf(t, dpstest.NewUnstartedServer(nil), nil), "create", someDevices())
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := filepath.Join(directory, "damaged")
	expect := func(data []byte, line int) {
		t.Helper()
		require.NoError(t, os.WriteFile(damaged, data, 0o600))
		_, err := fleet.OpenJournal(damaged)
		require.ErrorIs(t, err, fleet.ErrJournalDamaged)
		require.ErrorContains(t, err, fmt.Sprintf("line %d ", line))
	}
	for i := range len(whole) - 1 {
		data := bytes.Clone(whole)
		data[i] ^= 1
		expect(data, bytes.Count(whole[:i], []byte("\n"))+1)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for i := range len(lines) - 2 { // the last one is empty
		expect(bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil), i+1)
	}
	expect(append(bytes.Clone(whole), "\n"...), len(lines))
	expect([]byte("device,key\n"), 1)
}

func TestJournalRefusesAnotherRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	server := dpstest.NewUnstartedServer(nil)
	client := clientOf(t, server, nil)
	_, err := withJournal(t, path, client, "create", devices(50))
	require.NoError(t, err)
	otherService, err := azdps.NewDeviceProvisioningClientFromConnectionString(
		strings.Replace(server.ConnectionString(), "dpstest.", "another.", 1), &azdps.ClientOptions{})
	require.NoError(t, err)
	refused := func(run func() ([]fleet.Outcome, error), reason string) {
		t.Helper()
		outcomes, err := run()
		require.ErrorIs(t, err, fleet.ErrJournalMismatch)
		require.ErrorContains(t, err, reason)
		require.Empty(t, outcomes)
	}
	refused(func() ([]fleet.Outcome, error) { return withJournal(t, path, otherService, "create", devices(50)) }, "service")
	refused(func() ([]fleet.Outcome, error) { return withJournal(t, path, client, "delete", devices(50)) }, "mode")
	refused(func() ([]fleet.Outcome, error) {
		return withJournal(t, path, client, "create", seqOf(group("device-0")))
	}, "enrollmentGroups")
	refused(func() ([]fleet.Outcome, error) { return withJournal(t, path, client, "create", devices(49)) }, "input")
	refused(func() ([]fleet.Outcome, error) { return withJournal(t, path, client, "create", seqOf(device("x"))) }, "input")
	outcomes, err := withJournal(t, path, client, "create", devices(60))
	require.NoError(t, err, "an input may grow")
	require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 60}, results(outcomes))
}

func TestJournalInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	journal, err := fleet.OpenJournal(path)
	require.NoError(t, err)
	_, err = fleet.OpenJournal(path)
	require.ErrorIs(t, err, fleet.ErrJournalInUse)
	client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
	options := &fleet.BulkOptions{Journal: journal}
	for outcome, err := range fleet.Bulk(t.Context(), client, "create", devices(30), options) {
		require.NoError(t, err)
		if outcome.Index == 0 {
			_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(30), options))
			require.ErrorIs(t, err, fleet.ErrJournalInUse)
		}
	}
	outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", devices(30), options))
	require.NoError(t, err, "one run after another")
	require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 30}, results(outcomes))
	require.NoError(t, journal.Close())
	require.NoError(t, journal.Close())
	_, err = collect(fleet.Bulk(t.Context(), client, "create", devices(30), options))
	require.ErrorIs(t, err, os.ErrClosed)
}

// TestJournalAfterAnEarlyEnd leaves runs early in every mode, by the consumer, the context and a failing service, and goes on.
func TestJournalAfterAnEarlyEnd(t *testing.T) {
	for _, mode := range []azdps.BulkOperationMode{"create", "update", "delete"} {
		t.Run(string(mode), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			bubble(t, func(t *testing.T) {
				const n = 400
				server := dpstest.NewUnstartedServer(nil)
				client := clientOf(t, server, after(100*time.Millisecond, 900*time.Millisecond, server.Transport()))
				input := make([]azdps.IndividualEnrollment, n)
				for i := range input {
					input[i] = device(fmt.Sprintf("device-%d", i))
				}
				if mode != "create" {
					_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(input...), nil))
					require.NoError(t, err)
				}
				for i := range input {
					input[i].DeviceID = "changed"
				}
				journal, err := fleet.OpenJournal(path)
				require.NoError(t, err)
				defer journal.Close()
				for round := range 12 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(round+1)*time.Second)
					if round%3 == 1 {
						server.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Times: 3})
					}
					if round%3 == 2 {
						server.Control(dpstest.Respond(401, 401002, "Unauthorized", nil), nil)
					}
					seen := 0
					for range fleet.Bulk(ctx, client, mode, seqOf(input...), &fleet.BulkOptions{Journal: journal}) {
						if seen++; seen == n/2 && round%2 == 0 {
							break
						}
					}
					cancel()
				}
				outcomes, err := collect(fleet.Bulk(t.Context(), client, mode, seqOf(input...), &fleet.BulkOptions{Journal: journal}))
				require.NoError(t, err)
				want := map[azdps.BulkOperationMode]fleet.Result{"create": fleet.ResultCreated, "update": fleet.ResultUpdated, "delete": fleet.ResultDeleted}[mode]
				assert.Equal(t, map[fleet.Result]int{want: n}, results(outcomes))
				if mode == "delete" {
					assert.Empty(t, stored(t, server))
				} else {
					assert.Len(t, stored(t, server), n)
				}
			})
		})
	}
}

// TestJournalIntendsBeforeItSends looks at the file whenever the service gets records: all of them must be announced.
func TestJournalIntendsBeforeItSends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	server := dpstest.NewUnstartedServer(nil)
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		data, err := os.ReadFile(path)
		assert.NoError(t, err)
		intended := make(map[int64]bool)
		for _, line := range readJournal(t, data) {
			for _, index := range line.Intent {
				intended[index] = true
			}
		}
		for i := range 95 {
			if bytes.Contains(body, fmt.Appendf(nil, `"device-%d"`, i)) {
				assert.True(t, intended[int64(i)], i)
			}
		}
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Times: -1})
	outcomes, err := withJournal(t, path, clientOf(t, server, nil), "create", devices(95))
	require.NoError(t, err)
	require.Len(t, outcomes, 95)
}

// TestJournalTakesATornLineOff has a torn line that is longer than all that follows.
func TestJournalTakesATornLineOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
	_, err := withJournal(t, path, client, "create", devices(100))
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(whole, strings.Repeat(`{"intent":[1`, 1000)...), 0o600))
	for range 2 {
		outcomes, err := withJournal(t, path, client, "create", devices(101))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 101}, results(outcomes))
	}
}

// TestJournalForgetsAnInputThatBroke lets a run go on whose input failed before anything was sent.
func TestJournalForgetsAnInputThatBroke(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
	_, err := withJournal(t, path, client, "create", func(yield func(azdps.IndividualEnrollment, error) bool) {
		_ = yield(device("device-0"), nil) && yield(azdps.IndividualEnrollment{}, io.ErrUnexpectedEOF)
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	outcomes, err := withJournal(t, path, client, "create", devices(20))
	require.NoError(t, err)
	require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 20}, results(outcomes))
}

// TestJournalOfAnEmptyInput lets the input grow, and keeps the journal from another one after that.
func TestJournalOfAnEmptyInput(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	client := clientOf(t, dpstest.NewUnstartedServer(nil), nil)
	for _, n := range []int{0, 0, 3, 5} {
		outcomes, err := withJournal(t, path, client, "create", devices(n))
		require.NoError(t, err)
		require.Equal(t, n, results(outcomes)[fleet.ResultCreated])
	}
	for _, n := range []int{0, 2} {
		_, err := withJournal(t, path, client, "create", devices(n))
		require.ErrorIs(t, err, fleet.ErrJournalMismatch)
	}
}
