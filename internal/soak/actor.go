package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// actor works on the records of one kind that belong to a worker, and holds the model of them.
type actor[T fleet.Record] struct {
	worker  *worker
	through collection[T]
	direct  collection[T]
	ids     []string
	types   []azdps.AttestationType
	held    map[string]shape // by id; what is not there does not exist
	gone    func(id string)  // told of records that were deleted
}

func (a *actor[T]) tally() *tally { return a.worker.soak.tally }

// any chooses a record.
func (a *actor[T]) any(r *rand.Rand) (id string, before shape, exists bool) {
	id = a.ids[r.IntN(len(a.ids))]
	before, exists = a.held[id]
	return id, before, exists
}

// withKeys chooses a record with symmetric keys, if there is one.
func (a *actor[T]) withKeys(r *rand.Rand) (shape, bool) {
	for _, i := range r.Perm(len(a.ids)) {
		if found := a.held[a.ids[i]]; found.PrimaryKey != "" {
			return found, true
		}
	}
	return shape{}, false
}

// draw makes up a record. Half of those that replace one with keys keep them.
func (a *actor[T]) draw(r *rand.Rand, id string, before shape) shape {
	s := shape{ID: id, Status: "enabled", Type: a.types[r.IntN(len(a.types))], Twin: a.worker.twin(r)}
	if r.IntN(4) == 0 {
		s.Status = "disabled"
	}
	if partsOf(new(T)).hasDevice && r.IntN(2) == 0 {
		s.DeviceID = fmt.Sprint("device-", r.IntN(1000))
	}
	choice, first, second := r.IntN(4), r.IntN(poolSize), r.IntN(poolSize)
	switch {
	case s.Type == azdps.AttestationTypeTPM:
		s.EndorsementKey = newKey(r)
	case s.Type == azdps.AttestationTypeX509:
		thumbprints := a.worker.soak.certificates.thumbprints
		s.PrimaryThumbprint, s.SecondaryThumbprint = thumbprints[first], thumbprints[second]
	case before.PrimaryKey != "" && choice < 2:
		s.PrimaryKey, s.SecondaryKey = before.PrimaryKey, before.SecondaryKey
	case choice < 3:
		s.PrimaryKey, s.SecondaryKey = newKey(r), newKey(r)
	}
	return s
}

func newKey(r *rand.Rand) string {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(key)
}

// attempt is a write and what the model says of it.
type attempt struct {
	operation string
	id        string
	refusal   int    // the status with which it must be refused; 0 if it must be done
	idle      bool   // success is true also if it must be refused: the deletion of what is not there
	after     *shape // what it leaves behind; nil for a deletion
}

// finished compares what a write reported with what became of it, and brings the model up to date. answer is what the
// service said it holds now, if it did.
func (a *actor[T]) finished(ctx context.Context, w attempt, answer *T, err error) {
	operation := a.through.name + "." + w.operation
	a.worker.proxy.remember("%s of %s ended with status %d, %t", operation, w.id, statusOf(err), err == nil)
	before, existed := a.held[w.id]
	var old *shape
	if existed {
		old = &before
	}
	switch status := statusOf(err); {
	case err == nil && w.refusal != 0 && !w.idle:
		a.tally().done(operation, "done")
		a.tally().violate(falseReport, "%s of %s is reported as done, which must be refused with %d", operation, w.id, w.refusal)
		a.settle(ctx, operation, w.id, old)
	case err == nil && w.refusal != 0:
		a.tally().done(operation, "done")
		a.settle(ctx, operation, w.id, old)
	case err == nil && answer != nil:
		a.tally().done(operation, "done")
		got := shapeOf(*answer)
		if difference := w.after.difference(got); difference != "" {
			a.tally().violate(changed, "%s of %s answered with another record: %s", operation, w.id, difference)
		}
		a.hold(w.id, &got)
	case err == nil && w.after == nil:
		a.tally().done(operation, "done")
		a.hold(w.id, nil)
	case err == nil:
		a.tally().done(operation, "done")
		a.settle(ctx, operation, w.id, w.after)
	case errors.Is(err, azdps.ErrOutcomeUnknown) && w.refusal == 0:
		a.tally().done(operation, "outcome unknown")
		a.worker.proxy.settle()
		a.settle(ctx, operation, w.id, old, w.after)
	case errors.Is(err, azdps.ErrOutcomeUnknown):
		a.tally().done(operation, "outcome unknown")
		a.worker.proxy.settle()
		a.settle(ctx, operation, w.id, old)
	case status == w.refusal && w.refusal != 0:
		a.tally().done(operation, fmt.Sprint("refused with ", status))
	case transient(status):
		a.tally().done(operation, "failed")
		a.settle(ctx, operation, w.id, old)
	default:
		a.tally().done(operation, fmt.Sprint("refused with ", status))
		a.tally().violate(falseReport, "%s of %s failed, which must not: %v", operation, w.id, err)
		a.settle(ctx, operation, w.id, old)
	}
}

// settle asks the service what it holds, which must be one of the candidates; nil is none.
func (a *actor[T]) settle(ctx context.Context, operation, id string, candidates ...*shape) {
	found, exists, err := a.direct.read(ctx, id)
	if err != nil {
		a.tally().violate(broken, "%s cannot be read: %v", id, err)
		return
	}
	if !exists {
		a.hold(id, nil)
		if !slices.Contains(candidates, nil) {
			a.tally().violate(lost, "after %s there is no %s", operation, id)
		}
		return
	}
	a.hold(id, &found)
	var differences []string
	for _, candidate := range candidates {
		if candidate == nil {
			continue
		}
		difference := candidate.difference(found)
		if difference == "" {
			return
		}
		differences = append(differences, difference)
	}
	if differences == nil {
		a.tally().violate(doubled, "after %s there is a %s", operation, id)
		return
	}
	a.tally().violate(changed, "after %s of %s the record is another: %s", operation, id, strings.Join(differences, "or "))
}

// hold is what the model says from now on.
func (a *actor[T]) hold(id string, s *shape) {
	if s != nil {
		a.held[id] = *s
		return
	}
	if _, existed := a.held[id]; existed && a.gone != nil {
		a.gone(id)
	}
	delete(a.held, id)
}

// statusOf is the status with which the service, or the network, refused; 0 if there was no answer.
func statusOf(err error) int {
	if response, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return response.StatusCode
	}
	if item, ok := errors.AsType[itemError](err); ok {
		return int(item.ErrorCode) / 1000
	}
	return 0
}

// transient reports whether a status is the plan's doing.
func transient(status int) bool {
	switch status {
	case 0, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
