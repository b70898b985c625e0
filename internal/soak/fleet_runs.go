package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// fleetPlan makes a plan, checks it against the model, applies it, with an early end now and then, and plans again.
func (w *worker) fleetPlan(ctx context.Context, r *rand.Rand) {
	t := w.soak.tally
	var desired []azdps.IndividualEnrollment
	want, after := make(map[string]fleet.Action), make(map[string]*shape)
	for _, id := range w.individuals.ids {
		before, exists := w.individuals.held[id]
		left, wanted := before, before
		switch r.IntN(4) {
		case 0:
			wanted = w.individuals.draw(r, id, before)
			want[id] = fleet.ActionUpdate
			if !exists {
				want[id] = fleet.ActionCreate
			}
			left = wanted
			if wanted.Type == before.Type && wanted.PrimaryKey == "" {
				left.PrimaryKey, left.SecondaryKey = before.PrimaryKey, before.SecondaryKey
			}
			left.ETag, left.Created = "", before.Created
			after[id] = &left
		case 1:
			wanted.PrimaryKey, wanted.SecondaryKey = "", ""
		}
		if exists || want[id] != "" {
			desired = append(desired, recordOf[azdps.IndividualEnrollment](wanted, w.soak.certificates))
		}
	}
	plan, ok := w.plan(ctx, desired, 0, want)
	if !ok {
		return
	}
	stopAfter := -1
	if r.IntN(3) == 0 {
		stopAfter = r.IntN(plan.Len() + 1)
	}
	told, complete := w.follow(ctx, "Apply", stopAfter, r.IntN(2) == 0, func(ctx context.Context) iter.Seq2[fleet.Outcome, error] {
		return plan.Apply(ctx, &fleet.BulkOptions{Options: fleetOptions()})
	})
	w.proxy.settle()
	for id := range want {
		w.expect(ctx, "Apply", id, told, after[id], false)
		complete = complete && told[id].Result != fleet.ResultRefused && told[id].Result != fleet.ResultUnknown
	}
	t.done("fleet.Apply", fmt.Sprint("complete: ", complete))
	if complete {
		w.plan(ctx, desired, 0, nil)
	}
}

// plan makes a plan that must have the wanted changes.
func (w *worker) plan(ctx context.Context, desired []azdps.IndividualEnrollment, maxDeletes int, want map[string]fleet.Action) (*fleet.Plan[azdps.IndividualEnrollment], bool) {
	t := w.soak.tally
	plan, err := fleet.NewPlan(ctx, w.through, sequence(desired), &fleet.PlanOptions{Options: fleetOptions(), Delete: maxDeletes > 0, MaxDeletes: maxDeletes})
	if err != nil {
		t.done("fleet.NewPlan", "failed")
		if !transient(statusOf(err)) {
			t.violate(falseReport, "a plan failed, which must not: %v", err)
		}
		return nil, false
	}
	t.done("fleet.NewPlan", "done")
	planned := make(map[string]fleet.Action)
	for change := range plan.Changes() {
		planned[change.ID] = change.Action
		if want[change.ID] != change.Action {
			t.violate(falseReport, "the plan means to %s %s, not to %q, for %v", change.Action, change.ID, want[change.ID], change.Fields)
		}
	}
	if !maps.Equal(planned, want) {
		t.violate(falseReport, "the plan has %d changes, not %d", len(planned), len(want))
	}
	return plan, true
}

