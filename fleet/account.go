package fleet

import (
	"cmp"
	"errors"
	"fmt"
)

// account takes in the records of an input and gives out their outcomes. It has the rules that all runs share: for faults of the
// input, for giving up, and for what the journal knows. It belongs to the goroutine of the consumer.
type account struct {
	options  *BulkOptions
	yield    func(Outcome, error) bool
	progress *progress
	next     int64 // position in the input
	done     int64 // outcomes of this run, and of those that count for giving up
	failed   int64
	left     bool  // the consumer has left
	err      error // why the run ends early
}

func (a *account) ended() bool { return a.left || a.err != nil }

// take counts a record of the input in. It is open if there is something to do for it, and lost if an earlier run may have written it.
// Else it is reported: it could not be read, or was finished by an earlier run. An error of the input ends the run.
func (a *account) take(id string, err error) (index int64, lost, open bool) {
	index = a.next
	a.next++
	journal := a.options.Journal
	if fault, ok := errors.AsType[*InputError](err); ok {
		a.takeFault(Outcome{ID: id, Index: index, Result: ResultRefused, Err: fault})
		return index, false, false
	}
	if err != nil || journal == nil {
		a.err = err
		return index, false, err == nil
	}
	if result, err, known := journal.outcome(index); known {
		a.report(Outcome{ID: id, Index: index, Result: result, Err: err}, true)
		return index, false, false
	}
	return index, journal.underWay(index), true
}

// takeFault reports a record that could not be read. The journal notes that nothing was written, so that it counts for giving up in
// one run only, and is written if it can be read the next time.
func (a *account) takeFault(outcome Outcome) {
	earlier := false
	if journal := a.options.Journal; journal != nil {
		if earlier = journal.mentions(outcome.Index); !earlier {
			a.err = journal.finish([]Outcome{{Index: outcome.Index}})
		}
	}
	if a.err == nil {
		a.report(outcome, earlier)
	}
}

// report yields an outcome. Those of an earlier run do not count for giving up, or the run could never go on.
func (a *account) report(outcome Outcome, earlier bool) {
	if a.left {
		return
	}
	a.progress.count(outcome.Result, earlier)
	if !a.yield(outcome, nil) {
		a.left = true
		return
	}
	if !earlier {
		a.done++
		if outcome.Result.failed() {
			a.failed++
			a.err = cmp.Or(a.err, a.options.tooMany(a.done, a.failed))
		}
	}
}

// end makes the last report and yields the error of a run that ends early.
func (a *account) end() {
	if a.left {
		return
	}
	a.progress.end()
	if a.err != nil {
		a.left = true
		a.yield(Outcome{}, a.err)
	}
}

// tooMany is the error of a run that gives up.
func (o *Options) tooMany(done, failed int64) error {
	least := int64(o.MinRecords)
	if least <= 0 {
		least = minRecords
	}
	byNumber := o.MaxFailures > 0 && failed >= int64(o.MaxFailures)
	byShare := o.MaxFailureShare > 0 && done >= least && float64(failed) > o.MaxFailureShare*float64(done)
	if byNumber || byShare {
		return fmt.Errorf("%w: %d of %d", ErrTooManyFailures, failed, done)
	}
	return nil
}
