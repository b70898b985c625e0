package azdps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ErrorCode is a code of the service for what went wrong: an HTTP status followed by three digits.
type ErrorCode string

// Values of [ErrorCode]: the codes for which there is evidence. The service has more; any of them is in the ErrorCode of the
// [azcore.ResponseError].
const (
	// ErrorCodeEnrollmentExists is a create of an individual enrollment that exists, or an update without IfMatch (409).
	ErrorCodeEnrollmentExists ErrorCode = "409201"

	// ErrorCodeEnrollmentGroupExists is a create of an enrollment group that exists, or an update without IfMatch (409).
	ErrorCodeEnrollmentGroupExists ErrorCode = "409202"

	// ErrorCodeEnrollmentGroupNotFound is an enrollment group that does not exist (404). Inferred from the other codes.
	ErrorCodeEnrollmentGroupNotFound ErrorCode = "404202"

	// ErrorCodeEnrollmentNotFound is an individual enrollment that does not exist (404).
	ErrorCodeEnrollmentNotFound ErrorCode = "404201"

	// ErrorCodeInvalidArgument is a record or a parameter that the service refuses; the message says which (400).
	ErrorCodeInvalidArgument ErrorCode = "400004"

	// ErrorCodeThrottled is a request above the quota of the service, 1,000 a minute (429). How many seconds to wait says the
	// Retry-After header of the RawResponse of the [*azcore.ResponseError], if there is one.
	ErrorCodeThrottled ErrorCode = "429001"

	// ErrorCodeUnauthorized is a signature or token that is missing, wrong, expired or without the right (401).
	ErrorCodeUnauthorized ErrorCode = "401002"
)

// PossibleErrorCodeValues returns the values that this version knows; the service may answer with others.
func PossibleErrorCodeValues() []ErrorCode {
	return []ErrorCode{
		ErrorCodeEnrollmentExists,
		ErrorCodeEnrollmentGroupExists,
		ErrorCodeEnrollmentGroupNotFound,
		ErrorCodeEnrollmentNotFound,
		ErrorCodeInvalidArgument,
		ErrorCodeThrottled,
		ErrorCodeUnauthorized,
	}
}

// HasCode reports whether err is an answer of the service with one of the codes; nil is none. It does not look at the
// items of a [*BulkOperationError].
func HasCode(err error, codes ...ErrorCode) bool {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && slices.Contains(codes, ErrorCode(response.ErrorCode))
}

// HasStatusCode reports whether err is an answer of the service with one of the HTTP status codes; nil is none.
func HasStatusCode(err error, statusCodes ...int) bool {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && slices.Contains(statusCodes, response.StatusCode)
}

// ErrorDetails is the body of an error of the service; get it with [ErrorDetailsFrom]. Any member may be empty.
type ErrorDetails struct {
	// ErrorCode is the number of the error, for example 409201.
	ErrorCode int32 `json:"errorCode,omitzero"`

	// TrackingID finds the request in the logs of the service; give it to Azure support.
	TrackingID string `json:"trackingId,omitzero"`

	// Message is the error in words.
	Message string `json:"message,omitzero"`

	// Info holds further details by name.
	Info map[string]string `json:"info,omitzero"`

	// TimestampUTC is the time of the error by the service's clock.
	TimestampUTC time.Time `json:"timestampUtc,omitzero"`
}

// ErrorDetailsFrom returns the details of an answer of the service, if err holds one whose body has them. The body of an answer
// that comes from elsewhere, such as a proxy, is in the text of the [azcore.ResponseError], up to 64 KB of it.
func ErrorDetailsFrom(err error) (ErrorDetails, bool) {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || response.RawResponse == nil {
		return ErrorDetails{}, false
	}
	var details ErrorDetails
	if body, ok := response.RawResponse.Body.(*errorBody); ok {
		details = body.details
		details.Info = maps.Clone(details.Info)
	} else {
		details, _ = readErrorBody(response.RawResponse)
	}
	found := details.ErrorCode != 0 || details.TrackingID != "" || details.Message != ""
	return details, found
}

