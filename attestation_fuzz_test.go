package azdps_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// keyMaterial is a certificate and its private key in the forms that files have.
type keyMaterial struct {
	certificate []byte   // DER
	keys        [][]byte // DER: PKCS #8, PKCS #1 or SEC 1, and an encrypted PKCS #8
}

func newKeyMaterial(f *testing.F) *keyMaterial {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, NotAfter: time.Unix(1<<32, 0)}
	m := &keyMaterial{}
	m.certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(f, err)
	sec1, err := x509.MarshalECPrivateKey(key)
	require.NoError(f, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(f, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it guards nothing
	require.NoError(f, err)
	for _, k := range []any{key, edwards, rsaKey} {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
		require.NoError(f, err)
		m.keys = append(m.keys, pkcs8)
	}
	m.keys = append(m.keys, sec1, x509.MarshalPKCS1PrivateKey(rsaKey), encryptedKey(m.keys[0]))
	return m
}

// encryptedKey is the form of an encrypted PKCS #8: an algorithm, PBES2 without its parameters, and the bytes.
func encryptedKey(secret []byte) []byte {
	algorithm := []byte{0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d}
	content := slices.Concat(algorithm, []byte{0x04, 0x81, byte(len(secret))}, secret)
	return append([]byte{0x30, 0x81, byte(len(content))}, content...)
}

// FuzzCertificate gives any bytes as a certificate: with a certificate and a private key put at the places of the bytes 0x01 and
// 0x02, in an encoding and under a PEM label that the other arguments choose.
//
//   - ParseCertificate never fails to see a key: what has one is refused, in any of the encodings.
//   - What it takes is a certificate that x509 can read, which gives an attestation that is taken, that reads back as the same
//     certificate, and that has no other bytes of the data.
//   - An attestation whose certificate is the data itself is not sent if it has a key. If it is sent, the text is what was given.
//   - Errors quote nothing of the data.
func FuzzCertificate(f *testing.F) {
	m := newKeyMaterial(f)
	for encoding := range byte(8) {
		for _, data := range []string{"\x01", "\x02", "\x01\x02", "\x02\n\x01", "Bag Attributes\n\x01text\n\x01", " \x01\n ", "0\x02", "\x01\x01"} {
			f.Add([]byte(data), encoding, byte(len(data)), "CERTIFICATE", "PRIVATE KEY")
			f.Add([]byte(data), encoding|5<<4, encoding, "CERTIFICATE", "CERTIFICATE")
			f.Add([]byte(data), encoding|2<<4, encoding, "X509 CERTIFICATE", "EC PRIVATE KEY")
		}
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n\x02\n-----END CERTIFICATE-----\n"), byte(2), byte(3), "", "RSA PRIVATE KEY")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), byte(0), byte(0), "", "")
	f.Add([]byte("MAA="), byte(0), byte(0), "", "")
	f.Add([]byte("0\x80\x02\x01\x00\x00\x00"), byte(0), byte(0), "", "")
	stub := &stubTransport{status: http.StatusOK, answer: `{}`}
	client := newStubClient(f, stub)
	f.Fuzz(func(t *testing.T, data []byte, encoding, kind byte, label, keyLabel string) {
		hasKey := bytes.Contains(data, []byte{2})
		key := encode(m.keys[int(kind)%len(m.keys)], encoding, keyLabel)
		certificate := encode(m.certificate, encoding>>4, label)
		full := []byte(strings.NewReplacer("\x01", string(certificate), "\x02", string(key)).Replace(string(data)))

		parsed, err := azdps.ParseCertificate(full)
		if err != nil {
			require.Nil(t, parsed)
			requireInvalid(t, err, "data")
			requireUnquotedBytes(t, err, full)
		} else {
			require.False(t, hasKey, "a private key was taken: %q", full)
			attestation, err := azdps.NewX509ClientAttestation(parsed, nil)
			require.NoError(t, err)
			again, err := azdps.ParseCertificate([]byte(attestation.X509.ClientCertificates.Primary.Certificate))
			require.NoError(t, err)
			require.Equal(t, parsed.Raw, again.Raw)
		}

		record := azdps.IndividualEnrollment{RegistrationID: "a", Attestation: azdps.AttestationMechanism{
			Type: azdps.AttestationTypeX509, X509: &azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{
				Secondary: &azdps.X509CertificateWithInfo{Certificate: string(full)},
			}},
		}}
		stub.requests = nil
		_, sendError := client.IndividualEnrollments().CreateOrUpdate(t.Context(), record, nil)
		if sendError != nil {
			require.ErrorContains(t, sendError, "azdps: enrollment")
			requireFinal(t, sendError)
			requireUnquotedBytes(t, sendError, full)
			require.Empty(t, stub.requests)
			return
		}
		require.False(t, hasKey, "a private key was sent: %q", full)
		var sent azdps.IndividualEnrollment
		require.NoError(t, json.Unmarshal(stub.last(t).body, &sent))
		require.Equal(t, string(full), sent.Attestation.X509.ClientCertificates.Secondary.Certificate)
	})
}

// encode writes DER in one of the encodings of files.
func encode(der []byte, encoding byte, label string) []byte {
	switch encoding % 8 {
	case 0, 1:
		return der
	case 2:
		return []byte(base64.StdEncoding.EncodeToString(der))
	case 3:
		return []byte(base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	case 4:
		return bytes.ReplaceAll(encode(der, 5, label), []byte("\n"), []byte("\r\n"))
	}
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// requireUnquotedBytes requires that an error has no run of eight bytes of the data, unless the data is a text like that of errors.
func requireUnquotedBytes(t *testing.T, err error, data []byte) {
	t.Helper()
	for i := 0; i+8 <= len(data); i++ {
		part := string(data[i : i+8])
		if strings.Contains(err.Error(), part) {
			require.Contains(t, "azdps: data: enrollment.Attestation.X509.ClientCertificates.Secondary.Certificate: must not be empty, unless Info is of"+
				" the certificate that the service holds is a private key; only the certificate belongs here holds a private key under the name of a"+
				" certificate is neither PEM, nor DER, nor base64 of them is PEM without a certificate is not a certificate: x509: asn1: ", part, "%v", err)
		}
	}
}
