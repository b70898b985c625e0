package fleet

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/azdps/azdps"
)

const (
	// maxRounds is how often a record is sent while it is not known what became of it, or others write in between.
	maxRounds = 6

	// togetherRounds is how often records are sent together; then each goes alone, so that one on which the service fails
	// does not take the others along.
	togetherRounds = 3
)

// writer brings chunks of records to their end. It is safe for concurrent use.
type writer[T Record] struct {
	kind kind[T]
	mode azdps.BulkOperationMode
	pace *pacer
}

// write sends records until the outcome of each is known. Its error ends the run, and leaves those open of which it is not.
func (w *writer[T]) write(ctx context.Context, tasks []*task[T]) error {
	for round := range maxRounds {
		if round > 0 {
			if err := w.pace.rest(ctx, backoff(round-1)); err != nil {
				return err
			}
		}
		for _, t := range tasks {
			if err := w.prepare(ctx, t); err != nil {
				return err
			}
		}
		size := azdps.MaxBulkItems
		if round >= togetherRounds {
			size = 1
		}
		for part := range slices.Chunk(open(tasks), size) {
			if err := w.send(ctx, part); err != nil {
				return err
			}
		}
		if tasks = open(tasks); len(tasks) == 0 {
			return nil
		}
	}
	for _, t := range tasks {
		if err := w.conclude(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// open are the records whose outcome is not known.
func open[T Record](tasks []*task[T]) []*task[T] {
	return slices.DeleteFunc(slices.Clone(tasks), func(t *task[T]) bool { return t.result != "" })
}

// success is what a write of this mode makes of a record.
func (w *writer[T]) success() Result {
	switch w.mode {
	case azdps.BulkOperationModeCreate:
		return ResultCreated
	case azdps.BulkOperationModeDelete:
		return ResultDeleted
	default:
		return ResultUpdated
	}
}

// send sends up to ten records in one operation, and reads its answer.
func (w *writer[T]) send(ctx context.Context, tasks []*task[T]) error {
	if len(tasks) == 0 {
		return nil
	}
	records := make([]T, len(tasks))
	for i, t := range tasks {
		records[i] = *t.wanted
	}
	var refused *azdps.BulkOperationError
	err := w.pace.do(ctx, w.pace.bulkOperations(len(records)), func(ctx context.Context) error {
		_, err := w.kind.bulk(ctx, w.mode, records)
		if !errors.Is(err, azdps.ErrOutcomeUnknown) && errors.As(err, &refused) {
			return nil // a whole answer
		}
		return err
	})
	switch {
	case err == nil:
		return w.read(ctx, tasks, refused)
	case errors.Is(err, azdps.ErrOutcomeUnknown):
		lose(tasks, err)
		return ctx.Err()
	case ctx.Err() != nil:
		return err
	case azdps.HasStatusCode(err, http.StatusBadRequest, http.StatusRequestEntityTooLarge):
		return w.split(ctx, tasks, err)
	case isFinal(err):
		return w.sift(ctx, tasks, err)
	}
	return err
}

// lose notes that the answer to a write of records was lost.
func lose[T Record](tasks []*task[T], err error) {
	for _, t := range tasks {
		t.lost, t.last = true, err
	}
}

// split sends the halves of a chunk that the service refused as a whole, for one bad record, or because all together are too large.
func (w *writer[T]) split(ctx context.Context, tasks []*task[T], refusal error) error {
	if len(tasks) == 1 {
		tasks[0].end(ResultRefused, recordError(refusal))
		return nil
	}
	half := len(tasks) / 2
	if err := w.send(ctx, tasks[:half]); err != nil {
		return err
	}
	return w.send(ctx, tasks[half:])
}

// sift refuses the records that azdps does not send, and sends the others. If it is none of them, such as a credential that fails,
// the error ends the run.
func (w *writer[T]) sift(ctx context.Context, tasks []*task[T], refusal error) error {
	good := tasks[:0:0]
	for _, t := range tasks {
		if err := check(w.mode, *t.wanted); err != nil {
			t.end(ResultRefused, err)
		} else {
			good = append(good, t)
		}
	}
	if len(good) == len(tasks) {
		return refusal
	}
	return w.send(ctx, good)
}

// read takes the outcomes from the answer to a bulk operation. It notes all that the answer says before it asks for anything more,
// so that an error of that, which ends the run, makes none of it forgotten.
func (w *writer[T]) read(ctx context.Context, tasks []*task[T], refused *azdps.BulkOperationError) error {
	if refused == nil {
		for _, t := range tasks {
			t.end(w.success(), nil)
		}
		return nil
	}
	failures := make(map[string]*RecordError)
	for _, failure := range refused.Failures {
		failures[key(failedID(failure))] = itemError(failure)
	}
	var passed, failed []*task[T]
	for _, t := range tasks {
		if refusal, ok := failures[t.key]; ok {
			t.last = refusal
			failed = append(failed, t)
		} else {
			passed = append(passed, t)
		}
	}
	if len(failed) == 0 || len(failed) < len(failures) {
		lose(passed, refused) // it does not say of which record
	} else {
		for _, t := range passed {
			t.end(w.success(), nil)
		}
	}
	var asked []*task[T]
	for _, t := range failed {
		if !w.failed(t, failures[t.key]) {
			asked = append(asked, t)
		}
	}
	for _, t := range asked {
		if err := w.ask(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// failed decides on a record that the service refused. It returns false if the service has to be asked what it holds.
func (w *writer[T]) failed(t *task[T], refusal *RecordError) bool {
	switch refusal.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		t.lost = true
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable: // again
	case http.StatusNotFound:
		if w.mode == azdps.BulkOperationModeDelete && t.lost {
			t.end(ResultDeleted, nil)
			return true
		}
		t.end(ResultRefused, refusal)
	case http.StatusConflict, http.StatusPreconditionFailed:
		switch {
		case w.mode == azdps.BulkOperationModeUpdate: // again, under the ETag of what is there now
		case t.lost:
			return false
		default:
			t.end(ResultConflict, refusal)
		}
	default:
		t.end(ResultRefused, refusal)
	}
	return true
}
