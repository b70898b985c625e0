package emulator

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vectors are tokens of known keys, as official clients make them.
var vectors = []struct{ name, host, token string }{
	{
		"bare host", "example.azure-devices-provisioning.net",
		"SharedAccessSignature sr=example.azure-devices-provisioning.net&sig=LeudBzWVfZQMeYC7JXvArSveKf6kP8wckuJ4I4hv5BM%3D&se=1700000000&skn=provisioningserviceowner",
	},
	{
		"other order, signature not escaped", "example.azure-devices-provisioning.net",
		"SharedAccessSignature sr=example.azure-devices-provisioning.net&sig=LeudBzWVfZQMeYC7JXvArSveKf6kP8wckuJ4I4hv5BM=&skn=provisioningserviceowner&se=1700000000",
	},
	{
		"with scheme", "example.azure-devices-provisioning.net",
		"SharedAccessSignature sr=https%3A%2F%2Fexample.azure-devices-provisioning.net&sig=bHbDJGG8STMr9L1S4BixhOfvVzB4NQwyOIlwBo9eS7Y%3D&se=1700000000&skn=provisioningserviceowner",
	},
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for _, vector := range vectors {
		t.Run(vector.name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			host := func(r *http.Request) { r.Host = vector.host }
			s.do(200, "POST", "/enrollments/query", "", host, with("Authorization", vector.token))
			broken := strings.Replace(vector.token, "se=1700000000", "se=1700000001", 1)
			s.fail(401002, "POST", "/enrollments/query", "", host, with("Authorization", broken))
		})
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	key, other := decodeKey(testKey), []byte("the other key")
	const end = 1700000060
	for _, test := range []struct {
		name, host, token string
		ok                bool
	}{
		{"primary key", testHost, signed(testHost, testPolicy, key, end), true},
		{"secondary key", testHost, signed(testHost, testPolicy, other, end), true},
		{"upper case", strings.ToUpper(testHost), signed(testHost, testPolicy, key, end), true},
		{"scheme in lower case", testHost, strings.Replace(signed(testHost, testPolicy, key, end), "SharedAccess", "sharedaccess", 1), true},
		{"port in host", "127.0.0.1:4711", signed("127.0.0.1", testPolicy, key, end), true},
		{"port in both", "127.0.0.1:4711", signed("127.0.0.1%3A4711", testPolicy, key, end), true},
		{"port in both, not escaped", "127.0.0.1:4711", signed("127.0.0.1:4711", testPolicy, key, end), true},
		{"IPv6", "[::1]:4711", signed("%5B%3A%3A1%5D%3A4711", testPolicy, key, end), true},
		{"scheme and slash", testHost, signed("https%3a%2f%2f"+testHost+"%2f", testPolicy, key, end), true},
		{"path", testHost, signed(testHost+"%2FEnrollments", testPolicy, key, end), true},
		{"within the skew", testHost, signed(testHost, testPolicy, key, 1700000000-299), true},
		{"other path", testHost, signed(testHost+"%2FenrollmentGroups", testPolicy, key, end), false},
		{"half a segment", testHost, signed(testHost+"%2Fenroll", testPolicy, key, end), false},
		{"beyond the skew", testHost, signed(testHost, testPolicy, key, 1700000000-301), false},
		{"other host", testHost, signed("other.azure-devices-provisioning.net", testPolicy, key, end), false},
		{"suffix of the host", testHost, signed("azure-devices-provisioning.net", testPolicy, key, end), false},
		{"an IoT hub", testHost, signed("hub.azure-devices.net", testPolicy, key, end), false},
		{"a device", testHost, signed("0ne00000000%2Fregistrations%2Fdev-1", "registration", key, end), false},
		{"unknown policy", testHost, signed(testHost, "nobody", key, end), false},
		{"unknown key", testHost, signed(testHost, testPolicy, []byte("guess"), end), false},
		{"key not decoded", testHost, signed(testHost, testPolicy, []byte(testKey), end), false},
		{"no policy", testHost, strings.Split(signed(testHost, testPolicy, key, end), "&skn")[0], false},
		{"member twice", testHost, signed(testHost, testPolicy, key, end) + "&se=1800000000", false},
		{"no members", testHost, "SharedAccessSignature", false},
		{"no values", testHost, "SharedAccessSignature sr&sig&se&skn", false},
		{"expiry not a number", testHost, strings.Replace(signed(testHost, testPolicy, key, end), "se=17", "se=x17", 1), false},
		{"expiry changed", testHost, strings.Replace(signed(testHost, testPolicy, key, end), "se=1700000060", "se=1700000061", 1), false},
		{"signature not base64", testHost, "SharedAccessSignature sr=" + testHost + "&sig=%%%&se=1700000060&skn=" + testPolicy, false},
		{"basic", testHost, "Basic dXNlcjpwYXNz", false},
		{"empty", testHost, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			edits := []func(*http.Request){with("Authorization", test.token), func(r *http.Request) { r.Host = test.host }}
			if test.ok {
				s.do(200, "POST", "/enrollments/query", "", edits...)
			} else {
				require.Equal(t, "Unauthorized", s.fail(401002, "POST", "/enrollments/query", "", edits...))
			}
		})
	}
}

