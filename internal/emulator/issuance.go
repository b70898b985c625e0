package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// How long certificates live.
//
// Inferred: the life of one that is issued, which a certificate policy would say.
const (
	issuedLife = 30 * 24 * time.Hour
	issuerLife = 10 * 365 * 24 * time.Hour
)

// issuer is the certificate authority behind every certificate policy: a root and an intermediate, made when they are
// first needed. It is not part of the state that is dumped.
type issuer struct {
	mu                 sync.Mutex
	root, intermediate *x509.Certificate
	key                *ecdsa.PrivateKey // of the intermediate
}

// issue makes the certificate that a device asks for: its chain in DER, the device's own first. A device that sends no
// csr gets none.
//
// Inferred: the texts, and that nothing is registered if the csr is refused.
func (c *call) issue(d *device) ([][]byte, error) {
	e := d.enrollment
	switch {
	case d.CSR == nil:
		return nil, nil
	case c.version < versionOfPolicies:
		return nil, invalid("The api-version %s does not know csr.", c.version)
	case e.NamespaceName == "" || e.CertificateAuthorityName == "" || e.CertificatePolicyName == "":
		return nil, invalid("The enrollment names no certificate policy, so a csr cannot be taken.")
	}
	request, err := parseCSR(*d.CSR)
	if err != nil {
		return nil, invalid("Invalid csr: %v.", err)
	}
	if !strings.EqualFold(request.Subject.CommonName, c.id) {
		return nil, invalid("Invalid csr: the common name is not the registration id.")
	}
	return c.issuer.sign(request, c.now)
}

// parseCSR reads the base64 of a PKCS #10 request in DER, and checks that its key signed it.
func parseCSR(text string) (*x509.CertificateRequest, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("not base64: %w", err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	if err := request.CheckSignature(); err != nil {
		return nil, err
	}
	return request, nil
}

// sign makes a certificate for a request and returns it with its issuers.
func (i *issuer) sign(request *x509.CertificateRequest, now time.Time) ([][]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.prepare(now); err != nil {
		return nil, err
	}
	template := newTemplate(request.Subject, now, issuedLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	leaf, err := x509.CreateCertificate(rand.Reader, template, i.intermediate, request.PublicKey, i.key)
	if err != nil {
		return nil, invalid("Invalid csr: %v.", err)
	}
	return [][]byte{leaf, i.intermediate.Raw, i.root.Raw}, nil
}

// prepare makes the root and the intermediate, unless they are there and outlive what they will sign.
func (i *issuer) prepare(now time.Time) error {
	if i.root != nil && !now.Before(i.root.NotBefore) && now.Add(issuedLife).Before(i.root.NotAfter) {
		return nil
	}
	var err error
	var rootKey *ecdsa.PrivateKey
	if i.root, rootKey, err = newCA("dpstest root", now, nil, nil); err != nil {
		return err
	}
	i.intermediate, i.key, err = newCA("dpstest intermediate", now, i.root, rootKey)
	return err
}

// newCA makes a certificate authority that another signs for, or itself if there is no other.
func newCA(name string, now time.Time, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("emulator: %w", err)
	}
	template := newTemplate(pkix.Name{CommonName: name}, now, issuerLife)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, fmt.Errorf("emulator: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return certificate, key, err
}

// newTemplate is a certificate from an hour ago on, with a serial number of its own.
func newTemplate(subject pkix.Name, now time.Time, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	return &x509.Certificate{
		Subject:      subject,
		SerialNumber: serial,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(life),
	}
}
