package emulator

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proof is how a device shows in a request who it is.
type proof func(r *http.Request)

// nobody shows nothing.
func nobody(r *http.Request) { r.Header.Del("Authorization") }

// key signs for the device as official clients do.
func (s *tester) key(id, key string) proof {
	token := signed(url.QueryEscape(IDScope+"/registrations/"+id), "registration", decodeKey(key), s.now.Unix()+60)
	return with("Authorization", token)
}

// certificates are shown in a handshake.
func shows(chain ...*x509.Certificate) proof {
	return func(r *http.Request) {
		nobody(r)
		r.TLS = &tls.ConnectionState{PeerCertificates: chain}
	}
}

// device is the path of a device's registration.
func devicePath(id string) string { return "/" + IDScope + "/registrations/" + id }

// register registers a device and returns what its operation came to, the registration state as it stands in the answer.
func (s *tester) register(id, body string, p proof) (status string, state json.RawMessage) {
	s.t.Helper()
	w := s.do(202, "PUT", devicePath(id)+"/register", body, p)
	require.Equal(s.t, "https://"+testHost+devicePath(id)+"/register", w.Header().Get("Location"))
	require.Equal(s.t, "3", w.Header().Get("Retry-After"))
	var accepted, done struct {
		OperationID, Status string
		RegistrationState   json.RawMessage
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &accepted))
	require.JSONEq(s.t, `{"operationId":"`+accepted.OperationID+`","status":"assigning"}`, w.Body.String())
	require.Regexp(s.t, `^5\.[0-9a-f]{16}\.[0-9a-f-]{36}$`, accepted.OperationID)

	w = s.do(200, "GET", devicePath(id)+"/operations/"+accepted.OperationID, "{}", p)
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &done))
	require.Equal(s.t, accepted.OperationID, done.OperationID)
	var named struct{ Status string }
	require.NoError(s.t, json.Unmarshal(done.RegistrationState, &named))
	require.Equal(s.t, named.Status, done.Status)
	return done.Status, done.RegistrationState
}

// assign registers a device that must be assigned, and returns its state.
func (s *tester) assign(id, body string, p proof) map[string]any {
	s.t.Helper()
	status, raw := s.register(id, body, p)
	require.Equal(s.t, "assigned", status, "%s", raw)
	var state map[string]any
	require.NoError(s.t, json.Unmarshal(raw, &state))
	return state
}

const otherKey = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

// withKeys is an enrollment with both keys known; more may be added to it.
func withKeys(id, more string) string { return keyed("registrationId", id, more) }

func groupWithKeys(id, more string) string { return keyed("enrollmentGroupId", id, more) }

func keyed(member, id, more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"` + member + `":"` + id + `","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey +
		`","secondaryKey":"` + otherKey + `"}}` + more + `}`
}

func TestDeviceVectors(t *testing.T) {
	t.Parallel()
	s, ok := parseSignature("sr=0ne00000000%2Fregistrations%2Fdev-1&sig=H%2FNFDNemqJYTaPd6rr1Yvpl9xg9RqGsKJ5VxaOLtdXU%3D&se=1700000000&skn=registration")
	require.True(t, ok)
	require.True(t, s.signedBy([][]byte{decodeKey(testKey)}))
	require.True(t, s.isOfDevice("0ne00000000", "dev-1"))
	require.False(t, s.isOfDevice("0ne00000000", "dev-2"))
	require.False(t, s.isOfDevice("0ne00000001", "dev-1"))
	require.True(t, s.aliveAt(time.Unix(1700000300, 0)))
	require.False(t, s.aliveAt(time.Unix(1700000301, 0)))

	require.Equal(t, "OMh199of2VbMZydm9WzziAMshZm/6i8BTTfCPw6adZM=", deriveKey(testKey, "dev-1"))
	require.Equal(t, "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=",
		deriveKey("8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==", "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6"))
}

