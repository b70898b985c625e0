package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/azdps/azdps"
)

// registration is what the model holds of a registration state.
type registration struct {
	group, etag string
	status      azdps.RegistrationStatus
}

// register lets a device register, without faults, at an enrollment of its own or through a group.
func (w *worker) register(ctx context.Context, r *rand.Rand) {
	enrollment, exists := w.individuals.withKeys(r)
	id, group := enrollment.ID, ""
	if r.IntN(2) == 0 {
		enrollment, exists = w.groups.withKeys(r)
		group = enrollment.ID
		id = fmt.Sprint(group, "-device-", r.IntN(devicesOfGroup))
	}
	if !exists {
		return
	}
	key := enrollment.PrimaryKey
	if group != "" {
		var err error
		if key, err = azdps.DeriveDeviceKey(key, id); err != nil {
			w.soak.tally.violate(broken, "derive the key of %s: %v", id, err)
			return
		}
	}
	if err := w.soak.registerDevice(ctx, id, key); err != nil {
		w.soak.tally.violate(broken, "register %s: %v", id, err)
		return
	}
	w.soak.tally.done("device registers", "done")
	want := registration{group: group, status: azdps.RegistrationStatusAssigned}
	if enrollment.Status == "disabled" {
		want.status = azdps.RegistrationStatusDisabled
	}
	w.settleState(ctx, "a registration", id, &want)
}

