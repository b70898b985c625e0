package fleet_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// survive writes what was read in each format, and reads it again.
func survive[T fleet.Record](t *testing.T, name string, read format[T], data []byte) {
	var records []T
	for record, err := range read.read(bytes.NewReader(data)) {
		var fault *fleet.InputError
		if err != nil {
			require.ErrorAs(t, err, &fault, name)
			require.NotEmpty(t, fault.Reason)
			require.Positive(t, fault.Line)
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

// FuzzReadCSV reads tables of both kinds of records: no fault of a file may stop the program, and what was read is not lost.
func FuzzReadCSV(f *testing.F) {
	addSeeds(f, "*.csv")
	f.Fuzz(func(t *testing.T, data []byte) {
		for range fleet.CheckCSV[azdps.IndividualEnrollment](bytes.NewReader(data), "", nil) {
			continue
		}
		survive(t, "enrollments", formats[azdps.IndividualEnrollment]()[1], data)
		survive(t, "groups", formats[azdps.EnrollmentGroup]()[1], data)
	})
}

// FuzzReadJSONL is like it for lines of JSON.
func FuzzReadJSONL(f *testing.F) {
	addSeeds(f, "*.jsonl")
	f.Fuzz(func(t *testing.T, data []byte) {
		for range fleet.CheckJSONL[azdps.IndividualEnrollment](bytes.NewReader(data), "") {
			continue
		}
		survive(t, "enrollments", formats[azdps.IndividualEnrollment]()[0], data)
		survive(t, "groups", formats[azdps.EnrollmentGroup]()[0], data)
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
