package azdps_test

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// hostileTexts are what a caller may pass on from somebody who means ill.
var hostileTexts = map[string]string{
	"CR": "a\rb", "LF": "a\nb", "CR LF and a header": "a\r\nX-Evil: 1", "CR LF and a request": "a HTTP/1.1\r\nHost: evil\r\n\r\nDELETE /enrollments/b HTTP/1.1\r\n\r\n",
	"LF at the end": "a\n", "CR LF at the start": "\r\na", "NUL": "a\x00b", "NUL alone": "\x00", "tab": "a\tb", "escape": "a\x1b[2J", "delete": "a\x7f", "backspace": "a\bb",
	"slash": "a/b", "slash at the start": "/a", "slash at the end": "a/", "two slashes": "//evil.example/", "a path upwards": "../enrollmentGroups/b",
	"a path upwards, backwards": `..\b`, "dot and slash": "./a", "the way to another operation": "a/attestationmechanism", "a query": "query?a",
	"escaped slash": "a%2fb", "escaped slash, capital": "a%2Fb", "escaped twice": "a%252fb", "escaped NUL": "%00", "escaped CR LF": "a%0d%0aX-Evil:1", "escaped dots": "%2e%2e",
	"a bad escape": "%zz", "percent": "%", "question mark": "a?api-version=1", "number sign": "a#b", "ampersand": "a&api-version=1", "equals": "a=b", "semicolon": "a;b", "comma": "a,b",
	"at": "user@evil.example", "quote": `a"b`, "apostrophe": "a'b", "backtick": "a`b", "backslash": `a\b`, "escaped in JSON": `\u0000`, "JSON": `","mode":"delete","x":"`,
	"space": "a b", "space at the start": " a", "space at the end": "a ", "plus": "a+b", "asterisk": "*", "bracket": "[a]", "brace": "{id}", "angle": "<script>", "bar": "a|b", "tilde": "~a", "caret": "a^b",
	"a URL": "https://evil.example/", "another scheme": "file:///etc/passwd", "10 KB": strings.Repeat("a", 10<<10), "10 KB of dots": strings.Repeat("../", 3<<10),
	"umlaut": "ü", "a letter that looks like k": "\u212a", "wide dots": "．．", "wide slash": "a／b", "line separator": "a\u2028b", "next line": "a\u0085b", "right to left": "a\u202eb",
	"zero width": "a\u200bb", "byte order mark": "\ufeffa", "emoji": "😀", "combined": "e\u0301", "a character whose end is LF": "a\u010ab", "a character whose end is slash": "a\u012fb",
}

// hostileBytes are no text at all.
var hostileBytes = map[string]string{
	"not UTF-8": "a\xff", "an overlong slash": "a\xc0\xafb", "an overlong NUL": "a\xc0\x80", "half a character": "a\xe2\x82", "a surrogate": "a\xed\xa0\x80",
}

// requireOne requires that exactly one request arrived, of this target, with the header names that every request has and the given
// ones beside them, each once. It returns their values.
func requireOne(t *testing.T, w *wire, method, target string, beside ...string) (http.Header, rawRequest) {
	t.Helper()
	requests := w.arrived()
	require.Len(t, requests, 1)
	request := requests[0]
	require.Equal(t, method+" "+target+" HTTP/1.1\r\n", request.line)
	want := append([]string{"Host", "User-Agent", "Accept", "Accept-Encoding", "Authorization"}, beside...)
	if len(request.body) > 0 {
		want = append(want, "Content-Type")
	}
	if method != http.MethodGet && method != http.MethodDelete {
		want = append(want, "Content-Length")
	}
	header := http.Header{}
	var got []string
	for _, line := range request.header {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\r\n"), ": ")
		require.True(t, found, "%q", line)
		got = append(got, name)
		header.Add(name, value)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
	assert.Equal(t, []string{wireHost}, header["Host"])
	return header, request
}

const apiVersion = "?api-version=2021-10-01"

// injectionWire answers every request with 404, and reads on: a second request in the first one would be seen.
func injectionWire() *wire { return newWire(says(rawAnswer(http.StatusNotFound, "{}"))) }

// TestHostileIDs gives every operation that takes an id what is none. Nothing is sent, not even a connection made.
func TestHostileIDs(t *testing.T) {
	t.Parallel()
	ids := map[string]string{"empty": "", "dot": ".", "dots": "..", "overlong": strings.Repeat("a", 129)}
	for _, more := range []map[string]string{hostileTexts, hostileBytes} {
		maps.Copy(ids, more)
	}
	for _, method := range callsWithID() {
		t.Run(method.method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := injectionWire()
				defer w.end(t)
				client := w.client(t)
				for name, id := range ids {
					err := method.call(t.Context(), client, id)
					requireInvalid(t, err, method.parameter)
					if len(id) > 5 {
						assert.NotContains(t, err.Error(), id, name)
					}
					assert.Less(t, len(err.Error()), 300, name)
				}
				assert.Empty(t, w.addresses())
			})
		})
	}
}

