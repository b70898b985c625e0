package azdps_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// attestationMaterial is a certificate and private keys in the forms that people have them in.
type attestationMaterial struct {
	certificate                           *x509.Certificate
	der, pkcs8, ec, pkcs1                 []byte
	pem, pkcs8PEM, ecPEM, pkcs1PEM, chain string
}

func newAttestationMaterial(t *testing.T) attestationMaterial {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(31), Subject: pkix.Name{CommonName: "device-1"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	var m attestationMaterial
	m.der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	m.certificate, err = x509.ParseCertificate(m.der)
	require.NoError(t, err)
	m.pkcs8, err = x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	m.ec, err = x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it protects nothing, and a longer one takes longer
	require.NoError(t, err)
	m.pkcs1 = x509.MarshalPKCS1PrivateKey(rsaKey)
	m.pem = pemText("CERTIFICATE", m.der)
	m.pkcs8PEM, m.ecPEM, m.pkcs1PEM = pemText("PRIVATE KEY", m.pkcs8), pemText("EC PRIVATE KEY", m.ec), pemText("RSA PRIVATE KEY", m.pkcs1)
	m.chain = m.pem + m.pem
	return m
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func inBase64[T string | []byte](data T) string {
	return base64.StdEncoding.EncodeToString([]byte(data))
}

// wrapped breaks base64 into lines, as many tools do.
func wrapped(text string) string {
	var lines []string
	for ; len(text) > 64; text = text[64:] {
		lines = append(lines, text[:64])
	}
	return strings.Join(append(lines, text), "\r\n") + "\r\n"
}

// requireUnquoted requires an error that quotes no part of what was refused.
func requireUnquoted(t *testing.T, err error, refused string) {
	t.Helper()
	const length = 12
	for i := 0; i+length <= len(refused); i += length {
		part := refused[i : i+length]
		if strings.ContainsAny(part, "- \n") {
			continue // the words of a PEM header
		}
		require.NotContains(t, err.Error(), part)
	}
}

func TestAttestationParseCertificate(t *testing.T) {
	t.Parallel()
	m := newAttestationMaterial(t)
	for name, data := range map[string]string{
		"PEM":                           m.pem,
		"PEM with Windows lines":        strings.ReplaceAll(m.pem, "\n", "\r\n"),
		"PEM with text around it":       "subject=CN = device-1\n" + m.pem + "\nthe end",
		"PEM after a public key":        pemText("PUBLIC KEY", []byte{1}) + m.pem,
		"DER":                           string(m.der),
		"base64 of DER":                 inBase64(m.der),
		"base64 of DER in lines":        wrapped(inBase64(m.der)),
		"base64 of DER with space":      "  " + inBase64(m.der) + "\n",
		"base64 of PEM":                 inBase64(m.pem),
		"base64 of base64-wrapped PEM":  wrapped(inBase64(m.pem)),
		"PEM without a line at the end": strings.TrimSpace(m.pem),
		"PEM with an explanation": "Bag Attributes\r\n\tlocalKeyID: 54 69 6D 65\nsubject=CN = Käse\n" + strings.Repeat("=", 64) + "\n" +
			"# SHA-256: " + strings.Repeat("0123456789abcdEF", 4) + "\n" + m.pem + "\n",
		"PEM between lines": strings.Repeat("-", 64) + "\n" + m.pem + strings.Repeat("_", 64),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, err := azdps.ParseCertificate([]byte(data))
			require.NoError(t, err)
			assert.Equal(t, m.der, certificate.Raw)
		})
	}
}

