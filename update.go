package azdps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

const (
	maxUpdateRepeats = 5 // after a 412
	updateDelay      = 100 * time.Millisecond
)

// update reads a record, lets change edit it and writes it back under the ETag that it read.
func (c *collection[T]) update(ctx context.Context, id string, change func(*T) error) (_ T, err error) {
	ctx, endSpan := runtime.StartSpan(ctx, c.client+".Update", c.service.internal.Tracer(), nil)
	defer func() { endSpan(err) }()
	if change == nil {
		return *new(T), invalid("change", "must not be nil")
	}
	for repeats := 0; ; repeats++ {
		before, err := c.read(ctx, id)
		if err != nil {
			return *new(T), err
		}
		keys := symmetricKeys(c.view(&before).attestation) // as change may write to where a pointer leads
		changed, err := c.changed(before, change)
		if err != nil {
			return *new(T), err
		}
		stored, err := c.createOrUpdate(ctx, changed, c.view(&before).etag)
		switch {
		case err == nil:
			return stored, nil
		case errors.Is(err, ErrOutcomeUnknown):
			return c.settle(ctx, &before, keys, &changed, err)
		case !HasStatusCode(err, http.StatusPreconditionFailed):
			return *new(T), err
		case repeats == maxUpdateRepeats:
			return *new(T), fmt.Errorf("azdps: others wrote %q before each of %d tries to update it: %w", id, repeats+1, err)
		}
		if err := wait(ctx, jitter(updateDelay<<repeats)); err != nil {
			return *new(T), err
		}
	}
}

// changed lets change edit a record, and checks that it may be written.
func (c *collection[T]) changed(record T, change func(*T) error) (T, error) {
	before := c.view(&record)
	if *before.etag == "" || *before.etag == azcore.ETagAny {
		return record, fmt.Errorf("azdps: the service gave no ETag for %q, so it cannot be updated safely", before.id)
	}
	if err := change(&record); err != nil {
		return record, err
	}
	if after := c.view(&record).id; after != before.id {
		return record, invalid("change", "must not change the id, which it did from %q to %q", before.id, after)
	}
	return record, nil
}

// read gets a record with its symmetric keys, so that writing it back keeps them. The record comes first: keys that somebody
// replaces after they are read are then protected by the record's ETag, which is older than they are.
func (c *collection[T]) read(ctx context.Context, id string) (T, error) {
	record, err := c.get(ctx, id)
	if err != nil {
		return *new(T), err
	}
	attestation := c.view(&record).attestation
	if attestation.Type != AttestationTypeSymmetricKey {
		return record, nil
	}
	mechanism, err := c.attestationMechanism(ctx, id)
	if err != nil {
		return *new(T), err
	}
	if mechanism.Type == AttestationTypeSymmetricKey {
		if mechanism.SymmetricKey == nil || mechanism.SymmetricKey.PrimaryKey == "" || mechanism.SymmetricKey.SecondaryKey == "" {
			return *new(T), fmt.Errorf("azdps: the service did not give both keys of %q; to write it without them would replace them", id)
		}
		keepUnknown(&mechanism, attestation)
	}
	*attestation = mechanism
	return record, nil
}

// symmetricKeys is a copy of the keys of an attestation; one without has none.
func symmetricKeys(a *AttestationMechanism) SymmetricKeyAttestation {
	if a.SymmetricKey == nil {
		return SymmetricKeyAttestation{}
	}
	return *a.SymmetricKey
}

// keepUnknown adds the unknown members of an attestation that only the record had.
func keepUnknown(to, from *AttestationMechanism) {
	to.AdditionalProperties = union(to.AdditionalProperties, from.AdditionalProperties)
	if from.SymmetricKey != nil {
		to.SymmetricKey.AdditionalProperties = union(to.SymmetricKey.AdditionalProperties, from.SymmetricKey.AdditionalProperties)
	}
}

func union(to, from map[string]json.RawMessage) map[string]json.RawMessage {
	for name, value := range from {
		if _, exists := to[name]; exists {
			continue
		}
		if to == nil {
			to = make(map[string]json.RawMessage, len(from))
		}
		to[name] = value
	}
	return to
}

// settle finds out whether a write was applied whose answer was lost. A retry that met a newer ETag may have met its own.
// cause says that it is not known.
func (c *collection[T]) settle(ctx context.Context, before *T, keys SymmetricKeyAttestation, sent *T, cause error) (T, error) {
	if ctx.Err() != nil {
		return *new(T), cause
	}
	found, err := c.read(ctx, c.view(before).id)
	if err != nil {
		return *new(T), fmt.Errorf("%w (and it could not be read back: %v)", cause, err) //nolint:errorlint // the status is to be that of the write
	}
	if *c.view(&found).etag == *c.view(before).etag || !c.same(keys, sent, &found) {
		return *new(T), cause
	}
	if state := c.view(&found).state; state != nil {
		*state = nil // as in the answer to a write
	}
	return found, nil
}

// jitter keeps callers that were stopped together from starting together.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec // it guards nothing
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
