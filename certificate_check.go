package azdps

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	pemBegin       = "-----BEGIN"
	pemCertificate = "CERTIFICATE"
	pemPrivateKey  = "PRIVATE KEY" // is in the line that begins a key of any kind, however that line is broken
)

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
