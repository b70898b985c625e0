package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Policy is a shared access policy with two keys of equal standing.
type Policy struct {
	Name        string
	Keys        [2][]byte
	Permissions []Permission
}

// clockSkew is how long after its end a signature still counts.
const clockSkew = 5 * time.Minute

// tokenLife is how long a bearer token of the emulator lives.
const tokenLife = time.Hour

// authorize checks the Authorization header of a call.
//
// Inferred: a policy without the permission gets the same 401 as a bad signature. Bearer tokens have every permission,
// like the Data Contributor role.
func (c *call) authorize(permission Permission) error {
	scheme, credential, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "SharedAccessSignature"):
		policy, ok := c.policyOf(credential)
		if ok && slices.Contains(policy.Permissions, permission) {
			return nil
		}
	case strings.EqualFold(scheme, "Bearer"):
		if c.checkToken(credential, audience(c.request.Host), c.now) {
			return nil
		}
	}
	return errUnauthorized
}

// signature is the content of a SharedAccessSignature, with its resource and expiry as they were sent, since those
// bytes are what was signed.
type signature struct {
	resource, expiry string
	mac              []byte
	policy           string
}

// parseSignature reads the members, which come in any order and each once.
func parseSignature(text string) (s signature, ok bool) {
	seen := make(map[string]string, 4)
	for member := range strings.SplitSeq(strings.TrimSpace(text), "&") {
		name, value, found := strings.Cut(member, "=")
		if _, twice := seen[name]; !found || twice {
			return s, false
		}
		seen[name] = value
	}
	mac, err := url.QueryUnescape(seen["sig"])
	if err != nil {
		return s, false
	}
	// A "+" that was sent without an escape came out as a space, which no signature holds.
	if s.mac, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(mac, " ", "+")); err != nil {
		return s, false
	}
	if s.policy, err = url.QueryUnescape(seen["skn"]); err != nil {
		return s, false
	}
	s.resource, s.expiry = seen["sr"], seen["se"]
	return s, s.resource != "" && s.expiry != "" && len(s.mac) > 0
}

// policyOf returns the policy whose key signed for this request, and whether the signature holds.
func (c *call) policyOf(credential string) (*Policy, bool) {
	s, ok := parseSignature(credential)
	if !ok {
		return nil, false
	}
	policy := c.policy(s.policy)
	if policy == nil || !s.signedBy(policy.Keys[:]) || !s.covers(c.request.Host, c.request.URL.Path) {
		return nil, false
	}
	return policy, s.aliveAt(c.now)
}

func (s *signature) aliveAt(now time.Time) bool {
	expiry, err := strconv.ParseInt(s.expiry, 10, 64)
	return err == nil && now.Add(-clockSkew).Unix() <= expiry
}

func (s *signature) signedBy(keys [][]byte) bool {
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(s.resource + "\n" + s.expiry))
		if hmac.Equal(mac.Sum(nil), s.mac) {
			return true
		}
	}
	return false
}

// covers says whether the resource is the host of the request, or a path of it that the requested one starts with.
//
// Inferred: scheme and port of the resource are ignored. Official clients sign with or without them.
func (s *signature) covers(host, path string) bool {
	resource, err := url.QueryUnescape(s.resource)
	if err != nil {
		return false
	}
	if _, rest, ok := strings.Cut(resource, "://"); ok {
		resource = rest
	}
	signedHost, signedPath, _ := strings.Cut(resource, "/")
	if !strings.EqualFold(hostname(signedHost), hostname(host)) {
		return false
	}
	signedPath = strings.ToLower(strings.Trim(signedPath, "/"))
	path = strings.ToLower(strings.Trim(path, "/"))
	return signedPath == "" || path == signedPath || strings.HasPrefix(path, signedPath+"/")
}

// hostname is host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.Trim(host, "[]")
}

// audience is whom a bearer token for a host must be made for: the cloud's service.
//
// Inferred: the audiences of the US Government and China clouds.
func audience(host string) string {
	const service = "https://azure-devices-provisioning"
	for _, cloud := range []string{".us", ".cn"} {
		if strings.HasSuffix(strings.ToLower(hostname(host)), ".azure-devices-provisioning"+cloud) {
			return service + cloud
		}
	}
	return service + ".net"
}

// claims is what a bearer token of the emulator says.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	From     int64  `json:"nbf"`
	Until    int64  `json:"exp"`
}

var tokenHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// Token makes a bearer token that stands for one of Microsoft Entra ID, for the audience of scope, and says when it ends.
func (h *Handler) Token(scope string) (token string, expires time.Time) {
	now := h.clock()
	expires = now.Add(tokenLife).Truncate(time.Second)
	payload, _ := json.Marshal(claims{ // strings and numbers, which never fail
		Issuer:   "https://sts.windows.net/dpstest/",
		Audience: strings.TrimSuffix(strings.TrimSuffix(scope, "/.default"), "/"),
		From:     now.Unix(),
		Until:    expires.Unix(),
	})
	text := tokenHeader + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(h.tokens.sign(text)), expires
}

// tokenKey signs bearer tokens.
type tokenKey [32]byte

func (k *tokenKey) sign(text string) []byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// checkToken says whether a bearer token is the emulator's own, for the audience, and alive.
func (h *Handler) checkToken(token, audience string, now time.Time) bool {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return false
	}
	mac, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil || !hmac.Equal(mac, h.tokens.sign(token[:dot])) {
		return false
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var said claims
	if err != nil || json.Unmarshal(text, &said) != nil {
		return false
	}
	return said.Audience == audience &&
		now.Add(clockSkew).Unix() >= said.From && now.Add(-clockSkew).Unix() <= said.Until
}
