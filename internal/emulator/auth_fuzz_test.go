package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newRecorder(s *tester, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// FuzzAuthorization shows any Authorization header for any host and path. In it, 0x01 stands for the MAC of the header's own resource and
// expiry by the key of the policy, as base64 with escapes, 0x02 for a token of the service, and 0x03 for the host; 0x04 and 0x05 stand for
// a token that the service made for another cloud, and one that has ended.
//
//   - Whoever is let in has shown a signature that a verifier of its own finds good: by a key of the policy that is named, over the bytes
//     of the resource and the expiry as they stand there, for this host and this path or one above, and not ended; or a token
//     that the service made, byte for byte but for what base64 says the same.
//   - Whoever shows a good signature is let in.
//   - The answer is 401 or one of the operation, never a 5xx.
func FuzzAuthorization(f *testing.F) {
	const good = "SharedAccessSignature sr=\x03&sig=\x01&se=1700000060&skn=" + testPolicy
	for _, header := range []string{
		good, "sharedaccesssignature skn=" + testPolicy + "&se=1700000060&sig=\x01&sr=https%3a%2f%2F\x03%3A443%2Fenrollments", "Bearer \x02", "bearer  \x02",
		strings.Replace(good, "\x03", "\x03%2f..", 1), strings.Replace(good, "\x03", "other", 1), strings.Replace(good, "60&", "60&se=1&", 1),
		strings.Replace(good, "1700000060", "1699999700", 1), strings.Replace(good, "1700000060", "1699999699", 1), strings.Replace(good, "1700000060", "9e9", 1),
		good + "&sr=x", good + "&x", good + "&x=y", good + "&x=y&x=z", "SharedAccessSignature", "SharedAccessSignature ", "Basic \x02", "", "Bearer a.b.c", "Bearer .",
		"SharedAccessSignature sr=\x03&sig=&se=1700000060&skn=", strings.Replace(good, testPolicy, "reader", 1), strings.Replace(good, "skn=", "SKN=", 1),
		"Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer \x02\x02", "Bearer \x02.",
		"Bearer \x04", "Bearer \x05", strings.Replace(good, "\x01", strings.Repeat("A", 43)+"%3D", 1),
	} {
		f.Add(header, testHost, "a", uint8(0))
		f.Add(header, testHost+":443", "a", uint8(1))
	}
	f.Add(strings.Replace(good, "\x03", "[::1]", 1), "[::1]:80", "A", uint8(0))
	f.Add(strings.Replace(good, "\x03", "\x03%2Fenrollment", 1), "HOST", "..", uint8(0))
	f.Fuzz(func(t *testing.T, header, host, id string, key uint8) {
		s := newTester(t, func(config *Config) {
			config.Policies = append(config.Policies, Policy{Name: "reader", Keys: [2][]byte{[]byte("a"), []byte("b")}, Permissions: []Permission{EnrollmentRead}})
		})
		r := httptest.NewRequest("GET", "/enrollments/x?api-version=2021-10-01", nil)
		r.Host = host
		r.URL.Path = "/enrollments/" + id
		if operation, _ := Match(r); operation != IndividualEnrollmentGet {
			return
		}
		token, _ := s.handler.Token(audience(host) + "/.default")
		foreign, _ := s.handler.Token("https://azure-devices-provisioning.de/.default")
		s.now = s.now.Add(-2 * time.Hour)
		ended, _ := s.handler.Token(audience(host) + "/.default")
		s.now = s.now.Add(2 * time.Hour)
		header = strings.NewReplacer("\x02", token, "\x03", url.QueryEscape(host), "\x04", foreign, "\x05", ended).Replace(header)
		header = strings.ReplaceAll(header, "\x01", macOf(s, header, int(key)))
		r.Header.Set("Authorization", header)
		w := newRecorder(s, r)
		requireAnswer(t, w)
		scheme, credential, _ := strings.Cut(header, " ")
		isGood := false
		switch strings.ToLower(scheme) {
		case "sharedaccesssignature":
			isGood = isGoodSignature(s, credential, host, r.URL.Path)
		case "bearer":
			isGood = isSameToken(token, credential)
		}
		require.Equal(t, isGood, w.Code != http.StatusUnauthorized, "%q for %q", header, host)
	})
}

// members splits a credential.
func members(credential string) (values map[string]string, ok bool) {
	values = make(map[string]string)
	for member := range strings.SplitSeq(strings.TrimSpace(credential), "&") {
		name, value, found := strings.Cut(member, "=")
		if _, twice := values[name]; twice || !found {
			return nil, false
		}
		values[name] = value
	}
	return values, true
}

func macOf(s *tester, header string, key int) string {
	_, credential, _ := strings.Cut(header, " ")
	values, _ := members(credential)
	policy := s.handler.policy(values["skn"])
	if policy == nil {
		policy = s.handler.policy("reader")
	}
	return url.QueryEscape(hmacOf(policy.Keys[key%2], values["sr"]+"\n"+values["se"]))
}

func hmacOf(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// isGoodSignature verifies a signature step by step.
func isGoodSignature(s *tester, credential, host, path string) bool {
	values, ok := members(credential)
	if !ok {
		return false
	}
	name, err := url.QueryUnescape(values["skn"])
	policy := s.handler.policy(name)
	if err != nil || policy == nil {
		return false
	}
	mac, err := url.QueryUnescape(values["sig"])
	mac = strings.NewReplacer(" ", "+", "\r", "", "\n", "").Replace(mac)
	text := values["sr"] + "\n" + values["se"]
	if err != nil || mac != hmacOf(policy.Keys[0], text) && mac != hmacOf(policy.Keys[1], text) {
		return false
	}
	end, err := strconv.ParseInt(values["se"], 10, 64)
	if err != nil || time.Unix(end, 0).Before(s.now.Truncate(time.Second).Add(-5*time.Minute)) && end < s.now.Unix() {
		return false
	}
	resource, err := url.QueryUnescape(values["sr"])
	if err != nil || resource == "" {
		return false
	}
	if _, after, ok := strings.Cut(resource, "://"); ok {
		resource = after
	}
	signedHost, signedPath, _ := strings.Cut(resource, "/")
	if !strings.EqualFold(hostname(signedHost), hostname(host)) {
		return false
	}
	above := strings.FieldsFunc(strings.ToLower(signedPath), func(r rune) bool { return r == '/' })
	below := strings.Split(strings.ToLower(strings.Trim(path, "/")), "/")
	if strings.Contains(strings.Trim(signedPath, "/"), "//") || len(above) > len(below) {
		return strings.EqualFold(strings.Trim(signedPath, "/"), strings.Trim(path, "/"))
	}
	for i := range above {
		if above[i] != below[i] {
			return false
		}
	}
	return true
}

// isSameToken compares a token with the one of the service. The last character of base64 has bits that say nothing.
func isSameToken(want, got string) bool {
	dot := strings.LastIndex(want, ".")
	if len(got) < dot || got[:dot] != want[:dot] || !strings.HasPrefix(got[dot:], ".") {
		return false
	}
	wantMAC, _ := base64.RawURLEncoding.DecodeString(want[dot+1:])
	gotMAC, err := base64.RawURLEncoding.DecodeString(got[dot+1:])
	return err == nil && slices.Equal(wantMAC, gotMAC)
}
