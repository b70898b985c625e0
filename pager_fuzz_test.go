package azdps_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// FuzzContinuationToken has a caller and a server give any token.
//
//   - A token is sent as it is or refused with an error that is not retried. It is sent if it is what a header can carry.
//   - Whatever the token, the request on the wire differs from one without a token by that one header: written by net/http and
//     read by its server, all other headers, the target and the body are those of the first page.
//   - A list never asks for the same page twice.
func FuzzContinuationToken(f *testing.F) {
	for _, token := range []string{
		"W3sidG9rZW4iOiIrUklEOn4jUlQ6MSJ9XQ==", "a", "a b", " a", "a\t", "a\r\nx-ms-max-item-count: 1", "a\nb", "\x00", "\x7f", "é", "\xff",
		"a\r\n\r\nGET / HTTP/1.1", "..", "/", "%0d%0a", `"quoted"`, "", ",", strings.Repeat("t", 10_000),
	} {
		f.Add(token, token)
		f.Add("", token)
	}
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, fromCaller, fromServer string) {
		plain := tokenRequests(t, "", "x", 1)[0]
		asked := tokenRequests(t, fromCaller, fromServer, 3)
		wanted := []string{fromCaller, fromServer}
		require.LessOrEqual(t, len(asked), 2, "the list goes on although its token was repeated")
		if !isHeader(fromCaller) {
			require.Empty(t, asked)
			return
		}
		require.NotEmpty(t, asked)
		require.Equal(t, fromServer != "" && fromServer != fromCaller && isHeader(fromServer), len(asked) == 2)
		for i, request := range asked {
			token := request.Header["X-Ms-Continuation"]
			request.Header.Del("X-Ms-Continuation")
			if wanted[i] == "" {
				require.Empty(t, token)
			} else {
				require.Equal(t, []string{wanted[i]}, token)
			}
			require.Equal(t, plain, request)
		}
	})
}

// wireRequest is a request as a server reads it.
type wireRequest struct {
	Method, Target, Host string
	Header               http.Header
	Body                 string
}

// tokenRequests reads a list from a token on, of a server that answers each page with another token, and returns the requests as a
// server reads them from the wire, without the signature. What ends the list early must not be retried.
func tokenRequests(t *testing.T, fromCaller, fromServer string, pages int) (requests []wireRequest) {
	t.Helper()
	client := newStubClient(t, transportFunc(func(r *http.Request) (*http.Response, error) {
		var wire bytes.Buffer
		require.NoError(t, r.Write(&wire))
		reader := bufio.NewReader(&wire)
		read, err := http.ReadRequest(reader)
		require.NoError(t, err)
		body, err := io.ReadAll(read.Body)
		require.NoError(t, err)
		require.Zero(t, reader.Buffered(), "a second request is on the wire")
		require.Len(t, read.Header["Authorization"], 1)
		read.Header.Del("Authorization")
		requests = append(requests, wireRequest{read.Method, read.RequestURI, read.Host, read.Header, string(body)})
		resp, err := reply(http.StatusOK, `[]`)(r)
		resp.Header["X-Ms-Continuation"] = []string{fromServer}
		return resp, err
	}))
	pager := client.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: fromCaller})
	for range pages {
		if !pager.More() {
			break
		}
		if _, err := pager.NextPage(t.Context()); err != nil {
			requireFinal(t, err)
			break
		}
	}
	return requests
}

type transportFunc func(*http.Request) (*http.Response, error)

// Do implements policy.Transporter.
func (f transportFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// TestPageOfTooManyItems answers with a page, or with errors of a bulk operation, that would take three hundred times its size in memory.
func TestPageOfTooManyItems(t *testing.T) {
	t.Parallel()
	page := func(items int) string { return "[" + strings.TrimSuffix(strings.Repeat("{},", items), ",") + "]" }
	for name, list := range listers {
		client, transport := newStub(t, page(100_000))
		ids, _, err := list.pages(client, "", 0).next(t.Context())
		require.NoError(t, err, name)
		require.Len(t, ids, 100_000, name)
		transport.answer = page(100_001)
		_, _, err = list.pages(client, "", 0).next(t.Context())
		require.ErrorContains(t, err, "more than 100000 items in one array", name)
	}
	client, _ := newStub(t, `{"errors":`+page(100_001)+`}`)
	err := callOf(t, "IndividualEnrollment_RunBulkOperation").do(t.Context(), client)
	require.ErrorContains(t, err, `more than 100000 items in one array at "/errors/100000"`)
}
