package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	testHost   = "test.azure-devices-provisioning.net"
	testPolicy = "provisioningserviceowner"
	testKey    = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

var allPermissions = []Permission{EnrollmentRead, EnrollmentWrite, RegistrationStatusRead, RegistrationStatusWrite, ServiceConfig}

// tester is a service with a clock that a test moves, and a client of it.
type tester struct {
	t       *testing.T
	handler *Handler
	now     time.Time
	version string
	header  http.Header // of every request
}

func newTester(t *testing.T, change ...func(*Config)) *tester {
	t.Helper()
	s := &tester{t: t, now: time.Unix(1700000000, 123456700), version: "2021-10-01"}
	config := Config{
		Policies: []Policy{{Name: testPolicy, Keys: [2][]byte{decodeKey(testKey), []byte("the other key")}, Permissions: allPermissions}},
		Clock:    func() time.Time { return s.now },
	}
	for _, c := range change {
		c(&config)
	}
	s.handler = New(config)
	return s
}

func decodeKey(key string) []byte {
	plain, _ := base64.StdEncoding.DecodeString(key)
	return plain
}

// signed makes a token as official clients do.
func signed(resource, policy string, key []byte, expiry int64) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(resource + "\n" + strconv.FormatInt(expiry, 10)))
	sig := url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return "SharedAccessSignature sr=" + resource + "&sig=" + sig + "&se=" + strconv.FormatInt(expiry, 10) + "&skn=" + policy
}

// request makes a signed request; an edit may change it.
func (s *tester) request(method, path, body string, edits ...func(*http.Request)) *http.Request {
	target := "https://" + testHost + path + "?api-version=" + s.version
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", signed(testHost, testPolicy, decodeKey(testKey), s.now.Unix()+60))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(r.Header, s.header)
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func with(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

// do sends a request that must be answered with status, and checks what all answers have in common.
func (s *tester) do(status int, method, path, body string, edits ...func(*http.Request)) *httptest.ResponseRecorder {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, s.request(method, path, body, edits...))
	require.Equal(s.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	require.Regexp(s.t, uuids, w.Header().Get("x-ms-request-id"))
	require.Equal(s.t, "max-age=31536000; includeSubDomains", w.Header().Get("Strict-Transport-Security"))
	require.Empty(s.t, w.Header().Get("ETag"), "the etag is in the body only")
	if status == http.StatusNoContent {
		require.Zero(s.t, w.Body.Len())
		require.Empty(s.t, w.Header().Get("Content-Type"))
	} else {
		require.Equal(s.t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		require.True(s.t, json.Valid(w.Body.Bytes()), "%s", w.Body)
	}
	return w
}

var uuids = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// fail sends a request that must be answered with an error, and returns its message.
func (s *tester) fail(code int, method, path, body string, edits ...func(*http.Request)) string {
	s.t.Helper()
	w := s.do(code/1000, method, path, body, edits...)
	var details struct {
		ErrorCode  int
		TrackingID string
		Message    string
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &details))
	require.Equal(s.t, code, details.ErrorCode, "%s", w.Body)
	require.Equal(s.t, strconv.Itoa(code), w.Header().Get("x-ms-error-code"))
	require.Equal(s.t, w.Header().Get("x-ms-request-id"), details.TrackingID)
	return details.Message
}

// get decodes the answer to a GET.
func (s *tester) get(path string) map[string]any {
	s.t.Helper()
	return object(s.t, s.do(200, "GET", path, ""))
}

func object(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &value))
	return value
}

func symmetric(id string) string {
	return `{"registrationId":"` + id + `","attestation":{"type":"symmetricKey"}}`
}

func symmetricGroup(id string) string {
	return `{"enrollmentGroupId":"` + id + `","attestation":{"type":"symmetricKey"}}`
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/enrollments/a", "/ENROLLMENTS/a", "/Enrollments/A/", "/enrollments/%61"} {
		s := newTester(t)
		s.do(200, "PUT", "/enrollments/a", symmetric("a"))
		s.do(200, "GET", path, "")
	}
	s := newTester(t)
	s.do(200, "PUT", "/enrollmentgroups/g", symmetricGroup("g"))
	s.do(200, "POST", "/enrollmentgroups/g/AttestationMechanism", "")
	s.do(200, "POST", "/enrollments/", `{"enrollments":[],"mode":"create"}`)
	s.do(200, "POST", "/enrollmentGroups/QUERY", `{"query":"*"}`)
	s.do(200, "PUT", "/enrollments/query", symmetric("query"))
	s.do(200, "PUT", "/enrollments/a%3Ab", symmetric("a:b"))
	s.do(200, "GET", "/enrollments/a:b", "")
}