func TestDeviceKeys(t *testing.T) {
	t.Parallel()
	const raw = IDScope + "/registrations/"
	for name, test := range map[string]struct {
		status        int
		id            string
		resource, skn string
		key           string
		expires       time.Duration
	}{
		"primary":                       {202, "own", "", "&skn=registration", testKey, time.Minute},
		"secondary":                     {202, "own", "", "&skn=registration", otherKey, time.Minute},
		"derived from primary":          {202, "dev-1", "", "&skn=registration", deriveKey(testKey, "dev-1"), time.Minute},
		"derived from secondary":        {202, "dev-1", "", "&skn=registration", deriveKey(otherKey, "dev-1"), time.Minute},
		"derived as spelled":            {202, "Dev-1", "", "&skn=registration", deriveKey(testKey, "Dev-1"), time.Minute},
		"plain resource":                {202, "own", raw + "own", "&skn=registration", testKey, time.Minute},
		"resource in lower case digits": {202, "own", strings.ReplaceAll(raw+"own", "/", "%2f"), "&skn=registration", testKey, time.Minute},
		"no policy":                     {202, "own", "", "", testKey, time.Minute},
		"empty policy":                  {202, "own", "", "&skn=", testKey, time.Minute},
		"a day":                         {202, "own", "", "", testKey, 24 * time.Hour},
		"late by the skew":              {202, "own", "", "", testKey, -clockSkew},
		"too late":                      {401, "own", "", "", testKey, -clockSkew - time.Second},
		"unknown key":                   {401, "own", "", "", deriveKey(testKey, "x"), time.Minute},
		"group's own key":               {401, "dev-1", "", "", testKey, time.Minute},
		"derived in another spelling":   {401, "Dev-1", "", "", deriveKey(testKey, "dev-1"), time.Minute},
		"derived, but enrolled singly":  {401, "own", "", "", deriveKey(testKey, "own"), time.Minute},
		"unknown device":                {401, "dev-2", "", "", deriveKey(testKey, "dev-1"), time.Minute},
		"resource of another device":    {401, "own", raw + "dev-1", "", testKey, time.Minute},
		"resource of another scope":     {401, "own", "0ne00000000/registrations/own", "", testKey, time.Minute},
		"resource of the host":          {401, "own", testHost, "", testKey, time.Minute},
		"another policy":                {401, "own", "", "&skn=" + testPolicy, testKey, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
			s.do(200, "PUT", "/enrollmentGroups/decoy", symmetricGroup("decoy"))
			s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", ""))
			resource := test.resource
			if resource == "" {
				resource = url.QueryEscape(raw + test.id)
			}
			token := signed(resource, "", decodeKey(test.key), s.now.Add(test.expires).Unix())
			token = strings.TrimSuffix(token, "&skn=") + test.skn
			w := s.do(test.status, "PUT", devicePath(test.id)+"/register", "", with("Authorization", token))
			if test.status == 401 {
				require.Contains(t, w.Body.String(), `"errorCode":401002`)
				require.Contains(t, w.Body.String(), `"message":"Unauthorized"`)
				s.fail(404203, "GET", "/registrations/"+test.id, "")
			}
		})
	}
}

func TestDevicesWithoutProof(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
	register := devicePath("own") + "/register"
	token, _ := s.handler.Token("https://azure-devices-provisioning.net/.default")
	for name, p := range map[string]proof{
		"nothing":         nobody,
		"backend's token": with("Authorization", "Bearer "+token),
		"backend's key":   with("Authorization", signed(testHost, testPolicy, decodeKey(testKey), s.now.Unix()+60)),
		"garbage":         with("Authorization", "SharedAccessSignature garbage"),
		"no certificate":  shows(),
	} {
		require.Equal(t, "Unauthorized", s.fail(401002, "PUT", register, "", p), name)
	}
	s.fail(401002, "PUT", "/0ne00000000/registrations/own/register", "", s.key("own", testKey))
	s.fail(401002, "GET", "/enrollments/own", "", s.key("own", testKey))

	// The two lookups ask for the same proof as the registration.
	w := s.do(202, "PUT", register, "", s.key("own", testKey))
	operation := object(t, w)["operationId"].(string)
	s.fail(401002, "GET", devicePath("own")+"/operations/"+operation, "", nobody)
	s.fail(401002, "POST", devicePath("own"), "", nobody)
	s.do(200, "GET", devicePath("own")+"/operations/"+operation, "", s.key("own", otherKey))
	s.do(200, "POST", devicePath("own"), "", s.key("own", otherKey))
}

