package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the service shows the thumbprint
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSymmetricKeys(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/enrollments/a", "/enrollmentGroups/a"} {
		s := newTester(t)
		put := func(symmetricKey string, edits ...string) map[string]any {
			body := `{"registrationId":"a","enrollmentGroupId":"a","attestation":{"type":"SymmetricKey"` + symmetricKey + `}}`
			w := s.do(200, "PUT", path, body, with("If-Match", edits...))
			return object(t, w)["attestation"].(map[string]any)["symmetricKey"].(map[string]any)
		}
		for i, none := range []string{"", `,"symmetricKey":null`, `,"symmetricKey":{}`, `,"symmetricKey":{"primaryKey":null,"secondaryKey":""}`} {
			var edits []string
			if i > 0 {
				edits = []string{"*"}
			}
			keys := put(none, edits...)
			require.Len(t, keys["primaryKey"], 88)
			require.Len(t, keys["secondaryKey"], 88)
			require.NotEqual(t, keys["primaryKey"], keys["secondaryKey"])
			mechanism := object(t, s.do(200, "POST", path+"/attestationmechanism", ""))
			require.Equal(t, map[string]any{"type": "symmetricKey", "symmetricKey": keys}, mechanism)
			require.Equal(t, map[string]any{"type": "symmetricKey"}, s.get(path)["attestation"])
			query := s.do(200, "POST", strings.TrimSuffix(path, "/a")+"/query", "").Body.String()
			require.Contains(t, query, `"attestation":{"type":"symmetricKey"},`)
		}
		given := put(`,"symmetricKey":{"primaryKey":"`+testKey+`"}`, "*")
		require.Equal(t, testKey, given["primaryKey"])
		require.Len(t, given["secondaryKey"], 88)
	}
}