func TestUnknownRoutes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code         int
		method, path string
		allow        string
	}{
		{404000, "GET", "/", ""},
		{404000, "GET", "/devices/a", ""},
		{404000, "GET", "/enrollments/a/b", ""},
		{404000, "GET", "/enrollments/a/attestationmechanism/b", ""},
		{404000, "POST", "//enrollments/query/x", ""},
		{405000, "GET", "/enrollments", "POST"},
		{405000, "PATCH", "/enrollments/a", "GET, PUT, DELETE"},
		{405000, "HEAD", "/enrollments/a", "GET, PUT, DELETE"},
		{405000, "GET", "/enrollments/a/attestationmechanism", "POST"},
		{405000, "GET", "/registrations", ""},
		{405000, "PUT", "/registrations/a", "GET, DELETE"},
		{405000, "GET", "/registrations/g/query", "POST"},
		{405000, "GET", "/scope/registrations/a", "POST"},
		{405000, "POST", "/scope/registrations/a/register", "PUT"},
		{405000, "PUT", "/scope/registrations/a/operations/b", "GET"},
		{404000, "GET", "/scope/registrations/a/operations", ""},
		{404000, "PUT", "/scope/devices/a/register", ""},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			message := s.fail(test.code, test.method, test.path, "")
			require.Contains(t, message, strings.TrimSuffix(test.path, "/"), "the message says what is wrong")
			w := s.do(test.code/1000, test.method, test.path, "")
			require.Equal(t, test.allow, w.Header().Get("Allow"))
		})
	}
	require.Contains(t, newTester(t).fail(405000, "POST", "/enrollments/a", ""), "does not take POST")
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, route := range routes {
		path := strings.NewReplacer("{id}", "an%2Fid", "{scope}", IDScope, "{operation}", "1").Replace("/" + strings.Join(route.path, "/"))
		operation, id := Match(httptest.NewRequest(route.method, path, nil))
		require.Equal(t, route.operation, operation)
		if strings.Contains(path, "an%2Fid") {
			require.Equal(t, "an/id", id)
		}
		require.Contains(t, New(Config{}).operations, route.operation)
	}
	require.Len(t, routes, 18)
	operation, id := Match(httptest.NewRequest("GET", "/nowhere", nil))
	require.Empty(t, operation)
	require.Empty(t, id)
}

func TestAPIVersion(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	for _, version := range apiVersions {
		s.version = version
		s.do(200, "POST", "/enrollments/query", `{"query":"*"}`)
	}
	s.version = "2019-04-15"
	require.Equal(t, "Unsupported API version 2019-04-15.", s.fail(400004, "GET", "/enrollments/a", ""))
	s.version = ""
	require.Equal(t, "Unsupported API version .", s.fail(400004, "GET", "/enrollments/a", ""))
}

func TestErrorBody(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	w := s.do(404, "GET", "/enrollments/a", "")
	require.Equal(t, `{"errorCode":404201,"trackingId":"`+w.Header().Get("x-ms-request-id")+
		`","message":"Enrollment not found.","timestampUtc":"2023-11-14T22:13:20.1234567Z"}`, w.Body.String())
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	big := `{"registrationId":"a","attestation":{"type":"symmetricKey"},"x":"` + strings.Repeat("x", MaxMessageSize) + `"}`
	fits := big[:len(big)-2-(len(big)-MaxMessageSize)] + `"}`
	require.Len(t, fits, MaxMessageSize)
	s.do(200, "PUT", "/enrollments/a", fits)
	require.Contains(t, s.fail(400004, "PUT", "/enrollments/a", big), "96 KB")

	for _, contentType := range []string{"text/plain", "", "application/xml; charset=utf-8", ";"} {
		s.fail(415000, "PUT", "/enrollments/b", symmetric("b"), with("Content-Type", contentType))
	}
	s.do(200, "PUT", "/enrollments/b", symmetric("b"), with("Content-Type", "Application/JSON; charset=utf-8"))
	s.do(200, "POST", "/enrollments/b/attestationmechanism", "", with("Content-Type", "text/plain"))
	s.do(200, "POST", "/enrollments/b/attestationmechanism", "{}")
	s.do(200, "GET", "/enrollments/b", "{", with("Content-Type", "text/plain"))

	for _, body := range []string{"", "{", "[]", "null", "5", `{"registrationId":5}`, symmetric("c") + "x", `{"registrationId":"c","provisioningStatus":3}`} {
		s.fail(400004, "PUT", "/enrollments/c", body)
	}
	s.fail(400004, "POST", "/enrollments/query", "SELECT *")
	s.fail(404201, "GET", "/enrollments/c", "")
}

