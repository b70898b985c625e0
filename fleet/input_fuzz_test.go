package fleet_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// linesOf are records as JSON, which says all of them.
func linesOf[T fleet.Record](t testing.TB, records []T) string {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, fleet.WriteJSONL(&file, seqOf(records...)))
	return file.String()
}

// leak is what no error may quote: the targets put it in the place of leakMark, which mutations move about.
const leak, leakMark = "Zk9tSecretOfADevice==", "SECRET"

// requirePlace requires a fault to name a place that is there, and to tell why without a value of the file.
func requirePlace(t *testing.T, err error, data []byte) {
	t.Helper()
	var fault *fleet.InputError
	require.ErrorAs(t, err, &fault)
	require.NotEmpty(t, fault.Reason)
	lines := bytes.SplitAfter(data, []byte("\n"))
	require.Positive(t, fault.Line)
	require.LessOrEqual(t, fault.Line, len(lines))
	require.GreaterOrEqual(t, fault.Column, 0)
	require.LessOrEqual(t, fault.Column, len(lines[fault.Line-1])+1, "%v", fault)
	require.NotContains(t, fault.Reason, leak)
}

// survive writes what was read in each format, and reads it again. It returns how many records and faults there were.
func survive[T fleet.Record](t *testing.T, read format[T], data []byte) (count int) {
	var records []T
	ended := false
	for record, err := range read.read(bytes.NewReader(data)) {
		require.False(t, ended, "nothing follows an error that is no fault of a record")
		count++
		if err != nil {
			require.Zero(t, record, "a fault has no record")
			if _, isFault := errors.AsType[*fleet.InputError](err); isFault {
				requirePlace(t, err, data)
				continue
			}
			ended = true
			require.NotContains(t, err.Error(), leak)
			continue
		}
		records = append(records, record)
	}
	want := linesOf(t, records)
	for _, f := range formats[T]() {
		got := linesOf(t, f.trip(t, records))
		if f.name != "JSONL" && want != got { // a table gives an attestation by keys the member for them
			got, want := withKeysMember(t, got), withKeysMember(t, want)
			require.Equal(t, want, got, f.name)
			continue
		}
		require.Equal(t, want, got, f.name)
	}
	requireNoFormula(t, records)
	return count
}

// requireNoFormula reads the cells of a table as a spreadsheet does: none of them begins like a formula.
func requireNoFormula[T fleet.Record](t *testing.T, records []T) {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, fleet.WriteCSV(&file, seqOf(records...), nil))
	rows, err := csv.NewReader(&file).ReadAll()
	require.NoError(t, err)
	for _, row := range rows {
		for _, cell := range row {
			first, _ := utf8.DecodeRuneInString(cell)
			require.False(t, cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first), "%q", cell)
		}
	}
}

// withKeysMember adds the member for keys to the attestations by keys that have none.
func withKeysMember(t testing.TB, text string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		var record map[string]json.RawMessage
		var attestation map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		require.NoError(t, json.Unmarshal(record["attestation"], &attestation))
		if attestation["symmetricKey"] == nil && string(attestation["type"]) == `"symmetricKey"` {
			attestation["symmetricKey"] = json.RawMessage("{}")
		}
		var err error
		record["attestation"], err = json.Marshal(attestation)
		require.NoError(t, err)
		canonical, err := json.Marshal(record)
		require.NoError(t, err)
		out.Write(append(canonical, '\n'))
	}
	return out.String()
}

func addSeeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
}

