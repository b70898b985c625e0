package emulator

import (
	"crypto/rand"
	"encoding/base64"
)

// Lengths of symmetric keys in bytes.
const (
	minKeyLength       = 16
	maxKeyLength       = 64
	generatedKeyLength = 64
)

// normalize checks an attestation that was sent, makes the keys that are missing and reads the certificates. The type
// must have its member, and no other may be there; only symmetric keys need none.
//
// Inferred: the refusal of a second member, of a type without its member, and of TPM for groups; that case does not
// matter in the type; and the texts other than that for certificates.
func (a *attestation) normalize(group bool) error {
	if a == nil {
		return errNoAttestation
	}
	kind, ok := canonical(a.Type, "tpm", "x509", "symmetricKey")
	if !ok {
		return errNoAttestation
	}
	a.Type = kind
	if a.X509.empty() {
		a.X509 = nil
	}
	if a.TPM != nil && kind != "tpm" || a.X509 != nil && kind != "x509" || a.SymmetricKey != nil && kind != "symmetricKey" {
		return invalid("An attestation of type %s must have no details of another type.", kind)
	}
	switch {
	case kind == "symmetricKey":
		if a.SymmetricKey == nil {
			a.SymmetricKey = new(symmetricKey)
		}
		return a.SymmetricKey.complete()
	case kind == "tpm" && group:
		return invalid("TPM attestation is not supported for enrollment groups.")
	case kind == "tpm" && (a.TPM == nil || a.TPM.EndorsementKey == ""):
		return errNoAttestation // The key is not looked into: it is recorded that nothing checks it.
	case kind == "x509":
		return a.X509.normalize(group)
	}
	return nil
}

// complete makes the keys that are missing: null, empty or absent, also when the record had keys before. Given ones
// must be 16 to 64 bytes in base64.
//
// Inferred: that an update without keys makes new ones, that one key may be given alone, and the refusal's text.
func (k *symmetricKey) complete() error {
	for _, key := range []*string{&k.PrimaryKey, &k.SecondaryKey} {
		if *key == "" {
			*key = generateKey()
			continue
		}
		plain, err := base64.StdEncoding.DecodeString(*key)
		if err != nil || len(plain) < minKeyLength || len(plain) > maxKeyLength {
			return invalid("A symmetric key must be the base64 of %d to %d bytes.", minKeyLength, maxKeyLength)
		}
	}
	return nil
}

func generateKey() string {
	random := make([]byte, generatedKeyLength)
	_, _ = rand.Read(random) // never fails
	return base64.StdEncoding.EncodeToString(random)
}

// public makes the answer's form of an attestation: certificates are shown as their info only, symmetric keys if keys
// is set, and TPM keys always.
func (a *attestation) public(keys bool) *attestation {
	shown := *a
	if !keys {
		shown.SymmetricKey = nil
	}
	shown.X509 = a.X509.public()
	return &shown
}

// empty says whether there is nothing in an X.509 attestation. Some clients send its members as null.
func (x *x509Attestation) empty() bool {
	return x == nil || x.ClientCertificates == nil && x.SigningCertificates == nil && x.CAReferences == nil
}

// normalize reads the certificates that were sent. Individual enrollments have client certificates, groups have signing
// certificates, and both may name CAs instead, which need not exist.
//
// Inferred: the refusal of the other kind of certificates and of two kinds at once, and that CA names are not checked.
func (x *x509Attestation) normalize(group bool) error {
	if x.empty() {
		return errNoAttestation
	}
	if refs := x.CAReferences; refs != nil && *refs == (caReferences{}) {
		x.CAReferences = nil
	}
	own, other := x.ClientCertificates, x.SigningCertificates
	if group {
		own, other = other, own
	}
	switch {
	case other.empty() && own.empty() && x.CAReferences == nil:
		return errNoAttestation
	case !other.empty() && group:
		return invalid("An enrollment group takes signing certificates, not client certificates.")
	case !other.empty():
		return invalid("An individual enrollment takes client certificates, not signing certificates.")
	case !own.empty() && x.CAReferences != nil:
		return invalid("An X509 attestation takes certificates or CA references, not both.")
	}
	x.ClientCertificates, x.SigningCertificates = nil, nil
	switch {
	case own.empty():
		return nil
	case group:
		x.SigningCertificates = own
	default:
		x.ClientCertificates = own
	}
	return own.parse()
}

// keepCertificates takes over the stored certificates that were sent as their info alone, found by thumbprint.
//
// Inferred: that info of another certificate is refused, and that info may move between primary and secondary.
func (a *attestation) keepCertificates(stored *x509Attestation) error {
	for _, slot := range a.X509.slots() {
		if len(slot.Certificate) > 0 {
			continue
		}
		kept := stored.find(slot.Info)
		if kept == nil {
			return invalid("The certificate is missing, and its info is not that of the stored one.")
		}
		*slot = *kept
	}
	return nil
}

// slots are the certificates of an attestation.
func (x *x509Attestation) slots() (slots []*certificate) {
	if x == nil {
		return nil
	}
	for _, pair := range []*certificates{x.ClientCertificates, x.SigningCertificates} {
		slots = append(slots, pair.slots()...)
	}
	return slots
}

func (x *x509Attestation) find(info *certificateInfo) *certificate {
	for _, slot := range x.slots() {
		if slot.Info.sameThumbprint(info) {
			return slot
		}
	}
	return nil
}

func (x *x509Attestation) public() *x509Attestation {
	if x == nil {
		return nil
	}
	return &x509Attestation{
		ClientCertificates:  x.ClientCertificates.public(),
		SigningCertificates: x.SigningCertificates.public(),
		CAReferences:        x.CAReferences,
	}
}