// badCertificates are texts that are no certificate, each with what the error says.
func (m attestationMaterial) badCertificates() map[string]struct{ data, problem string } {
	const privateKey = "private key"
	type bad = struct{ data, problem string }
	return map[string]bad{
		"space":                          {" \n", "must not be empty"},
		"other text":                     {"not a certificate", "is neither PEM, nor DER, nor base64"},
		"base64 of other text":           {inBase64("not a certificate"), "is neither PEM, nor DER, nor base64"},
		"a text that begins as DER does": {"0123456789", "is neither PEM, nor DER, nor base64"},
		"PEM without a certificate":      {pemText("PUBLIC KEY", []byte{1, 2, 3}), "is PEM without a certificate"},
		"PEM of a request":               {pemText("CERTIFICATE REQUEST", m.der), "is PEM without a certificate"},
		"PEM that is cut":                {m.pem[:len(m.pem)/2], "is PEM without a certificate"},
		"private key as PKCS 8":          {m.pkcs8PEM, privateKey},
		"private key as PKCS 1":          {m.pkcs1PEM, privateKey},
		"private key of a curve":         {m.ecPEM, privateKey},
		"encrypted private key":          {pemText("ENCRYPTED PRIVATE KEY", m.pkcs8), privateKey},
		"private key before":             {m.pkcs8PEM + m.pem, privateKey},
		"private key after":              {m.pem + m.ecPEM, privateKey},
		"private key with broken base64": {m.pem + "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n", privateKey},
		"private key without an end":     {m.pem + "-----BEGIN RSA PRIVATE KEY-----\nMIIE", privateKey},
		"private key with a bad line":    {m.pem + strings.ReplaceAll(m.pkcs8PEM, "KEY-----", "KEY ----"), privateKey},
		"private key of PGP":             {m.pem + "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", privateKey},
		"private key called certificate": {pemText("CERTIFICATE", m.pkcs8), privateKey},
		"private key under another name": {m.pem + pemText("SECRET", m.pkcs8), privateKey},
		"PEM of PEM of a private key":    {pemText("CERTIFICATE", []byte(m.pkcs8PEM)), "is PEM of what is no certificate"},
		"base64 of a key before PEM":     {inBase64(m.pkcs8) + "\n" + m.pem, "may be a key"},
		"base64url of a key":             {`{"kty":"EC","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}` + "\n" + m.pem, "may be a key"},
		"a header within PEM":            {strings.Replace(m.pem, "CERTIFICATE-----\n", "CERTIFICATE-----\nKey: a\n\n", 1), "may be a key"},
		"base64 of a key beside text":    {"Key:" + inBase64(m.pkcs8) + "g.\n" + m.pem, "may be a key"},
		"base64 in lines after PEM":      {m.pem + wrapped(inBase64(m.ec)), "may be a key"},
		"DER of a key after PEM":         {m.pem + string(m.pkcs8), "may be a key"},
		"base64 of PEM and a key":        {inBase64(m.pem + string(m.pkcs8)), "may be a key"},
		"base64 of PEM of a private key": {inBase64(m.pkcs8PEM + m.pem), privateKey},
		"base64 of PKCS 8":               {inBase64(m.pkcs8), privateKey},
		"base64 of PKCS 1":               {inBase64(m.pkcs1), privateKey},
		"base64 of a key of a curve":     {inBase64(m.ec), privateKey},
		"base64 in lines of PKCS 8":      {wrapped(inBase64(m.pkcs8)), privateKey},
		"base64 of a PKCS 12":            {inBase64(pkcs12Beginning), privateKey},
		"base64 of an encrypted PKCS 8":  {inBase64(encryptedPKCS8), privateKey},
	}
}

var (
	// pkcs12Beginning is SEQUENCE { INTEGER 3, SEQUENCE {} }, as a file with a certificate and its key begins.
	pkcs12Beginning = []byte{0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00}

	// encryptedPKCS8 is SEQUENCE { SEQUENCE { OBJECT IDENTIFIER 1.2 }, OCTET STRING }.
	encryptedPKCS8 = []byte{0x30, 0x08, 0x30, 0x03, 0x06, 0x01, 0x2a, 0x04, 0x01, 0x00}
)