// FuzzReadCSV reads tables of both kinds of records, with and without the protection from formulas.
//
//   - What was read is the same when it was written in any format and read again, and no cell that is written protected begins as a
//     formula does.
//   - Each row that has any text, as encoding/csv sees it, is a record or a fault, and no row is lost.
//   - What is not the fault of one row is the last.
//   - A fault names a line and a column that the file has, and quotes no value: see leak.
func FuzzReadCSV(f *testing.F) {
	addSeeds(f, "*.csv")
	for _, seed := range []string{
		"registrationId,attestation,primaryKey\na,symmetricKey,SECRET\n", "registrationId,iotEdge,tags\nSECRET,SECRET,SECRET\n",
		"registrationId,additionalProperties\na,\"{\"\"x\"\":{\"\"SECRET\"\":[1.50,null]},\"\"iotHubs\"\":\"\"SECRET\"\"}\"\n",
		"registrationId,tags.a,desired.b.c,optionalDeviceInformation.d\na,1,\"[1e400]\",\"\"\"SECRET\"\"\"\n",
		"\ufeffenrollmentGroupId,iotHubs,provisioningStatus\r\ng,=a;'b;@c,-1\r\n\r\n,,\r\nh,\"a\r\nb\",\"+\"\r\n",
		"registrationId,createdDateTimeUtc\na,2023-05-19T23:10:45+24:00\n", "a,b\"c\n\"", "registrationId\n\"a\nb\"x\nc",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		header, _, _ := bytes.Cut(data, []byte("\n"))
		if !bytes.Contains(header, []byte(leakMark)) { // a header is quoted, since it has names
			data = bytes.ReplaceAll(data, []byte(leakMark), []byte(leak))
		}
		for err := range fleet.CheckCSV[azdps.IndividualEnrollment](bytes.NewReader(data), "", nil) {
			requirePlace(t, err, data)
		}
		for err := range fleet.CheckCSV[azdps.EnrollmentGroup](bytes.NewReader(data), azdps.BulkOperationModeUpdate, nil) {
			requirePlace(t, err, data)
		}
		rows, isTable := rowsOf(data)
		for _, i := range []int{1, 2} {
			if count := survive(t, formats[azdps.IndividualEnrollment]()[i], data); isTable && rows[0][0] == "registrationId" && len(rows[0]) == 1 {
				require.Equal(t, len(rows)-1, count)
			}
			if count := survive(t, formats[azdps.EnrollmentGroup]()[i], data); isTable && rows[0][0] == "enrollmentGroupId" && len(rows[0]) == 1 {
				require.Equal(t, len(rows)-1, count)
			}
		}
	})
}

// rowsOf are the rows of a table that have any text, if all of it can be read.
func rowsOf(data []byte) (rows [][]string, ok bool) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	in.FieldsPerRecord = -1
	all, err := in.ReadAll()
	for i, row := range all {
		if i == 0 || strings.Join(row, "") != "" {
			rows = append(rows, row)
		}
	}
	return rows, err == nil && len(rows) > 0
}

// FuzzReadJSONL is like it for lines of JSON: each line that is not blank is a record or a fault.
func FuzzReadJSONL(f *testing.F) {
	addSeeds(f, "*.jsonl")
	for _, seed := range []string{
		`{"registrationId":"a","attestation":{"type":"SECRET","symmetricKey":{"primaryKey":"SECRET"}},"deviceId":7}` + "\n" + `{"registrationId":["SECRET"]}`,
		`{"enrollmentGroupId":"g","iotHubs":"SECRET","initialTwin":{"tags":["SECRET"]},"errorCode":"SECRET"}` + "\r\n\r\n" + `{"x":1}`,
		"\ufeff{\"registrationId\":\"a\",\"x\":1,\"x\":{\"y\":1,\"y\":\"\xff\"}}\n{\n[]\n\"SECRET\"\nnull\n1 SECRET",
		`{"registrationId":"a","createdDateTimeUtc":"SECRET","capabilities":{"iotEdge":"SECRET"},"registrationState":{"errorCode":"SECRET"}}`,
		`{"registrationId":"a\r\nb","deviceId":"\r","iotHubs":["\r\n",""," ",";"],"initialTwin":{"tags":{"\r\n":"=1"}}}`,
		`{"registrationId":"a","deviceId":1,"deviceId":2,"deviceId":"b"}`, `{"RegistrationID":"a"}`, `{"registrationId":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.ReplaceAll(data, []byte(leakMark), []byte(leak))
		for err := range fleet.CheckJSONL[azdps.IndividualEnrollment](bytes.NewReader(data), "") {
			requirePlace(t, err, data)
		}
		for err := range fleet.CheckJSONL[azdps.EnrollmentGroup](bytes.NewReader(data), azdps.BulkOperationModeUpdate) {
			requirePlace(t, err, data)
		}
		lines := 0
		for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		require.Equal(t, lines, survive(t, formats[azdps.IndividualEnrollment]()[0], data))
		require.Equal(t, lines, survive(t, formats[azdps.EnrollmentGroup]()[0], data))
	})
}

// benchmarked are 1,000 records of all kinds in a format.
func benchmarked(b *testing.B, f format[azdps.IndividualEnrollment]) []byte {
	b.Helper()
	var records []azdps.IndividualEnrollment
	for len(records) < 1000 {
		records = append(records, enrollmentsOfAllKinds()...)
	}
	var file bytes.Buffer
	require.NoError(b, f.write(&file, seqOf(records[:1000]...)))
	return file.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, f := range formats[azdps.IndividualEnrollment]()[:2] {
		b.Run(f.name, func(b *testing.B) {
			file := benchmarked(b, f)
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range f.read(bytes.NewReader(file)) {
					require.NoError(b, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	file := benchmarked(b, formats[azdps.IndividualEnrollment]()[0])
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		for range fleet.CheckJSONL[azdps.IndividualEnrollment](bytes.NewReader(file), "") {
			continue
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}
