package fleet

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/azdps/azdps"
)

// BulkOptions are the options of [Bulk].
type BulkOptions struct {
	Options

	// Journal lets the run go on after it was killed; nil means that it cannot. The caller closes it after the run.
	Journal *Journal
}

// Bulk writes or deletes any number of records, ten a call, and yields one [Outcome] a record, once it is known. The input runs in the
// same goroutine, so while that waits for its next record nothing is yielded. An error is the last thing that Bulk yields, and only
// if the run ends early; records that were under way then have their outcomes before it. It sends the records of one id in their
// order, one after another, and others in any order. Leaving the loop ends the run: calls under way are cut off.
//
// It holds up to ten records for each call in flight, ten more, and some 256 that wait for others of their id: less than a thousand unless
// MaxConcurrency is raised.
//
// What the modes do, and what they cost in operations of the service's quota:
//
//	mode                cost of a record           a record that exists     that does not
//	create              0.1                        conflict                 created
//	update              1.1; 2.1 without its keys  updated or unchanged     refused, 404
//	updateIfMatchETag   0.1; 1.1 without its keys  updated, or conflict     refused, 404
//	delete              0.1                        deleted, or conflict     refused, 404
//
// Update replaces what is there, whatever the ETag of the record: it reads the ETag that the service asks for, and leaves a record
// alone that is equal already. It cannot see whether the keys of a record are, so one with keys is always written. If somebody
// writes in between it starts again, up to five times. UpdateIfMatchETag replaces a record only under the ETag that the record
// has, and refuses one without. Both keep the symmetric keys of a record that comes without: the service would make new ones, and
// the devices would be locked out; so they are read first. Delete heeds the ETag of a record that has one.
//
// A record that the service refuses does not stop the rest, nor does one that the input could not read: an [*InputError]
// becomes an outcome. Any other error of the input ends the run, as does a service that cannot be reached or that answers
// 401 or 403.
//
// When the answer to a write is lost, the run asks what the service holds and reports the truth: it sends the records again,
// which never writes twice what was applied, and compares what the service then says to exist or to have changed with what was sent,
// keys included. That costs one operation a call, and one or two for each record that was applied. ResultUnknown is what
// remains if the service cannot be asked either, or if what it holds differs only by members that it may not keep: those that this
// version does not know, and those of later versions of the API. Later records of its id are not sent then, and unknown too: it
// may still be written. A run that is started again with the journal takes up all of them, in their order.
//
// It needs the permission EnrollmentWrite, and EnrollmentRead for the updates and after a lost answer. options may be nil.
func Bulk[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, records iter.Seq2[T, error], options *BulkOptions) iter.Seq2[Outcome, error] {
	if options == nil {
		options = &BulkOptions{}
	}
	settings := *options
	return func(yield func(Outcome, error) bool) {
		if !slices.Contains(azdps.PossibleBulkOperationModeValues(), mode) {
			yield(Outcome{}, fmt.Errorf("fleet: mode: %q is not known", mode))
			return
		}
		in := records
		if settings.Journal != nil {
			earlier, err := settings.Journal.begin()
			if err != nil {
				yield(Outcome{}, err)
				return
			}
			defer settings.Journal.end()
			in = journaled(settings.Journal, earlier, client.Endpoint(), string(mode), records)
		}
		run := newBulkRun[T](ctx, client, mode, &settings, yield)
		defer run.close()
		run.read(in)
		run.finish()
	}
}

// task is one record of a run.
type task[T Record] struct {
	index  int64
	id     string
	key    string // of the id
	record T
	wanted *T // the record as it is sent: with the ETag and the keys that the mode needs

	ready  bool   // wanted is complete
	lost   bool   // it may have been applied: an answer to it was lost
	last   error  // of the last try
	result Result // empty while open
	err    error
}

// copyWanted lets wanted be changed without the record.
func (t *task[T]) copyWanted() {
	wanted := t.record
	t.wanted = &wanted
}

func (t *task[T]) end(result Result, err error) { t.result, t.err = result, err }

func (t *task[T]) outcome() Outcome {
	return Outcome{ID: t.id, Index: t.index, Result: t.result, Err: t.err}
}

// chunk is what one worker has in hand: up to ten records, no two of one id.
type chunk[T Record] struct {
	tasks []*task[T]
	err   error // ends the run
}

