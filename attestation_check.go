package azdps

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	minKeyLength = 16
	maxKeyLength = 64
)

// problem refuses an attestation that does not say how devices prove who they are, or that holds what is no key, no certificate
// or no name. What only the service can judge, it leaves to the service. It returns the member that is wrong, relative to a, and
// why, without quoting a key.
func (a *AttestationMechanism) problem() (member, problem string) {
	if member, problem := a.kindProblem(); problem != "" {
		return member, problem
	}
	kind := ""
	switch {
	case a.TPM != nil:
		kind = ".TPM"
		member, problem = a.TPM.problem()
	case a.X509 != nil:
		kind = ".X509"
		member, problem = a.X509.problem()
	case a.SymmetricKey != nil:
		kind = ".SymmetricKey"
		member, problem = a.SymmetricKey.problem()
	}
	if problem == "" {
		return "", ""
	}
	return kind + member, problem
}

// kindProblem compares the type with the members that are set. A type that this version does not know is the service's matter.
func (a *AttestationMechanism) kindProblem() (member, problem string) {
	set := make([]AttestationType, 0, 3)
	if a.TPM != nil {
		set = append(set, AttestationTypeTPM)
	}
	if a.X509 != nil {
		set = append(set, AttestationTypeX509)
	}
	if a.SymmetricKey != nil {
		set = append(set, AttestationTypeSymmetricKey)
	}
	switch {
	case len(set) > 1:
		return "", fmt.Sprintf("has both %s and %s; devices prove themselves in one way only", set[0], set[1])
	case a.Type == "" && len(set) == 1:
		return ".Type", fmt.Sprintf("must be %s, which is the member that is set", set[0])
	case a.Type == "" || a.Type == AttestationTypeNone:
		return "", "must say how devices prove themselves; make it with a New...Attestation function"
	case len(set) == 0 && (a.Type == AttestationTypeTPM || a.Type == AttestationTypeX509):
		return "", fmt.Sprintf("has the type %s without the member of that name", a.Type)
	case len(set) == 1 && set[0] != a.Type && isKnown(a.Type):
		return ".Type", fmt.Sprintf("is %s, but the member that is set is %s", a.Type, set[0])
	}
	return "", ""
}

func isKnown(kind AttestationType) bool {
	return kind == AttestationTypeTPM || kind == AttestationTypeX509 || kind == AttestationTypeSymmetricKey
}

func (k *SymmetricKeyAttestation) problem() (member, problem string) {
	if k.PrimaryKey != "" {
		if problem := symmetricKeyProblem(k.PrimaryKey); problem != "" {
			return ".PrimaryKey", problem
		}
	}
	if k.SecondaryKey != "" {
		return ".SecondaryKey", symmetricKeyProblem(k.SecondaryKey)
	}
	return "", ""
}

// symmetricKeyProblem follows https://learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation.
func symmetricKeyProblem(key string) string {
	if key == "" {
		return "must not be empty; NewGeneratedKeyAttestation lets the service make the keys"
	}
	// Room for the longest key, and for what its padding stands for, without memory of the heap.
	var text [(maxKeyLength + 2) / 3 * 4]byte
	var room [maxKeyLength + 2]byte
	secret, err := base64.StdEncoding.AppendDecode(room[:0], append(text[:0], key...))
	if err != nil {
		return "must be base64"
	}
	if len(secret) < minKeyLength || len(secret) > maxKeyLength {
		return fmt.Sprintf("has %d bytes; a key has %d to %d, written in base64", len(secret), minKeyLength, maxKeyLength)
	}
	return ""
}

func (t *TPMAttestation) problem() (member, problem string) {
	if problem := tpmKeyProblem(t.EndorsementKey); problem != "" {
		return ".EndorsementKey", problem
	}
	if t.StorageRootKey != "" {
		return ".StorageRootKey", tpmKeyProblem(t.StorageRootKey)
	}
	return "", ""
}

