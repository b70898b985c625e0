package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// authority is the certificate of the proxies, and who is trusted.
type authority struct {
	certificate tls.Certificate
	roots       *x509.CertPool
}

// newAuthority makes a certificate for the proxies, and trusts it and the CA of the service.
func newAuthority(serviceCA []byte) (*authority, error) {
	certificate, err := selfSigned("soak proxy")
	if err != nil {
		return nil, err
	}
	a := &authority{certificate: certificate, roots: x509.NewCertPool()}
	if !a.roots.AppendCertsFromPEM(serviceCA) {
		return nil, errors.New("the service has no CA certificate")
	}
	a.roots.AddCert(certificate.Leaf)
	return a, nil
}

// transport trusts the authority and nobody else.
func (a *authority) transport() *http.Transport {
	return &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}
}

// selfSigned makes a certificate that is good for the loopback interface and as the attestation of a device.
func selfSigned(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// pool holds certificates of devices by their thumbprint.
type pool struct {
	thumbprints []string
	byThumb     map[string]*x509.Certificate
}

func newPool(n int) (*pool, error) {
	p := &pool{byThumb: make(map[string]*x509.Certificate, n)}
	for range n {
		made, err := selfSigned("soak device")
		if err != nil {
			return nil, err
		}
		thumb := thumbprint(made.Leaf)
		p.thumbprints = append(p.thumbprints, thumb)
		p.byThumb[thumb] = made.Leaf
	}
	return p, nil
}

// thumbprint is the SHA-256 of a certificate as the service shows it.
func thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
