package fleet

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
)

// WriteCSV writes a table with a header, keys and read-only members included, as [CSVOptions] describes; make a file for keys
// with [CreateFile]. It stops at the first error of records and returns it. options may be nil.
//
// Each row is written to w before the next record is asked for, so a file has all of them at any time.
func WriteCSV[T Record](w io.Writer, records iter.Seq2[T, error], options *CSVOptions) error {
	t := newTableWriter[T](w, options)
	if err := t.header(); err != nil {
		return fmt.Errorf("fleet: writing CSV: %w", err)
	}
	for record, err := range records {
		if err != nil {
			return err
		}
		if err := t.row(record); err != nil {
			return fmt.Errorf("fleet: writing CSV: %w", err)
		}
	}
	return nil
}

type tableWriter struct {
	out     *csv.Writer
	options CSVOptions
	columns []column
	tree    *branch
	cells   []string
}

func newTableWriter[T Record](w io.Writer, options *CSVOptions) *tableWriter {
	t := &tableWriter{out: csv.NewWriter(w), columns: columnsOf[T](), tree: new(branch)}
	if options != nil {
		t.options = *options
	}
	t.cells = make([]string, len(t.columns))
	for i, c := range t.columns {
		if c.name != additional {
			t.tree.add(c, &t.cells[i])
		}
	}
	return t
}

func (t *tableWriter) header() error {
	if t.options.OmitHeader {
		return nil
	}
	for i, c := range t.columns {
		t.cells[i] = c.name
	}
	return t.write()
}

// row puts the members of a record into their cells, and the rest into the last one.
func (t *tableWriter) row(record any) error {
	data, err := encodeJSON(record)
	if err != nil {
		return err
	}
	clear(t.cells)
	rest, err := t.tree.take(data)
	if err != nil {
		return err
	}
	for i := range t.cells {
		t.cells[i] = t.options.protect(t.cells[i])
	}
	t.cells[len(t.cells)-1] = string(rest)
	return t.write()
}

func (t *tableWriter) write() error {
	if err := t.out.Write(t.cells); err != nil {
		return err
	}
	t.out.Flush()
	return t.out.Error()
}

// branch is a member of the JSON of a record that is a column or has columns below it.
type branch struct {
	column column // if cell is set
	cell   *string
	below  map[string]*branch
}

func (b *branch) add(c column, cell *string) {
	for _, name := range c.path {
		if b.below == nil {
			b.below = make(map[string]*branch)
		}
		if b.below[name] == nil {
			b.below[name] = new(branch)
		}
		b = b.below[name]
	}
	b.column, b.cell = c, cell
}

// take writes the cells of a value and returns what they do not hold: nil if that is nothing.
func (b *branch) take(value json.RawMessage) (rest json.RawMessage, err error) {
	if b.cell != nil {
		if cell, ok := b.column.format(value); ok {
			*b.cell = cell
			return nil, nil
		}
		return value, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil || len(members) == 0 {
		return value, err
	}
	keys := members["symmetricKey"]
	for name, below := range b.below {
		if member, ok := members[name]; ok {
			if members[name], err = below.take(member); err != nil {
				return nil, err
			}
		}
	}
	if string(keys) == "{}" && b.isSymmetricKey() {
		delete(members, "symmetricKey") // reading puts it back
	}
	maps.DeleteFunc(members, func(_ string, rest json.RawMessage) bool { return rest == nil })
	if len(members) == 0 {
		return nil, nil
	}
	return encodeJSON(members)
}

// isSymmetricKey tells whether b is the attestation of a row of that type.
func (b *branch) isSymmetricKey() bool {
	kind := b.below["type"]
	return kind != nil && kind.cell != nil && *kind.cell == typeSymmetricKey
}