func TestBearerTokens(t *testing.T) {
	t.Parallel()
	const public = "https://azure-devices-provisioning.net/.default"
	s := newTester(t)
	bearer := func(status int, host, token string) {
		t.Helper()
		s.do(status, "POST", "/enrollments/query", "", with("Authorization", "Bearer "+token), func(r *http.Request) { r.Host = host })
	}
	token, expires := s.handler.Token(public)
	require.Equal(t, s.now.Add(time.Hour).Truncate(time.Second), expires)
	bearer(200, testHost, token)
	bearer(200, "127.0.0.1:80", token)
	bearer(401, "test.azure-devices-provisioning.us", token)
	bearer(401, testHost, token+"A")
	bearer(401, testHost, token[1:])
	bearer(401, testHost, strings.Split(token, ".")[0])
	bearer(401, testHost, "")
	foreign, _ := newTester(t).handler.Token(public)
	bearer(401, testHost, foreign)

	for cloud, host := range map[string]string{".us": "a.azure-devices-provisioning.us", ".cn": "A.AZURE-DEVICES-PROVISIONING.CN:443"} {
		token, _ := s.handler.Token("https://azure-devices-provisioning" + cloud + "/.default")
		bearer(200, host, token)
		bearer(401, testHost, token)
	}
	hub, _ := s.handler.Token("https://iothubs.azure.net/.default")
	bearer(401, testHost, hub)

	s.now = expires.Add(clockSkew)
	bearer(200, testHost, token)
	s.now = s.now.Add(time.Second)
	bearer(401, testHost, token)
	s.now = expires.Add(-tokenLife - clockSkew)
	bearer(200, testHost, token)
	s.now = s.now.Add(-time.Second)
	bearer(401, testHost, token)
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	requests := map[Permission][][3]string{
		EnrollmentRead: {
			{"GET", "/enrollments/a"}, {"GET", "/enrollmentGroups/a"}, {"POST", "/enrollments/query"}, {"POST", "/enrollmentGroups/query"},
		},
		EnrollmentWrite: {
			{"PUT", "/enrollments/a"}, {"DELETE", "/enrollments/a"}, {"POST", "/enrollments"}, {"POST", "/enrollments/a/attestationmechanism"},
			{"PUT", "/enrollmentGroups/a"}, {"DELETE", "/enrollmentGroups/a"}, {"POST", "/enrollmentGroups"}, {"POST", "/enrollmentGroups/a/attestationmechanism"},
		},
		RegistrationStatusRead:  {{"GET", "/registrations/a"}, {"POST", "/registrations/a/query"}},
		RegistrationStatusWrite: {{"DELETE", "/registrations/a"}},
	}
	for _, granted := range allPermissions {
		s := newTester(t, func(c *Config) {
			c.Policies = append(c.Policies, Policy{Name: "limited", Keys: [2][]byte{[]byte("1"), []byte("2")}, Permissions: []Permission{granted}})
		})
		for needed, list := range requests {
			for _, request := range list {
				w := send(s, s.request(request[0], request[1], "", with("Authorization", signed(testHost, "limited", []byte("2"), s.now.Unix()))))
				require.Equal(t, granted != needed, w.Code == http.StatusUnauthorized, "%s with %s: %d", request, granted, w.Code)
			}
		}
	}
}
