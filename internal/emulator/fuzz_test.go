package emulator

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fuzzState is what the services of the targets hold, with the certificate of the device d-x509 in the place of CERTIFICATE.
const fuzzState = `
{"registrationId":"d-key","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey + `","secondaryKey":"` + otherKey + `"}},"capabilities":{"iotEdge":true}}
{"registrationId":"d-x509","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"CERTIFICATE"}}}},"provisioningStatus":null,"initialTwin":{"tags":{"n":1.50}}}
{"registrationId":"d-tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"}},"iotHubs":["a"],"allocationPolicy":"static"}
{"registrationId":"d-hook","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey + `"}},"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://hook/a?code=secret","apiVersion":"2019-03-31"}}
{"registrationId":"d-csr","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey + `"}},"namespaceName":"name","certificateAuthorityName":"ca0","certificatePolicyName":"policy"}
{"enrollmentGroupId":"g-key","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + otherKey + `","secondaryKey":"` + testKey + `"}},"reprovisionPolicy":{"migrateDeviceData":false}}
{"enrollmentGroupId":"g-ca","attestation":{"type":"x509","x509":{"caReferences":{"primary":"ca"}}}}
{"registrationId":"d-key","status":"assigned","assignedHub":"hub","deviceId":"d-key","operationId":"5.1.2","attestationType":"symmetricKey"}
{"registrationId":"d-tpm","status":"assigned","operationId":"5.1.2","attestationType":"tpm"}
{"registrationId":"m-1","enrollmentGroupId":"g-key","status":"failed","errorCode":400207,"payload":[1]}
`

// fuzzer makes services that hold fuzzState.
type fuzzer struct {
	certificate *x509.Certificate
	state       string
}

func newFuzzer(f *testing.F) *fuzzer {
	f.Helper()
	certificate := newCertificate(f, pkix.Name{CommonName: "d-x509"}, 7)
	return &fuzzer{certificate, strings.ReplaceAll(fuzzState, "CERTIFICATE", strings.ReplaceAll(pemOf(certificate), "\n", `\n`))}
}

// start makes a service whose webhook answers with some bytes. No target opens a connection.
func (f *fuzzer) start(t *testing.T, webhook []byte) *tester {
	t.Helper()
	s := newTester(t, func(config *Config) {
		config.Hubs = []string{"hub", "a"}
		config.CAs = map[string]*x509.Certificate{"ca": f.certificate}
		config.Webhooks = &http.Client{Transport: webhookAnswer(webhook)}
		config.MaxPageSize = 2
	})
	s.now = f.certificate.NotBefore.Add(time.Hour)
	s.load(f.state)
	return s
}

type webhookAnswer []byte

// RoundTrip implements http.RoundTripper; the first byte is the status, from 150 on.
func (a webhookAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(a) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: 150 + int(a[0]), Request: r, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(a[1:]))}, nil
}

// How a request shows who sends it, beside what the headers say.
const (
	asService = 1 << iota // a signature of the service
	asToken               // a bearer token
	asDevice1             // a signature by testKey for the id in the path
	asMember              // a signature by the key that is derived from that of g-key
	withChain             // a client certificate
	withType              // a Content-Type
)

// FuzzRequest sends any request to a service that holds all kinds of records.
//
//   - The answer is never a 5xx, and in JSON with the headers of all answers; that of an error has the code of its status. Whatever is
//     in the request, the answer has no key of a record that it must not show, and no other header than answers have.
//   - A request that is refused changes nothing, nor does one that only reads.
//   - After it, the store holds together: see requireSound.
func FuzzRequest(f *testing.F) {
	fuzz := newFuzzer(f)
	add := func(kind byte, method, target, headers, body string) {
		f.Add(kind, method, target, headers, []byte(body), []byte(nil))
	}
	for _, collection := range []string{"/enrollments", "/enrollmentGroups"} {
		id, record := "/d-key", symmetric("d-new")
		if collection == "/enrollmentGroups" {
			id, record = "/g-key", symmetricGroup("g-new")
		}
		add(asService, "GET", collection+id+"?api-version=2021-10-01", "", "")
		add(asToken, "GET", collection+id+"?api-version=2026-11-01", "", "")
		add(asService|withType, "PUT", collection+id[:3]+"new?api-version=2021-10-01", "", record)
		add(asService|withType, "PUT", collection+id+"?api-version=2021-10-01", "If-Match: *", strings.Replace(record, "new", id[3:], 1))
		add(asService, "DELETE", collection+id+"?api-version=2021-10-01", "If-Match: *", "")
		add(asService, "POST", collection+id+"/attestationmechanism?api-version=2021-10-01", "", "")
		add(asService|withType, "POST", collection+"/query?api-version=2021-10-01", "x-ms-max-item-count: 1", `{"query":"*"}`)
		member := strings.TrimPrefix(collection, "/")
		for _, mode := range []string{"create", "update", "updateIfMatchETag", "delete", "x"} {
			add(asService|withType, "POST", collection+"?api-version=2021-10-01", "", `{"`+member+`":[`+record+`,`+strings.Replace(record, "new", "key", 1)+`],"mode":"`+mode+`"}`)
		}
	}
	add(asService, "GET", "/registrations/m-1?api-version=2021-10-01", "", "")
	add(asService, "DELETE", "/registrations/m-1?api-version=2021-10-01", "If-Match: \"IjAi\"", "")
	add(asService, "POST", "/registrations/g-key/query?api-version=2021-10-01", "x-ms-continuation: W10=", "")
	for _, id := range []string{"d-key", "d-x509", "d-tpm", "d-hook", "d-csr", "m-1", "m-2"} {
		for _, kind := range []byte{asDevice1 | withType, asMember | withType, withChain | withType} {
			path := "/" + IDScope + "/registrations/" + id
			f.Add(kind, "PUT", path+"/register?api-version=2021-10-01", "", []byte(`{"registrationId":"`+id+`","payload":{"a":1}}`),
				[]byte("\x32"+`{"iotHubHostName":"a","initialTwin":{"tags":{}},"payload":[1]}`))
			add(kind, "GET", path+"/operations/5.1.2?api-version=2021-10-01", "", "")
			add(kind, "POST", path+"?api-version=2026-11-01", "", `{"tpm":{"endorsementKey":"AToA"},"csr":"MAA="}`)
		}
	}
	add(0, "POST", "/"+IDScope+"/registrations/d-tpm?api-version=2021-10-01", "Content-Type: application/json", `{"tpm":{"endorsementKey":"AToA"}}`)
	add(0, "GET", "//?api-version=%zz&&=;", "Authorization: SharedAccessSignature sr=&sig=&se=&skn=", "[[[[")
	add(asService, "\x00", "/enrollments/%2e%2e?api-version=2021-10-01", "", "\xff")
	add(asService|withType, "PUT", "/enrollments/a?api-version=2021-10-01", "",
		`{"registrationId":"a","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"sha1Thumbprint":"0"}}}}},"initialTwin":{"a":1e400},"createdDateTimeUtc":7}`)

	f.Fuzz(func(t *testing.T, kind byte, method, target, headers string, body, webhook []byte) {
		s := fuzz.start(t, webhook)
		r := s.fuzzedRequest(fuzz, kind, method, target, headers, body)
		if r == nil {
			return
		}
		before := s.dump()
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		requireAnswer(t, w)
		operation, _ := Match(r)
		reads := strings.HasSuffix(string(operation), "_Get") || strings.HasSuffix(string(operation), "_Query") ||
			strings.HasSuffix(string(operation), "_GetAttestationMechanism") || strings.Contains(string(operation), "StatusLookup")
		if w.Code >= 300 || reads {
			require.Equal(t, before, s.dump(), "%s changed something", operation)
		}
		if strings.HasSuffix(string(operation), "_Get") || strings.HasSuffix(string(operation), "_Query") {
			require.NotContains(t, w.Body.String(), testKey, "%s tells a key", operation)
			require.NotContains(t, w.Body.String(), otherKey, "%s tells a key", operation)
		}
		s.requireSound()
	})
}

