package dpstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// certificateLife is long, since clocks of tests travel.
const certificateLife = 10 * 365 * 24 * time.Hour

// authority is a certificate authority that signed one certificate, and a client that trusts it.
type authority struct {
	pem    []byte
	leaf   tls.Certificate
	client *http.Client
}

// CertificatePEM returns the server's CA certificate, for clients in other processes. It is valid for ten years from an
// hour before the server was made, by the server's clock, as is the certificate that it signed, for 127.0.0.1, ::1,
// localhost and the address in [Options.Listener].
func (s *Server) CertificatePEM() []byte { return append([]byte(nil), s.authority.pem...) }

// newAuthority makes both certificates, that of the server also for the address of a listener. It panics if that fails,
// which it does only if the random source does.
func newAuthority(now time.Time, listener net.Listener) *authority {
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "dpstest CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	leaf := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if listener != nil {
		if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
			leaf.IPAddresses = append(leaf.IPAddresses, tcp.IP)
		}
	}
	for _, template := range []*x509.Certificate{ca, leaf} {
		template.SerialNumber = newSerial()
		template.NotBefore = now.Add(-time.Hour)
		template.NotAfter = template.NotBefore.Add(certificateLife)
	}
	caKey := newPrivateKey()
	ca = sign(ca, ca, caKey, caKey)
	leafKey := newPrivateKey()
	leaf = sign(leaf, ca, leafKey, caKey)

	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &authority{
		pem:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}),
		leaf: tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: leafKey, Leaf: leaf},
		client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{
				RootCAs:    roots,
				MinVersion: tls.VersionTLS12,
				Time:       func() time.Time { return now }, // the clock of a test may be anywhere
			},
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     time.Minute,
		}},
	}
}

func newPrivateKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Errorf("dpstest: %w", err))
	}
	return key
}

func newSerial() *big.Int {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(fmt.Errorf("dpstest: %w", err))
	}
	return serial
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		panic(fmt.Errorf("dpstest: %w", err))
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Errorf("dpstest: %w", err))
	}
	return certificate
}

// newErrorLog sends what net/http has to say about connections to logf.
func newErrorLog(logf func(format string, args ...any)) *log.Logger {
	return log.New(logWriter(logf), "", 0)
}

type logWriter func(format string, args ...any)

func (l logWriter) Write(p []byte) (int, error) {
	l("dpstest: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}
