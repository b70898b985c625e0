package fleet

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/azdps/azdps"
)

const typeSymmetricKey = string(azdps.AttestationTypeSymmetricKey)

// ReadCSV reads a table with a header, as [CSVOptions] describes. It yields an [*InputError] for each bad row and goes on. What leaves
// other rows unread ends it, with an error that is no InputError and so ends a run: a bad header, a row that is too long, a row of
// several lines whose quotes are wrong, as it may have taken in others, and an error of the reader. [CheckCSV] tells all faults of a
// row, and whether the service will take it. options may be nil.
func ReadCSV[T Record](r io.Reader, options *CSVOptions) iter.Seq2[T, error] {
	return scanCSV[T](r, options).records()
}

func scanCSV[T Record](r io.Reader, options *CSVOptions) entries[T] {
	return func(yield func(entry[T], error) bool) {
		t := newTableReader(r, options)
		faults, err := readHeader[T](t)
		if len(faults) > 0 {
			yield(entry[T]{line: t.line, faults: faults, ends: true}, nil)
			return
		}
		for err == nil {
			var cells []string
			var fault *InputError
			cells, fault, err = t.next()
			if fault == nil && (err != nil || isBlank(cells)) {
				continue
			}
			e := entry[T]{line: t.line, faults: []*InputError{fault}, ends: t.lost}
			if fault == nil {
				e = readRow[T](t, cells)
			}
			if !yield(e, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, errRowTooLong) {
			yield(entry[T]{}, err)
		}
	}
}

func isBlank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" })
}

// readRow makes a record of a row.
func readRow[T Record](t *tableReader, cells []string) entry[T] {
	e := entry[T]{line: t.line}
	if len(cells) != len(t.columns) {
		reason := fmt.Sprintf("has %d cells; the header has %d", len(cells), len(t.columns))
		e.faults = []*InputError{{Line: t.line, Reason: reason}}
		return e
	}
	object, faults := t.object(cells)
	if len(faults) > 0 {
		e.faults = faults
		return e
	}
	data, err := encodeJSON(object)
	if err != nil {
		e.faults = append(e.faults, &InputError{Line: t.line, Reason: "cannot be read: " + err.Error()})
		return e
	}
	return newEntry[T](t.line, data, t.at)
}

// object makes the JSON of a record from the cells of a row.
func (t *tableReader) object(cells []string) (object jsonObject, faults []*InputError) {
	object = make(jsonObject)
	rest, restCell := json.RawMessage(nil), 0
	for i, c := range t.columns {
		cell := t.options.unprotect(cells[i])
		if cell == "" {
			continue
		}
		value, problem := c.read(cell)
		switch {
		case problem != "":
			faults = append(faults, t.fault(i, c.name, problem))
		case c.name == additional:
			rest, restCell = value, i
		default:
			object.set(c.path, value)
		}
	}
	for _, path := range object.merge(rest, nil) {
		faults = append(faults, t.fault(restCell, additional+"."+path, "is there already, in a column of its own"))
	}
	if a, ok := object["attestation"].(jsonObject); ok && a["symmetricKey"] == nil && isText(a["type"], typeSymmetricKey) {
		a["symmetricKey"] = jsonObject{}
	}
	return object, faults
}

// at tells the cell of a member of the record that was read last.
func (t *tableReader) at(path, reason string) *InputError {
	for i, c := range t.columns {
		if name, ok := c.below(path); ok {
			return t.fault(i, name, reason)
		}
	}
	for i, c := range t.columns {
		if c.name == additional {
			return t.fault(i, additional+"."+path, reason)
		}
	}
	return &InputError{Line: t.line, Field: path, Reason: reason}
}

// tableReader reads the rows of a table.
type tableReader struct {
	in      *csv.Reader
	bytes   *rowBytes
	options CSVOptions
	columns []column
	line    int  // where the row begins
	lost    bool // other rows were read as a part of this one, or not at all
}

func newTableReader(r io.Reader, options *CSVOptions) *tableReader {
	bytes := &rowBytes{in: bufio.NewReader(r)}
	t := &tableReader{in: csv.NewReader(bytes), bytes: bytes}
	t.in.FieldsPerRecord = -1
	t.in.ReuseRecord = true
	if options != nil {
		t.options = *options
	}
	return t
}

// next reads a row, which is valid until the next. A fault is of this row, an error the end.
func (t *tableReader) next() (cells []string, fault *InputError, err error) {
	t.bytes.end = t.in.InputOffset() + MaxRecordSize
	cells, err = t.in.Read()
	malformed, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case ok:
		t.line, t.lost = malformed.StartLine, malformed.StartLine != malformed.Line
		return nil, quoteFault(malformed), nil
	case errors.Is(err, errRowTooLong):
		reason := fmt.Sprintf("a row has more than %d bytes; a quote may have been left open", MaxRecordSize)
		t.lost = true
		return nil, &InputError{Line: t.line + 1, Reason: reason}, err
	case err != nil && !errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("fleet: after line %d: %w", t.line, err)
	case err == nil:
		t.line, _ = t.in.FieldPos(0)
	}
	return cells, nil, err
}

// fault is one of a cell of the row that was read last.
func (t *tableReader) fault(cell int, field, reason string) *InputError {
	line, column := t.in.FieldPos(cell)
	return &InputError{Line: line, Column: column, Field: field, Reason: reason}
}

// errRowTooLong ends a table: nobody knows where the next row begins.
var errRowTooLong = errors.New("the row is too long")

// rowBytes ends reading in the middle of a row that is too long, and leaves out a byte order mark.
type rowBytes struct {
	in   *bufio.Reader
	used int64 // bytes that were read
	end  int64 // that they must not exceed
}

func (b *rowBytes) Read(p []byte) (int, error) {
	if b.used > b.end {
		return 0, errRowTooLong
	}
	if b.used == 0 {
		if start, _ := b.in.Peek(len(byteOrderMark)); string(start) == byteOrderMark {
			_, _ = b.in.Discard(len(byteOrderMark)) // was just seen
		}
	}
	n, err := b.in.Read(p)
	b.used += int64(n)
	return n, err
}

// quoteFault is the fault of a row whose quotes are wrong.
func quoteFault(bad *csv.ParseError) *InputError {
	reason := "a cell with a quote must begin with one, end with one, and double those between"
	if bad.StartLine != bad.Line {
		reason += fmt.Sprintf("; the row begins in line %d", bad.StartLine)
	}
	return &InputError{Line: bad.Line, Column: bad.Column, Reason: reason}
}
