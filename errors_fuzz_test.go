package azdps_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// FuzzErrorBody answers with any status of an error, header and body.
//
//   - The error is always an [azcore.ResponseError] with the status, and its text tells it, whatever the body is.
//   - From a JSON object each member is read that is there, on its own, however strange the others are. The code is that of the
//     body, else that of the header. Of a body that is cut off, no more is believed than it says.
//   - Details are found if the body has a code, a tracking id or a message, and are the same each time.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"errorCode":409201,"trackingId":"track-1","message":"No.","info":{"a":"b","c":1,"d":null},"timestampUtc":"2026-01-02T03:04:05.1234567Z"}`,
		"\xef\xbb\xbf" + `{"errorCode":"404201","message":{"not":"text"},"timestampUtc":"yesterday","info":[]}`,
		`{"errorCode":1e400,"trackingId":7}`, `{"errorCode":409201,"mess`, `{"errorCode":`, `null`, `[]`, `""`, ``, `<html>Bad Gateway</html>`,
		`{"errorCode":99999999999,"info":{"a":{"b":[1]}}}`, `{"errorCode":null,"message":null}`, `{"message":"a","message":"b","errorCode":1,"errorCode":2}`,
		"{\"message\":\"\xff\\ud800\"}", `{"ErrorCode":5}`, `{"errorCode":1} x`,
	} {
		f.Add(uint16(0), "409201", []byte(body))
	}
	f.Add(uint16(12), "", []byte(`{}`))
	f.Add(uint16(199), "a\r\nb", []byte(`[[[[`))
	f.Fuzz(func(t *testing.T, status uint16, headerCode string, body []byte) {
		statusCode := 300 + int(status)%300
		transport := newScript(reply(statusCode, string(body), "x-ms-error-code", headerCode))
		_, err := newStubClient(t, transport).IndividualEnrollments().Get(withoutRetries(t.Context()), "a", nil)
		response, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok, "%v", err)
		require.Len(t, transport.sent(), 1)
		require.True(t, azdps.HasStatusCode(err, statusCode))
		require.Equal(t, statusCode, response.StatusCode)
		require.Contains(t, err.Error(), strconv.Itoa(statusCode))
		details, found := azdps.ErrorDetailsFrom(err)
		again, foundAgain := azdps.ErrorDetailsFrom(err)
		require.Equal(t, details, again)
		require.Equal(t, found, foundAgain)
		require.Equal(t, found, details.ErrorCode != 0 || details.TrackingID != "" || details.Message != "")

		text := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
		var members map[string]json.RawMessage
		if json.Unmarshal(text, &members) != nil {
			said := response.ErrorCode == headerCode || strings.Contains(string([]rune(string(text))), response.ErrorCode)
			require.True(t, said || bytes.Contains(text, []byte(`\`)), "the code %q is neither in the header nor in the body", response.ErrorCode)
			require.True(t, !found || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")), "details of what is no object")
			return
		}
		requireErrorText(t, members["errorCode"], headerCode, response.ErrorCode)
		if bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) > 32 {
			return // it may be too deep for its details to be kept
		}
		number, err := strconv.ParseInt(response.ErrorCode, 10, 32)
		require.True(t, err != nil || response.ErrorCode == headerCode || number == int64(details.ErrorCode))
		requireErrorText(t, members["trackingId"], "", details.TrackingID)
		requireErrorText(t, members["message"], "", details.Message)
		var info map[string]json.RawMessage
		_ = json.Unmarshal(members["info"], &info) // anything but an object has no entries
		require.Len(t, details.Info, len(info))
		for name, value := range info {
			requireErrorText(t, value, "", details.Info[name])
		}
	})
}

// requireErrorText requires a string as such, and any other value as JSON. Without a value, or with null, there is another text.
func requireErrorText(t *testing.T, value json.RawMessage, otherwise, got string) {
	t.Helper()
	var text string
	switch {
	case len(value) == 0 || json.Unmarshal(value, &text) == nil && text == "":
		require.Equal(t, otherwise, got)
	case text != "":
		require.Equal(t, text, got)
	default:
		require.Equal(t, jsonValue(t, value), jsonValue(t, []byte(got)))
	}
}

// TestErrorTextIsBounded answers with what would become a text of gigabytes, since azcore indents the body of an error.
func TestErrorTextIsBounded(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	for name, test := range map[string]struct{ body, code, text string }{
		"deep":        {`{"errorCode":409201,"x":` + deep + `}`, "409201", `It begins with: {"errorCode":409201,"x":[[[[`},
		"deep, often": {`{"errorCode":409201,"x":[` + deep + strings.Repeat(","+deep, 50) + `]}`, "409201", "The answer has 918077 bytes"},
		"not JSON":    {strings.Repeat("[", 1<<20), "", "The answer has 1048576 bytes"},
		"long":        {"<html>" + strings.Repeat("x", 1<<20), "", "begins with: <html>xxx"},
		"flat":        {"[" + strings.Repeat("0,", 1<<19) + "0]", "", "begins with: [0,0,0"},
		"short":       {`{"errorCode":409201,"message":"` + strings.Repeat("x", 60<<10) + `"}`, "409201", `  "errorCode": 409201`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, transport := newStub(t, test.body)
			transport.status = http.StatusConflict
			_, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.True(t, azdps.HasStatusCode(err, http.StatusConflict))
			require.True(t, azdps.HasCode(err, azdps.ErrorCode(test.code)))
			require.ErrorContains(t, err, test.text)
			require.Less(t, len(err.Error()), 70<<10)
			details, found := azdps.ErrorDetailsFrom(err)
			require.Equal(t, test.code != "", found)
			require.Equal(t, name == "short", details.Message != "")
		})
	}
}
