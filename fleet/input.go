package fleet

import (
	"errors"
	"fmt"
	"iter"
	"os"
)

// MaxRecordSize is the largest size of one record in a file, in bytes: of a line of JSON, or of a row of CSV. The service takes
// messages of 96 KB.
const MaxRecordSize = 1 << 20

// InputError is a fault of a record that is to be written, mostly in a file. It names places and members, and never quotes a
// value, which may be a key.
type InputError struct {
	// Line is the line of the file, from 1; 0 if the record is from no file. A row of CSV may have several lines.
	Line int

	// Column is the byte of the line, from 1; 0 where it cannot be told.
	Column int

	// Field is what is wrong: the path of a member of the JSON, such as attestation.type, or the name of a column of CSV. It
	// is empty when the whole line is.
	Field string

	// Reason says what is wrong with it.
	Reason string
}

// Error says where and what.
func (e *InputError) Error() string {
	text := "fleet: "
	if e.Line > 0 {
		text += fmt.Sprintf("line %d", e.Line)
		if e.Column > 0 {
			text += fmt.Sprintf(", column %d", e.Column)
		}
		text += ": "
	}
	if e.Field != "" {
		text += e.Field + ": "
	}
	return text + e.Reason
}

// CreateFile creates a file that only its owner can read, for records with their keys. A file that exists is emptied, and loses
// the rights that others had.
func CreateFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	err = file.Chmod(0o600)
	if err == nil {
		err = file.Truncate(0)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return file, nil
}

// fault is what is wrong with a record, by the path of a member in its JSON.
type fault struct{ path, reason string }

// entry is one record of a file, or why it is none.
type entry[T Record] struct {
	line   int
	record T
	faults []*InputError                         // if there are any, record does not count
	ends   bool                                  // the faults are those of more than this record
	at     func(path, reason string) *InputError // tells the place of a member of record; valid until the next entry
}

// entries are the records of a file. The error is that of its reader, and the end.
type entries[T Record] iter.Seq2[entry[T], error]

// records yields the first fault of each entry that has any. A fault of more than one record ends it and comes as another error, for
// a run would take an [*InputError] for one record and go on.
func (e entries[T]) records() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for entry, err := range e {
			if err == nil && len(entry.faults) > 0 {
				err = entry.faults[0]
			}
			if entry.ends {
				err = errors.New(err.Error())
			}
			if err != nil {
				entry.record = *new(T)
			}
			if !yield(entry.record, err) || entry.ends {
				return
			}
		}
	}
}

// newEntry reads the JSON of one record.
func newEntry[T Record](line int, data []byte, at func(path, reason string) *InputError) entry[T] {
	record, faults := decodeRecord[T](data)
	e := entry[T]{line: line, record: record, at: at}
	for _, f := range faults {
		e.faults = append(e.faults, at(f.path, f.reason))
	}
	return e
}
