package fleet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/azdps/azdps"
)

// journalFormat is the version of the file's format.
const journalFormat = 1

// journalLine is a line of the file: of the run, of an intent, or of results. Its checksum follows as the last member.
type journalLine struct {
	Run *journalHeader `json:"run,omitempty"`

	// Intent has the positions of the records that are about to be sent.
	Intent []int64 `json:"intent,omitempty"`

	// Result has the positions of records that were sent, Codes a letter for each, and Errors why some failed.
	Result []int64        `json:"result,omitempty"`
	Codes  string         `json:"codes,omitempty"`
	Errors []journalError `json:"errors,omitempty"`
}

// journalHeader says which run a journal is of. Head is the hash of so many records from the start of the input.
type journalHeader struct {
	Format  int    `json:"format"`
	Service string `json:"service"`
	Kind    string `json:"kind"`
	Mode    string `json:"mode"`
	Head    string `json:"head"`
	Records int    `json:"records"`
}

type journalError struct {
	Index      int64  `json:"index"`
	StatusCode int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal adds the checksum to the JSON of a line. It continues that of the lines before, so that none can be missing.
func seal(sum uint32, line []byte) (uint32, []byte) {
	line = line[:len(line)-1]
	sum = crc32.Update(sum, castagnoli, line)
	return sum, fmt.Appendf(line, `,"crc":"%08x"}`+"\n", sum)
}

// unseal checks a line and returns its JSON without the checksum.
func unseal(sum uint32, sealed []byte) (uint32, []byte, bool) {
	const size = len(`,"crc":"00000000"}` + "\n")
	if len(sealed) <= size {
		return 0, nil, false
	}
	line := append(bytes.Clone(sealed[:len(sealed)-size]), '}')
	next, want := seal(sum, bytes.Clone(line))
	return next, line, bytes.Equal(want, sealed)
}

// append writes a line in one piece. After a write that failed there are no others, which would follow on half a line.
func (j *Journal) append(line *journalLine) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return fmt.Errorf("fleet: journal: %w", os.ErrClosed)
	}
	if j.err != nil {
		return j.err
	}
	data, err := json.Marshal(line)
	if err == nil {
		var sealed []byte
		j.sum, sealed = seal(j.sum, data)
		_, err = j.file.Write(sealed)
	}
	if now := time.Now(); err == nil && (line.Run != nil || now.Sub(j.synced) >= syncEvery) {
		j.synced = now
		err = j.file.Sync()
	}
	if err != nil {
		j.err = fmt.Errorf("fleet: journal: %w", err)
		return j.err
	}
	j.apply(line)
	return nil
}

// load reads the lines of an earlier run and takes off the last one if it has no end: its write was not finished, so nothing
// followed from it.
func (j *Journal) load() error {
	reader := bufio.NewReader(j.file)
	whole := int64(0)
	for number := 1; ; number++ {
		sealed, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if number == 1 && !isTornHeader(sealed) {
				return fmt.Errorf("%w: %s: line 1 is none of a journal", ErrJournalDamaged, j.path)
			}
			break
		}
		if err != nil {
			return fmt.Errorf("fleet: journal: %w", err)
		}
		sum, data, ok := unseal(j.sum, sealed)
		if !ok {
			return fmt.Errorf("%w: %s: line %d has another checksum than it was written with, or a line before it is missing", ErrJournalDamaged, j.path, number)
		}
		line := &journalLine{}
		whole += int64(len(sealed))
		err = json.Unmarshal(data, line)
		if number == 1 && line.Run != nil && line.Run.Format != journalFormat { // what else is in it, only its own version knows
			return fmt.Errorf("fleet: journal %s: format %d is not known, only %d is", j.path, line.Run.Format, journalFormat)
		}
		if err != nil || !line.fits(number, whole) {
			return fmt.Errorf("%w: %s: line %d is none of a journal", ErrJournalDamaged, j.path, number)
		}
		j.sum = sum
		j.apply(line)
	}
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("fleet: journal: %w", err)
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("fleet: journal: %w", err)
	}
	return nil
}

// isTornHeader tells the beginning of the first line, and what some file systems leave of one after a power failure, from a file that
// is no journal, of which nothing may be taken off.
func isTornHeader(data []byte) bool {
	begin := fmt.Sprintf(`{"run":{"format":%d`, journalFormat)
	return strings.HasPrefix(begin, string(data[:min(len(begin), len(data))])) || len(bytes.Trim(data, "\x00")) == 0
}

// maxSkipped is how far a position may be beyond the size of the file in bytes. Each record that the journal tells of takes some; those
// that were not sent take none, so there may be that many of them in all.
const maxSkipped = 1 << 26

// fits tells whether a line could have been written as the one of its number that ends at a size of the file. The checksum only
// tells that nothing has changed since.
func (l *journalLine) fits(number int, size int64) bool {
	isPosition := func(index int64) bool { return 0 <= index && index < size+maxSkipped }
	for _, index := range slices.Concat(l.Intent, l.Result) {
		if !isPosition(index) {
			return false
		}
	}
	for i := range len(l.Codes) {
		if _, known := resultOf[l.Codes[i]]; !known {
			return false
		}
	}
	for _, e := range l.Errors {
		if !isPosition(e.Index) {
			return false
		}
	}
	if l.Run != nil && (l.Run.Records < 0 || l.Run.Records > headRecords) {
		return false
	}
	return len(l.Codes) == len(l.Result) && (l.Run != nil) == (number == 1)
}

// apply takes in what a line says.
func (j *Journal) apply(line *journalLine) {
	if line.Run != nil {
		j.header = line.Run
	}
	for _, index := range line.Intent {
		j.setState(index, stateSent)
	}
	for i, index := range line.Result {
		j.setState(index, line.Codes[i])
		delete(j.errors, index)
	}
	for _, e := range line.Errors {
		j.errors[e.Index] = &RecordError{StatusCode: e.StatusCode, Code: azdps.ErrorCode(e.Code), Reason: e.Reason}
	}
}
