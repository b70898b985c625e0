package fleet

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

var (
	// errAsWanted is what a change makes of a record that needs none.
	errAsWanted = errors.New("fleet: the record is as wanted")

	// errChangedByOthers is what a change makes of a record on which somebody else works.
	errChangedByOthers = errors.New("fleet: somebody else changed the attestation of the record meanwhile, so it was left alone")
)

// edit reads a record, with its symmetric keys, lets change edit it and writes it back under the ETag that it read, again
// if somebody else wrote in between or the answer was lost. So change may run several times, and must tell a record that it has
// edited before: by errAsWanted. It refuses a record by a [*RecordError]. That costs two operations, and one more for keys.
func (w *walk[T]) edit(ctx context.Context, s *step[T], change func(*T) error) error {
	for round := range maxRounds {
		if round > 0 {
			if err := w.pace.rest(ctx, backoff(round-1)); err != nil {
				return err
			}
		}
		record, err := w.read(ctx, s.id)
		if err == nil {
			err = change(&record)
		}
		if err == nil {
			err = w.put(ctx, s, record)
		}
		switch {
		case err == nil, errors.Is(err, errAsWanted) && s.lost:
			s.end(ResultUpdated, nil)
			return nil
		case errors.Is(err, errAsWanted):
			s.end(ResultUnchanged, nil)
			return nil
		case errors.Is(err, errChangedByOthers):
			s.end(ResultConflict, err)
			return nil
		case errors.Is(err, azdps.ErrOutcomeUnknown) && ctx.Err() == nil:
			s.lost, s.last = true, err
		case azdps.HasStatusCode(err, http.StatusConflict, http.StatusPreconditionFailed):
			s.last = recordError(err)
		default:
			return w.failure(s, err)
		}
	}
	s.end(ResultConflict, s.last)
	if s.lost {
		s.end(ResultUnknown, s.last)
	}
	return nil
}

// read gets a record with its symmetric keys. The record comes first, so that its ETag is older than the keys.
func (w *walk[T]) read(ctx context.Context, id string) (T, error) {
	record, err := read(ctx, w.pace, func(ctx context.Context) (T, error) { return w.kind.get(ctx, id) })
	if err != nil {
		return record, err
	}
	m := w.kind.members(&record)
	if *m.etag == "" {
		return record, &RecordError{Reason: "the service gave no ETag for the record, so it cannot be updated safely"}
	}
	if !isSymmetricKey(m.attestation) {
		return record, nil
	}
	mechanism, err := read(ctx, w.pace, func(ctx context.Context) (azdps.AttestationMechanism, error) { return w.kind.mechanism(ctx, id) })
	if err != nil {
		return record, err
	}
	if primary, secondary := givenKeys(&mechanism); !primary || !secondary {
		return record, &RecordError{Reason: "the service did not give both keys of the record; to write it without them would replace them"}
	}
	m.attestation.SymmetricKey = mechanism.SymmetricKey
	return record, nil
}

// put replaces a record under its ETag.
func (w *walk[T]) put(ctx context.Context, s *step[T], record T) error {
	if err := w.begin(s); err != nil {
		return err
	}
	etag := *w.kind.members(&record).etag
	err := w.pace.do(ctx, 1, func(ctx context.Context) error {
		_, err := w.kind.put(ctx, record, &etag)
		return err
	})
	if errors.Is(err, azdps.ErrOutcomeUnknown) {
		s.lost, s.last = true, err
	}
	return err
}

// remove sends a delete until it is done, and says whether the service told that there was something to delete.
func (w *walk[T]) remove(ctx context.Context, s *step[T], call func(context.Context) error) (existed bool, err error) {
	if err := w.begin(s); err != nil {
		return false, err
	}
	for round := range maxRounds {
		if round > 0 {
			if err := w.pace.rest(ctx, backoff(round-1)); err != nil {
				return false, err
			}
		}
		err = w.pace.do(ctx, 1, call)
		switch {
		case err == nil:
			s.lost, s.last = true, nil // lost until the record is at its end
			return true, nil
		case azdps.HasStatusCode(err, http.StatusNotFound):
			return false, nil
		case !errors.Is(err, azdps.ErrOutcomeUnknown):
			return false, err
		}
		s.lost, s.last = true, err
		if ctx.Err() != nil {
			return false, err
		}
	}
	return false, err
}

// failure ends a record for an error of its own. Any other error ends the walk: the service cannot be reached, fails each time, or
// refuses the caller.
func (w *walk[T]) failure(s *step[T], err error) error {
	if refusal, ok := errors.AsType[*RecordError](err); ok {
		s.end(ResultRefused, refusal)
		return nil
	}
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || mayPass(err) || response.StatusCode >= http.StatusInternalServerError ||
		azdps.HasStatusCode(err, http.StatusUnauthorized, http.StatusForbidden) {
		return err
	}
	s.end(ResultRefused, recordError(err))
	return nil
}
