package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

const (
	individualsOfFleet = 150
	fleetRate          = 60_000 // operations a minute
	fleetConcurrency   = 8
	maxRestarts        = 4 // of a run
)

// runs are the steps of the worker that runs fleets.
var runs = []step{
	{"bulk", 40, (*worker).fleetBulk},
	{"plan", 15, (*worker).fleetPlan},
	{"plan with deletions", 5, (*worker).fleetPlanDeletes},
	{"rotate keys", 10, (*worker).fleetRotateKeys},
	{"rotate certificates", 10, (*worker).fleetRotateCertificates},
	{"decommission", 10, (*worker).fleetDecommission},
	{"export", 10, (*worker).fleetExport},
	{"states", 5, (*worker).fleetStates},
}

// fleetOptions are for one run: a limiter remembers how it was throttled.
func fleetOptions() fleet.Options {
	return fleet.Options{Limiter: fleet.NewLimiter(fleetRate), MaxConcurrency: fleetConcurrency}
}

// outcomes are what a run told, by id.
type outcomes map[string]fleet.Outcome

// follow runs a run of n records once. It is ended after some outcomes, by its context or by leaving the loop, if stopAfter is not
// negative; complete says that it came to its end.
func (w *worker) follow(ctx context.Context, name string, stopAfter int, leave bool, start func(context.Context) iter.Seq2[fleet.Outcome, error]) (told outcomes, complete bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told = make(outcomes)
	t := w.soak.tally
	if stopAfter == 0 {
		cancel()
	}
	for outcome, err := range start(ctx) {
		if err != nil {
			if stopAfter < 0 || !errors.Is(err, context.Canceled) {
				t.done("fleet."+name, "ended early")
				if !transient(statusOf(err)) {
					t.violate(falseReport, "%s ended early: %v", name, err)
				}
			}
			return told, false
		}
		if _, twice := told[outcome.ID]; twice {
			t.violate(doubled, "%s told two outcomes of %s", name, outcome.ID)
		}
		told[outcome.ID] = outcome
		if len(told) != stopAfter {
			continue
		}
		if leave {
			return told, false
		}
		cancel()
	}
	return told, true
}

// resume runs a run with a journal until it is complete. It is ended early some times and started again, as after a crash.
func (w *worker) resume(ctx context.Context, r *rand.Rand, name string, n int, start func(context.Context, *fleet.Journal) iter.Seq2[fleet.Outcome, error]) outcomes {
	t := w.soak.tally
	directory, err := os.MkdirTemp("", "azdps-soak-journal-")
	if err != nil {
		t.violate(broken, "%v", err)
		return nil
	}
	defer func() { _ = os.RemoveAll(directory) }()
	earlier := make(outcomes)
	for restarts := 0; ; restarts++ {
		stopAfter := -1
		if restarts < maxRestarts && r.IntN(3) > 0 {
			stopAfter = r.IntN(n + 1)
		}
		journal, err := fleet.OpenJournal(filepath.Join(directory, "journal"))
		if err != nil {
			t.violate(broken, "%v", err)
			return earlier
		}
		told, complete := w.follow(ctx, name, stopAfter, r.IntN(2) == 0, func(ctx context.Context) iter.Seq2[fleet.Outcome, error] { return start(ctx, journal) })
		if err := journal.Close(); err != nil {
			t.violate(broken, "%v", err)
		}
		w.proxy.settle()
		for id, before := range earlier {
			if now, again := told[id]; again && before.Result != now.Result && before.Result != fleet.ResultUnknown {
				t.violate(falseReport, "%s told first that %s is %s, then that it is %s (%v)", name, id, before.Result, now.Result, now.Err)
			}
		}
		maps.Copy(earlier, told)
		if complete || restarts > 2*maxRestarts {
			t.done("fleet."+name, fmt.Sprint("complete after ", restarts, " restarts"))
			if complete && len(told) != n {
				t.violate(lost, "%s told %d outcomes of %d records", name, len(told), n)
			}
			return earlier
		}
	}
}

