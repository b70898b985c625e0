package azdps_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// errorOf gets the error that an answer makes.
func errorOf(t *testing.T, status int, body string, header ...string) error {
	t.Helper()
	client := clientOver(t, newScript(reply(status, body, header...)), noRetries)
	_, err := client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
	require.Error(t, err)
	return err
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456700, time.UTC)
	tests := map[string]struct {
		status int
		body   string
		header []string
		code   string
		want   azdps.ErrorDetails
		found  bool
	}{
		"of the service": {
			status: 409, body: `{"errorCode":409201,"trackingId":"id","message":"Enrollment already exists.","timestampUtc":"2026-01-02T03:04:05.1234567Z"}`,
			code: "409201", want: azdps.ErrorDetails{ErrorCode: 409201, TrackingID: "id", Message: "Enrollment already exists.", TimestampUTC: at}, found: true,
		},
		"with info": {
			status: 400, body: `{"errorCode":400004,"info":{"a":"b","n":1,"o":{"x":2},"z":null}}`, code: "400004",
			want:  azdps.ErrorDetails{ErrorCode: 400004, Info: map[string]string{"a": "b", "n": "1", "o": `{"x":2}`, "z": ""}},
			found: true,
		},
		"code as a string": {
			status: 401, body: `{"errorCode":"401002"}`, code: "401002", want: azdps.ErrorDetails{ErrorCode: 401002}, found: true},
		"code as a word": {
			status: 401, body: `{"errorCode":"Unauthorized","message":"No."}`, code: "Unauthorized", want: azdps.ErrorDetails{Message: "No."}, found: true},
		"code in body and header": {
			status: 404, body: `{"errorCode":404201}`, header: []string{"X-Ms-Error-Code", "404000"}, code: "404201",
			want: azdps.ErrorDetails{ErrorCode: 404201}, found: true},
		"code in the header only": {
			status: 404, body: `{"message":"No."}`, header: []string{"X-Ms-Error-Code", "404201"}, code: "404201",
			want: azdps.ErrorDetails{Message: "No."}, found: true},
		"code in the header without a body": {status: 404, header: []string{"X-Ms-Error-Code", "404201"}, code: "404201"},
		"empty":                             {status: 503},
		"null":                              {status: 400, body: "null"},
		"code null":                         {status: 400, body: `{"errorCode":null,"message":null}`},
		"a number":                          {status: 400, body: "17"},
		"a list":                            {status: 400, body: "[]"},
		"HTML":                              {status: 502, body: "<html><h1>Bad Gateway</h1></html>", header: []string{"Content-Type", "text/html"}},
		"of an IoT Hub": {
			status: 400, body: `{"Message":"ErrorCode:ArgumentInvalid;Unknown api version; 2021-10-01","ExceptionMessage":"Tracking ID:1"}`},
		"JSON that breaks off": {
			status: 409, body: `{"errorCode":409201,"message":"Enroll`, code: "409201", want: azdps.ErrorDetails{ErrorCode: 409201}, found: true},
		"details of another shape": {
			status: 409, body: `{"errorCode":409201,"message":{"text":"No."},"trackingId":7,"timestampUtc":"yesterday"}`, code: "409201",
			want: azdps.ErrorDetails{ErrorCode: 409201, Message: `{"text":"No."}`, TrackingID: "7"}, found: true},
		"code beyond 32 bits": {
			status: 400, body: `{"errorCode":4000000000000,"message":"No."}`, code: "4000000000000", want: azdps.ErrorDetails{Message: "No."}, found: true},
		"a byte order mark": {
			status: 409, body: "\xef\xbb\xbf" + `{"errorCode":409201}`, code: "409201", want: azdps.ErrorDetails{ErrorCode: 409201}, found: true},
		"invalid UTF-8": {
			status: 400, body: "{\"errorCode\":400004,\"message\":\"a\xff\"}", code: "400004", want: azdps.ErrorDetails{ErrorCode: 400004, Message: "a\ufffd"}, found: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := errorOf(t, test.status, test.body, test.header...)
			response, ok := errors.AsType[*azcore.ResponseError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, test.code, response.ErrorCode)
			assert.True(t, azdps.HasStatusCode(err, test.status))
			assert.True(t, azdps.HasCode(err, azdps.ErrorCode(test.code)))

			details, found := azdps.ErrorDetailsFrom(err)
			assert.Equal(t, test.found, found)
			assert.Equal(t, test.want, details)
			if strings.HasPrefix(test.body, "<") || strings.Contains(test.body, "ExceptionMessage") {
				assert.Contains(t, strings.Join(strings.Fields(err.Error()), ""), strings.Join(strings.Fields(test.body), ""), "it is readable")
			}
			body, readError := io.ReadAll(response.RawResponse.Body)
			require.NoError(t, readError)
			assert.Equal(t, test.body, string(body), "the answer is kept whole")
		})
	}
}

