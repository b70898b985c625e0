package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sealedLine writes a line of a journal by the format alone, which the package must keep: a checksum over the lines so far, in
// the last member.
func sealedLine(sum uint32, object string) (uint32, string) {
	body := strings.TrimSuffix(object, "}")
	sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), []byte(body))
	return sum, fmt.Sprintf("%s,\"crc\":\"%08x\"}\n", body, sum)
}

// journalTruth is a journal of 23 records: some done, some refused, some under way.
func journalTruth(f *testing.F) []byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "truth")
	journal, err := OpenJournal(path)
	require.NoError(f, err)
	header := &journalHeader{Format: journalFormat, Service: "https://a", Kind: "individualEnrollments", Mode: "create", Head: "00", Records: 23}
	require.NoError(f, journal.append(&journalLine{Run: header}))
	results := PossibleResultValues()
	for chunk := range int64(6) {
		var indexes []int64
		var outcomes []Outcome
		for i := range int64(4) {
			if index := chunk*4 + (i*3+1)%4; index < 23 {
				result := results[int(index)%len(results)]
				outcome := Outcome{Index: index, Result: result}
				if result.failed() {
					outcome.Err = &RecordError{StatusCode: 409, Code: "409201", Reason: "Enrollment already exists."}
				}
				indexes, outcomes = append(indexes, index), append(outcomes, outcome)
			}
		}
		require.NoError(f, journal.intend(indexes))
		if chunk != 4 {
			require.NoError(f, journal.finish(outcomes))
		}
	}
	require.NoError(f, journal.Close())
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	return data
}

// TestJournalOfAnotherFormat tells a journal of a later version from a damaged one, whatever its header has.
func TestJournalOfAnotherFormat(t *testing.T) {
	t.Parallel()
	for _, header := range []string{`{"format":2}`, `{"format":2,"records":1000}`, `{"format":2,"records":"all","head":{"sha256":"00"}}`} {
		_, sealed := sealedLine(0, `{"run":`+header+`}`)
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, []byte(sealed), 0o600))
		_, err := OpenJournal(path)
		require.ErrorContains(t, err, "format 2 is not known, only 1 is")
		require.NotErrorIs(t, err, ErrJournalDamaged)
	}
}

// FuzzJournal opens any file as a journal. The mode makes it of the other data: the data alone, a true journal that is cut off and goes
// on with the data, one that is overwritten by it, or one whose lines from some on are those of the data, under checksums that hold.
//
//   - A file that is not opened is left as it is, and the error names the line.
//   - Of a file that is opened, at most the end after the last whole line is taken off, and nothing of a file that is no journal.
//     What is known of the records is what the lines that are left say, read here by a reader of its own, so that it never tells more
//     than the truth, nor anything of records that are not in it.
//   - A journal that was opened goes on: what is written next is there when it is opened again, beside all that was.
func FuzzJournal(f *testing.F) {
	truth := journalTruth(f)
	f.Add(byte(0), uint16(0), truth)
	for _, data := range []string{"", "\n", "{", "x", `{"run":{"for`, "device,key\n", "\x00\x00\x00", `{"run":{"format":2}}`, `,"crc":"00000000"}` + "\n"} {
		f.Add(byte(0), uint16(0), []byte(data))
		for _, at := range []int{0, 1, len(truth) / 2, len(truth) - 1, len(truth)} {
			f.Add(byte(1), uint16(at), []byte(data))
			f.Add(byte(2), uint16(at), []byte(data))
		}
	}
	at := 0
	for line := range bytes.Lines(truth) { // a line twice, in another place, and under a checksum that does not hold
		at += len(line)
		f.Add(byte(1), uint16(at), line)
		f.Add(byte(1), uint16(len(truth)), line)
		f.Add(byte(1), uint16(at), []byte(`{"intent":[5],"crc":"00000000"}`+"\n"))
	}
	for _, lines := range []string{
		`{"intent":[22]}`, `{"intent":[-1]}`, `{"intent":[9223372036854775807]}`, `{"intent":[1e3]}`, `{"result":[1],"codes":"Z"}`, `{"result":[1],"codes":""}`,
		`{"result":[0,1],"codes":"cd","errors":[{"index":1,"status":409,"code":"409201","reason":"x"}]}` + "\n" + `{"intent":[1]}`, `{"run":{"format":1}}`,
		`{"result":[0],"codes":"\u0063"}`, `{"result":[0],"codes":"é"}`, `{}`, `null`, `[]`, `{"errors":[{"index":-5}]}`, `{"intent":null,"intent":[5]}`,
	} {
		f.Add(byte(3), uint16(0), []byte(lines))
		f.Add(byte(3), uint16(1), []byte(lines))
		f.Add(byte(3), uint16(9), []byte(lines))
	}
	f.Add(byte(3), uint16(0), []byte(`{"run":{"format":1,"records":-1}}`))
	f.Add(byte(3), uint16(0), []byte(`{"run":{"format":1,"records":2147483647}}`))
	path := filepath.Join(f.TempDir(), fmt.Sprint("journal-", os.Getpid()))
	f.Fuzz(func(t *testing.T, mode byte, at uint16, data []byte) {
		file := journalOf(truth, mode, int(at), data)
		require.NoError(t, os.WriteFile(path, file, 0o600))
		journal, err := OpenJournal(path)
		after, readError := os.ReadFile(path)
		require.NoError(t, readError)
		if err != nil {
			require.Nil(t, journal)
			require.Equal(t, file, after, "a damaged file was changed")
			requireLineNamed(t, err, file)
			return
		}
		defer func() { require.NoError(t, journal.Close()) }()
		torn, ok := bytes.CutPrefix(file, after)
		require.True(t, ok, "what is left of the file is not its beginning")
		require.NotContains(t, string(torn), "\n", "a whole line was taken off")
		require.True(t, len(after) == 0 || after[len(after)-1] == '\n')
		if mode%4 < 3 && len(after) > 0 {
			require.True(t, bytes.HasPrefix(truth, after), "lines were taken for true that are not")
		}
		if len(after) == 0 && len(torn) > 0 {
			const begin = `{"run":{"format":`
			beginning := torn[:min(len(torn), len(begin))]
			require.True(t, strings.HasPrefix(begin, string(beginning)) || len(bytes.Trim(torn, "\x00")) == 0, "a file that is no journal was emptied")
		}
		requireStates(t, after, journal)
		if header := journal.header; header != nil {
			require.True(t, 0 <= header.Records && header.Records <= headRecords)
		} else if err := journal.append(&journalLine{Run: &journalHeader{Format: journalFormat}}); err != nil {
			require.NoError(t, err)
		}
		require.NoError(t, journal.intend([]int64{3}))
		require.NoError(t, journal.finish([]Outcome{{Index: 2, Result: ResultCreated}}))
		states := bytes.Clone(journal.states)
		require.NoError(t, journal.Close())
		again, err := OpenJournal(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, again.Close()) }()
		require.Equal(t, states, again.states)
		require.Equal(t, journal.errors, again.errors)
		require.Equal(t, stateSent, again.state(3))
		require.Equal(t, byte('c'), again.state(2))
		longer, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(longer, after))
	})
}

