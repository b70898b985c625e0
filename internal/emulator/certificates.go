package emulator

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // not for safety: the service reports this thumbprint
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// slots are the certificates of a pair.
func (p *certificates) slots() (slots []*certificate) {
	if p == nil {
		return nil
	}
	for _, slot := range []*certificate{p.Primary, p.Secondary} {
		if slot != nil {
			slots = append(slots, slot)
		}
	}
	return slots
}

// empty says whether a pair has neither a certificate nor the info of one.
func (p *certificates) empty() bool {
	for _, slot := range p.slots() {
		if len(slot.Certificate) > 0 || slot.Info != nil {
			return false
		}
	}
	return true
}

// parse reads the texts of a pair. A slot without a certificate must have the info of a stored one.
func (p *certificates) parse() error {
	for _, slot := range p.slots() {
		if len(slot.Certificate) == 0 {
			if slot.Info == nil || slot.Info.SHA256Thumbprint == "" && slot.Info.SHA1Thumbprint == "" {
				return errNoAttestation
			}
			continue
		}
		parsed, err := parseCertificate(slot.Certificate)
		if err != nil {
			return invalid("Invalid certificate: %v.", err) // Inferred: the text.
		}
		slot.Certificate, slot.Info = parsed.Raw, newCertificateInfo(parsed)
	}
	return nil
}

func (p *certificates) public() *certificates {
	if p == nil {
		return nil
	}
	return &certificates{Primary: p.Primary.public(), Secondary: p.Secondary.public()}
}

func (c *certificate) public() *certificate {
	if c == nil {
		return nil
	}
	return &certificate{Info: c.Info}
}

// parseCertificate reads a certificate in any encoding that official clients send: PEM, and the base64 of PEM or DER.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	if !isPEM(text) {
		plain, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
		if err != nil {
			return nil, fmt.Errorf("neither PEM nor base64: %w", err)
		}
		text = plain
	}
	if !isPEM(text) {
		return x509.ParseCertificate(text)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("no certificate in the PEM")
}

func isPEM(text []byte) bool { return bytes.Contains(text, []byte("-----BEGIN ")) }

// newCertificateInfo fills the info from a certificate in the recorded forms: digits in upper case, the serial number
// without an octet for its sign, times without a fraction.
func newCertificateInfo(c *x509.Certificate) *certificateInfo {
	const layout = "2006-01-02T15:04:05Z"
	return &certificateInfo{
		SubjectName:      distinguishedName(c.RawSubject),
		SHA1Thumbprint:   fmt.Sprintf("%X", sha1.Sum(c.Raw)), //nolint:gosec // as above
		SHA256Thumbprint: fmt.Sprintf("%X", sha256.Sum256(c.Raw)),
		IssuerName:       distinguishedName(c.RawIssuer),
		NotBefore:        c.NotBefore.UTC().Format(layout),
		NotAfter:         c.NotAfter.UTC().Format(layout),
		SerialNumber:     fmt.Sprintf("%X", c.SerialNumber.Bytes()),
		Version:          c.Version,
	}
}

// distinguishedName writes a name as "CN=name".
//
// Inferred: the form of names with more than one part, which is that of RFC 2253.
func distinguishedName(raw []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &name); err != nil {
		return ""
	}
	return name.String()
}

// sameThumbprint says whether two infos are of one certificate. The longer thumbprint decides if both have it.
func (i *certificateInfo) sameThumbprint(other *certificateInfo) bool {
	if i == nil || other == nil {
		return false
	}
	if other.SHA256Thumbprint != "" {
		return strings.EqualFold(i.SHA256Thumbprint, other.SHA256Thumbprint)
	}
	return other.SHA1Thumbprint != "" && strings.EqualFold(i.SHA1Thumbprint, other.SHA1Thumbprint)
}