// fleetPlanDeletes plans, alone with the service, that some records of the worker be not there.
func (w *worker) fleetPlanDeletes(ctx context.Context, r *rand.Rand) {
	w.stepping.Unlock()
	_, resume := w.soak.pause(true)
	defer func() {
		resume()
		w.stepping.Lock()
	}()
	drop := make(map[string]fleet.Action)
	for _, id := range w.some(r)[:20] {
		if _, exists := w.individuals.held[id]; exists {
			drop[id] = fleet.ActionDelete
		}
	}
	var desired []azdps.IndividualEnrollment
	for record, err := range fleet.Export[azdps.IndividualEnrollment](ctx, w.soak.direct, &fleet.ExportOptions{Options: fleetOptions()}) {
		if err != nil {
			w.soak.tally.violate(broken, "the export for a plan: %v", err)
			return
		}
		if drop[record.RegistrationID] == "" {
			desired = append(desired, record)
		}
	}
	if len(drop) == 0 {
		return
	}
	plan, ok := w.plan(ctx, desired, len(drop), drop)
	if !ok {
		return
	}
	told, _ := w.follow(ctx, "Apply deletions", -1, false, func(ctx context.Context) iter.Seq2[fleet.Outcome, error] {
		return plan.Apply(ctx, &fleet.BulkOptions{Options: fleetOptions()})
	})
	w.proxy.settle()
	for id := range drop {
		w.expect(ctx, "Apply deletions", id, told, nil, false)
	}
}

// fleetRotateKeys rotates keys, with restarts. Half of the runs have keys that can be told beforehand.
func (w *worker) fleetRotateKeys(ctx context.Context, r *rand.Rand) {
	ids, secret := w.some(r), newKey(r)
	newKeyOf := func(id string) (string, error) { return azdps.DeriveDeviceKey(secret, strings.ToLower(id)) }
	told := w.resume(ctx, r, "RotateKeys", len(ids), func(ctx context.Context, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.RotateKeys[azdps.IndividualEnrollment](ctx, w.through, sequence(ids), &fleet.RotateOptions{
			BulkOptions: fleet.BulkOptions{Options: fleetOptions(), Journal: journal}, NewKey: newKeyOf,
		})
	})
	for _, id := range ids {
		before, exists := w.individuals.held[id]
		after := before
		refused := !exists || before.Type != azdps.AttestationTypeSymmetricKey
		if !refused {
			key, err := newKeyOf(id)
			if err != nil {
				w.soak.tally.violate(broken, "%v", err)
			}
			after.ETag, after.PrimaryKey, after.SecondaryKey = "", key, before.PrimaryKey
		}
		w.expect(ctx, "RotateKeys", id, told, &after, refused)
	}
}

// fleetRotateCertificates rotates the certificates of records, with restarts.
func (w *worker) fleetRotateCertificates(ctx context.Context, r *rand.Rand) {
	ids := w.some(r)
	next := make([]fleet.Certificate, len(ids))
	for i, id := range ids {
		next[i] = fleet.Certificate{ID: id, Next: w.soak.certificates.byThumb[w.soak.certificates.thumbprints[r.IntN(poolSize)]]}
	}
	told := w.resume(ctx, r, "RotateCertificates", len(ids), func(ctx context.Context, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		return fleet.RotateCertificates[azdps.IndividualEnrollment](ctx, w.through, sequence(next), &fleet.RotateOptions{
			BulkOptions: fleet.BulkOptions{Options: fleetOptions(), Journal: journal},
		})
	})
	for i, id := range ids {
		before, exists := w.individuals.held[id]
		after := before
		thumb := thumbprint(next[i].Next)
		if thumb != before.PrimaryThumbprint && thumb != before.SecondaryThumbprint {
			after.ETag, after.PrimaryThumbprint, after.SecondaryThumbprint = "", before.SecondaryThumbprint, thumb
		}
		w.expect(ctx, "RotateCertificates", id, told, &after, !exists || before.Type != azdps.AttestationTypeX509)
	}
}

