package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// identify finds the enrollment of a device and checks the device's proof: a signature, a client certificate, or for a
// TPM the wish to be given what it shall sign with. An individual enrollment goes before any group, also if the device
// cannot prove to be the one.
//
// Inferred: that a signature goes before a certificate.
func (c *call) identify(body *deviceBody) (*device, error) {
	c.store.mu.RLock()
	individual := c.store.individuals.records.get(c.id)
	var groups []*enrollment
	if individual == nil {
		groups = c.store.groups.records.order.all()
	}
	c.store.mu.RUnlock()

	d := &device{deviceBody: *body}
	credential := c.request.Header.Get("Authorization")
	state := c.request.TLS
	var err error
	switch {
	case credential != "":
		d.enrollment, err = c.bySignature(credential, individual, groups)
	case body.TPM != nil:
		err = c.challenge(individual, body.TPM)
	case state != nil && len(state.PeerCertificates) > 0:
		d.chain = state.PeerCertificates
		d.enrollment, err = c.byCertificate(d.chain, individual, groups)
	default:
		err = errUnauthorized
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// bySignature finds the enrollment whose key signed: the individual one if there is one, else any group that the key
// could be derived from.
//
// Inferred: 401 for a device that no enrollment knows.
func (c *call) bySignature(credential string, individual *enrollment, groups []*enrollment) (*enrollment, error) {
	scheme, text, _ := strings.Cut(credential, " ")
	s, ok := parseSignature(text)
	if !ok || !strings.EqualFold(scheme, "SharedAccessSignature") || !s.isOfDevice(c.scope, c.id) || !s.aliveAt(c.now) {
		return nil, errUnauthorized
	}
	if individual != nil {
		groups = []*enrollment{individual}
	}
	for _, e := range groups {
		if s.signedBy(c.deviceKeys(e)) {
			return e, nil
		}
	}
	return nil, errUnauthorized
}

// isOfDevice says whether a signature is for the registration of a device, by a policy of no or the usual name.
//
// Inferred: that case does not matter in the resource.
func (s *signature) isOfDevice(scope, id string) bool {
	resource, err := url.QueryUnescape(s.resource)
	return err == nil && (s.policy == "" || s.policy == "registration") &&
		strings.EqualFold(strings.Trim(resource, "/"), scope+"/registrations/"+id)
}

// deviceKeys are the keys that the device of a call may sign with under an enrollment.
func (c *call) deviceKeys(e *enrollment) [][]byte {
	switch e.Attestation.Type {
	case "tpm":
		return [][]byte{c.nonce(e)}
	case "symmetricKey":
		var keys [][]byte
		for _, text := range e.Attestation.SymmetricKey.keysOf(e, c.id) {
			key, _ := base64.StdEncoding.DecodeString(text) // checked when it was stored
			keys = append(keys, key)
		}
		return keys
	default:
		return nil
	}
}

// keysOf are the primary and the secondary key of a device: the enrollment's own, or derived from those of its group.
func (k *symmetricKey) keysOf(e *enrollment, id string) [2]string {
	keys := [2]string{k.PrimaryKey, k.SecondaryKey}
	if e.GroupID != "" {
		for i := range keys {
			keys[i] = deriveKey(keys[i], id)
		}
	}
	return keys
}

// deriveKey makes the key of a group's device from the group's, for the registration id as the device spells it.
func deriveKey(groupKey, id string) string {
	key, _ := base64.StdEncoding.DecodeString(groupKey) // checked when it was stored
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// tpmChallenge is what a TPM is answered that has not signed yet.
type tpmChallenge struct {
	Message           string `json:"message"`
	AuthenticationKey string `json:"authenticationKey"`
	KeyName           string `json:"keyName"`
}

// challenge refuses a TPM and tells it the key to sign with. The service encrypts it for the TPM, with its storage root
// key and endorsement key, which proves that the device holds them. The emulator sends it as it is, so it lets in
// whoever knows the endorsement key.
//
// Inferred: the text, and that the storage root key is not compared.
func (c *call) challenge(individual *enrollment, sent *tpmAttestation) error {
	switch {
	case individual == nil:
		return errEnrollmentNotFound
	case individual.Attestation.TPM == nil || !sameText(individual.Attestation.TPM.EndorsementKey, sent.EndorsementKey):
		return errUnauthorized
	}
	return &Error{
		Status:  http.StatusUnauthorized,
		Code:    errUnauthorized.Code,
		Message: errUnauthorized.Message,
		Body: tpmChallenge{
			Message:           errUnauthorized.Message,
			AuthenticationKey: base64.StdEncoding.EncodeToString(c.nonce(individual)),
			KeyName:           "registration",
		},
	}
}

// sameText compares what lets a device in, in a time that does not tell how much of it is right.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// nonce is what the TPM of an enrollment signs with.
//
// Inferred: that it is the same each time, for as long as the service runs.
func (c *call) nonce(e *enrollment) []byte {
	return c.tokens.sign("tpm\n" + strings.ToLower(e.RegistrationID) + "\n" + e.Attestation.TPM.EndorsementKey)
}
