package main

import (
	"context"
	"maps"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// compareAll compares what the service holds with the models of the workers that are between two steps, which are all if it is
// patient.
func (s *soaker) compareAll(ctx context.Context, patient bool) {
	paused, resume := s.pause(patient)
	defer resume()
	individuals, groups := make(map[string]map[string]shape), make(map[string]map[string]shape)
	for _, w := range paused {
		individuals[w.name()], groups[w.name()] = w.individuals.held, w.groups.held
	}
	compareWith[azdps.IndividualEnrollment](ctx, s, individuals)
	compareWith[azdps.EnrollmentGroup](ctx, s, groups)
	for _, w := range paused {
		for id, want := range maps.Clone(w.devices) {
			w.settleState(ctx, "a checkpoint", id, &want)
		}
		s.tally.compared(len(w.devices))
		w.sharedAsCounted(ctx)
	}
}

// compareWith compares an export with models, which are given by the name of their worker, and lets these have what differs.
func compareWith[T fleet.Record](ctx context.Context, s *soaker, models map[string]map[string]shape) {
	found := make(map[string]map[string]shape)
	for owner := range models {
		found[owner] = make(map[string]shape)
	}
	for record, err := range fleet.Export[T](ctx, s.direct, &fleet.ExportOptions{Keys: true, Options: fleet.Options{Limiter: fleet.NewLimiter(1_000_000)}}) {
		if err != nil {
			s.tally.violate(broken, "the export at a checkpoint: %v", err)
			return
		}
		got := shapeOf(record)
		owned, wanted := found[ownerOf(got.ID)]
		if !wanted {
			continue
		}
		if _, twice := owned[got.ID]; twice {
			s.tally.violate(doubled, "%s is twice in an export", got.ID)
		}
		owned[got.ID] = got
	}
	for owner, records := range found {
		s.compareOne(records, models[owner])
	}
}

// compareOne compares what was found with a model.
func (s *soaker) compareOne(found, model map[string]shape) {
	s.tally.compared(len(found))
	for id, want := range model {
		got, exists := found[id]
		if !exists {
			s.tally.violate(lost, "%s is not in the export at a checkpoint", id)
		} else if difference := want.difference(got); difference != "" {
			s.tally.violate(changed, "%s is another at a checkpoint: %s", id, difference)
		}
	}
	for id := range found {
		if _, wanted := model[id]; !wanted {
			s.tally.violate(doubled, "%s is in the export at a checkpoint", id)
		}
	}
	clear(model)
	maps.Copy(model, found)
}

// ownerOf is the name of the worker that a record belongs to.
func ownerOf(id string) string {
	parts := strings.SplitN(id, "-", 3)
	return strings.Join(parts[:min(2, len(parts))], "-")
}

// sharedAsCounted compares the worker's counts in the shared records.
func (w *worker) sharedAsCounted(ctx context.Context) {
	for _, id := range sharedRecords {
		w.sharedHolds(id, w.sharedNow(ctx, id), w.counted[id])
	}
}