// fuzzedRequest makes a request as a server reads it, or returns nil if no server would.
func (s *tester) fuzzedRequest(fuzz *fuzzer, kind byte, method, target, headers string, body []byte) *http.Request {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil
	}
	r := &http.Request{
		Method: method, URL: u, RequestURI: target, Host: testHost, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "127.0.0.1:1",
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			name = textproto.CanonicalMIMEHeaderKey(name)
			r.Header[name] = append(r.Header[name], strings.TrimSpace(value))
		}
	}
	_, id := Match(r)
	switch {
	case kind&asService != 0:
		r.Header.Set("Authorization", signed(testHost, testPolicy, decodeKey(testKey), s.now.Unix()+60))
	case kind&asToken != 0:
		token, _ := s.handler.Token("https://azure-devices-provisioning.net/.default")
		r.Header.Set("Authorization", "Bearer "+token)
	case kind&asDevice1 != 0:
		s.key(id, testKey)(r)
	case kind&asMember != 0:
		s.key(id, deriveKey(otherKey, id))(r)
	}
	if kind&withChain != 0 {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{fuzz.certificate}}
	}
	if kind&withType != 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// answerHeaders are all headers that an answer may have.
var answerHeaders = regexp.MustCompile(`^(Content-Type|Strict-Transport-Security|Transfer-Encoding|X-Content-Type-Options|` +
	`X-Ms-(Request-Id|Error-Code|Item-Type|Continuation)|Allow|Location|Retry-After)$`)