// tpmKeyProblem knows the usual mistake with a TPM2B_PUBLIC: its size, the first two bytes, in the order of the processor.
func tpmKeyProblem(key string) string {
	if key == "" {
		return "must not be empty"
	}
	public, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "must be base64"
	}
	if len(public) == 0 { // the decoder skips the ends of lines
		return "must not be empty"
	}
	if len(public) > 2 {
		size := len(public) - 2
		if int(binary.BigEndian.Uint16(public)) != size && int(binary.LittleEndian.Uint16(public)) == size {
			return "has its bytes swapped: a TPM2B_PUBLIC is written most significant byte first, and mostly begins with AToA, not OgEA"
		}
	}
	return ""
}

func (x *X509Attestation) problem() (member, problem string) {
	var set []string
	if x.ClientCertificates != nil {
		set = append(set, "ClientCertificates")
		member, problem = x.ClientCertificates.problem()
	}
	if x.SigningCertificates != nil {
		set = append(set, "SigningCertificates")
		member, problem = x.SigningCertificates.problem()
	}
	if !x.CAReferences.isEmpty() {
		set = append(set, "CAReferences")
		member, problem = x.CAReferences.problem()
	}
	switch {
	case len(set) > 1:
		return "", "has both " + set[0] + " and " + set[1] + "; it takes one kind of certificates"
	case len(set) == 1 && problem != "":
		return "." + set[0] + member, problem
	case len(set) == 0 && len(x.AdditionalProperties) == 0:
		return "", "has no certificates and no CA references"
	}
	return "", ""
}

// isEmpty reports a reference to nothing, which the service has been seen to send beside certificates.
func (r *X509CAReferences) isEmpty() bool {
	return r == nil || r.Primary == "" && r.Secondary == "" && len(r.AdditionalProperties) == 0
}

func (r *X509CAReferences) problem() (member, problem string) {
	const certificate = "takes the name of a CA certificate that was uploaded to the service, not the certificate itself;" +
		" that goes to NewX509SigningAttestation"
	if looksLikeCertificate(r.Primary) {
		return ".Primary", certificate
	}
	if looksLikeCertificate(r.Secondary) {
		return ".Secondary", certificate
	}
	return "", ""
}

// looksLikeCertificate is meant for texts that should be names.
func looksLikeCertificate(text string) bool {
	if strings.Contains(text, pemBegin) || strings.ContainsAny(text, "\r\n") {
		return true
	}
	der, err := base64.StdEncoding.DecodeString(text)
	return err == nil && (len(der) > 100 && der[0] == derSequence || bytes.Contains(der, []byte(pemBegin)))
}

func (c *X509Certificates) problem() (member, problem string) {
	if c.Primary == nil && c.Secondary == nil && len(c.AdditionalProperties) == 0 {
		return "", "has no certificate"
	}
	for _, place := range []struct {
		member      string
		certificate *X509CertificateWithInfo
	}{{".Primary", c.Primary}, {".Secondary", c.Secondary}} {
		if place.certificate == nil {
			continue
		}
		if problem := place.certificate.problem(); problem != "" {
			return place.member + ".Certificate", problem
		}
	}
	return "", ""
}

// holdsPrivateKey reports whether a key stands where a certificate belongs.
func (x *X509Attestation) holdsPrivateKey() bool {
	for _, certificates := range []*X509Certificates{x.ClientCertificates, x.SigningCertificates} {
		if certificates == nil {
			continue
		}
		for _, certificate := range []*X509CertificateWithInfo{certificates.Primary, certificates.Secondary} {
			if certificate == nil {
				continue
			}
			if _, problem := readCertificates([]byte(certificate.Certificate)); strings.Contains(problem, "private key") {
				return true
			}
		}
	}
	return false
}

func (c *X509CertificateWithInfo) problem() string {
	if c.Certificate != "" {
		_, problem := readCertificates([]byte(c.Certificate))
		if problem == "" && isDER([]byte(c.Certificate)) {
			return "is DER, which JSON cannot carry; write it as PEM or base64"
		}
		return problem
	}
	if c.Info == nil && len(c.AdditionalProperties) == 0 {
		return "must not be empty, unless Info is of the certificate that the service holds"
	}
	return ""
}
