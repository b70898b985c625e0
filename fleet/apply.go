package fleet

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/azdps/azdps"
)

// errPlanJournal refuses a journal.
var errPlanJournal = errors.New("fleet: a plan is applied without a journal; after an interruption a new plan has what is left to do")

// Apply makes the changes of the plan in the order of [Plan.Changes] and yields one [Outcome] a change, with the position of the
// change as its index, once it is known. An error is the last thing that it yields, and only if the run ends early. options
// may be nil.
//
// A record that was changed, created or deleted since the plan is left alone and reported as ResultConflict: a record is created
// only if there is none, and updated and deleted only under the ETag that the plan found. An update keeps the symmetric keys that
// the desired record leaves out. As in [Bulk], a refused record does not stop the rest, and of a write whose answer was lost it
// asks what became of it.
//
// It costs 0.1 operations to create or update a record, 1.1 to update one with symmetric keys and not both of them desired, and
// 1 to delete one: bulk operations are not documented to heed the ETag of a deletion. It needs the permission EnrollmentWrite,
// and EnrollmentRead for the keys that an update keeps and after a lost answer.
//
// It ranges over the desired records once for what is created and once for what is updated, and ends early if they are not those of
// the plan any more. It takes no journal: after an interruption, make a new plan. Of the options, MaxFailureShare counts
// creations, updates and deletions each for themselves, and Total is set by the plan.
func (p *Plan[T]) Apply(ctx context.Context, options *BulkOptions) iter.Seq2[Outcome, error] {
	if options == nil {
		options = &BulkOptions{}
	}
	settings := *options
	return func(yield func(Outcome, error) bool) {
		if settings.Journal != nil {
			yield(Outcome{}, errPlanJournal)
			return
		}
		if settings.Limiter == nil {
			settings.Limiter = NewLimiter(0)
		}
		a := &application[T]{plan: p, kind: kindOf[T](p.client), options: settings.Options, yield: yield}
		a.report = &relay{report: a.options.Progress, total: int64(p.Len()), start: time.Now()}
		a.run(ctx)
	}
}

// application is one run of Apply.
type application[T Record] struct {
	plan    *Plan[T]
	kind    kind[T]
	options Options
	report  *relay
	yield   func(Outcome, error) bool

	done, failed int64
}

// run runs the three stages one after another.
func (a *application[T]) run(ctx context.Context) {
	p := a.plan
	stages := []struct {
		action  Action
		changes int
		run     func(*BulkOptions) iter.Seq2[Outcome, error]
	}{
		{ActionCreate, len(p.creates), func(o *BulkOptions) iter.Seq2[Outcome, error] {
			return Bulk(ctx, p.client, azdps.BulkOperationModeCreate, a.created(), o)
		}},
		{ActionUpdate, len(p.updates), func(o *BulkOptions) iter.Seq2[Outcome, error] {
			return Bulk(ctx, p.client, azdps.BulkOperationModeUpdateIfMatchETag, a.updated(), o)
		}},
		{ActionDelete, len(p.deletes), func(o *BulkOptions) iter.Seq2[Outcome, error] { return a.deleted(ctx, &o.Options) }},
	}
	for _, stage := range stages {
		if stage.changes > 0 && !a.pass(stage.action, stage.run(a.stageOptions(stage.changes))) {
			return
		}
	}
	a.report.end()
}

// stageOptions are those of a stage, which knows nothing of the others.
func (a *application[T]) stageOptions(changes int) *BulkOptions {
	o := a.options
	o.Total = int64(changes)
	if o.MaxFailures > 0 {
		o.MaxFailures -= int(a.failed) // the run would have ended before that is 0
	}
	if o.Progress != nil {
		o.Progress = a.report.take
	}
	return &BulkOptions{Options: o}
}

// pass passes on the outcomes of a stage. It returns false if there must not be another.
func (a *application[T]) pass(action Action, outcomes iter.Seq2[Outcome, error]) bool {
	first := a.done
	for outcome, err := range outcomes {
		if err != nil {
			a.report.end()
			a.yield(Outcome{}, err)
			return false
		}
		outcome.Index += first
		if action == ActionUpdate && azdps.HasStatusCode(outcome.Err, http.StatusNotFound) {
			outcome.Result = ResultConflict // the record was there
		}
		a.done++
		if outcome.Result.failed() {
			a.failed++
		}
		if !a.yield(outcome, nil) {
			return false
		}
	}
	a.report.next()
	return true
}

// created are the desired records that are to be created.
func (a *application[T]) created() iter.Seq2[T, error] {
	creates := a.plan.creates
	return a.pick(len(creates), func(i int, _ *T) int { return creates[i].position })
}

// updated are the desired records that are to replace others, with the ETags of those.
func (a *application[T]) updated() iter.Seq2[T, error] {
	updates := a.plan.updates
	return a.pick(len(updates), func(i int, record *T) int {
		*a.kind.members(record).etag = updates[i].etag
		return updates[i].position
	})
}

// pick yields n of the desired records: those whose position is the one that prepare returns for each of 0 to n-1. Prepare may
// change the copy that it gets.
func (a *application[T]) pick(n int, prepare func(i int, record *T) (position int)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		at, picked := 0, 0
		for record, err := range a.plan.desired {
			if err != nil {
				yield(*new(T), changed(at, err))
				return
			}
			if prepare(picked, &record) == at {
				_, err := a.plan.formAgain(a.kind, at, record)
				if !yield(record, err) || err != nil {
					return
				}
				if picked++; picked == n {
					return
				}
			}
			at++
		}
		yield(*new(T), changed(at, nil))
	}
}