// requireAnswer requires what all answers have.
func requireAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Less(t, w.Code, 500, "%s", w.Body)
	require.Regexp(t, uuids, w.Header().Get("x-ms-request-id"))
	require.Equal(t, strictTransport, w.Header().Get("Strict-Transport-Security"))
	for name, values := range w.Header() {
		require.Regexp(t, answerHeaders, name)
		require.Len(t, values, 1)
		require.False(t, strings.ContainsAny(values[0], "\r\n\x00"), "%s: %q", name, values[0])
	}
	if w.Code == http.StatusNoContent {
		require.Zero(t, w.Body.Len())
		return
	}
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	require.True(t, json.Valid(w.Body.Bytes()), "%s", w.Body)
	if w.Code < 300 {
		return
	}
	code, err := strconv.Atoi(w.Header().Get("x-ms-error-code"))
	require.NoError(t, err)
	require.Equal(t, w.Code, code/1000)
	var details struct {
		ErrorCode         int
		TrackingID        string
		Message           *string
		TimestampUTC      time.Time
		AuthenticationKey string
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &details), "%s", w.Body)
	require.NotNil(t, details.Message)
	if details.AuthenticationKey == "" { // a TPM is given a key in place of the rest
		require.Equal(t, code, details.ErrorCode)
		require.Equal(t, w.Header().Get("x-ms-request-id"), details.TrackingID)
		require.False(t, details.TimestampUTC.IsZero())
	}
}

// requireSound requires the parts of the store to agree, and what it dumps to be all that it holds: another service that loads
// it dumps the same.
func (s *tester) requireSound() {
	s.t.Helper()
	store := &s.handler.store
	for _, c := range []*collection{&store.individuals, &store.groups} {
		counts := make(map[string]int)
		for _, e := range c.records.order.all() {
			what, limit := c.quota(e)
			counts[what]++
			require.LessOrEqual(s.t, counts[what], limit)
			require.Same(s.t, e, c.records.get(c.id(e)))
			require.True(s.t, validID(c.id(e)))
		}
		for what, count := range c.counts {
			require.Equal(s.t, counts[what], count, what)
		}
		require.Len(s.t, c.records.rows, len(c.records.order.all()))
	}
	inGroups := 0
	for _, r := range store.registrations.order.all() {
		require.Same(s.t, r, store.registrations.get(r.RegistrationID))
		if r.GroupID != "" {
			inGroups++
			require.Contains(s.t, store.groupOrder(r.GroupID).all(), r)
		}
	}
	for _, order := range store.byGroup {
		inGroups -= len(order.all())
	}
	require.Zero(s.t, inGroups)

	dump := s.dump()
	other := newTester(s.t, func(config *Config) { config.Clock = s.handler.clock })
	require.NoError(s.t, other.handler.Load(strings.NewReader(dump)), "%s", dump)
	require.Equal(s.t, dump, other.dump())
}

// requireReadable reads every record in every way.
func (s *tester) requireReadable() {
	s.t.Helper()
	read := func(method, path string) {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, s.request(method, path, ""))
		require.Equal(s.t, 200, w.Code, "%s %s: %s", method, path, w.Body)
		require.True(s.t, json.Valid(w.Body.Bytes()))
	}
	store := &s.handler.store
	for _, e := range store.individuals.records.order.all() {
		read("GET", "/enrollments/"+e.RegistrationID)
		read("POST", "/enrollments/"+e.RegistrationID+"/attestationmechanism")
	}
	for _, e := range store.groups.records.order.all() {
		read("GET", "/enrollmentGroups/"+e.GroupID)
		read("POST", "/registrations/"+e.GroupID+"/query")
	}
	for _, r := range store.registrations.order.all() {
		read("GET", "/registrations/"+r.RegistrationID)
		for _, version := range apiVersions {
			_, err := encode(r.deviceView(version))
			require.NoError(s.t, err)
		}
		_, _ = s.handler.HubDevice(r.RegistrationID)
	}
}
