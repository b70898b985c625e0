package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"strings"
)

// headRecords is how many records tell one input from another.
const headRecords = 100

// journaled passes a sequence on after it has compared its first records, and the run, with those that the journal is of. A new
// journal becomes that of this run, unless the input is empty: then there is nothing to tell it by once it has grown. If it is of another run,
// an error is all that journaled yields.
func journaled[T Record](j *Journal, earlier *journalHeader, endpoint, mode string, records iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		count := headRecords
		if earlier != nil {
			count = earlier.Records
		}
		head := newHead[T](count)
		for record, err := range records {
			if head.passed {
				if !yield(record, err) {
					return
				}
				continue
			}
			if _, isFault := errors.AsType[*InputError](err); err != nil && !isFault {
				yield(record, err) // ends the run, and says nothing about the input
				return
			}
			if head.add(record, err); len(head.inputs) < count {
				continue
			}
			if !head.pass(j, earlier, endpoint, mode, yield) {
				return
			}
		}
		if !head.passed && (earlier != nil || len(head.inputs) > 0) {
			head.pass(j, earlier, endpoint, mode, yield)
		}
	}
}

type input[T Record] struct {
	record T
	err    error
}

// head is the start of a sequence, which is held back until it has been compared.
type head[T Record] struct {
	inputs []input[T]
	hash   hash.Hash
	passed bool
}

func newHead[T Record](count int) *head[T] {
	return &head[T]{inputs: make([]input[T], 0, count), hash: sha256.New()}
}

func (h *head[T]) add(record T, err error) {
	h.inputs = append(h.inputs, input[T]{record, err})
	data, unwritable := json.Marshal(record)
	if err != nil || unwritable != nil {
		data = fmt.Append(data, err, unwritable)
	}
	h.hash.Write(append(data, '\n'))
}

// pass compares what was held back, or makes the journal its own, and lets it go.
func (h *head[T]) pass(j *Journal, earlier *journalHeader, endpoint, mode string, yield func(T, error) bool) bool {
	h.passed = true
	run := &journalHeader{
		Format: journalFormat, Service: strings.ToLower(endpoint), Kind: kindOf[T](nil).name, Mode: mode,
		Head: hex.EncodeToString(h.hash.Sum(nil)), Records: len(h.inputs),
	}
	err := run.compare(earlier)
	if earlier == nil {
		err = j.append(&journalLine{Run: run})
	}
	if err != nil {
		yield(*new(T), err)
		return false
	}
	for _, in := range h.inputs {
		if !yield(in.record, in.err) {
			return false
		}
	}
	h.inputs = nil
	return true
}

// compare says in what a run is another than the earlier one of its journal.
func (h *journalHeader) compare(earlier *journalHeader) error {
	switch {
	case earlier == nil || *h == *earlier:
		return nil
	case h.Service != earlier.Service:
		return fmt.Errorf("%w: its service is %s, not %s", ErrJournalMismatch, earlier.Service, h.Service)
	case h.Kind != earlier.Kind:
		return fmt.Errorf("%w: its records are %s, not %s", ErrJournalMismatch, earlier.Kind, h.Kind)
	case h.Mode != earlier.Mode:
		return fmt.Errorf("%w: its mode is %s, not %s", ErrJournalMismatch, earlier.Mode, h.Mode)
	}
	return fmt.Errorf("%w: the first %d records of its input are others", ErrJournalMismatch, earlier.Records)
}
