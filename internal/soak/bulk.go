package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// bulk runs a bulk operation on some records, of which some must be refused.
func (a *actor[T]) bulk(ctx context.Context, r *rand.Rand) {
	modes := azdps.PossibleBulkOperationModeValues()
	mode := modes[r.IntN(len(modes))]
	if r.IntN(3) == 0 {
		mode = azdps.BulkOperationModeCreate
	}
	var writes []attempt
	var records []T
	for _, i := range r.Perm(len(a.ids))[:1+r.IntN(min(azdps.MaxBulkItems, len(a.ids)))] {
		w, etag := a.bulkItem(r, mode, a.ids[i])
		sent := shape{ID: w.id, Type: azdps.AttestationTypeNone}
		if w.after != nil {
			sent = *w.after
		}
		sent.ETag = string(etag)
		writes = append(writes, w)
		records = append(records, recordOf[T](sent, a.worker.soak.certificates))
	}
	err := a.through.bulk(ctx, mode, records)
	a.bulkFinished(ctx, writes, err)
}

// bulkItem draws what is sent for one record: as the service is recorded, it is created if it is sent without an ETag.
func (a *actor[T]) bulkItem(r *rand.Rand, mode azdps.BulkOperationMode, id string) (attempt, azcore.ETag) {
	before, exists := a.held[id]
	ifMatch, refusal := condition(r, before, exists)
	bare := mode == azdps.BulkOperationModeCreate || mode != azdps.BulkOperationModeUpdateIfMatchETag && r.IntN(3) == 0
	w := attempt{operation: "RunBulkOperation " + string(mode), id: id, refusal: refusal}
	if mode == azdps.BulkOperationModeDelete {
		if bare {
			ifMatch = new(azcore.ETag(""))
			if exists {
				w.refusal = 0
			}
		}
		return w, *ifMatch
	}
	w.after = new(a.draw(r, id, before))
	if !bare {
		w.after.Created = before.Created
		return w, *ifMatch
	}
	w.refusal = 0
	if exists {
		w.refusal = http.StatusConflict
	}
	return w, ""
}

// bulkFinished tells the items of a bulk operation apart.
func (a *actor[T]) bulkFinished(ctx context.Context, writes []attempt, err error) {
	refused, isAnswer := errors.AsType[*azdps.BulkOperationError](err)
	for _, w := range writes {
		if w.after != nil {
			w.after.ETag = "" // as sent; the service gives another
		}
		result := err
		if isAnswer && !errors.Is(err, azdps.ErrOutcomeUnknown) {
			result = nil
			if i := slices.IndexFunc(refused.Failures, func(f azdps.BulkOperationFailure) bool {
				return f.RegistrationID == w.id || f.EnrollmentGroupID == w.id
			}); i >= 0 {
				result = itemError(refused.Failures[i])
			}
		}
		a.finished(ctx, w, nil, result)
	}
}

// itemError is why the service refused an item of a bulk operation.
type itemError azdps.BulkOperationFailure

func (e itemError) Error() string { return fmt.Sprint(e.ErrorCode, " ", e.ErrorStatus) }