func TestAttestationParseCertificateRefuses(t *testing.T) {
	t.Parallel()
	m := newAttestationMaterial(t)
	tests := m.badCertificates()
	for name, der := range map[string][]byte{"PKCS 8": m.pkcs8, "PKCS 1": m.pkcs1, "key of a curve": m.ec} {
		tests["DER of a "+name] = struct{ data, problem string }{string(der), "private key"}
	}
	tests["empty"] = struct{ data, problem string }{"", "must not be empty"}
	tests["several certificates"] = struct{ data, problem string }{m.chain, "holds 2 certificates; one was expected"}
	tests["PEM of what is no certificate"] = struct{ data, problem string }{pemText("CERTIFICATE", []byte{0x30, 0}), "is not a certificate"}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, err := azdps.ParseCertificate([]byte(test.data))
			requireInvalid(t, err, "data")
			assert.ErrorContains(t, err, test.problem)
			assert.Nil(t, certificate)
			requireUnquoted(t, err, test.data)
		})
	}
}

func TestAttestationConstructors(t *testing.T) {
	t.Parallel()
	m := newAttestationMaterial(t)
	key16, key64 := inBase64(bytes.Repeat([]byte{1}, 16)), inBase64(bytes.Repeat([]byte{2}, 64))
	primary := &azdps.X509Certificates{Primary: &azdps.X509CertificateWithInfo{Certificate: m.pem}}
	both := &azdps.X509Certificates{Primary: primary.Primary, Secondary: primary.Primary}
	for name, test := range map[string]struct {
		make func() (azdps.AttestationMechanism, error)
		want azdps.AttestationMechanism
	}{
		"generated keys": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewGeneratedKeyAttestation(), nil },
			azdps.AttestationMechanism{Type: "symmetricKey", SymmetricKey: &azdps.SymmetricKeyAttestation{}},
		},
		"shortest and longest key": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewSymmetricKeyAttestation(key16, key64) },
			azdps.AttestationMechanism{Type: "symmetricKey", SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: key16, SecondaryKey: key64}},
		},
		"TPM": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewTPMAttestation(tpmKey(false), "") },
			azdps.AttestationMechanism{Type: "tpm", TPM: &azdps.TPMAttestation{EndorsementKey: tpmKey(false)}},
		},
		"TPM with a storage root key": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewTPMAttestation("AToA", tpmKey(false)) },
			azdps.AttestationMechanism{Type: "tpm", TPM: &azdps.TPMAttestation{EndorsementKey: "AToA", StorageRootKey: tpmKey(false)}},
		},
		"client certificate": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewX509ClientAttestation(m.certificate, nil) },
			azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{ClientCertificates: primary}},
		},
		"two client certificates": {
			func() (azdps.AttestationMechanism, error) {
				return azdps.NewX509ClientAttestation(m.certificate, m.certificate)
			},
			azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{ClientCertificates: both}},
		},
		"signing certificates": {
			func() (azdps.AttestationMechanism, error) {
				return azdps.NewX509SigningAttestation(m.certificate, m.certificate)
			},
			azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{SigningCertificates: both}},
		},
		"CA references": {
			func() (azdps.AttestationMechanism, error) {
				return azdps.NewX509CAReferenceAttestation("root ca", "next")
			},
			azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{Primary: "root ca", Secondary: "next"}}},
		},
		"one CA reference": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewX509CAReferenceAttestation("MIIC", "") },
			azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{Primary: "MIIC"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attestation, err := test.make()
			require.NoError(t, err)
			assert.Equal(t, test.want, attestation)
			client, _ := newStub(t, `{}`)
			_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(),
				azdps.IndividualEnrollment{RegistrationID: "a", Attestation: attestation}, nil)
			require.NoError(t, err, "what a constructor makes passes the check")
		})
	}
}

// tpmKey is a TPM2B_PUBLIC of the usual length, with the bytes of its size in the wrong order if asked.
func tpmKey(swapped bool) string {
	public := append([]byte{0x01, 0x3a, 0x00, 0x01}, bytes.Repeat([]byte{7}, 312)...)
	if swapped {
		public[0], public[1] = public[1], public[0]
	}
	return inBase64(public)
}

