package fleet_test

import (
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// faults are the texts of what a check finds.
func faults(all iter.Seq[error]) (texts []string) {
	for err := range all {
		texts = append(texts, err.Error())
	}
	return texts
}

// readFirst takes what a reader yields first.
func readFirst[T any](records iter.Seq2[T, error]) (record T, err error) {
	for record, err := range records {
		return record, err
	}
	return record, io.EOF
}

// readAll takes the records of a sequence until an error.
func readAll[T any](records iter.Seq2[T, error]) (list []T, err error) {
	for record, err := range records {
		if err != nil {
			return list, err
		}
		list = append(list, record)
	}
	return list, nil
}

// TestReadGoesOn reads the good records after the bad ones.
func TestReadGoesOn(t *testing.T) {
	t.Parallel()
	for name, records := range map[string]iter.Seq2[azdps.IndividualEnrollment, error]{
		"JSONL": fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(
			"\ufeff{\"registrationId\":\"a\"}\r\n\r\n{\n{\"registrationId\":\"b\"}\n" +
				strings.Repeat(" ", fleet.MaxRecordSize+1) + "\n   {\"registrationId\":\"c\"}")),
		"CSV": fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(
			"\ufeff\"registrationId\",iotEdge\r\na,TRUE\r\n\r\n,\r\n\"b\"c,d\r\nb,\r\nc\r\nc,\"\""), nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			bad := 0
			for record, err := range records {
				if _, ok := errors.AsType[*fleet.InputError](err); ok {
					require.Zero(t, record)
					bad++
					continue
				}
				require.NoError(t, err)
				ids = append(ids, record.RegistrationID)
			}
			require.Equal(t, []string{"a", "b", "c"}, ids)
			require.Equal(t, 2, bad)
		})
	}
}

// TestReaderFails passes the error of a reader on, last.
func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	file := func(text string) io.Reader { return io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)) }
	type device = azdps.IndividualEnrollment

	records, err := readAll(fleet.ReadJSONL[device](file("{\"registrationId\":\"a\"}\n{\"registr")))
	require.Len(t, records, 1)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "fleet: line 2: the disk is broken")

	records, err = readAll(fleet.ReadCSV[device](file("registrationId\na\nb"), nil))
	require.Len(t, records, 1)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "fleet: after line 2: the disk is broken")

	_, err = readAll(fleet.ReadCSV[device](file("regist"), nil))
	require.ErrorIs(t, err, broken)
	for _, check := range []iter.Seq[error]{fleet.CheckJSONL[device](file(""), ""), fleet.CheckCSV[device](file(""), "", nil)} {
		for err := range check {
			require.ErrorIs(t, err, broken)
		}
	}
}

// TestLeaveEarly leaves each loop at its first turn.
func TestLeaveEarly(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("{}\n{\"registrationId\":\"a\"}\n", 2)
	table := "registrationId\n\"a\"b\na\na\n"
	for range fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(lines)) {
		break
	}
	for range fleet.CheckJSONL[azdps.IndividualEnrollment](strings.NewReader(lines), "") {
		break
	}
	for range fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(table), nil) {
		break
	}
	for range fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(table), "", nil) {
		break
	}
}

func TestInputErrorText(t *testing.T) {
	t.Parallel()
	require.EqualError(t, &fleet.InputError{Reason: "no"}, "fleet: no")
	require.EqualError(t, &fleet.InputError{Column: 3, Field: "a", Reason: "no"}, "fleet: a: no")
	require.EqualError(t, &fleet.InputError{Line: 2, Reason: "no"}, "fleet: line 2: no")
	require.EqualError(t, &fleet.InputError{Line: 2, Column: 3, Field: "a", Reason: "no"}, "fleet: line 2, column 3: a: no")
}

func TestCreateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("older and longer"), 0o644)) //nolint:gosec // what CreateFile has to mend
	file, err := fleet.CreateFile(path)
	require.NoError(t, err)
	require.NoError(t, fleet.WriteJSONL(file, seqOf(device("a"))))
	require.NoError(t, file.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, `{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{}}}`+"\n", string(written))

	_, err = fleet.CreateFile(filepath.Join(path, "below"))
	require.Error(t, err)
}

// TestWriteFails passes on the errors of the records and of the file.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	records := func(yield func(azdps.IndividualEnrollment, error) bool) {
		_ = yield(device("a"), nil) && yield(device("b"), broken)
	}
	unwritable := device("a")
	unwritable.OptionalDeviceInformation = azdps.TwinCollection{"x": func() {}}
	for name, write := range map[string]func(io.Writer, iter.Seq2[azdps.IndividualEnrollment, error]) error{
		"JSONL": fleet.WriteJSONL[azdps.IndividualEnrollment],
		"CSV": func(w io.Writer, records iter.Seq2[azdps.IndividualEnrollment, error]) error {
			return fleet.WriteCSV(w, records, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, broken, write(io.Discard, records))
			require.ErrorIs(t, write(failingWriter{broken}, records), broken)
			require.Error(t, write(io.Discard, seqOf(unwritable)))
		})
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