// registerDevice registers a device by its key at the service itself.
func (s *soaker) registerDevice(ctx context.Context, id, key string) error {
	resource := s.service.idScope + "/registrations/" + id
	token, err := azdps.GenerateSASToken(resource, "registration", key, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.service.url+"/"+resource+"/register?api-version=2021-10-01", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.upstream.RoundTrip(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
	return nil
}

// anyDevice chooses a device that has registered, or one that may not have.
func (w *worker) anyDevice(r *rand.Rand) string {
	ids := slices.Concat(w.individuals.ids, w.groups.ids)
	id := ids[r.IntN(len(ids))]
	if slices.Contains(w.groups.ids, id) {
		id = fmt.Sprint(id, "-device-", r.IntN(devicesOfGroup))
	}
	return id
}

// getState compares a registration state with the model.
func (w *worker) getState(ctx context.Context, r *rand.Rand) {
	id := w.anyDevice(r)
	want, exists := w.devices[id]
	answer, err := w.through.DeviceRegistrationStates().Get(ctx, id, nil)
	status := statusOf(err)
	t := w.soak.tally
	const operation = "DeviceRegistrationStates.Get"
	switch {
	case err == nil && !exists:
		t.done(operation, "done")
		t.violate(doubled, "there is a registration of %s", id)
	case err == nil:
		t.done(operation, "done")
		w.sameState(id, want, answer.DeviceRegistrationState)
	case status == http.StatusNotFound && !exists:
		t.done(operation, "refused with 404")
	case status == http.StatusNotFound:
		t.done(operation, "refused with 404")
		t.violate(lost, "the registration of %s is not found", id)
	case transient(status):
		t.done(operation, "failed")
	default:
		t.violate(falseReport, "%s of %s failed, which must not: %v", operation, id, err)
	}
}

// deleteState deletes a registration state with a condition or without.
func (w *worker) deleteState(ctx context.Context, r *rand.Rand) {
	id := w.anyDevice(r)
	before, exists := w.devices[id]
	ifMatch, refusal := condition(r, shape{ETag: before.etag}, exists)
	if r.IntN(2) == 0 {
		ifMatch = nil
		if exists {
			refusal = 0
		}
	}
	_, err := w.through.DeviceRegistrationStates().Delete(ctx, id, &azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: ifMatch})
	t := w.soak.tally
	const operation = "DeviceRegistrationStates.Delete"
	old := &before
	if !exists {
		old = nil
	}
	switch status := statusOf(err); {
	case err == nil && (refusal == 0 || !exists):
		t.done(operation, "done")
		w.settleState(ctx, operation, id, nil)
	case err == nil:
		t.done(operation, "done")
		t.violate(falseReport, "%s of %s is reported as done, which must be refused with %d", operation, id, refusal)
	case errors.Is(err, azdps.ErrOutcomeUnknown) && refusal == 0:
		t.done(operation, "outcome unknown")
		w.proxy.settle()
		w.settleState(ctx, operation, id, old, nil)
	case errors.Is(err, azdps.ErrOutcomeUnknown):
		t.done(operation, "outcome unknown")
		w.proxy.settle()
		w.settleState(ctx, operation, id, old)
	case status == refusal && refusal != 0:
		t.done(operation, fmt.Sprint("refused with ", status))
	case transient(status):
		t.done(operation, "failed")
		w.settleState(ctx, operation, id, old)
	default:
		t.violate(falseReport, "%s of %s failed, which must not: %v", operation, id, err)
	}
}

// settleState asks the service for a registration state, which must be one of the candidates; nil is none.
func (w *worker) settleState(ctx context.Context, operation, id string, candidates ...*registration) {
	answer, err := w.soak.direct.DeviceRegistrationStates().Get(ctx, id, nil)
	t := w.soak.tally
	switch {
	case azdps.HasStatusCode(err, http.StatusNotFound):
		delete(w.devices, id)
		if !slices.Contains(candidates, nil) {
			t.violate(lost, "after %s there is no registration of %s", operation, id)
		}
		return
	case err != nil:
		t.violate(broken, "the registration of %s cannot be read: %v", id, err)
		return
	}
	for _, candidate := range candidates {
		if candidate != nil {
			w.sameState(id, *candidate, answer.DeviceRegistrationState)
			w.devices[id] = registration{candidate.group, string(answer.ETag), answer.Status}
			return
		}
	}
	t.violate(doubled, "after %s there is a registration of %s", operation, id)
}

// sameState compares a registration state with the model; an empty ETag is any.
func (w *worker) sameState(id string, want registration, got azdps.DeviceRegistrationState) {
	if !strings.EqualFold(got.RegistrationID, id) || got.Status != want.status || want.etag != "" && string(got.ETag) != want.etag {
		w.soak.tally.violate(changed, "the registration of %s is another: %s %s %s, not %v", id, got.RegistrationID, got.Status, got.ETag, want)
	}
}

// listStates compares the registrations of a group with the model, by pages or one by one.
func (w *worker) listStates(ctx context.Context, r *rand.Rand) {
	group := w.groups.ids[r.IntN(len(w.groups.ids))]
	method, states := "All", w.through.DeviceRegistrationStates().All(ctx, group, &azdps.DeviceRegistrationStatesClientAllOptions{PageSize: 3})
	if r.IntN(2) == 0 {
		method, states = "NewQueryPager", statePages(ctx, w.through, group)
	}
	operation := "DeviceRegistrationStates." + method
	t := w.soak.tally
	seen := make(map[string]bool)
	for state, err := range states {
		if err != nil {
			t.done(operation, "failed")
			if !transient(statusOf(err)) {
				t.violate(falseReport, "%s of %s failed, which must not: %v", operation, group, err)
			}
			return
		}
		want, exists := w.devices[state.RegistrationID]
		if seen[state.RegistrationID] || !exists || want.group != group {
			t.violate(doubled, "the registration of %s is listed for %s", state.RegistrationID, group)
			continue
		}
		seen[state.RegistrationID] = true
		w.sameState(state.RegistrationID, want, state)
	}
	t.done(operation, "done")
	for id, device := range w.devices {
		if device.group == group && !seen[id] {
			t.violate(lost, "the registration of %s is not listed for %s", id, group)
		}
	}
}

// statePages is All by pages.
func statePages(ctx context.Context, client *azdps.DeviceProvisioningClient, group string) iter.Seq2[azdps.DeviceRegistrationState, error] {
	return func(yield func(azdps.DeviceRegistrationState, error) bool) {
		pager := client.DeviceRegistrationStates().NewQueryPager(group, &azdps.DeviceRegistrationStatesClientQueryOptions{PageSize: 2})
		for got, err := range pagesOf(pager.More, func() (page[azdps.DeviceRegistrationState], error) {
			answer, err := pager.NextPage(ctx)
			return page[azdps.DeviceRegistrationState]{answer.Items, answer.ContinuationToken}, err
		}) {
			if err != nil {
				yield(azdps.DeviceRegistrationState{}, err)
				return
			}
			for _, item := range got.items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}