func TestAttestationConstructorsRefuse(t *testing.T) {
	t.Parallel()
	m := newAttestationMaterial(t)
	short, long := inBase64(bytes.Repeat([]byte{3}, 15)), inBase64(bytes.Repeat([]byte{4}, 65))
	keys := func(primary, secondary string) func() (azdps.AttestationMechanism, error) {
		return func() (azdps.AttestationMechanism, error) {
			return azdps.NewSymmetricKeyAttestation(primary, secondary)
		}
	}
	tpm := func(endorsement, storage string) func() (azdps.AttestationMechanism, error) {
		return func() (azdps.AttestationMechanism, error) { return azdps.NewTPMAttestation(endorsement, storage) }
	}
	references := func(primary, secondary string) func() (azdps.AttestationMechanism, error) {
		return func() (azdps.AttestationMechanism, error) {
			return azdps.NewX509CAReferenceAttestation(primary, secondary)
		}
	}
	for name, test := range map[string]struct {
		make                        func() (azdps.AttestationMechanism, error)
		parameter, problem, refused string
	}{
		"no primary key":            {keys("", stubKey), "primaryKey", "must not be empty; NewGeneratedKeyAttestation", stubKey},
		"no secondary key":          {keys(stubKey, ""), "secondaryKey", "must not be empty", stubKey},
		"key that is no base64":     {keys("hunter2-is-a-bad-password", stubKey), "primaryKey", "must be base64", "hunter2-is-a-bad-password"},
		"base64 of URLs":            {keys(stubKey, "_-8_-8_-8_-8_-8_-8_-8_-8"), "secondaryKey", "must be base64", "_-8_-8_-8_-8"},
		"key without its padding":   {keys(strings.TrimRight(stubKey, "="), stubKey), "primaryKey", "must be base64", stubKey},
		"key of 15 bytes":           {keys(short, stubKey), "primaryKey", "has 15 bytes; a key has 16 to 64", short},
		"key of 65 bytes":           {keys(stubKey, long), "secondaryKey", "has 65 bytes; a key has 16 to 64", long},
		"no endorsement key":        {tpm("", ""), "endorsementKey", "must not be empty", ""},
		"space for a TPM key":       {tpm("\n", ""), "endorsementKey", "must not be empty", ""},
		"TPM key that is no base64": {tpm("no base64, is it", ""), "endorsementKey", "must be base64", ""},
		"swapped endorsement key":   {tpm(tpmKey(true), ""), "endorsementKey", "has its bytes swapped", tpmKey(true)},
		"swapped storage root key":  {tpm(tpmKey(false), tpmKey(true)), "storageRootKey", "has its bytes swapped", tpmKey(true)},
		"no CA reference":           {references("", "next"), "primary", "must not be empty", ""},
		"PEM for a CA reference":    {references(m.pem, ""), "primary", "takes the name of a CA certificate", m.pem},
		"PEM for the second":        {references("ca1", m.pem), "secondary", "takes the name of a CA certificate", m.pem},
		"base64 for a CA reference": {references(inBase64(m.der), ""), "primary", "that goes to NewX509SigningAttestation", inBase64(m.der)},
		"lines for a CA reference":  {references("ca1", wrapped(inBase64(m.der))), "secondary", "takes the name of a CA certificate", inBase64(m.der)},
		"base64 of PEM for one":     {references(inBase64(m.pem), ""), "primary", "takes the name of a CA certificate", inBase64(m.pem)},
		"no client certificate": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewX509ClientAttestation(nil, m.certificate) },
			"primary", "must be a parsed certificate", "",
		},
		"client certificate by hand": {
			func() (azdps.AttestationMechanism, error) {
				return azdps.NewX509ClientAttestation(&x509.Certificate{}, nil)
			},
			"primary", "must be a parsed certificate", "",
		},
		"no signing certificate": {
			func() (azdps.AttestationMechanism, error) { return azdps.NewX509SigningAttestation(nil, nil) },
			"primary", "must be a parsed certificate", "",
		},
		"next signing certificate by hand": {
			func() (azdps.AttestationMechanism, error) {
				return azdps.NewX509SigningAttestation(m.certificate, &x509.Certificate{})
			},
			"secondary", "must be a parsed certificate or nil", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attestation, err := test.make()
			requireInvalid(t, err, test.parameter)
			assert.ErrorContains(t, err, test.problem)
			assert.Zero(t, attestation)
			requireUnquoted(t, err, test.refused)
		})
	}
}
