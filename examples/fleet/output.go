package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/azdps/azdps/fleet"
)

// writeRecords writes records in the format of a name.
func writeRecords[T fleet.Record](w io.Writer, name string, sequence iter.Seq2[T, error], options *fleet.CSVOptions) error {
	if formatOf(name) == formatCSV {
		return fleet.WriteCSV(w, sequence, options)
	}
	return fleet.WriteJSONL(w, sequence)
}

// createWith makes a file that only its owner can read, with what a function writes.
func createWith(name string, write func(io.Writer) error) error {
	file, err := fleet.CreateFile(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// selected yields the records of a sequence that want says yes to, and counts them. Faults are left out: there is no record.
func selected[T any](sequence iter.Seq2[T, error], want func(index int64, value T) bool, n *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		index := int64(-1)
		for value, err := range sequence {
			index++
			if _, isFault := errors.AsType[*fleet.InputError](err); isFault || err == nil && !want(index, value) {
				continue
			}
			*n++
			if !yield(value, err) {
				return
			}
		}
	}
}

// at says yes to the positions of outcomes, which are sorted; it must be asked in order.
func at[T any](outcomes []fleet.Outcome) func(int64, T) bool {
	return func(index int64, _ T) bool {
		for len(outcomes) > 0 && outcomes[0].Index < index {
			outcomes = outcomes[1:]
		}
		return len(outcomes) > 0 && outcomes[0].Index == index
	}
}

// withID says yes to the ids of outcomes, without case.
func withID[T fleet.Record](outcomes []fleet.Outcome) func(int64, T) bool {
	wanted := make(map[string]bool, len(outcomes))
	for _, o := range outcomes {
		wanted[strings.ToLower(o.ID)] = true
	}
	return func(_ int64, record T) bool { return wanted[strings.ToLower(idOf(record))] }
}

// listRecords makes a function that writes the records of the input that failed, for report.end.
func listRecords[T fleet.Record](ctx context.Context, input string, want func([]fleet.Outcome) func(int64, T) bool) func(string, []fleet.Outcome) (int, error) {
	return func(name string, failures []fleet.Outcome) (n int, err error) {
		err = createWith(name, func(w io.Writer) error {
			return writeRecords(w, name, selected(records[T](ctx, input), want(failures), &n), nil)
		})
		if n == 0 {
			return 0, errors.Join(err, remove(name))
		}
		return n, err
	}
}

// listIDs writes the ids that failed, one a line.
func listIDs(name string, failures []fleet.Outcome) (n int, err error) {
	err = createWith(name, func(w io.Writer) error {
		for _, o := range failures {
			if o.ID == "" {
				continue // it could not be read
			}
			n++
			if _, err := io.WriteString(w, o.ID+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}