// TestOddIDs gives them ids that look like more than they are, but the service takes.
func TestOddIDs(t *testing.T) {
	t.Parallel()
	paths := map[string]string{
		"IndividualEnrollments.Get": "GET /enrollments/{id}", "IndividualEnrollments.CreateOrUpdate": "PUT /enrollments/{id}",
		"IndividualEnrollments.Update": "GET /enrollments/{id}", "IndividualEnrollments.Delete": "DELETE /enrollments/{id}",
		"IndividualEnrollments.GetAttestationMechanism": "POST /enrollments/{id}/attestationmechanism",
		"EnrollmentGroups.Get":                          "GET /enrollmentGroups/{id}", "EnrollmentGroups.CreateOrUpdate": "PUT /enrollmentGroups/{id}",
		"EnrollmentGroups.Update": "GET /enrollmentGroups/{id}", "EnrollmentGroups.Delete": "DELETE /enrollmentGroups/{id}",
		"EnrollmentGroups.GetAttestationMechanism": "POST /enrollmentGroups/{id}/attestationmechanism",
		"DeviceRegistrationStates.Get":             "GET /registrations/{id}", "DeviceRegistrationStates.Delete": "DELETE /registrations/{id}",
		"DeviceRegistrationStates.NewQueryPager": "POST /registrations/{id}/query", "DeviceRegistrationStates.All": "POST /registrations/{id}/query",
	}
	for _, method := range callsWithID() {
		t.Run(method.method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				for _, id := range []string{"...", "..a", "a..", "-", "_", ":", "a:443", "query", "attestationmechanism", "0x00", "a.b-c_d:e", strings.Repeat("-", 128)} {
					w := injectionWire()
					err := method.call(t.Context(), w.client(t), id)
					require.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%v", err)
					verb, path, _ := strings.Cut(paths[method.method], " ")
					if kind, _, isBulk := strings.Cut(method.method, ".RunBulkOperation"); isBulk {
						verb, path = http.MethodPost, map[string]string{"IndividualEnrollments": "/enrollments", "EnrollmentGroups": "/enrollmentGroups"}[kind]
					}
					requireOne(t, w, verb, strings.ReplaceAll(path, "{id}", id)+apiVersion)
					w.end(t)
				}
			})
		})
	}
}

// callsWithToken are all methods that take a continuation token.
func callsWithToken() []validateCall[string] {
	return []validateCall[string]{
		{"/enrollments/query", "options.ContinuationToken", func(ctx context.Context, c *azdps.DeviceProvisioningClient, token string) error {
			_, err := c.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: token}).NextPage(ctx)
			return err
		}},
		{"/enrollmentGroups/query", "options.ContinuationToken", func(ctx context.Context, c *azdps.DeviceProvisioningClient, token string) error {
			_, err := c.EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{ContinuationToken: token}).NextPage(ctx)
			return err
		}},
		{"/registrations/g/query", "options.ContinuationToken", func(ctx context.Context, c *azdps.DeviceProvisioningClient, token string) error {
			_, err := c.DeviceRegistrationStates().NewQueryPager("g", &azdps.DeviceRegistrationStatesClientQueryOptions{ContinuationToken: token}).NextPage(ctx)
			return err
		}},
	}
}

// isHeader tells what the value of a header may be: printable ASCII, with no space at its ends.
func isHeader(text string) bool {
	return text == strings.Trim(text, " ") && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkHeaderText gives a method a text for a header: it arrives as it is, or nothing does.
func checkHeaderText(t *testing.T, method, target, header, parameter, text string, call func(context.Context, *azdps.DeviceProvisioningClient) error) {
	t.Helper()
	w := injectionWire()
	defer w.end(t)
	err := call(t.Context(), w.client(t))
	if !isHeader(text) {
		requireInvalid(t, err, parameter)
		assert.NotContains(t, err.Error(), text)
		assert.Empty(t, w.addresses())
		return
	}
	require.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%v", err)
	values, _ := requireOne(t, w, method, target+apiVersion, header)
	assert.Equal(t, []string{text}, values[header])
}

// TestHostileTokens gives each list a continuation token of somebody else.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	for _, method := range callsWithToken() {
		for _, texts := range []map[string]string{hostileTexts, hostileBytes} {
			for name, text := range texts {
				t.Run(method.method+" "+name, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						checkHeaderText(t, http.MethodPost, method.method, "X-Ms-Continuation", method.parameter, text, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
							return method.call(ctx, c, text)
						})
					})
				})
			}
		}
	}
}

// TestHostileTokenOfTheService follows no token of a server that is no header, and sends the others as they are.
func TestHostileTokenOfTheService(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"quotes": `"a"`, "JSON": `[{"token":"+RID:~a#RT:1"}]`, "umlaut": "\xc3\xbc", "bytes": "a\xff", "10 KB": strings.Repeat("a", 10<<10)} {
		t.Run(name, func(t *testing.T) {
			forEachList(t, func(t *testing.T, l lister) {
				pages := 0
				w := newWire(func(p *peer) {
					for p.read() {
						if pages++; pages > 1 {
							p.write(rawAnswer(200, "[]"))
							continue
						}
						p.write(rawAnswer(200, "[]", "X-Ms-Continuation: "+token))
					}
				})
				defer w.end(t)
				_, err := collect(l.all(t.Context(), w.client(t), 0, 0))
				requests := w.arrived()
				if !isHeader(token) {
					require.ErrorContains(t, err, "the continuation token of the service")
					require.Len(t, requests, 1)
					return
				}
				require.NoError(t, err)
				require.Len(t, requests, 2)
				assert.Contains(t, requests[1].header, "X-Ms-Continuation: "+token+"\r\n")
				assert.Len(t, requests[1].header, len(requests[0].header)+1)
			})
		})
	}
}

// queryOf is what a URL asks for.
func queryOf(t *testing.T, line string) (path string, query url.Values) {
	t.Helper()
	parts := strings.Split(line, " ")
	require.Len(t, parts, 3)
	target, err := url.ParseRequestURI(parts[1])
	require.NoError(t, err)
	query, err = url.ParseQuery(target.RawQuery)
	require.NoError(t, err)
	return target.EscapedPath(), query
}