func TestThrottling(t *testing.T) {
	t.Parallel()
	s := newTester(t, func(c *Config) { c.OperationsPerMinute = 3 })
	query := func(status int) string {
		return s.do(status, "POST", "/enrollments/query", "").Header().Get("Retry-After")
	}
	s.fail(401002, "GET", "/enrollments/a", "", with("Authorization", "none"))
	for range 3 {
		require.Empty(t, query(200))
		s.now = s.now.Add(10 * time.Second)
	}
	require.Equal(t, "30", query(429))
	s.now = s.now.Add(500 * time.Millisecond)
	require.Equal(t, "30", query(429), "rounded up")
	require.Equal(t, "Operations are being throttled for this tenant.", s.fail(429001, "GET", "/enrollments/a", ""))
	s.now = s.now.Add(30 * time.Second)
	for range 3 {
		query(200)
	}
	require.Equal(t, "60", query(429))
	s.now = s.now.Add(time.Minute - time.Millisecond)
	require.Equal(t, "1", query(429), "the window is a whole minute")
	s.now = s.now.Add(-time.Hour)
	query(200)
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	require.Equal(t, quotas{1_000_000, 1_000_000, 100}, s.handler.store.quotas)
	s.handler.store.quotas = quotas{enrollments: 2, registrations: 1, groupsOfOneKind: 1}
	s.do(200, "PUT", "/enrollments/a", symmetric("a"))
	s.do(200, "PUT", "/enrollments/b", symmetric("b"))
	require.Contains(t, s.fail(403002, "PUT", "/enrollments/c", symmetric("c")), "2 individual enrollments")
	s.do(200, "PUT", "/enrollments/b", symmetric("b"), with("If-Match", "*"))
	s.do(204, "DELETE", "/enrollments/b", "")
	s.do(200, "PUT", "/enrollments/c", symmetric("c"))

	const byName = `{"enrollmentGroupId":"%","attestation":{"type":"x509","x509":{"caReferences":{"primary":"ca"}}}}`
	x509 := func(id string) string { return strings.ReplaceAll(byName, "%", id) }
	s.do(200, "PUT", "/enrollmentGroups/a", symmetricGroup("a"))
	s.do(200, "PUT", "/enrollmentGroups/b", x509("b"))
	s.fail(403002, "PUT", "/enrollmentGroups/c", symmetricGroup("c"))
	s.fail(403002, "PUT", "/enrollmentGroups/c", x509("c"))
	s.fail(403002, "PUT", "/enrollmentGroups/b", symmetricGroup("b"), with("If-Match", "*"))
	require.Equal(t, "x509", s.get("/enrollmentGroups/b")["attestation"].(map[string]any)["type"])
	s.do(204, "DELETE", "/enrollmentGroups/a", "")
	s.do(200, "PUT", "/enrollmentGroups/b", symmetricGroup("b"), with("If-Match", "*"))
	s.do(200, "PUT", "/enrollmentGroups/c", x509("c"))

	state := `{"registrationId":"%","status":"assigned"}`
	require.NoError(t, s.handler.Load(strings.NewReader(strings.ReplaceAll(state, "%", "a"))))
	require.NoError(t, s.handler.Load(strings.NewReader(strings.ReplaceAll(state, "%", "a"))))
	require.ErrorContains(t, s.handler.Load(strings.NewReader(strings.ReplaceAll(state, "%", "b"))), "line 1: 403002")
}

// send sends a request whatever the answer.
func send(s *tester, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}
