package fleet

import (
	"cmp"
	"context"
	"iter"

	"github.com/azdps/azdps"
)

// step is one record of a walk.
type step[T Record] struct {
	index  int64
	id     string
	record T // of the input

	begun  bool   // the journal has an intent
	half   bool   // it is done in part
	lost   bool   // something may have been written, now or by an earlier run, and it is not known what became of it
	last   error  // of the last try
	result Result // empty while open
	err    error
	fatal  error // ends the walk
}

func (s *step[T]) end(result Result, err error) { s.result, s.err = result, err }

func (s *step[T]) outcome() Outcome {
	return Outcome{ID: s.id, Index: s.index, Result: s.result, Err: s.err}
}

// noted is what the journal is told of the record. One that was refused when it was half done is open there, so that the next run goes
// on with it.
func (s *step[T]) noted() Outcome {
	switch {
	case !s.half || s.result != ResultRefused:
		return s.outcome()
	case s.lost:
		return Outcome{Index: s.index, Result: ResultUnknown}
	}
	return Outcome{Index: s.index}
}

// walk takes records one by one, several at once, and yields one outcome a record. Like a bulk run it belongs to the goroutine of the
// consumer.
type walk[T Record] struct {
	account
	kind    kind[T]
	pace    *pacer
	visit   visitor[T]
	workers *pool[*step[T]]
}

// visitor brings a record to its end. Its error ends the walk; a record that may have been written is unknown then.
type visitor[T Record] func(context.Context, *walk[T], *step[T]) error

// walkAll makes a walk of each range over its result. The mode names what is done in the journal.
func walkAll[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, mode string, records iter.Seq2[T, error], options BulkOptions, visit visitor[T]) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		in := records
		if options.Journal != nil {
			earlier, err := options.Journal.begin()
			if err != nil {
				yield(Outcome{}, err)
				return
			}
			defer options.Journal.end()
			in = journaled(options.Journal, earlier, client.Endpoint(), mode, records)
		}
		pace := newPacer(&options.Options)
		account := account{options: &options, yield: yield, progress: newProgress(&options.Options, pace.limiter)}
		w := &walk[T]{account: account, kind: kindOf[T](client), pace: pace, visit: visit}
		w.run(ctx, in)
	}
}

func (w *walk[T]) run(ctx context.Context, records iter.Seq2[T, error]) {
	ctx, cancel := context.WithCancel(ctx)
	w.workers = newPool(w.pace, w.progress, func(s *step[T]) { w.work(ctx, s) })
	defer func() {
		w.left = true
		w.progress.stop()
		cancel()
		w.workers.close(func(*step[T]) {})
	}()
	for record, err := range records {
		w.err = cmp.Or(w.err, ctx.Err())
		if w.err == nil {
			w.add(record, err)
		}
		if w.ended() {
			break
		}
	}
	for !w.left && w.workers.busy > 0 {
		w.collected(w.workers.collect())
	}
	w.end()
}

// add starts on a record of the input as soon as a worker is free, if there is something to do for it.
func (w *walk[T]) add(record T, err error) {
	id := w.kind.id(&record)
	index, lost, open := w.take(id, err)
	if !open {
		return
	}
	for done, ok := w.workers.poll(); ok; done, ok = w.workers.poll() {
		w.collected(done)
	}
	for !w.ended() && w.workers.full() {
		w.collected(w.workers.collect())
	}
	if !w.ended() {
		w.workers.start(&step[T]{index: index, id: id, record: record, lost: lost})
	}
}

// work brings a record to its end, in a goroutine of the pool. What is not noted in the journal is not reported.
func (w *walk[T]) work(ctx context.Context, s *step[T]) {
	if refusal := check(azdps.BulkOperationModeDelete, s.record); refusal != nil { // the id alone
		s.end(ResultRefused, refusal)
	} else {
		s.fatal = w.visit(ctx, w, s)
	}
	if s.result == "" && s.lost {
		s.end(ResultUnknown, cmp.Or(s.last, s.fatal))
	}
	if w.options.Journal == nil || s.result == "" && !s.begun {
		return
	}
	if err := w.options.Journal.finish([]Outcome{s.noted()}); err != nil {
		s.fatal = cmp.Or(s.fatal, err)
		s.end("", nil)
	}
}

// begin notes in the journal that a record is about to be written.
func (w *walk[T]) begin(s *step[T]) error {
	if w.options.Journal == nil || s.begun {
		return nil
	}
	s.begun = true
	return w.options.Journal.intend([]int64{s.index})
}

func (w *walk[T]) collected(s *step[T]) {
	w.err = cmp.Or(w.err, s.fatal)
	if s.result != "" {
		w.report(s.outcome(), false)
	}
}

// withID makes a record of each id.
func withID[T Record](ids iter.Seq2[string, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		k := kindOf[T](nil)
		for id, err := range ids {
			record := *new(T)
			*k.members(&record).id = id
			if !yield(record, err) {
				return
			}
		}
	}
}
