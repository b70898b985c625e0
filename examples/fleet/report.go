package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/azdps/azdps/fleet"
)

// maxShown is how many failures are printed for people; all of them are in the file for them, and in the output for programs.
const maxShown = 20

// report prints what becomes of the records of a run, and remembers which failed.
type report struct {
	job    *job
	counts map[fleet.Result]int64
	failed []fleet.Outcome // without their errors
}

// collect takes all outcomes of a run.
func (j *job) collect(outcomes iter.Seq2[fleet.Outcome, error]) (*report, error) {
	r := &report{job: j, counts: make(map[fleet.Result]int64)}
	for outcome, err := range outcomes {
		if err != nil {
			return r, err
		}
		r.take(outcome)
	}
	return r, nil
}

// failed says whether a record is not as it was wanted.
func failed(result fleet.Result) bool {
	return result == fleet.ResultConflict || result == fleet.ResultRefused || result == fleet.ResultUnknown
}

func (r *report) take(o fleet.Outcome) {
	r.counts[o.Result]++
	if failed(o.Result) {
		r.failed = append(r.failed, fleet.Outcome{ID: o.ID, Index: o.Index, Result: o.Result})
	}
	switch {
	case r.job.settings.json:
		r.job.printJSON(objectOf(o))
	case o.Err == nil:
	case failed(o.Result) && len(r.failed) > maxShown:
		if len(r.failed) == maxShown+1 {
			r.print("more records failed, which are not printed")
		}
	default:
		r.print(fmt.Sprintf("%s %s: %s", o.Result, name(o), oneLine(o.Err)))
	}
}

func (r *report) print(text string) {
	r.job.display.clear()
	fmt.Fprintln(r.job.stdout, text)
}

// name is how a message calls a record.
func name(o fleet.Outcome) string {
	if o.ID == "" {
		return fmt.Sprintf("record %d", o.Index+1)
	}
	return o.ID
}

// outcomeObject is an outcome for programs.
type outcomeObject struct {
	Type   string       `json:"type"`
	ID     string       `json:"id"`
	Index  int64        `json:"index"`
	Result fleet.Result `json:"result"`
	Status int          `json:"status,omitempty"`
	Code   string       `json:"code,omitempty"`
	Reason string       `json:"reason,omitempty"`
}

func objectOf(o fleet.Outcome) outcomeObject {
	object := outcomeObject{Type: "outcome", ID: o.ID, Index: o.Index, Result: o.Result}
	if o.Err != nil {
		object.Reason = oneLine(o.Err)
	}
	if refusal, ok := errors.AsType[*fleet.RecordError](o.Err); ok {
		object.Status, object.Code, object.Reason = refusal.StatusCode, string(refusal.Code), refusal.Reason
	}
	return object
}

// end prints the sum of a run and lists what failed, with a function that writes the failures to a file and says how many it
// has. The error is that of the run.
func (r *report) end(ctx context.Context, err error, name string, write func(name string, failed []fleet.Outcome) (int, error)) error {
	listed := 0
	var unwritten error
	if ctx.Err() == nil { // after an interrupt the next run lists them
		listed, unwritten = r.list(name, write)
	}
	r.summarize(name, listed)
	if err := errors.Join(err, unwritten); err != nil {
		return err
	}
	if len(r.failed) > 0 {
		return errSomeFailed
	}
	return nil
}

// list writes the failures to a file, or takes away that of an earlier run if there are none.
func (r *report) list(name string, write func(string, []fleet.Outcome) (int, error)) (int, error) {
	if len(r.failed) == 0 {
		return 0, remove(name)
	}
	slices.SortFunc(r.failed, func(a, b fleet.Outcome) int { return int(a.Index - b.Index) })
	listed, err := write(name, r.failed)
	if err != nil {
		return 0, fmt.Errorf("list the records that failed: %w", err)
	}
	return listed, nil
}

// summarize prints how many records had which result.
func (r *report) summarize(failedName string, listed int) {
	if r.job.settings.json {
		object := map[string]any{"type": "summary", "failed": len(r.failed)}
		for _, result := range fleet.PossibleResultValues() {
			object[string(result)] = r.counts[result]
		}
		if listed > 0 {
			object["failedFile"], object["failedListed"] = failedName, listed
		}
		r.job.printJSON(object)
		return
	}
	var parts []string
	for _, result := range fleet.PossibleResultValues() {
		if n := r.counts[result]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	if parts == nil {
		parts = []string{"no records"}
	}
	r.print(strings.Join(parts, ", "))
	if listed > 0 {
		what := fmt.Sprintf("%d records that failed are", listed)
		if listed == 1 {
			what = "1 record that failed is"
		}
		r.print(fmt.Sprintf("%s in %s, to be given as input again", what, failedName))
	}
}