// newResponseError makes the error of an answer that is none of success. The code is that of the body, else that of the header.
func newResponseError(resp *http.Response) error {
	details, code := readErrorBody(resp)
	if code == "" {
		code = resp.Header.Get(headerErrorCode)
	}
	if len(code) > maxErrorCode {
		code = ""
	}
	boundErrorBody(resp)
	err := runtime.NewResponseErrorWithErrorCode(resp, code)
	if body, problem := runtime.Payload(resp); problem == nil {
		resp.Body = &errorBody{bytes.NewReader(body), details}
	}
	return err
}

const (
	maxErrorBody  = 64 << 10 // the service's own have less than 1 KB
	maxErrorDepth = 32
	maxErrorCode  = 64 // the service's own have 6 digits
)

// errorBody is the body of an error with what was read from it, so that many goroutines may look at one error.
type errorBody struct {
	*bytes.Reader
	details ErrorDetails
}

// Close implements [io.Closer].
func (*errorBody) Close() error { return nil }

// boundErrorBody keeps the beginning of a body that is no error of the service. azcore puts the body into the text of the error, with
// each line indented, so that 20 KB of brackets would become 200 MB of text.
func boundErrorBody(resp *http.Response) {
	body, err := runtime.Payload(resp)
	if err != nil || len(body) <= maxErrorBody && depthOf(body) <= maxErrorDepth {
		return
	}
	shown := body[:min(len(body), maxErrorBody)]
	text := fmt.Sprintf("The answer has %d bytes, which are no error of the service. It begins with: %s", len(body), shown)
	resp.Body = io.NopCloser(strings.NewReader(text))
}

// depthOf is how deep brackets are nested, those in strings included.
func depthOf(body []byte) (most int) {
	depth := 0
	for _, c := range body {
		switch c {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}

// readErrorBody takes from the body of an error what it understands, member by member, so that nothing strange in one of
// them hides the others. A body that is no JSON gives nothing.
func readErrorBody(resp *http.Response) (details ErrorDetails, code string) {
	body, err := runtime.Payload(resp)
	if err != nil {
		return ErrorDetails{}, ""
	}
	var members struct {
		ErrorCode    json.RawMessage `json:"errorCode"`
		TrackingID   json.RawMessage `json:"trackingId"`
		Message      json.RawMessage `json:"message"`
		Info         json.RawMessage `json:"info"`
		TimestampUTC json.RawMessage `json:"timestampUtc"`
	}
	if decode(withoutBOM(body), &members) != nil && members.ErrorCode == nil {
		return ErrorDetails{}, ""
	}
	code = plainText(members.ErrorCode)
	if number, err := strconv.ParseInt(code, 10, 32); err == nil {
		details.ErrorCode = int32(number)
	}
	details.TrackingID = plainText(members.TrackingID)
	details.Message = plainText(members.Message)
	var info map[string]json.RawMessage
	if len(members.Info) > 0 && decode(members.Info, &info) == nil && len(info) > 0 {
		details.Info = make(map[string]string, len(info))
		for name, value := range info {
			details.Info[name] = plainText(value)
		}
	}
	if t, err := parseTime(plainText(members.TimestampUTC)); err == nil {
		details.TimestampUTC = t
	}
	return details, code
}

// plainText is a JSON string without its quotes, any other value as it stands, and nothing for null.
func plainText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// BulkOperationError says which items of a bulk operation the service refused; the others were applied. It comes beside the
// response, which is filled.
type BulkOperationError struct {
	// Mode of the operation.
	Mode BulkOperationMode

	// Failures has an entry for each item that was refused. It is empty if the service reported a failure without one.
	Failures []BulkOperationFailure

	// Items is the number of items that were sent.
	Items int
}

// shownFailures is how many refused items an error text names.
const shownFailures = 3

// Error names the first refused items.
func (e *BulkOperationError) Error() string {
	if len(e.Failures) == 0 {
		return fmt.Sprintf("azdps: bulk %s of %d items: the service reports a failure, but of no item", e.Mode, e.Items)
	}
	var shown []string
	for _, failure := range e.Failures[:min(shownFailures, len(e.Failures))] {
		shown = append(shown, fmt.Sprintf("%s%s: %d %s", failure.RegistrationID, failure.EnrollmentGroupID, failure.ErrorCode, failure.ErrorStatus))
	}
	if more := len(e.Failures) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("azdps: bulk %s refused %d of %d items: %s", e.Mode, len(e.Failures), e.Items, strings.Join(shown, "; "))
}
