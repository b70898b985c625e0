package fleet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// ReadJSONL reads one record a line, in the JSON of the service's REST API. It yields an [*InputError] for each bad line and goes
// on; an error of the reader ends it.
//
// All members are kept, those that this version does not know too. Of a member that is there twice the last counts. Blank lines
// are ignored, as is a byte order mark; lines end with LF or CRLF and have up to [MaxRecordSize] bytes. Whether the service
// will take a record is not looked at, so that a list of ids does for a deletion: that is what [CheckJSONL] is for.
func ReadJSONL[T Record](r io.Reader) iter.Seq2[T, error] { return scanJSONL[T](r).records() }

// WriteJSONL writes one record a line, as [ReadJSONL] reads it, keys and read-only members included; make a file for keys with
// [CreateFile]. It stops at the first error of records and returns it.
//
// Each record is in one call of w.Write that ends before the next record is asked for, so a file has all of them at any time.
func WriteJSONL[T Record](w io.Writer, records iter.Seq2[T, error]) error {
	for record, err := range records {
		if err != nil {
			return err
		}
		line, err := encodeJSON(record)
		if err != nil {
			return fmt.Errorf("fleet: a record cannot be written as JSON: %w", err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("fleet: writing JSON lines: %w", err)
		}
	}
	return nil
}

// encodeJSON writes a value on one line.
func encodeJSON(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

func scanJSONL[T Record](r io.Reader) entries[T] {
	return func(yield func(entry[T], error) bool) {
		lines := &lineReader{in: bufio.NewReaderSize(r, 64<<10)}
		for lines.next() {
			if len(bytes.TrimSpace(lines.text)) == 0 && !lines.tooLong {
				continue
			}
			if !yield(readLine[T](lines), nil) {
				return
			}
		}
		if !errors.Is(lines.err, io.EOF) {
			yield(entry[T]{}, fmt.Errorf("fleet: line %d: %w", lines.number, lines.err))
		}
	}
}

func readLine[T Record](lines *lineReader) entry[T] {
	if column, reason := lines.problem(); reason != "" {
		fault := &InputError{Line: lines.number, Column: column, Reason: reason}
		return entry[T]{line: lines.number, faults: []*InputError{fault}}
	}
	number, text := lines.number, lines.text
	return newEntry[T](number, text, func(path, reason string) *InputError {
		e := &InputError{Line: number, Field: path, Reason: reason}
		if offset, ok := offsetOf(text, path); ok {
			e.Column = offset + 1
		}
		return e
	})
}

// lineReader reads lines of bounded length.
type lineReader struct {
	in      *bufio.Reader
	number  int
	text    []byte // without the end of the line
	tooLong bool
	err     error // after the last line
}

// next reads a line; it returns false at the end.
func (l *lineReader) next() bool {
	if l.err != nil {
		return false
	}
	l.number++
	l.text, l.tooLong = l.text[:0], false
	for {
		part, err := l.in.ReadSlice('\n')
		if len(l.text)+len(part) > MaxRecordSize+len("\r\n") {
			l.tooLong = true
		} else {
			l.text = append(l.text, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.err = err
		l.trim()
		return err == nil || errors.Is(err, io.EOF) && (len(l.text) > 0 || l.tooLong)
	}
}

// trim takes off the end of the line, and the byte order mark of the first.
func (l *lineReader) trim() {
	l.text = bytes.TrimSuffix(bytes.TrimSuffix(l.text, []byte("\n")), []byte("\r"))
	if l.number == 1 {
		l.text = bytes.TrimPrefix(l.text, []byte(byteOrderMark))
	}
	l.tooLong = l.tooLong || len(l.text) > MaxRecordSize
}

const byteOrderMark = "\uFEFF"

// problem tells why a line is no JSON object, and at which column.
func (l *lineReader) problem() (column int, reason string) {
	if l.tooLong {
		return 0, fmt.Sprintf("the line has more than %d bytes", MaxRecordSize)
	}
	if i := invalidUTF8(l.text); i >= 0 {
		return i + 1, "is not UTF-8"
	}
	if column, reason := jsonProblem(l.text); reason != "" {
		return column, reason
	}
	start := bytes.TrimLeft(l.text, " \t\r")
	column = len(l.text) - len(start) + 1
	if start[0] != '{' {
		return column, "must be a JSON object with one record, not " + kindOfJSON(start)
	}
	return 0, ""
}

// invalidUTF8 returns the index of the first byte that is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}
