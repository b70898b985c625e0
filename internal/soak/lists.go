package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/azdps/azdps"
)

// pages reads all pages, goes on from the token of one of them with a new pager, and compares what belongs to the worker.
func (a *actor[T]) pages(ctx context.Context, r *rand.Rand) {
	size, turn := int32(20+r.IntN(80)), r.IntN(4)
	var items []T
	token := ""
	number := 0
	for got, err := range a.through.pages(ctx, size, "") {
		if !a.listed("NewQueryPager", err) {
			return
		}
		items = append(items, got.items...)
		if number++; number > turn && got.next != "" {
			token = got.next
			break
		}
	}
	if token != "" {
		for got, err := range a.through.pages(ctx, size+10, token) {
			if !a.listed("NewQueryPager", err) {
				return
			}
			items = append(items, got.items...)
		}
	}
	a.compare("NewQueryPager", items)
}

// all iterates over the list, and leaves some loops early.
func (a *actor[T]) all(ctx context.Context, r *rand.Rand) {
	limit := 1_000_000
	if r.IntN(3) == 0 {
		limit = r.IntN(300)
	}
	var items []T
	for record, err := range a.through.all(ctx, int32(10+r.IntN(90))) {
		if !a.listed("All", err) {
			return
		}
		if items = append(items, record); len(items) > limit {
			return
		}
	}
	a.compare("All", items)
}

// listed counts a page or a record of a list that failed.
func (a *actor[T]) listed(method string, err error) bool {
	operation := a.through.name + "." + method
	switch {
	case err == nil:
		return true
	case transient(statusOf(err)):
		a.tally().done(operation, "failed")
	default:
		a.tally().done(operation, "failed")
		a.tally().violate(falseReport, "%s failed, which must not: %v", operation, err)
	}
	return false
}

// compare finds each record of the worker in a list once, and as it must be.
func (a *actor[T]) compare(method string, items []T) {
	a.tally().done(a.through.name+"."+method, "done")
	a.compareWith(method, items, false)
}

// compareWith does so with keys or without.
func (a *actor[T]) compareWith(method string, items []T, keys bool) {
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		got := shapeOf(item)
		if seen[got.ID] && a.owns(got.ID) { // another may be deleted and made anew meanwhile
			a.tally().violate(doubled, "%s is twice in a list by %s", got.ID, method)
		}
		seen[got.ID] = true
		want, exists := a.held[got.ID]
		switch {
		case !exists && a.owns(got.ID):
			a.tally().violate(doubled, "%s is in a list by %s, and does not exist", got.ID, method)
		case !exists:
		default:
			if !keys {
				want = want.withoutKeys()
			}
			if difference := want.difference(got); difference != "" {
				a.tally().violate(changed, "%s is listed as another: %s", got.ID, difference)
			}
		}
	}
	for id := range a.held {
		if !seen[id] {
			a.tally().violate(lost, "%s is not in a list by %s", id, method)
		}
	}
}

// owns reports whether an id belongs to the worker.
func (a *actor[T]) owns(id string) bool {
	return slices.Contains(a.ids, id)
}

// sharedRecords are counted up by all workers at once.
var sharedRecords = []string{"shared-0", "shared-1"}

// count adds one to the worker's own member of a record that all workers update: no update of another may undo it.
func (w *worker) count(ctx context.Context, r *rand.Rand) {
	const operation = "IndividualEnrollments.Update shared"
	id := sharedRecords[r.IntN(len(sharedRecords))]
	t := w.soak.tally
	expected := w.counted[id]
	answer, err := w.through.IndividualEnrollments().Update(ctx, id, func(e *azdps.IndividualEnrollment) error {
		e.InitialTwin.Tags[w.name()] = expected + 1
		return nil
	}, nil)
	switch {
	case err == nil:
		t.done(operation, "done")
		w.counted[id]++
		w.sharedHolds(id, answer.IndividualEnrollment, w.counted[id])
	case errors.Is(err, azdps.ErrOutcomeUnknown):
		t.done(operation, "outcome unknown")
		w.proxy.settle()
		w.sharedHolds(id, w.sharedNow(ctx, id), expected, expected+1)
	case transient(statusOf(err)):
		t.done(operation, "failed")
		w.sharedHolds(id, w.sharedNow(ctx, id), expected)
	case statusOf(err) == http.StatusPreconditionFailed: // others were first, five times
		t.done(operation, "refused with 412")
	default:
		t.violate(falseReport, "%s of %s failed, which must not: %v", operation, id, err)
	}
}

func (w *worker) sharedNow(ctx context.Context, id string) azdps.IndividualEnrollment {
	answer, err := w.soak.direct.IndividualEnrollments().Get(ctx, id, nil)
	if err != nil {
		w.soak.tally.violate(broken, "%s cannot be read: %v", id, err)
	}
	return answer.IndividualEnrollment
}

// sharedHolds checks the worker's count in a record, which must be one of some.
func (w *worker) sharedHolds(id string, record azdps.IndividualEnrollment, counts ...int) {
	if record.InitialTwin == nil {
		w.soak.tally.violate(changed, "%s has no twin", id)
		return
	}
	got := number(record.InitialTwin.Tags[w.name()])
	w.counted[id] = got
	if !slices.Contains(counts, got) {
		w.soak.tally.violate(changed, "the count of %s in %s is %d, not one of %v", w.name(), id, got, counts)
	}
}