func TestRegistrationOnBothSides(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/Dev-1", withKeys("Dev-1", ""))
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", ""))
	s.do(404, "POST", devicePath("dev-1"), "", s.key("dev-1", testKey))

	_, own := s.register("dev-1", "", s.key("dev-1", testKey))
	seen := s.do(200, "GET", "/registrations/dev-1", "").Body.String()
	require.Equal(t, `{"symmetricKey":{},`+seen[1:], string(own))
	require.Contains(t, seen, `{"registrationId":"Dev-1","createdDateTimeUtc":"2023-11-14T22:13:20.1234567Z","assignedHub":"`+DefaultHub+
		`","deviceId":"Dev-1","status":"assigned","substatus":"initialAssignment","lastUpdatedDateTimeUtc":"2023-11-14T22:13:20.1234567Z","etag":"`)
	require.Contains(t, s.do(200, "GET", "/enrollments/dev-1", "").Body.String(), `"registrationState":`+seen)
	require.JSONEq(t, string(own), s.do(200, "POST", devicePath("dev-1"), "", s.key("dev-1", testKey)).Body.String())

	_, grouped := s.register("dev-2", "", s.key("dev-2", deriveKey(testKey, "dev-2")))
	seen = s.do(200, "GET", "/registrations/dev-2", "").Body.String()
	require.Equal(t, `{"symmetricKey":{"enrollmentGroupId":"g"},`+seen[1:], string(grouped))
	require.Equal(t, "["+seen+"]", s.do(200, "POST", "/registrations/G/query", "").Body.String())
}

func TestDeviceRequests(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
	own := s.key("own", testKey)
	register := devicePath("own") + "/register"
	for _, version := range []string{"2019-03-31", "2021-10-01", "2026-11-01"} {
		s.version = version
		for _, body := range []string{"", "{}", `{"registrationId":"OWN"}`, `{"registrationId":"own","payload":{"a":1},"tpm":null,"other":2}`, `{"payload":null}`} {
			s.assign("own", body, own)
		}
		s.do(200, "POST", devicePath("own"), `{"registrationId":"own"}`, own)
	}
	s.do(202, "PUT", "/"+strings.ToLower(IDScope)+"/Registrations/own/REGISTER/", "", with("Authorization",
		signed(strings.ToLower(IDScope)+"/registrations/own", "registration", decodeKey(testKey), s.now.Unix())))
	s.do(202, "PUT", register, "", own, func(r *http.Request) { r.URL.RawQuery += "&forceRegistration=true" })

	operation := s.handler.store.registration("own").OperationID
	s.do(200, "GET", devicePath("own")+"/operations/"+operation, "[", own, with("Content-Type", "text/plain"))
	const otherScope = "0ne00000A0B/registrations/own"
	s.fail(401002, "PUT", "/"+otherScope+"/register", "", with("Authorization", signed(otherScope, "registration", decodeKey(testKey), s.now.Unix())))

	s.fail(400004, "PUT", register, `{"registrationId":"another"}`, own)
	s.fail(400004, "POST", devicePath("own"), `{"registrationId":"another"}`, own)
	s.fail(400004, "PUT", register, `{`, own)
	s.fail(400004, "PUT", register, `[]`, own)
	s.fail(400004, "PUT", register, `{"payload":"`+strings.Repeat("x", MaxMessageSize)+`"}`, own)
	s.fail(415000, "PUT", register, `{}`, own, with("Content-Type", "text/plain"))
	require.Equal(t, "Invalid RegistrationId", s.fail(400004, "PUT", devicePath("own%2F")+"/register", "", own))
	s.fail(404203, "GET", devicePath("own")+"/operations/5.0.0", "", own)
	s.version = "2019-04-15"
	require.Equal(t, "Unsupported API version 2019-04-15.", s.fail(400004, "PUT", register, "", own))
}

