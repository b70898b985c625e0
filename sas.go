package azdps

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// tokenLifetime is how long a signature made for one try is valid; it leaves room for clocks that differ.
const tokenLifetime = time.Hour

// SharedAccessKeyCredential is a shared access policy of the service with one of its keys. The key can be replaced while
// clients use the credential, which is safe for concurrent use.
//
// The policy needs the rights of the operations that it is used for: EnrollmentRead, EnrollmentWrite,
// RegistrationStatusRead and RegistrationStatusWrite. The policy provisioningserviceowner has them all.
type SharedAccessKeyCredential struct {
	policyName string
	key        atomic.Pointer[signers]
}

// NewSharedAccessKeyCredential checks that key is base64 and holds it for the shared access policy of that name.
func NewSharedAccessKeyCredential(policyName, key string) (*SharedAccessKeyCredential, error) {
	if policyName == "" {
		return nil, invalid("policyName", "must not be empty")
	}
	credential := &SharedAccessKeyCredential{policyName: policyName}
	if err := credential.Update(key); err != nil {
		return nil, err
	}
	return credential, nil
}

// Update replaces the key. Every request is signed when it is sent, so the next one, a retry included, carries the new key.
// A key that is not base64 is refused and the old one stays.
//
// A request that was signed with a key that the service no longer has fails with 401, which is not retried. To change keys without
// that, Update to the secondary key, regenerate the primary one, and Update to the new primary key.
func (c *SharedAccessKeyCredential) Update(key string) error {
	secret, err := decodeKey("key", key)
	if err != nil {
		return err
	}
	c.key.Store(newSigners(secret))
	return nil
}

// sign makes a token for a resource that is escaped already.
func (c *SharedAccessKeyCredential) sign(escapedResource string, expiry time.Time) string {
	key := c.key.Load()
	s := key.Get().(*signer)
	token := s.token(escapedResource, c.policyName, expiry)
	s.mac.Reset()
	key.Put(s)
	return token
}

// GenerateSASToken signs a shared access signature, the value of an Authorization header, with the key of a policy.
//
//   - audience is the lower-case host of the service, such as my-dps.azure-devices-provisioning.net; it is signed as it is
//   - policyName is the shared access policy, such as provisioningserviceowner
//   - key is the base64 key of the policy
//   - expiry is the end of the token's life, to the second
//
// Hand a token to [NewDeviceProvisioningClientWithSAS] where the key itself must not go. With the audience
// "{idScope}/registrations/{registrationId}", the policy "registration" and the device's key, the token is the one that a
// device registers with.
func GenerateSASToken(audience, policyName, key string, expiry time.Time) (string, error) {
	switch {
	case audience == "":
		return "", invalid("audience", "must not be empty")
	case policyName == "":
		return "", invalid("policyName", "must not be empty")
	case expiry.IsZero():
		return "", invalid("expiry", "must be set")
	}
	secret, err := decodeKey("key", key)
	if err != nil {
		return "", err
	}
	return newSigner(secret).token(url.QueryEscape(audience), policyName, expiry), nil
}

// signer signs with a key.
type signer struct {
	mac     hash.Hash
	scratch []byte
}

func newSigner(secret []byte) *signer {
	return &signer{mac: hmac.New(sha256.New, secret), scratch: make([]byte, 0, 256)}
}

// token follows the rule that the service shares with IoT Hub:
// https://learn.microsoft.com/azure/iot-dps/how-to-control-access
func (s *signer) token(escapedResource, policyName string, expiry time.Time) string {
	s.scratch = append(append(s.scratch[:0], escapedResource...), '\n')
	s.scratch = strconv.AppendInt(s.scratch, expiry.Unix(), 10)
	end := string(s.scratch[len(escapedResource)+1:])
	signature := s.sign(s.scratch)
	return "SharedAccessSignature sr=" + escapedResource + "&sig=" + url.QueryEscape(signature) + "&se=" + end + "&skn=" + url.QueryEscape(policyName)
}

// DeriveDeviceKey returns the base64 key of a device that registers under an enrollment group with symmetric keys.
//
//   - groupKey is the base64 primary or secondary key of the group, from [EnrollmentGroupsClient.GetAttestationMechanism]
//   - registrationID is the id that the device registers with, letter by letter: another case gives another key
//
// The key is derived offline, so a factory can make keys without access to the service. The group's key itself must not be
// given to a device, nor does the service take it from one. See
// https://learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation.
func DeriveDeviceKey(groupKey, registrationID string) (string, error) {
	if err := checkID("registrationID", registrationID); err != nil {
		return "", err
	}
	secret, err := decodeKey("groupKey", groupKey)
	if err != nil {
		return "", err
	}
	return newSigner(secret).sign([]byte(registrationID)), nil
}

// sign returns the base64 of the HMAC of a text. For another one, reset the mac.
func (s *signer) sign(text []byte) string {
	s.mac.Write(text)
	mac := s.mac.Sum(s.scratch[:0])
	s.scratch = base64.StdEncoding.AppendEncode(mac, mac)
	return string(s.scratch[len(mac):])
}

// signers are ready to sign with a key, as many as there were requests at once: to set one up costs as much as a signature.
type signers struct{ sync.Pool }

func newSigners(secret []byte) *signers {
	return &signers{sync.Pool{New: func() any { return newSigner(secret) }}}
}

// decodeKey reads a base64 key. Its errors never hold a part of the key.
func decodeKey(parameter, key string) ([]byte, error) {
	if key == "" {
		return nil, invalid(parameter, "must not be empty")
	}
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, invalid(parameter, "must be base64")
	}
	if len(secret) == 0 { // the decoder skips the ends of lines
		return nil, invalid(parameter, "must not be empty")
	}
	return secret, nil
}

// sharedKeyPolicy signs each try of a request.
type sharedKeyPolicy struct {
	credential *SharedAccessKeyCredential
	resource   string
	allowHTTP  bool
}

func newSharedKeyPolicy(credential *SharedAccessKeyCredential, host string, allowHTTP bool) *sharedKeyPolicy {
	return &sharedKeyPolicy{credential: credential, resource: url.QueryEscape(strings.ToLower(host)), allowHTTP: allowHTTP}
}

// Do implements [policy.Policy].
func (p *sharedKeyPolicy) Do(req *policy.Request) (*http.Response, error) {
	if req.Raw().URL.Scheme != "https" && !p.allowHTTP {
		return nil, &finalError{errors.New("azdps: a request is not signed over plain http; see InsecureAllowCredentialWithHTTP of ClientOptions")}
	}
	req.Raw().Header.Set("Authorization", p.credential.sign(p.resource, time.Now().Add(tokenLifetime)))
	return req.Next()
}

// readyTokenPolicy follows the policy of azcore that sets a signature made elsewhere. One that was read from a file may end in a
// line end, which is taken off; one that is no header would be retried for nothing.
type readyTokenPolicy struct{}

// Do implements [policy.Policy].
func (readyTokenPolicy) Do(req *policy.Request) (*http.Response, error) {
	header := req.Raw().Header
	token := strings.TrimSpace(header.Get("Authorization"))
	if token == "" {
		return nil, invalid("credential", "holds an empty shared access signature")
	}
	if err := checkHeader("credential", token); err != nil {
		return nil, err
	}
	header.Set("Authorization", token)
	return req.Next()
}