// bulkRun belongs to the goroutine of the consumer: it reads the input, hands chunks to workers, and yields.
type bulkRun[T Record] struct {
	account
	ctx     context.Context
	cancel  context.CancelFunc
	kind    kind[T]
	workers *pool[*chunk[T]]
	queue   *queue[T]
}

func newBulkRun[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, options *BulkOptions, yield func(Outcome, error) bool) *bulkRun[T] {
	pace := newPacer(&options.Options)
	r := &bulkRun[T]{
		account: account{options: options, yield: yield, progress: newProgress(&options.Options, pace.limiter)},
		kind:    kindOf[T](client), queue: newQueue[T](),
	}
	r.ctx, r.cancel = context.WithCancel(ctx) //nolint:gosec // close calls it
	w := &writer[T]{kind: r.kind, mode: mode, pace: pace}
	r.workers = newPool(pace, r.progress, func(c *chunk[T]) { c.err = w.write(r.ctx, c.tasks) })
	return r
}

// read takes in the records until the input or the run ends.
func (r *bulkRun[T]) read(records iter.Seq2[T, error]) {
	for record, err := range records {
		if r.err == nil && r.ctx.Err() != nil {
			r.err = r.ctx.Err()
		}
		if r.ended() {
			return
		}
		r.add(record, err)
		for c, ok := r.workers.poll(); ok; c, ok = r.workers.poll() {
			r.collected(c)
		}
		for !r.ended() && (r.queue.ready() >= azdps.MaxBulkItems || r.queue.full()) {
			r.advance()
		}
		if r.ended() {
			return
		}
	}
}

// add queues a record of the input if there is something to do for it.
func (r *bulkRun[T]) add(record T, err error) {
	id := r.kind.id(&record)
	index, lost, open := r.take(id, err)
	if !open {
		return
	}
	t := &task[T]{index: index, id: id, key: key(id), record: record, lost: lost}
	t.wanted = &t.record
	if !r.queue.add(t) {
		r.unsent(t)
	}
}

// finish sends what is queued, unless the run ends early, and collects and reports what is under way.
func (r *bulkRun[T]) finish() {
	for !r.ended() && (r.queue.ready() > 0 || r.workers.busy > 0) {
		r.advance()
	}
	for !r.left && r.workers.busy > 0 {
		r.collected(r.workers.collect())
	}
	r.end()
}

// close ends the workers. What they knew of the records is still noted in the journal.
func (r *bulkRun[T]) close() {
	r.left = true
	r.progress.stop()
	r.cancel()
	r.workers.close(r.collected)
}

// advance starts a chunk, or waits for one to end if as many as can be are under way.
func (r *bulkRun[T]) advance() {
	if r.queue.ready() == 0 || r.workers.full() {
		r.collected(r.workers.collect())
		return
	}
	c := &chunk[T]{tasks: r.queue.take()}
	if r.options.Journal != nil {
		if r.err = r.options.Journal.intend(c.indexes()); r.err != nil {
			return
		}
	}
	r.workers.start(c)
}

// collected notes and reports what became of a chunk.
func (r *bulkRun[T]) collected(c *chunk[T]) {
	var unsent []*task[T]
	for _, t := range c.tasks {
		if t.result == "" && t.lost {
			t.end(ResultUnknown, cmp.Or(t.last, c.err))
		}
		unsent = append(unsent, r.queue.release(t)...)
	}
	r.err = cmp.Or(r.err, c.err)
	if r.options.Journal != nil {
		if err := r.options.Journal.finish(c.outcomes()); err != nil {
			r.err = cmp.Or(r.err, err)
			return // what is not noted is not reported
		}
	}
	for _, t := range c.tasks {
		if t.result != "" {
			r.report(t.outcome(), false)
		}
	}
	for _, t := range unsent {
		if !r.ended() {
			r.unsent(t)
		}
	}
}

// unsent reports a record that follows an unknown one of its id. The journal is not told, so that the next run takes up both.
func (r *bulkRun[T]) unsent(t *task[T]) {
	t.end(ResultUnknown, &RecordError{Reason: "an earlier record of the same id is unknown, so this one was not sent"})
	r.report(t.outcome(), false)
}

func (c *chunk[T]) indexes() []int64 {
	list := make([]int64, len(c.tasks))
	for i, t := range c.tasks {
		list[i] = t.index
	}
	return list
}

func (c *chunk[T]) outcomes() []Outcome {
	list := make([]Outcome, len(c.tasks))
	for i, t := range c.tasks {
		list[i] = t.outcome()
	}
	return list
}
