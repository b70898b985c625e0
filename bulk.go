package azdps

import (
	"context"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/go-json-experiment/json/jsontext"
)

// runBulk writes or deletes up to MaxBulkItems records in one request. records is not changed.
func (c *collection[T]) runBulk(ctx context.Context, mode BulkOperationMode, records []T) (result BulkOperationResult, err error) {
	body, err := c.bulkBody(mode, records)
	if err != nil {
		return BulkOperationResult{}, err
	}
	op := operation{name: c.client + ".RunBulkOperation", method: http.MethodPost, path: c.path, body: body, write: new(write)}
	ctx, endSpan := runtime.StartSpan(ctx, op.name, c.service.internal.Tracer(), nil)
	defer func() { endSpan(err) }() // with an error for refused items, too
	if _, err := c.service.send(ctx, op, func(body []byte) error { return decodeAnswer(body, &result) }); err != nil {
		return BulkOperationResult{}, err
	}
	if result.IsSuccessful && len(result.Errors) == 0 {
		return result, nil
	}
	err = &BulkOperationError{Mode: mode, Failures: result.Errors, Items: len(records)}
	if isOpen(result.Errors, op.write.lost) {
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return result, err
}

// isOpen reports whether an item that failed may have been applied: because the service gave up on it half-way, or because an earlier
// try, whose answer was lost, was applied to it. A failure of no item may be that of any.
func isOpen(failures []BulkOperationFailure, lost bool) bool {
	for _, failure := range failures {
		switch status := int(failure.ErrorCode / 1000); {
		case untold(status):
			return true
		case status == http.StatusNotFound, status == http.StatusConflict, status == http.StatusPreconditionFailed:
			if lost {
				return true
			}
		}
	}
	return len(failures) == 0
}

// bulkBody writes one record after another.
func (c *collection[T]) bulkBody(mode BulkOperationMode, records []T) ([]byte, error) {
	parameter := c.parameter + "s"
	if err := checkBulk(parameter, mode, len(records), func(i int) string { return c.view(&records[i]).id }); err != nil {
		return nil, err
	}
	body := make([]byte, 0, recordRoom*len(records))
	body = append(body, `{"`+c.bulkName+`":[`...)
	var record T // a copy, which may be changed
	for i := range records {
		record = records[i]
		if member, problem := c.bulkProblem(mode, &record); problem != "" {
			return nil, invalid(fmt.Sprintf("%s[%d]%s", parameter, i, member), "%s", problem)
		}
		if i > 0 {
			body = append(body, ',')
		}
		var err error
		if body, err = c.appendJSON(body, &record, bulkETag(mode, *c.view(&record).etag)); err != nil {
			return nil, invalid(parameter, "cannot be written as JSON: %w", err)
		}
	}
	body = append(body, `],"mode":`...)
	body, err := jsontext.AppendQuote(body, string(mode))
	if err != nil {
		return nil, invalid("mode", "cannot be written as JSON: %w", err)
	}
	return append(body, '}'), nil
}

// bulkProblem checks of a record that is to be deleted only the id, and that it does not send a secret for nothing. Its attestation does
// not count, but the specification demands one, so a record without gets the one that says nothing.
func (c *collection[T]) bulkProblem(mode BulkOperationMode, record *T) (member, problem string) {
	if mode != BulkOperationModeDelete {
		return c.problem(record)
	}
	v := c.view(record)
	if problem := idProblem(v.id); problem != "" {
		return "." + c.idField, problem
	}
	v.attestation.SymmetricKey = nil
	if v.attestation.Type == "" {
		v.attestation.Type = AttestationTypeNone
	}
	if x := v.attestation.X509; x != nil && x.holdsPrivateKey() {
		return ".Attestation.X509", "holds a private key"
	}
	return "", ""
}

// bulkETag keeps the ETag out of a create: there it could only be that of another record, such as one copied from another
// service, and the service is recorded to choose between create and update by the ETag.
func bulkETag(mode BulkOperationMode, etag azcore.ETag) azcore.ETag {
	if mode == BulkOperationModeCreate {
		return ""
	}
	return etag
}