// expect checks that an outcome is possible, and brings the model up to date with the service. after is what a write leaves
// behind, nil for a deletion; refusal says that nothing may be written.
func (w *worker) expect(ctx context.Context, name, id string, told outcomes, after *shape, refusal bool) {
	a := w.individuals
	before, existed := a.held[id]
	old := &before
	if !existed {
		old = nil
	}
	outcome, isTold := told[id]
	t := w.soak.tally
	t.done("fleet."+name+" record", resultOf(outcome, isTold))
	candidates := []*shape{old, after}
	possible := true
	switch outcome.Result {
	case fleet.ResultUnknown: // either
	case fleet.ResultCreated:
		possible = !existed && after != nil && !refusal
		candidates = []*shape{after}
	case fleet.ResultUpdated:
		possible = existed && after != nil && !refusal
		candidates = []*shape{after}
	case fleet.ResultDeleted:
		possible = after == nil
		candidates = []*shape{nil}
	case fleet.ResultUnchanged:
		possible = !existed && after == nil || existed && after != nil && after.difference(before) == ""
		candidates = []*shape{old}
	case fleet.ResultConflict:
		possible = refusal && existed
		candidates = []*shape{old}
	case fleet.ResultRefused:
		possible = refusal || transient(statusOf(outcome.Err))
		candidates = []*shape{old}
	}
	if isTold && !possible {
		t.violate(falseReport, "%s told that %s is %s, which cannot be (%v)", name, id, outcome.Result, outcome.Err)
	}
	a.settle(ctx, name, id, candidates...)
}

func resultOf(outcome fleet.Outcome, isTold bool) string {
	if !isTold {
		return "not told"
	}
	return string(outcome.Result)
}

// some chooses some of the worker's records.
func (w *worker) some(r *rand.Rand) []string {
	ids := w.individuals.ids
	chosen := make([]string, 0, len(ids))
	for _, i := range r.Perm(len(ids))[:20+r.IntN(len(ids)-20)] {
		chosen = append(chosen, ids[i])
	}
	return chosen
}

// fleetBulk writes some records in one of the modes, with restarts.
func (w *worker) fleetBulk(ctx context.Context, r *rand.Rand) {
	modes := azdps.PossibleBulkOperationModeValues()
	mode := modes[r.IntN(len(modes))]
	if r.IntN(3) == 0 {
		mode = azdps.BulkOperationModeCreate
	}
	name := "Bulk " + string(mode)
	var input []azdps.IndividualEnrollment
	ids := w.some(r)
	after, refusals := make(map[string]*shape), make(map[string]bool)
	for _, id := range ids {
		sent, left, refusal := w.bulkRecord(r, mode, id)
		input = append(input, recordOf[azdps.IndividualEnrollment](sent, w.soak.certificates))
		after[id], refusals[id] = left, refusal
	}
	told := w.resume(ctx, r, name, len(ids), func(ctx context.Context, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.Bulk(ctx, w.through, mode, sequence(input), &fleet.BulkOptions{Options: fleetOptions(), Journal: journal})
	})
	for _, id := range ids {
		w.expect(ctx, name, id, told, after[id], refusals[id])
	}
}

// bulkRecord draws a record to send, and says what it leaves behind and whether it must be refused.
func (w *worker) bulkRecord(r *rand.Rand, mode azdps.BulkOperationMode, id string) (sent shape, left *shape, refusal bool) {
	before, exists := w.individuals.held[id]
	ifMatch, status := condition(r, before, exists)
	sent = w.individuals.draw(r, id, before)
	if exists && r.IntN(4) == 0 && mode == azdps.BulkOperationModeUpdate {
		sent = before // is equal
		sent.PrimaryKey, sent.SecondaryKey = "", ""
	}
	sent.ETag = string(*ifMatch)
	after := sent
	after.ETag = ""
	if exists && sent.Type == azdps.AttestationTypeSymmetricKey && sent.PrimaryKey == "" && before.Type == sent.Type {
		after.PrimaryKey, after.SecondaryKey = before.PrimaryKey, before.SecondaryKey
	}
	if exists {
		after.Created = before.Created
	}
	switch mode {
	case azdps.BulkOperationModeCreate:
		after.Twin = w.twin(r) // no record is equal to one that exists
		sent.Twin = after.Twin
		return sent, &after, exists
	case azdps.BulkOperationModeDelete:
		return sent, nil, status != 0
	case azdps.BulkOperationModeUpdate:
		return sent, &after, !exists
	case azdps.BulkOperationModeUpdateIfMatchETag:
		return sent, &after, status == http.StatusPreconditionFailed || !exists
	}
	panic("unreachable")
}

func sequence[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}