// journalOf makes a file of the truth and the data.
func journalOf(truth []byte, mode byte, at int, data []byte) []byte {
	switch mode % 4 {
	case 1:
		at = min(at, len(truth))
		return append(bytes.Clone(truth[:at]), data...)
	case 2:
		at = min(at, len(truth))
		file := append(bytes.Clone(truth[:at]), data...)
		return append(file, truth[min(len(truth), len(file)):]...)
	case 3:
		lines := strings.SplitAfter(string(truth), "\n")
		file, sum := "", uint32(0)
		for _, line := range lines[:min(at, len(lines)-1)] {
			object, _, _ := strings.Cut(line, `,"crc":`)
			var sealed string
			sum, sealed = sealedLine(sum, object+"}")
			file += sealed
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			var sealed string
			sum, sealed = sealedLine(sum, line)
			file += sealed
		}
		return []byte(file)
	}
	return data
}

// requireLineNamed requires an error that says which line is at fault, and that there is one.
func requireLineNamed(t *testing.T, err error, file []byte) {
	t.Helper()
	if !errors.Is(err, ErrJournalDamaged) {
		require.ErrorContains(t, err, "is not known, only 1 is")
		return
	}
	for number := range bytes.Count(file, []byte("\n")) + 1 {
		if strings.Contains(err.Error(), fmt.Sprintf("line %d ", number+1)) {
			return
		}
	}
	require.Fail(t, "no line is named", "%v", err)
}

// requireStates reads the lines of a file and compares what they say of each record with what the journal knows.
func requireStates(t *testing.T, file []byte, journal *Journal) {
	t.Helper()
	letters := make(map[int64]byte)
	failures := make(map[int64]string)
	for text := range bytes.Lines(file) {
		var line struct {
			Intent, Result []int64
			Codes          string
			Errors         []struct {
				Index  int64
				Reason string
			}
		}
		object, _, sealed := bytes.Cut(text, []byte(`,"crc":"`))
		require.True(t, sealed)
		require.NoError(t, json.Unmarshal(append(bytes.Clone(object), '}'), &line))
		for _, index := range line.Intent {
			letters[index] = 'i'
		}
		for i, index := range line.Result {
			letters[index] = line.Codes[i]
			delete(failures, index)
		}
		for _, e := range line.Errors {
			failures[e.Index] = e.Reason
		}
	}
	for index := range max(int64(len(journal.states)), 30) {
		result, err, known := journal.outcome(index)
		letter := letters[index]
		require.Equal(t, strings.IndexByte("xcdrnu", letter) >= 0 && letter != 0, known, index)
		require.Equal(t, letter == 'i' || letter == '?', journal.underWay(index), index)
		if known {
			require.Equal(t, map[byte]Result{
				'x': ResultConflict, 'c': ResultCreated, 'd': ResultDeleted, 'r': ResultRefused, 'n': ResultUnchanged, 'u': ResultUpdated,
			}[letter], result)
			reason, failed := failures[index]
			require.Equal(t, failed, err != nil)
			require.True(t, !failed || strings.Contains(err.Error(), reason))
		}
		delete(letters, index)
	}
	require.Empty(t, letters, "records are forgotten")
}