// fleetDecommission takes devices out of the service, of which some had registered.
func (w *worker) fleetDecommission(ctx context.Context, r *rand.Rand) {
	ids := w.some(r)[:20]
	for _, id := range ids {
		if before := w.individuals.held[id]; before.PrimaryKey != "" && before.Status == "enabled" {
			if err := w.soak.registerDevice(ctx, id, before.PrimaryKey); err != nil {
				w.soak.tally.violate(broken, "register %s: %v", id, err)
			}
			w.settleState(ctx, "a registration", id, &registration{status: azdps.RegistrationStatusAssigned})
		}
	}
	disableOnly := r.IntN(2) == 0
	told := w.resume(ctx, r, "Decommission", len(ids), func(ctx context.Context, journal *fleet.Journal) iter.Seq2[fleet.Outcome, error] {
		options := &fleet.DecommissionOptions{BulkOptions: fleet.BulkOptions{Options: fleetOptions(), Journal: journal}, DisableOnly: disableOnly}
		return fleet.Decommission(ctx, w.through, sequence(ids), options)
	})
	for _, id := range ids {
		before, exists := w.individuals.held[id]
		registered, hasState := w.devices[id]
		var after *shape
		if disableOnly && exists {
			after = new(before)
			after.Status, after.ETag = "disabled", ""
		}
		if told[id].Result == fleet.ResultDeleted && disableOnly && exists {
			w.soak.tally.violate(falseReport, "Decommission told that %s is deleted", id)
		}
		w.expectDecommissioned(ctx, id, told, after)
		candidates := []*registration{nil}
		if result := told[id].Result; hasState && (result == fleet.ResultRefused || result == fleet.ResultUnknown || result == "") {
			candidates = append(candidates, &registered)
		}
		w.settleState(ctx, "Decommission", id, candidates...)
	}
}

// expectDecommissioned is expect, but that an outcome without a change of the enrollment tells of the registration.
func (w *worker) expectDecommissioned(ctx context.Context, id string, told outcomes, after *shape) {
	if before, exists := w.individuals.held[id]; exists && after != nil && after.difference(before) == "" && told[id].Result == fleet.ResultUpdated {
		w.soak.tally.done("fleet.Decommission record", "updated")
		w.individuals.settle(ctx, "Decommission", id, &before)
		return
	}
	w.expect(ctx, "Decommission", id, told, after, false)
}

// fleetExport exports with keys or without, by way of a file or not, and compares.
func (w *worker) fleetExport(ctx context.Context, r *rand.Rand) {
	keys, way := r.IntN(2) == 0, r.IntN(3)
	records := fleet.Export[azdps.IndividualEnrollment](ctx, w.through, &fleet.ExportOptions{Keys: keys, Options: fleetOptions()})
	var file bytes.Buffer
	var err error
	switch way {
	case 0:
		err = fleet.WriteJSONL(&file, records)
		records = fleet.ReadJSONL[azdps.IndividualEnrollment](&file)
	case 1:
		err = fleet.WriteCSV(&file, records, nil)
		records = fleet.ReadCSV[azdps.IndividualEnrollment](&file, nil)
	}
	var items []azdps.IndividualEnrollment
	if err == nil {
		items, err = collect(records)
	}
	if err != nil {
		w.soak.tally.done("fleet.Export", "failed")
		if !transient(statusOf(err)) {
			w.soak.tally.violate(falseReport, "an export failed, which must not: %v", err)
		}
		return
	}
	w.soak.tally.done("fleet.Export", "done")
	w.individuals.compareWith("Export", items, keys)
}

func collect[T any](items iter.Seq2[T, error]) (all []T, err error) {
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// fleetStates reads the registration states of all individual enrollments.
func (w *worker) fleetStates(ctx context.Context, _ *rand.Rand) {
	options := fleetOptions()
	var items []azdps.IndividualEnrollment
	for record, err := range fleet.States(ctx, w.through, &options) {
		if err != nil {
			w.soak.tally.done("fleet.States", "failed")
			return
		}
		items = append(items, record)
		state, exists := w.devices[record.RegistrationID]
		switch {
		case record.RegistrationState == nil:
			w.soak.tally.violate(lost, "%s comes without a registration state", record.RegistrationID)
		case exists:
			w.sameState(record.RegistrationID, state, *record.RegistrationState)
		}
	}
	w.soak.tally.done("fleet.States", "done")
	w.individuals.compareWith("States", items, false)
}
