package fleet

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/azdps/azdps"
)

// Errors of a [Journal].
var (
	// ErrJournalDamaged is a journal with a line that is not as it was written; the error names the line.
	ErrJournalDamaged = errors.New("fleet: the journal is damaged")

	// ErrJournalInUse is a journal that another run, of this process or another one, has open.
	ErrJournalInUse = errors.New("fleet: the journal is in use")

	// ErrJournalMismatch is a journal of another run: of another service, mode, kind of record or input.
	ErrJournalMismatch = errors.New("fleet: the journal is of another run")
)

const (
	syncEvery     = time.Second
	maxReasonSize = 200
)

// Journal is a file that lets a run go on after it was killed at any moment. Start the run again with a journal of the same
// path and the same input: what is done is reported again and not done again, and what was under way is looked up at the
// service. More records may have been added to the end of the input.
//
// The file has a line of JSON for the run, one before each call that writes and one after it. They name records by their
// position in the input and say why one failed, in the words of the service; there are no ids, keys or certificates in it. Each
// line has a checksum over all lines so far. A line reaches the operating system before the call that it announces, and before
// the outcome that it tells is yielded, so the death of the process loses nothing. The file is synced to the disk when it
// is closed, and with the lines that are added, once a second at most; after a power failure or the death of the system, records whose
// lines were not synced may be sent twice, so that a create reports a conflict with itself.
//
// A million records take about 15 MB, and in memory a byte each, and the reasons of those that failed. On Unix and Windows a journal is locked
// against other processes; elsewhere that is up to the caller.
type Journal struct {
	path string

	mu      sync.Mutex
	file    *os.File
	err     error // of a write, after which no other can follow
	sum     uint32
	synced  time.Time
	running bool
	header  *journalHeader         // nil before the first run
	states  []byte                 // by position: a state or the letter of a result
	errors  map[int64]*RecordError // by position, of records that failed
}

// OpenJournal opens the journal of a run, or creates one that only its owner can read; a file that exists keeps its rights. A last line without an end, as a kill leaves it, is
// taken off. Damage to any other line, or a file that is no journal, gives an error that names the line and matches [ErrJournalDamaged], and
// leaves the file as it is; a journal that another process has open gives [ErrJournalInUse].
func OpenJournal(path string) (*Journal, error) {
	file, err := openLocked(path)
	if err != nil {
		return nil, fmt.Errorf("fleet: journal: %w", err)
	}
	j := &Journal{path: path, file: file, synced: time.Now(), errors: make(map[int64]*RecordError)}
	if err := j.load(); err != nil {
		_ = closeLocked(file) // nothing was written
		return nil, err
	}
	return j, nil
}

// Close syncs the file to the disk and closes it. Closing again does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), closeLocked(j.file))
	j.file = nil
	if err != nil {
		return fmt.Errorf("fleet: journal: %w", err)
	}
	return nil
}

// States of a position beyond the letters of results.
const (
	stateNew  byte = 0
	stateSent byte = 'i' // there is an intent without a result
	stateOpen byte = '-' // a result line says that nothing was written
)

// letters stand for results in the file.
var letters = map[Result]byte{
	"":              stateOpen,
	ResultConflict:  'x',
	ResultCreated:   'c',
	ResultDeleted:   'd',
	ResultRefused:   'r',
	ResultUnchanged: 'n',
	ResultUnknown:   '?',
	ResultUpdated:   'u',
}

var resultOf = func() map[byte]Result {
	results := make(map[byte]Result, len(letters))
	for result, letter := range letters {
		results[letter] = result
	}
	return results
}()

// outcome returns what an earlier run knew to have become of a record.
func (j *Journal) outcome(index int64) (result Result, err error, known bool) { //nolint:revive // err is a part of what is known
	j.mu.Lock()
	defer j.mu.Unlock()
	result = resultOf[j.state(index)]
	if result == "" || result == ResultUnknown {
		return "", nil, false
	}
	if failure, failed := j.errors[index]; failed {
		err = failure
	}
	return result, err, true
}

// underWay says whether a record may have been written by a run that did not learn what became of it.
func (j *Journal) underWay(index int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	state := j.state(index)
	return state == stateSent || resultOf[state] == ResultUnknown
}

// mentions says whether an earlier run came to a record, whatever became of it.
func (j *Journal) mentions(index int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state(index) != stateNew
}

func (j *Journal) state(index int64) byte {
	if index < int64(len(j.states)) {
		return j.states[index]
	}
	return stateNew
}

func (j *Journal) setState(index int64, state byte) {
	for int64(len(j.states)) <= index {
		j.states = append(j.states, stateNew)
	}
	j.states[index] = state
}

// intend notes that records are about to be sent.
func (j *Journal) intend(indexes []int64) error {
	return j.append(&journalLine{Intent: indexes})
}

// finish notes what became of records.
func (j *Journal) finish(outcomes []Outcome) error {
	line := &journalLine{}
	codes := make([]byte, len(outcomes))
	for i, outcome := range outcomes {
		line.Result = append(line.Result, outcome.Index)
		codes[i] = letters[outcome.Result]
		if outcome.Err != nil && outcome.Result != ResultUnknown { // which the next run finds out
			line.Errors = append(line.Errors, newJournalError(outcome))
		}
	}
	line.Codes = string(codes)
	return j.append(line)
}

// newJournalError keeps why a record failed, without ids: the address of a call has one, and the answer to a bulk operation those of
// other records.
func newJournalError(outcome Outcome) journalError {
	err := recordError(outcome.Err)
	if refusal, ok := errors.AsType[*RecordError](err); ok {
		return journalError{Index: outcome.Index, StatusCode: refusal.StatusCode, Code: string(refusal.Code), Reason: shorten(refusal.Reason)}
	}
	if _, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		err = errors.New("the service did not say which records of an operation it refused")
	}
	if call, ok := errors.AsType[*url.Error](err); ok {
		err = call.Err
	}
	return journalError{Index: outcome.Index, Reason: shorten(err.Error())}
}

// shorten cuts a text to what a line of a journal keeps.
func shorten(text string) string {
	if len(text) <= maxReasonSize {
		return text
	}
	text = text[:maxReasonSize]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "..."
}

// begin takes the journal for a run; it is refused to all but the run that it is of.
func (j *Journal) begin() (*journalHeader, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.file == nil:
		return nil, fmt.Errorf("fleet: journal: %w", os.ErrClosed)
	case j.running:
		return nil, fmt.Errorf("%w: by another run of this process", ErrJournalInUse)
	}
	j.running = true
	return j.header, nil
}

// end gives the journal free.
func (j *Journal) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running = false
}