func TestRefusedAttestations(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(make([]byte, 15))
	long := base64.StdEncoding.EncodeToString(make([]byte, 65))
	const required = "TPM or X509 attestation is required."
	const info = `{"info":{"sha256Thumbprint":"AB"}}`
	for _, test := range []struct{ attestation, message, path string }{
		{`{}`, required, ""},
		{`{"type":"none"}`, required, ""},
		{`{"type":"magic"}`, required, ""},
		{`{"symmetricKey":{}}`, required, ""},
		{`{"type":"tpm"}`, required, "/enrollments/a"},
		{`{"type":"tpm","tpm":{}}`, required, "/enrollments/a"},
		{`{"type":"tpm","tpm":{"endorsementKey":"a"}}`, "not supported", "/enrollmentGroups/a"},
		{`{"type":"tpm","symmetricKey":{}}`, "another type", ""},
		{`{"type":"symmetricKey","symmetricKey":{},"tpm":{"endorsementKey":"a"}}`, "another type", ""},
		{`{"type":"symmetricKey","x509":{"caReferences":{"primary":"a"}}}`, "another type", ""},
		{`{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + short + `"}}`, "16 to 64 bytes", ""},
		{`{"type":"symmetricKey","symmetricKey":{"secondaryKey":"` + long + `"}}`, "16 to 64 bytes", ""},
		{`{"type":"symmetricKey","symmetricKey":{"primaryKey":"***"}}`, "16 to 64 bytes", ""},
		{`{"type":"x509"}`, required, ""},
		{`{"type":"x509","x509":{}}`, required, ""},
		{`{"type":"x509","x509":{"caReferences":{"primary":null,"secondary":null}}}`, required, ""},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":null}}}`, required, ""},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":""}}}}`, required, "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{}}}}}`, required, "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"AAAA"}}}}`, "Invalid certificate", "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"%%%"}}}}`, "neither PEM nor base64", "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":5}}}}`, "certificate", "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}}}}`, "no certificate in the PEM", "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":` + info + `}}}`, "not that of the stored one", "/enrollments/a"},
		{`{"type":"x509","x509":{"signingCertificates":{"primary":` + info + `}}}`, "takes client certificates", "/enrollments/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":` + info + `}}}`, "takes signing certificates", "/enrollmentGroups/a"},
		{`{"type":"x509","x509":{"clientCertificates":{"primary":` + info + `},"caReferences":{"primary":"a"}}}`, "not both", "/enrollments/a"},
	} {
		t.Run(test.attestation, func(t *testing.T) {
			t.Parallel()
			paths := []string{"/enrollments/a", "/enrollmentGroups/a"}
			if test.path != "" {
				paths = []string{test.path}
			}
			for _, path := range paths {
				message := newTester(t).fail(400004, "PUT", path, `{"registrationId":"a","enrollmentGroupId":"a","attestation":`+test.attestation+`}`)
				require.Contains(t, message, test.message)
				require.NotContains(t, message, short)
				require.NotContains(t, message, long)
			}
		})
	}
}

// newCertificate makes a certificate that it signs itself.
func newCertificate(t testing.TB, subject pkix.Name, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		Subject:      subject,
		SerialNumber: big.NewInt(serial),
		NotBefore:    time.Unix(1684537835, 0),
		NotAfter:     time.Unix(1684624235, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// x509Record is a record with certificates in JSON; those that are nil are left out.
func x509Record(member string, primary, secondary any) string {
	pair := map[string]any{}
	if primary != nil {
		pair["primary"] = primary
	}
	if secondary != nil {
		pair["secondary"] = secondary
	}
	text, _ := json.Marshal(map[string]any{
		"registrationId": "a", "enrollmentGroupId": "a",
		"attestation": map[string]any{"type": "x509", "x509": map[string]any{member: pair}},
	})
	return string(text)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	certificate := newCertificate(t, pkix.Name{CommonName: "device-1"}, 0x0fedcba987654321)
	info := fmt.Sprintf(`{"subjectName":"CN=device-1","sha1Thumbprint":"%X","sha256Thumbprint":"%X","issuerName":"CN=device-1",`+
		`"notBeforeUtc":"2023-05-19T23:10:35Z","notAfterUtc":"2023-05-20T23:10:35Z","serialNumber":"0FEDCBA987654321","version":3}`,
		sha1.Sum(certificate.Raw), sha256.Sum256(certificate.Raw)) //nolint:gosec // as above
	der := base64.StdEncoding.EncodeToString(certificate.Raw)
	for name, text := range map[string]string{
		"PEM":                  pemOf(certificate),
		"PEM after other text": "subject=x\n" + pemOf(certificate) + "\n\n",
		"base64 of PEM":        base64.StdEncoding.EncodeToString([]byte(pemOf(certificate))),
		"base64 of DER":        der,
		"DER in lines":         der[:64] + "\r\n" + der[64:] + "\n",
	} {
		for path, member := range map[string]string{"/enrollments/a": "clientCertificates", "/enrollmentGroups/a": "signingCertificates"} {
			t.Run(name+" "+member, func(t *testing.T) {
				t.Parallel()
				s := newTester(t)
				want := `"attestation":{"type":"x509","x509":{"` + member + `":{"primary":{"info":` + info + `}}}}`
				put := s.do(200, "PUT", path, x509Record(member, map[string]any{"certificate": text}, nil))
				require.Contains(t, put.Body.String(), want)
				require.Contains(t, s.do(200, "GET", path, "").Body.String(), want)
				require.Equal(t, "{"+want+"}", `{"attestation":`+s.do(200, "POST", path+"/attestationmechanism", "").Body.String()+"}")
			})
		}
	}
	long := newCertificateInfo(newCertificate(t, pkix.Name{CommonName: "a", Organization: []string{"O"}, Country: []string{"US"}}, 128))
	require.Equal(t, "CN=a,O=O,C=US", long.SubjectName)
	require.Equal(t, "80", long.SerialNumber, "without the octet of the sign")
}

func TestCertificatesAreKept(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	const member = "clientCertificates"
	one, two := newCertificate(t, pkix.Name{CommonName: "1"}, 1), newCertificate(t, pkix.Name{CommonName: "2"}, 2)
	s.do(200, "PUT", "/enrollments/a", x509Record(member, map[string]any{"certificate": pemOf(one)}, map[string]any{"certificate": pemOf(two)}))
	pair := func() (primary, secondary any) {
		certificates := s.get("/enrollments/a")["attestation"].(map[string]any)["x509"].(map[string]any)[member].(map[string]any)
		return certificates["primary"], certificates["secondary"]
	}
	primary, secondary := pair()
	put := func(code int, primary, secondary any) string {
		t.Helper()
		body := x509Record(member, primary, secondary)
		if code == 200 {
			return s.do(200, "PUT", "/enrollments/a", body, with("If-Match", "*")).Body.String()
		}
		return s.fail(code, "PUT", "/enrollments/a", body, with("If-Match", "*"))
	}
	put(200, primary, secondary) // what was read is written back
	gotPrimary, gotSecondary := pair()
	require.Equal(t, primary, gotPrimary)
	require.Equal(t, secondary, gotSecondary)
	require.Contains(t, s.dump(), base64.StdEncoding.EncodeToString(two.Raw), "the certificate itself is still there")

	thumbprint := secondary.(map[string]any)["info"].(map[string]any)["sha1Thumbprint"].(string)
	put(200, map[string]any{"info": map[string]any{"sha1Thumbprint": strings.ToLower(thumbprint), "subjectName": "CN=lie"}}, nil)
	gotPrimary, gotSecondary = pair()
	require.Equal(t, secondary, gotPrimary)
	require.Nil(t, gotSecondary)
	require.Contains(t, put(400004, primary, nil), "not that of the stored one")
	put(200, map[string]any{"certificate": pemOf(one), "info": secondary.(map[string]any)["info"]}, secondary)
	gotPrimary, _ = pair()
	require.Equal(t, primary, gotPrimary, "a certificate outweighs the info beside it")
}

func TestCAReferencesAndTPM(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	references := `{"type":"x509","x509":{"clientCertificates":null,"signingCertificates":null,"caReferences":{"primary":"root","secondary":null}}}`
	for _, path := range []string{"/enrollments/ca", "/enrollmentGroups/ca"} {
		s.do(200, "PUT", path, `{"registrationId":"ca","enrollmentGroupId":"ca","attestation":`+references+`}`)
		require.JSONEq(t, `{"type":"x509","x509":{"caReferences":{"primary":"root"}}}`, s.do(200, "POST", path+"/attestationmechanism", "").Body.String())
	}
	for _, keys := range []string{`{"endorsementKey":"a"}`, `{"endorsementKey":"a","storageRootKey":""}`, `{"endorsementKey":"a","storageRootKey":"b"}`} {
		attestation := `{"type":"tpm","tpm":` + keys + `}`
		put := s.do(200, "PUT", "/enrollments/a", `{"registrationId":"a","attestation":`+attestation+`}`)
		require.Contains(t, put.Body.String(), attestation)
		require.Contains(t, s.do(200, "GET", "/enrollments/a", "").Body.String(), attestation)
		require.Equal(t, attestation, s.do(200, "POST", "/enrollments/a/attestationmechanism", "").Body.String())
		s.do(204, "DELETE", "/enrollments/a", "")
	}
}
