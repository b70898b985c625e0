package fleet

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// ErrTooManyFailures is matched by the error of a run that gave up because of MaxFailures or MaxFailureShare.
var ErrTooManyFailures = errors.New("fleet: too many records failed")

// RecordError is why the service did not write a record. [azdps.HasCode] and [azdps.HasStatusCode] read it.
type RecordError struct {
	// StatusCode is the HTTP status that the service gave for the record; 0 if nothing was sent.
	StatusCode int

	// Code is the service's code for the reason, or empty.
	Code azdps.ErrorCode

	// Reason is in words.
	Reason string

	cause error // nil for an item of a bulk operation, and for one from a journal
}

// Error gives the code and the reason.
func (e *RecordError) Error() string {
	switch {
	case e.Code != "":
		return fmt.Sprintf("fleet: %s %s", e.Code, e.Reason)
	case e.StatusCode != 0:
		return fmt.Sprintf("fleet: %d %s", e.StatusCode, e.Reason)
	}
	return "fleet: " + e.Reason
}

// Unwrap returns the answer of the service, if the record had one of its own.
func (e *RecordError) Unwrap() error { return e.cause }

// As makes an answer of the service for an item of a bulk operation, which has none of its own.
func (e *RecordError) As(target any) bool {
	response, ok := target.(**azcore.ResponseError)
	if !ok || e.StatusCode == 0 || e.cause != nil {
		return false
	}
	*response = &azcore.ResponseError{StatusCode: e.StatusCode, ErrorCode: string(e.Code)}
	return true
}

// itemError is why one item of a bulk operation was refused.
func itemError(failure azdps.BulkOperationFailure) *RecordError {
	return &RecordError{
		StatusCode: int(failure.ErrorCode / 1000),
		Code:       azdps.ErrorCode(strconv.Itoa(int(failure.ErrorCode))),
		Reason:     failure.ErrorStatus,
	}
}

// recordError is an answer of the service about one record, in a line.
func recordError(err error) error {
	if refusal, ok := errors.AsType[*RecordError](err); ok {
		return refusal
	}
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return err
	}
	details, _ := azdps.ErrorDetailsFrom(err)
	return &RecordError{StatusCode: response.StatusCode, Code: azdps.ErrorCode(response.ErrorCode), Reason: details.Message, cause: err}
}
