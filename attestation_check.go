package azdps

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minKeyLength   = 16
	maxKeyLength   = 64
	pemBegin       = "-----BEGIN"
	pemCertificate = "CERTIFICATE"
	pemPrivateKey  = "PRIVATE KEY" // is in the line that begins a key of any kind, however that line is broken
)

// problem refuses an attestation that does not say how devices prove who they are, or that holds what is no key, no certificate
// or no name. What only the service can judge, it leaves to the service. It returns the member that is wrong, relative to a, and
// why, without quoting a key.
func (a *AttestationMechanism) problem() (member, problem string) {
	if member, problem := a.kindProblem(); problem != "" {
		return member, problem
	}
	switch {
	case a.TPM != nil:
		member, problem = a.TPM.problem()
		return ".TPM" + member, problem
	case a.X509 != nil:
		member, problem = a.X509.problem()
		return ".X509" + member, problem
	case a.SymmetricKey != nil:
		member, problem = a.SymmetricKey.problem()
		return ".SymmetricKey" + member, problem
	}
	return "", ""
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
	var room [maxKeyLength + 2]byte // for the longest key, and what its padding stands for
	secret, err := base64.StdEncoding.AppendDecode(room[:0], []byte(key))
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

// derSequence is the first byte of the DER of a certificate, and of a key.
const derSequence = 0x30

// readCertificates finds the DER of the certificates in PEM, DER, or the base64 of either, without parsing them. The problem
// says why there are none, and never quotes data.
func readCertificates(data []byte) (certificates [][]byte, problem string) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, "must not be empty"
	case bytes.Contains(data, []byte(pemBegin)):
		return readPEM(data)
	case isDER(data):
		if isPrivateKey(data) {
			return nil, "is a private key; only the certificate belongs here"
		}
		return [][]byte{data}, ""
	}
	decoded, err := base64.StdEncoding.AppendDecode(nil, bytes.Join(bytes.Fields(data), nil))
	if err != nil || len(decoded) == 0 || decoded[0] != derSequence && !bytes.Contains(decoded, []byte(pemBegin)) {
		return nil, "is neither PEM, nor DER, nor base64 of them"
	}
	return readCertificates(decoded)
}

func readPEM(data []byte) (certificates [][]byte, problem string) {
	if bytes.Contains(data, []byte(pemPrivateKey)) {
		return nil, "holds a private key; only the certificate belongs here"
	}
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		through := data[:len(data)-len(rest)]
		beside := through[:bytes.LastIndex(through, []byte(pemBegin))]
		switch {
		case isPrivateKey(block.Bytes):
			return nil, "holds a private key under another name"
		case !isExplanation(beside) || len(block.Headers) > 0:
			return nil, besideCertificates
		case block.Type == pemCertificate && !isDER(block.Bytes):
			return nil, "is PEM of what is no certificate"
		case block.Type == pemCertificate:
			certificates = append(certificates, block.Bytes)
		}
		data = rest
	}
	switch {
	case len(certificates) == 0:
		return nil, "is PEM without a certificate"
	case !isExplanation(data):
		return nil, besideCertificates
	}
	return certificates, ""
}

const besideCertificates = "has data beside the PEM that may be a key; only the certificate belongs here"

// isExplanation takes the text that tools write around PEM, and not what looks like a key: neither bytes that are no text, nor as
// many characters of base64 in a row as a line of a key has. Digits of a fingerprint may be many, so a key in hexadecimal passes.
func isExplanation(text []byte) bool {
	const (
		digits      = "0123456789ABCDEFabcdef"
		shortestKey = 40
	)
	isControl := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }
	if !utf8.Valid(text) || bytes.ContainsFunc(text, isControl) {
		return false
	}
	isOther := func(r rune) bool {
		return r >= utf8.RuneSelf || !isAlphanumeric(byte(r)) && !strings.ContainsRune("+/-_", r) //nolint:gosec // r is ASCII there
	}
	for run := range bytes.FieldsFuncSeq(text, isOther) {
		if len(run) >= shortestKey && len(bytes.Trim(run, digits+"-_")) > 0 {
			return false
		}
	}
	return true
}

// isDER reports whether data is one ASN.1 sequence. A text may begin with the same byte, which is the digit 0.
func isDER(data []byte) bool {
	var sequence asn1.RawValue
	rest, err := asn1.Unmarshal(data, &sequence)
	return err == nil && len(rest) == 0 && data[0] == derSequence
}

// isPrivateKey knows keys by their outermost sequence, whether Go could read them or not: PKCS #1, PKCS #8, a key of a curve and
// PKCS #12 begin with a number, and an encrypted key is an algorithm and bytes. A certificate begins with a sequence and has
// three elements.
func isPrivateKey(der []byte) bool {
	var elements []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &elements); err != nil || len(elements) == 0 {
		return false
	}
	return elements[0].Tag == asn1.TagInteger || len(elements) == 2 && elements[1].Tag == asn1.TagOctetString
}
