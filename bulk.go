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
	if op.write.lost && mayBeOwn(result.Errors) {
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return result, err
}

// mayBeOwn reports whether an item may be refused because an earlier try, whose answer was lost, was applied to it.
func mayBeOwn(failures []BulkOperationFailure) bool {
	for _, failure := range failures {
		switch failure.ErrorCode / 1000 {
		case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed:
			return true
		}
	}
	return false
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

// bulkProblem checks the id alone of a record that is to be deleted. Its attestation does not count, but the specification
// demands one, so a record without gets the one that says nothing.
func (c *collection[T]) bulkProblem(mode BulkOperationMode, record *T) (member, problem string) {
	if mode != BulkOperationModeDelete {
		return c.problem(record)
	}
	v := c.view(record)
	if v.attestation.Type == "" {
		v.attestation.Type = AttestationTypeNone
	}
	return "." + c.idField, idProblem(v.id)
}

// bulkETag keeps the ETag out of a create: there it could only be that of another record, such as one copied from another
// service, and the service is recorded to choose between create and update by the ETag.
func bulkETag(mode BulkOperationMode, etag azcore.ETag) azcore.ETag {
	if mode == BulkOperationModeCreate {
		return ""
	}
	return etag
}
