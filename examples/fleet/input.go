package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// records reads a file of records anew each time that it is ranged over. It ends with the error of ctx.
func records[T fleet.Record](ctx context.Context, name string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			yield(*new(T), err)
			return
		}
		defer func() { _ = file.Close() }() // it was only read
		read := fleet.ReadJSONL[T](file)
		if formatOf(name) == formatCSV {
			read = fleet.ReadCSV[T](file, nil)
		}
		for record, err := range read {
			if ctx.Err() != nil {
				yield(*new(T), ctx.Err())
				return
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// ids reads the ids of a file: one a line in text, or those of records.
func ids[T fleet.Record](ctx context.Context, name string) iter.Seq2[string, error] {
	if formatOf(name) == formatText {
		return textIDs(ctx, name)
	}
	return func(yield func(string, error) bool) {
		for record, err := range records[T](ctx, name) {
			if !yield(idOf(record), err) {
				return
			}
		}
	}
}

// textIDs reads one id a line; blank lines are ignored.
func textIDs(ctx context.Context, name string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			yield("", err)
			return
		}
		defer func() { _ = file.Close() }() // it was only read
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			id := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
			if id == "" {
				continue
			}
			if ctx.Err() != nil {
				yield("", ctx.Err())
				return
			}
			if !yield(id, nil) {
				return
			}
		}
		if lines.Err() != nil {
			yield("", fmt.Errorf("%s: %w", name, lines.Err()))
		}
	}
}

// count counts what a sequence has, faults too. Any other error ends it.
func count[T any](sequence iter.Seq2[T, error]) (n int64, err error) {
	for _, err := range sequence {
		if _, isFault := errors.AsType[*fleet.InputError](err); err != nil && !isFault {
			return 0, err
		}
		n++
	}
	return n, nil
}

// checkRecords prints all faults of a file before anything is sent, and is an error if there are any.
func checkRecords[T fleet.Record](ctx context.Context, j *job) error {
	name := j.settings.in
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	reader := &untilDone{ctx, file}
	check := fleet.CheckJSONL[T](reader, azdps.BulkOperationModeCreate)
	if formatOf(name) == formatCSV {
		check = fleet.CheckCSV[T](reader, azdps.BulkOperationModeCreate, nil)
	}
	faults := 0
	for err := range check {
		fault, ok := errors.AsType[*fleet.InputError](err)
		if !ok {
			return err
		}
		faults++
		j.printFault(fault)
	}
	if faults > 0 {
		return fmt.Errorf("%s has faults, %d in all; nothing was sent", name, faults)
	}
	return nil
}

// printFault prints a fault as compilers do, so that editors find the place.
func (j *job) printFault(f *fleet.InputError) {
	if j.settings.json {
		j.printJSON(map[string]any{"type": "fault", "line": f.Line, "column": f.Column, "field": f.Field, "reason": f.Reason})
		return
	}
	text := fmt.Sprintf("%s:%d:", j.settings.in, f.Line)
	if f.Column > 0 {
		text += fmt.Sprintf("%d:", f.Column)
	}
	if f.Field != "" {
		text += " " + f.Field + ":"
	}
	fmt.Fprintln(j.stdout, text, f.Reason)
}

// untilDone reads until ctx ends.
type untilDone struct {
	ctx context.Context
	in  io.Reader
}

func (r *untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

// remove deletes a file if there is one.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
