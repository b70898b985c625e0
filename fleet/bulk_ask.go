package fleet

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// prepare makes a record ready to be sent, which costs operations in the modes that update. It ends a record that need not or cannot
// be sent.
func (w *writer[T]) prepare(ctx context.Context, t *task[T]) error {
	switch w.mode {
	case azdps.BulkOperationModeUpdate:
		return w.prepareUpdate(ctx, t)
	case azdps.BulkOperationModeUpdateIfMatchETag:
		if t.ready {
			return nil
		}
		if *w.kind.members(&t.record).etag == "" {
			t.end(ResultRefused, &RecordError{Reason: "the record has no ETag to update it under"})
			return nil
		}
		t.ready = true
		t.copyWanted()
		return w.keepKeys(ctx, t, nil)
	default:
		return nil
	}
}

// prepareUpdate reads the ETag of what is to be replaced. A record that is equal is left alone; if an earlier try was lost, that
// was it.
func (w *writer[T]) prepareUpdate(ctx context.Context, t *task[T]) error {
	found, err := w.get(ctx, t, t.lost)
	if err != nil {
		return w.unreadable(t, err)
	}
	etag := *w.kind.members(&found).etag
	if etag == "" {
		t.end(ResultRefused, &RecordError{Reason: "the service gave no ETag for the record, so it cannot be updated safely"})
		return nil
	}
	t.copyWanted()
	primary, secondary := givenKeys(w.kind.members(&t.record).attestation)
	if !primary && !secondary || t.lost {
		if w.kind.same(t.record, found) {
			t.end(ResultUnchanged, nil)
			if t.lost {
				t.end(ResultUpdated, nil)
			}
			return nil
		}
	}
	*w.kind.members(t.wanted).etag = etag
	return w.keepKeys(ctx, t, w.kind.members(&found).attestation)
}

// keepKeys gives a record that comes without symmetric keys those that the service holds, which a write without them would replace.
// They are read after the ETag under which they are written, so a rotation in between is not undone. The
// stored attestation may be nil if it is not known.
func (w *writer[T]) keepKeys(ctx context.Context, t *task[T], stored *azdps.AttestationMechanism) error {
	wanted := w.kind.members(t.wanted).attestation
	primary, secondary := givenKeys(wanted)
	if !isSymmetricKey(wanted) || primary && secondary {
		return nil
	}
	if stored != nil && !isSymmetricKey(stored) {
		return nil // the service makes the first keys
	}
	mechanism, err := w.mechanism(ctx, t)
	if err != nil {
		return w.unreadable(t, err)
	}
	if !isSymmetricKey(&mechanism) {
		return nil
	}
	if mechanism.SymmetricKey == nil || mechanism.SymmetricKey.PrimaryKey == "" || mechanism.SymmetricKey.SecondaryKey == "" {
		t.end(ResultRefused, &RecordError{Reason: "the service did not give both keys of the record; to write it without them would replace them"})
		return nil
	}
	keys := azdps.SymmetricKeyAttestation{}
	if wanted.SymmetricKey != nil {
		keys = *wanted.SymmetricKey // the record of the caller is not changed
	}
	if !primary {
		keys.PrimaryKey = mechanism.SymmetricKey.PrimaryKey
	}
	if !secondary {
		keys.SecondaryKey = mechanism.SymmetricKey.SecondaryKey
	}
	if keys.AdditionalProperties == nil {
		keys.AdditionalProperties = mechanism.SymmetricKey.AdditionalProperties
	}
	wanted.SymmetricKey = &keys
	return nil
}

// ask compares what the service holds with a record that may have been written.
func (w *writer[T]) ask(ctx context.Context, t *task[T]) error {
	found, err := w.get(ctx, t, true)
	switch {
	case azdps.HasStatusCode(err, http.StatusNotFound):
		return nil // gone again: another round
	case err != nil:
		return w.unreadable(t, err)
	case w.mode != azdps.BulkOperationModeDelete && w.recognize(t, found):
	default:
		t.end(ResultConflict, t.last)
	}
	return nil
}

// recognize ends a record that may have been written if the service holds it, or one that may be it.
func (w *writer[T]) recognize(t *task[T], found T) bool {
	switch w.kind.compare(*t.wanted, found) {
	case isSame:
		t.end(w.success(), nil)
	case mayBeSame:
		t.end(ResultUnknown, &RecordError{
			Reason: "the service holds a record that is equal but for members that it may not keep, so it may be this one or not",
			cause:  t.last,
		})
	default:
		return false
	}
	return true
}

// conclude decides on a record after the last round.
func (w *writer[T]) conclude(ctx context.Context, t *task[T]) error {
	if !t.lost {
		t.end(ResultRefused, t.last)
		if azdps.HasStatusCode(t.last, http.StatusConflict, http.StatusPreconditionFailed) {
			t.end(ResultConflict, t.last)
		}
		return nil
	}
	found, err := w.get(ctx, t, true)
	isThere, isDelete := err == nil, w.mode == azdps.BulkOperationModeDelete
	switch {
	case err != nil && !azdps.HasStatusCode(err, http.StatusNotFound):
		return w.unreadable(t, err)
	case isDelete && !isThere:
		t.end(ResultDeleted, nil)
	case isThere && !isDelete && w.recognize(t, found):
	default:
		t.end(ResultRefused, t.last) // the service failed on it each time
	}
	return nil
}

// unreadable ends a record that could not be read. An error that concerns no record, or all of them, ends the run.
func (w *writer[T]) unreadable(t *task[T], err error) error {
	if refusal := check(w.mode, t.record); refusal != nil { // of its id, for example
		t.end(ResultRefused, refusal)
		return nil
	}
	switch {
	case isAboutAll(err):
		return err
	case t.lost && !azdps.HasStatusCode(err, http.StatusNotFound):
		t.end(ResultUnknown, recordError(err))
	default:
		t.end(ResultRefused, recordError(err))
	}
	return nil
}

// isAboutAll says whether an error of a read ends the run: there was no answer, or one to the caller and not to the request.
func isAboutAll(err error) bool {
	_, answered := errors.AsType[*azcore.ResponseError](err)
	return !answered || azdps.HasStatusCode(err, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
}

// get reads the record that the service holds. With keys it reads those too, if there are any to compare with.
func (w *writer[T]) get(ctx context.Context, t *task[T], keys bool) (T, error) {
	found, err := read(ctx, w.pace, func(ctx context.Context) (T, error) { return w.kind.get(ctx, t.id) })
	if err != nil {
		return found, err
	}
	primary, secondary := givenKeys(w.kind.members(t.wanted).attestation)
	attestation := w.kind.members(&found).attestation
	if keys && (primary || secondary) && isSymmetricKey(attestation) {
		mechanism, err := w.mechanism(ctx, t)
		if err != nil {
			return found, err
		}
		attestation.SymmetricKey = mechanism.SymmetricKey
	}
	return found, nil
}

func (w *writer[T]) mechanism(ctx context.Context, t *task[T]) (azdps.AttestationMechanism, error) {
	return read(ctx, w.pace, func(ctx context.Context) (azdps.AttestationMechanism, error) { return w.kind.mechanism(ctx, t.id) })
}
