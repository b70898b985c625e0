package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// staleETag is that of no record; it looks like those of the service.
const staleETag = azcore.ETag("InN0YWxlIg==")

// condition draws an If-Match for a record, and says with which status it is refused.
func condition(r *rand.Rand, before shape, exists bool) (ifMatch *azcore.ETag, refusal int) {
	choices := []*azcore.ETag{new(azcore.ETag(before.ETag)), new(azcore.ETag(before.ETag)), new(azcore.ETagAny), new(staleETag)}
	ifMatch = choices[r.IntN(len(choices))]
	if !exists && *ifMatch == "" {
		ifMatch = new(azcore.ETagAny)
	}
	switch {
	case !exists:
		return ifMatch, http.StatusNotFound
	case *ifMatch == staleETag:
		return ifMatch, http.StatusPreconditionFailed
	}
	return ifMatch, 0
}

// create writes without a condition, which a record that exists refuses.
func (a *actor[T]) create(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	after := a.draw(r, id, before)
	w := attempt{operation: "CreateOrUpdate", id: id, after: &after}
	if exists {
		w.refusal = http.StatusConflict
	}
	answer, err := a.through.put(ctx, recordOf[T](after, a.worker.soak.certificates), nil)
	a.finished(ctx, w, &answer, err)
}

// replace writes under a condition.
func (a *actor[T]) replace(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	after := a.draw(r, id, before)
	after.Created = before.Created
	ifMatch, refusal := condition(r, before, exists)
	answer, err := a.through.put(ctx, recordOf[T](after, a.worker.soak.certificates), ifMatch)
	a.finished(ctx, attempt{operation: "CreateOrUpdate", id: id, refusal: refusal, after: &after}, &answer, err)
}

// remove deletes with a condition or without.
func (a *actor[T]) remove(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	ifMatch, refusal := condition(r, before, exists)
	if r.IntN(2) == 0 {
		ifMatch = nil
		if exists {
			refusal = 0
		}
	}
	err := a.through.remove(ctx, id, ifMatch)
	a.finished(ctx, attempt{operation: "Delete", id: id, refusal: refusal, idle: !exists}, nil, err)
}

// update changes the twin, and must keep everything else.
func (a *actor[T]) update(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	after := before
	after.ETag, after.Twin = "", a.worker.twin(r)
	w := attempt{operation: "Update", id: id, after: &after}
	if !exists {
		w.refusal = http.StatusNotFound
	}
	answer, err := a.through.update(ctx, id, func(record *T) error {
		return json.Unmarshal([]byte(after.Twin), partsOf(record).twin)
	})
	a.finished(ctx, w, &answer, err)
}

// impatient replaces a record within a time that may not be enough.
func (a *actor[T]) impatient(ctx context.Context, r *rand.Rand) {
	short, cancel := context.WithTimeout(ctx, rand.N(shortTime))
	defer cancel()
	id, before, exists := a.any(r)
	after := a.draw(r, id, before)
	w := attempt{operation: "CreateOrUpdate", id: id, after: &after}
	var ifMatch *azcore.ETag
	if exists {
		after.Created = before.Created
		ifMatch = new(azcore.ETag(before.ETag))
	}
	answer, err := a.through.put(short, recordOf[T](after, a.worker.soak.certificates), ifMatch)
	if err != nil {
		a.worker.proxy.settle()
	}
	a.finished(ctx, w, &answer, err)
}

// get compares a record with the model.
func (a *actor[T]) get(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	record, err := a.through.get(ctx, id)
	if !a.readable("Get", id, exists, err) {
		return
	}
	got := shapeOf(record)
	if difference := before.withoutKeys().difference(got); difference != "" || got.PrimaryKey != "" {
		a.tally().violate(changed, "%s is read as another: %s", id, difference)
	}
}

// mechanism compares the attestation of a record with the model, keys included.
func (a *actor[T]) mechanism(ctx context.Context, r *rand.Rand) {
	id, before, exists := a.any(r)
	attestation, err := a.through.mechanism(ctx, id)
	if !a.readable("GetAttestationMechanism", id, exists, err) {
		return
	}
	record := recordOf[T](before, a.worker.soak.certificates)
	*partsOf(&record).attestation = attestation
	before.Created = time.Time{}
	if difference := before.difference(shapeOf(record)); difference != "" {
		a.tally().violate(changed, "%s has another attestation: %s", id, difference)
	}
}

// readable counts a read, and says whether it gave a record that must be there.
func (a *actor[T]) readable(operation, id string, exists bool, err error) bool {
	status := statusOf(err)
	operation = a.through.name + "." + operation
	switch {
	case err == nil && exists:
		a.tally().done(operation, "done")
		return true
	case err == nil:
		a.tally().done(operation, "done")
		a.tally().violate(doubled, "%s is read, which does not exist", id)
	case status == http.StatusNotFound && !exists:
		a.tally().done(operation, "refused with 404")
	case status == http.StatusNotFound:
		a.tally().done(operation, "refused with 404")
		a.tally().violate(lost, "%s is not found by %s", id, operation)
	case transient(status):
		a.tally().done(operation, "failed")
	default:
		a.tally().done(operation, "failed")
		a.tally().violate(falseReport, "%s of %s failed, which must not: %v", operation, id, err)
	}
	return false
}
