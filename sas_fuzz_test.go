package azdps_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/internal/emulator"
)

// FuzzSASToken signs for any audience, policy, key and time.
//
//   - What is refused is an empty audience or policy, or a key that is not base64; the error is the same for another key.
//   - A token is one line of printable ASCII, so that no part of it can begin another header. Read by the parser of package url
//     it has what was signed, each once, and the HMAC of the first two lines by the key.
//   - The emulator, which shares no code with this package, lets it in if and only if it has not ended.
func FuzzSASToken(f *testing.F) {
	f.Add(stubHost, "provisioningserviceowner", stubKey, int64(1700000000))
	f.Add("0ne00000000/registrations/dev-1", "registration", stubKey, int64(1<<33))
	f.Add("https://"+stubHost, "a&b=c d", "QQ==", int64(-1))
	f.Add("a\r\nb\x00", "\xff+%2f", "Q\nQ=\r=", int64(0))
	f.Add("", "", "", int64(-62135596800))
	f.Add("a", "b", "not base64!", int64(1))
	f.Add("a", "b", "QR==", int64(1<<62))
	f.Fuzz(func(t *testing.T, audience, policy, key string, expiry int64) {
		end := time.Unix(expiry, 999_999_999)
		token, err := azdps.GenerateSASToken(audience, policy, key, end)
		secret, notBase64 := base64.StdEncoding.DecodeString(key)
		refused := audience == "" || policy == "" || notBase64 != nil || len(secret) == 0
		require.Equal(t, refused, err != nil)
		if refused {
			require.Empty(t, token)
			_, other := azdps.GenerateSASToken(audience, policy, strings.Map(nextLetter, key), end)
			require.EqualError(t, other, err.Error(), "the error depends on the key")
			return
		}
		requireSigned(t, token, audience, policy, secret, expiry)
		credential, err := azdps.NewSharedAccessKeyCredential(policy, key)
		require.NoError(t, err)
		require.NotNil(t, credential)
		requireLetIn(t, token, audience, policy, secret, expiry)
	})
}

// requireSigned reads a token back.
func requireSigned(t *testing.T, token, audience, policy string, secret []byte, expiry int64) {
	t.Helper()
	for i := range len(token) {
		require.True(t, ' ' <= token[i] && token[i] <= '~', "%q has no place in a header", token[i])
	}
	text, ok := strings.CutPrefix(token, "SharedAccessSignature ")
	require.True(t, ok)
	members, err := url.ParseQuery(text)
	require.NoError(t, err)
	resource, _, _ := strings.Cut(strings.TrimPrefix(text, "sr="), "&")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(resource + "\n" + strconv.FormatInt(expiry, 10)))
	require.Equal(t, url.Values{
		"sr": {audience}, "skn": {policy}, "se": {strconv.FormatInt(expiry, 10)},
		"sig": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}, members)
}

// requireLetIn shows a token to the emulator, if its audience is a host.
func requireLetIn(t *testing.T, token, audience, policy string, secret []byte, expiry int64) {
	t.Helper()
	if strings.Trim(audience, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return
	}
	now := time.Unix(1700000000, 0)
	service := emulator.New(emulator.Config{
		Policies: []emulator.Policy{{Name: policy, Keys: [2][]byte{[]byte("another key"), secret}, Permissions: []emulator.Permission{emulator.EnrollmentRead}}},
		Clock:    func() time.Time { return now },
	})
	for _, host := range []string{audience, audience + ":443", "x" + audience} {
		r := httptest.NewRequest(http.MethodGet, "/enrollments/a?api-version=2021-10-01", nil)
		r.Host = host
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		want := http.StatusNotFound
		if host == "x"+audience || expiry < now.Add(-5*time.Minute).Unix() {
			want = http.StatusUnauthorized
		}
		require.Equal(t, want, w.Code, "for %s until %d", host, expiry)
	}
}
