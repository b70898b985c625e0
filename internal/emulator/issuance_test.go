package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const policyNamed = `"namespaceName":"my-namespace","certificateAuthorityName":"my-ca","certificatePolicyName":"my-policy"`

// newCSR is a certificate request in DER, signed by key.
func newCSR(t *testing.T, name string, key any) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	require.NoError(t, err)
	return der
}

func csrBody(der []byte) string { return `{"csr":"` + base64.StdEncoding.EncodeToString(der) + `"}` }

func TestIssuance(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.version = versionOfPolicies
	s.do(200, "PUT", "/enrollments/own", withKeys("own", policyNamed))
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", policyNamed))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)

	var roots [][]byte
	for range 2 {
		state := s.assign("own", csrBody(newCSR(t, "own", key)), s.key("own", testKey))
		list := state["issuedCertificateChain"].([]any)
		require.Len(t, list, 3)
		certificates := make([]*x509.Certificate, len(list))
		for i, text := range list {
			certificates[i], err = x509.ParseCertificate(decodeKey(text.(string)))
			require.NoError(t, err)
		}
		trusted, between := x509.NewCertPool(), x509.NewCertPool()
		trusted.AddCert(certificates[2])
		between.AddCert(certificates[1])
		_, err = certificates[0].Verify(x509.VerifyOptions{Roots: trusted, Intermediates: between, CurrentTime: s.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		require.NoError(t, err)
		require.NoError(t, certificates[0].CheckSignatureFrom(certificates[1]))
		require.NoError(t, certificates[1].CheckSignatureFrom(certificates[2]))
		require.Equal(t, "own", certificates[0].Subject.CommonName)
		require.True(t, key.PublicKey.Equal(certificates[0].PublicKey))
		require.False(t, certificates[0].IsCA)
		roots = append(roots, certificates[2].Raw)
		device, _ := s.handler.HubDevice("own")
		require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "own", PrimaryThumbprint: thumbprint(certificates[0].Raw)}, device)
	}
	require.Equal(t, roots[0], roots[1], "one authority signs for all")

	// Of the devices of a group, those that ask get one, also for an RSA key.
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	state := s.assign("dev-1", csrBody(newCSR(t, "dev-1", rsaKey)), s.key("dev-1", deriveKey(testKey, "dev-1")))
	require.Len(t, state["issuedCertificateChain"], 3)
	require.NotContains(t, s.assign("dev-2", "{}", s.key("dev-2", deriveKey(testKey, "dev-2"))), "issuedCertificateChain")

	// A chain is told the device that polls, and nobody else.
	require.NotContains(t, s.do(200, "POST", devicePath("own"), "", s.key("own", testKey)).Body.String(), "issuedCertificateChain")
	require.NotContains(t, s.do(200, "GET", "/registrations/own", "").Body.String(), "issuedCertificateChain")
	operation := s.handler.store.registration("own").OperationID
	s.version = "2021-10-01"
	require.NotContains(t, s.do(200, "GET", devicePath("own")+"/operations/"+operation, "", s.key("own", testKey)).Body.String(), "issuedCertificateChain")
	s.version = versionOfPolicies
	restarted := newTester(t)
	restarted.version = versionOfPolicies
	restarted.load(s.dump())
	require.Contains(t, restarted.do(200, "GET", devicePath("own")+"/operations/"+operation, "", s.key("own", testKey)).Body.String(), "issuedCertificateChain")
	require.NotContains(t, s.assign("own", "{}", s.key("own", testKey)), "issuedCertificateChain", "the next registration asked for none")

	// The authority outlives what it signs, wherever the clock goes.
	s.now = s.now.Add(issuerLife)
	state = s.assign("own", csrBody(newCSR(t, "own", key)), s.key("own", testKey))
	leaf, err := x509.ParseCertificate(decodeKey(state["issuedCertificateChain"].([]any)[0].(string)))
	require.NoError(t, err)
	root, err := x509.ParseCertificate(decodeKey(state["issuedCertificateChain"].([]any)[2].(string)))
	require.NoError(t, err)
	require.True(t, leaf.NotAfter.Before(root.NotAfter) && leaf.NotAfter.After(s.now.Add(24*time.Hour)))
}

func TestRefusedCSRs(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good := newCSR(t, "own", key)
	forged := append([]byte(nil), good...)
	forged[len(forged)-1] ^= 1
	asPEM, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: good})))
	for name, test := range map[string]struct{ version, enrollment, body, message string }{
		"no policy":      {versionOfPolicies, "", csrBody(good), "names no certificate policy"},
		"half a policy":  {versionOfPolicies, `"namespaceName":"my-namespace","certificateAuthorityName":"my-ca"`, csrBody(good), "names no certificate policy"},
		"other version":  {"2021-10-01", policyNamed, csrBody(good), "2021-10-01 does not know csr"},
		"older version":  {"2019-03-31", policyNamed, csrBody(good), "2019-03-31 does not know csr"},
		"empty":          {versionOfPolicies, policyNamed, `{"csr":""}`, "Invalid csr"},
		"not base64":     {versionOfPolicies, policyNamed, `{"csr":"%"}`, "Invalid csr"},
		"PEM":            {versionOfPolicies, policyNamed, `{"csr":` + string(asPEM) + `}`, "Invalid csr"},
		"not PKCS #10":   {versionOfPolicies, policyNamed, `{"csr":"AAAA"}`, "Invalid csr"},
		"forged":         {versionOfPolicies, policyNamed, csrBody(forged), "Invalid csr"},
		"another device": {versionOfPolicies, policyNamed, csrBody(newCSR(t, "other", key)), "not the registration id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			s.version = versionOfPolicies
			s.do(200, "PUT", "/enrollments/own", withKeys("own", test.enrollment))
			s.version = test.version
			require.Contains(t, s.fail(400004, "PUT", devicePath("own")+"/register", test.body, s.key("own", testKey)), test.message)
			s.fail(404203, "GET", "/registrations/own", "")
			s.assign("own", `{"csr":null}`, s.key("own", testKey))
			s.fail(400004, "POST", devicePath("own"), test.body, s.key("own", testKey))
		})
	}
}