func TestErrorQuestions(t *testing.T) {
	t.Parallel()
	conflict := errorOf(t, 409, `{"errorCode":409201}`)
	wrapped := fmt.Errorf("import: %w", conflict)
	other := errors.New("disk full")
	assert.True(t, azdps.HasCode(wrapped, azdps.ErrorCodeThrottled, azdps.ErrorCodeEnrollmentExists))
	assert.False(t, azdps.HasCode(wrapped, azdps.ErrorCodeThrottled))
	assert.False(t, azdps.HasCode(wrapped))
	assert.True(t, azdps.HasStatusCode(wrapped, http.StatusNotFound, http.StatusConflict))
	assert.False(t, azdps.HasStatusCode(wrapped, http.StatusNotFound))
	assert.False(t, azdps.HasStatusCode(wrapped))
	for _, err := range []error{nil, other, &azdps.BulkOperationError{Failures: []azdps.BulkOperationFailure{{ErrorCode: 409201}}}} {
		assert.False(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists))
		assert.False(t, azdps.HasCode(err, ""))
		assert.False(t, azdps.HasStatusCode(err, 0, http.StatusConflict))
		details, found := azdps.ErrorDetailsFrom(err)
		assert.False(t, found)
		assert.Zero(t, details)
	}
	details, found := azdps.ErrorDetailsFrom(&azcore.ResponseError{StatusCode: 409, ErrorCode: "409201"})
	assert.False(t, found, "an error made by a fake has no answer")
	assert.Zero(t, details)
	assert.True(t, azdps.HasCode(&azcore.ResponseError{ErrorCode: "409201"}, azdps.ErrorCodeEnrollmentExists))
}

// TestErrorsOfTheService asks for what is not there, and makes what is.
func TestErrorsOfTheService(t *testing.T) {
	t.Parallel()
	_, client := startService(t)
	ctx := t.Context()
	_, err := client.IndividualEnrollments().Get(ctx, "missing", nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentNotFound), "%v", err)
	_, err = client.EnrollmentGroups().Get(ctx, "missing", nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentGroupNotFound), "%v", err)
	_, err = client.DeviceRegistrationStates().Get(ctx, "missing", nil)
	assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%v", err)
	_, err = client.IndividualEnrollments().CreateOrUpdate(ctx, newEnrollment("Device-1"), nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists), "%v", err)
	_, err = client.EnrollmentGroups().CreateOrUpdate(ctx, newGroup("Group-1"), nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentGroupExists), "%v", err)

	details, found := azdps.ErrorDetailsFrom(err)
	require.True(t, found)
	assert.Equal(t, "EnrollmentGroup already exists.", details.Message)
	assert.NotEmpty(t, details.TrackingID)
	assert.WithinDuration(t, time.Now(), details.TimestampUTC, time.Minute)

	bad := newEnrollment("bad")
	bad.IoTHubs = []string{"hub.azure-devices.net"}
	_, err = client.IndividualEnrollments().CreateOrUpdate(ctx, bad, nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeInvalidArgument), "%v", err)
}

// TestAnswersThatAreNotOfTheService come from a proxy, or from a server of something else.
func TestAnswersThatAreNotOfTheService(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<html>", `"text"`, "[", `{"registrationId":7}`, `{"registrationId":"a"} {}`, "7"} {
		client := clientOver(t, newScript(reply(http.StatusOK, body, "Content-Type", "text/odd")))
		_, err := client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
		require.ErrorContains(t, err, "IndividualEnrollmentsClient.Get: answer 200 is not the JSON of the service", body)
		require.ErrorContains(t, err, "text/odd", body)
		_, err = client.IndividualEnrollments().NewQueryPager(nil).NextPage(t.Context())
		require.ErrorContains(t, err, "is not the JSON of the service", body)
	}
	client := clientOver(t, newScript(reply(http.StatusOK, "\xef\xbb\xbf"+enrollmentAnswer)))
	got, err := client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
	require.NoError(t, err, "a byte order mark is no reason to fail")
	assert.Equal(t, "device-1", got.RegistrationID)
}