func TestTPM(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/tpm", `{"registrationId":"tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToAAQ=="}}}`)
	s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
	register := devicePath("tpm") + "/register"
	const body = `{"registrationId":"tpm","tpm":{"endorsementKey":"AToAAQ==","storageRootKey":"AToBAQ=="}}`

	challenge := object(t, s.do(401, "PUT", register, body, nobody))
	require.Len(t, challenge, 3)
	require.Equal(t, "registration", challenge["keyName"])
	require.Equal(t, "Unauthorized", challenge["message"])
	nonce := challenge["authenticationKey"].(string)
	require.Len(t, decodeKey(nonce), 32)
	s.fail(404203, "GET", "/registrations/tpm", "")

	state := s.assign("tpm", body, s.key("tpm", nonce))
	key := state["tpm"].(map[string]any)["authenticationKey"].(string)
	require.NotEqual(t, nonce, key)
	device, ok := s.handler.HubDevice("tpm")
	require.True(t, ok)
	require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "tpm", PrimaryKey: key}, device)
	require.NotContains(t, s.do(200, "GET", "/registrations/tpm", "").Body.String(), "authenticationKey")

	s.fail(401002, "PUT", register, body, s.key("tpm", testKey))
	s.fail(401002, "PUT", register, "", nobody)
	s.fail(401002, "PUT", register, strings.ReplaceAll(body, "AToAAQ==", "AToAAg=="), nobody)
	s.fail(401002, "PUT", devicePath("own")+"/register", strings.ReplaceAll(body, `"tpm",`, `"own",`), nobody)
	s.fail(404201, "PUT", devicePath("none")+"/register", strings.ReplaceAll(body, `"tpm",`, `"none",`), nobody)

	// The same endorsement key may be enrolled twice, but what one enrollment was told is no good for the other.
	s.do(200, "PUT", "/enrollments/twin", `{"registrationId":"twin","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToAAQ=="}}}`)
	s.fail(401002, "PUT", devicePath("twin")+"/register", "", s.key("twin", nonce))

	other := newTester(t)
	other.do(200, "PUT", "/enrollments/tpm", `{"registrationId":"tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToAAQ=="}}}`)
	other.fail(401002, "PUT", register, body, other.key("tpm", nonce))
}

func TestRegistrationThrottling(t *testing.T) {
	t.Parallel()
	s := newTester(t, func(c *Config) { c.RegistrationsPerMinute = 2 })
	s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
	for range 2 {
		s.assign("own", "", s.key("own", testKey))
	}
	s.now = s.now.Add(20 * time.Second)
	w := s.do(429, "PUT", devicePath("own")+"/register", "", s.key("own", testKey))
	require.Equal(t, "40", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), `"errorCode":429001`)
	require.Contains(t, w.Body.String(), "Operations are being throttled for this tenant.")
	s.fail(401002, "PUT", devicePath("own")+"/register", "", nobody)
	s.do(200, "POST", devicePath("own"), "", s.key("own", testKey))
	s.do(200, "GET", "/registrations/own", "")
	s.now = s.now.Add(40 * time.Second)
	s.assign("own", "", s.key("own", testKey))
}

func TestDeviceRequestsAreMatched(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, path string
		operation    Operation
	}{
		{"PUT", "/s/registrations/a/register", RuntimeRegistrationRegisterDevice},
		{"GET", "/s/registrations/a/operations/o", RuntimeRegistrationOperationStatusLookup},
		{"POST", "/s/registrations/a", RuntimeRegistrationDeviceStatusLookup},
		{"POST", "/registrations/a/query", DeviceRegistrationStateQuery},
		{"GET", "/registrations/a", DeviceRegistrationStateGet},
	} {
		operation, id := Match(httptest.NewRequest(test.method, test.path, nil))
		require.Equal(t, test.operation, operation)
		require.Equal(t, "a", id)
	}
}
