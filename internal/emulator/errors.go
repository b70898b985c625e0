package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Error is an answer other than success. The code is the HTTP status times a thousand plus a detail.
type Error struct {
	Status  int
	Code    int
	Message string

	// Header holds what this answer has beyond the headers of every error.
	Header http.Header

	// Body, if set, is what the answer has in place of the body of every error.
	Body any
}

// Error returns the code and the message.
func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// What the service is recorded, documented or quoted to answer.
var (
	errUnauthorized      = &Error{Status: http.StatusUnauthorized, Code: 401002, Message: "Unauthorized"}
	errEnrollmentExists  = &Error{Status: http.StatusConflict, Code: 409201, Message: "Enrollment already exists."}
	errGroupExists       = &Error{Status: http.StatusConflict, Code: 409202, Message: "EnrollmentGroup already exists."}
	errNoAllocation      = invalid("Enrollment allocationPolicy must be specified when iotHubs are specified.")
	errNoAttestation     = invalid("TPM or X509 attestation is required.") // Inferred: the code.
	errInvalidETag       = invalid("ETag is invalid")                      // Inferred: status and code.
	errInvalidEnrollment = invalid("Invalid RegistrationId")
	errCertificate       = &Error{Status: http.StatusUnauthorized, Code: 401002, Message: "Invalid certificate."}
	errNoCA              = &Error{Status: http.StatusUnauthorized, Code: 401002, Message: "CA certificate not found."}
	errChain             = &Error{Status: http.StatusUnauthorized, Code: 401002, Message: "Signing certificate info did not match chain elements"}
	errNoHub             = &Error{Status: http.StatusUnauthorized, Code: 401001, Message: "IoT hub not found"} // in a registration only
)

// Inferred: the codes and texts of these; the statuses of the first three are documented.
var (
	errEnrollmentNotFound   = &Error{Status: http.StatusNotFound, Code: 404201, Message: "Enrollment not found."} // the code is recorded
	errGroupNotFound        = &Error{Status: http.StatusNotFound, Code: 404202, Message: "EnrollmentGroup not found."}
	errRegistrationNotFound = &Error{Status: http.StatusNotFound, Code: 404203, Message: "Registration not found."}
	errPrecondition         = &Error{Status: http.StatusPreconditionFailed, Code: 412001, Message: "Precondition failed."}
	errMediaType            = &Error{Status: http.StatusUnsupportedMediaType, Code: 415000, Message: "The Content-Type must be application/json."}
	errContinuation         = &Error{Status: http.StatusBadRequest, Code: 400000, Message: "Bad Request: the continuation token is invalid."}
	errTooLarge             = invalid("The message is larger than 96 KB.")
	errInvalidGroup         = invalid("Invalid EnrollmentGroupId")
	errOtherID              = invalid("The id in the body is not the id in the path.")
)

// invalid is an answer 400 with the code that the service gives for a bad request.
func invalid(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: 400004, Message: fmt.Sprintf(format, args...)}
}

// throttled is the answer to an operation beyond the quota of a minute.
func throttled(wait time.Duration) *Error {
	return &Error{
		Status:  http.StatusTooManyRequests,
		Code:    429001,
		Message: "Operations are being throttled for this tenant.",
		Header:  http.Header{"Retry-After": {RetryAfter(wait)}},
	}
}

// RetryAfter is the header of that name for a time to wait: whole seconds, rounded up.
func RetryAfter(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}

// quotaExceeded is the answer to one record too many.
//
// Inferred: status and code, which the documentation does not give; an IoT hub answers so.
func quotaExceeded(limit int, what string) *Error {
	return &Error{Status: http.StatusForbidden, Code: 403002, Message: fmt.Sprintf("The quota of %d %s is exceeded.", limit, what)}
}

// asError returns the answer that err stands for.
func asError(err error) *Error {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer
	}
	return &Error{Status: http.StatusInternalServerError, Code: 500001, Message: err.Error()} // Inferred: the code.
}

// errorDetails is the body of every error, in the order of the wire.
type errorDetails struct {
	ErrorCode    int    `json:"errorCode"`
	TrackingID   string `json:"trackingId"`
	Message      string `json:"message"`
	TimestampUTC ticks  `json:"timestampUtc"`
}

// WriteError answers with the body and the headers that every error of the service has.
func WriteError(w http.ResponseWriter, now time.Time, answer *Error) {
	header := w.Header()
	trackingID := header.Get("x-ms-request-id")
	if trackingID == "" {
		trackingID = newTrackingID()
		header.Set("x-ms-request-id", trackingID)
	}
	header.Set("x-ms-error-code", strconv.Itoa(answer.Code))
	maps.Copy(header, answer.Header)
	if answer.Body != nil {
		writeJSON(w, answer.Status, answer.Body)
		return
	}
	writeJSON(w, answer.Status, errorDetails{
		ErrorCode:    answer.Code,
		TrackingID:   trackingID,
		Message:      answer.Message,
		TimestampUTC: ticksOf(now),
	})
}

// writeJSON answers with value in JSON, which is encoded first, so that a failure cannot leave half an answer.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := encode(value)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(strconv.Quote(err.Error()))
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Strict-Transport-Security", strictTransport)
	header.Set("Transfer-Encoding", "chunked") // as recorded; net/http would count short bodies
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away gets nothing
}

// encode is json.Marshal without the escapes for HTML, which the service does not write either.
func encode(value any) ([]byte, error) {
	var b buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	return b[:len(b)-1], nil // without the encoder's newline
}

// buffer is the least that an encoder can write to.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// newTrackingID makes a random UUID. It names an answer and guards nothing, so a fast generator will do.
func newTrackingID() string {
	high, low := rand.Uint64(), rand.Uint64() //nolint:gosec // it guards nothing
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>32, high>>16&0xffff, high&0xfff, low>>48&0x3fff|0x8000, low&0xffffffffffff)
}
