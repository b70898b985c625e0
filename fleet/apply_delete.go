package fleet

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/azdps/azdps"
)

// deleted deletes the records that are not desired, one a call.
func (a *application[T]) deleted(ctx context.Context, options *Options) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		pace := newPacer(options)
		progress := newProgress(options, pace.limiter)
		defer progress.stop()
		var done, failed int64
		positions := func(yield func(int, error) bool) {
			for i := range a.plan.deletes {
				if !yield(i, options.tooMany(done, failed)) {
					return
				}
			}
		}
		work := func(ctx context.Context, i int) (Outcome, error) { return a.delete(ctx, pace, i) }
		var end error
		for outcome, err := range each(ctx, pace, progress, positions, work) {
			if end = err; err != nil {
				break
			}
			if !yield(outcome, nil) {
				return
			}
			progress.count(outcome.Result, false)
			done++
			if outcome.Result.failed() {
				failed++
			}
		}
		progress.end()
		if end == nil {
			end = ctx.Err()
		}
		if end == nil {
			end = options.tooMany(done, failed)
		}
		if end != nil {
			yield(Outcome{}, end)
		}
	}
}

// delete deletes a record under the ETag of the plan. After a lost answer it tries again, which tells what became of it, and in
// the end it asks. Its error ends the run.
func (a *application[T]) delete(ctx context.Context, pace *pacer, i int) (Outcome, error) {
	d := a.plan.deletes[i]
	end := func(result Result, err error) (Outcome, error) {
		return Outcome{ID: d.id, Index: int64(i), Result: result, Err: err}, nil
	}
	var lost error
	for round := range maxRounds {
		if round > 0 && pace.rest(ctx, backoff(round-1)) != nil {
			break
		}
		err := pace.do(ctx, 1, func(ctx context.Context) error { return a.kind.delete(ctx, d.id, &d.etag) })
		switch {
		case errors.Is(err, azdps.ErrOutcomeUnknown):
			lost = err
		case err == nil, lost != nil && azdps.HasStatusCode(err, http.StatusNotFound):
			return end(ResultDeleted, nil)
		case azdps.HasStatusCode(err, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed):
			return end(ResultConflict, recordError(err))
		case !isAboutAll(err):
			return end(ResultRefused, recordError(err))
		case lost == nil:
			return Outcome{}, err
		}
	}
	return end(a.isDeleted(ctx, pace, d, lost))
}

// isDeleted asks what became of a record to which all answers were lost.
func (a *application[T]) isDeleted(ctx context.Context, pace *pacer, d deletion, lost error) (Result, error) {
	found, err := read(ctx, pace, func(ctx context.Context) (T, error) { return a.kind.get(ctx, d.id) })
	switch {
	case azdps.HasStatusCode(err, http.StatusNotFound):
		return ResultDeleted, nil
	case err != nil:
		return ResultUnknown, lost
	case *a.kind.members(&found).etag != d.etag:
		return ResultConflict, lost
	}
	return ResultRefused, lost // the service failed on it each time
}
