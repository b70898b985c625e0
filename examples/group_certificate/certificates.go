package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"
)

// authority is a certificate authority (CA): a certificate, and the private key to sign others with.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newRoot makes a CA whose certificate is signed by itself.
func newRoot(name string) (*authority, error) {
	return newAuthority(name, 1, nil)
}

// newIntermediate makes a CA whose certificate is signed by another, and which signs no CA but devices alone.
func (a *authority) newIntermediate(name string) (*authority, error) {
	return newAuthority(name, 0, a)
}

func newAuthority(name string, authoritiesBelow int, issuer *authority) (*authority, error) {
	certificate, key, err := issue(issuer, &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            authoritiesBelow,
		MaxPathLenZero:        authoritiesBelow == 0,
	})
	return &authority{certificate, key}, err
}

// newDevice makes the certificate of a device, with its private key and the certificate of the CA, which the device shows along
// with its own. The common name must be the registration id.
func (a *authority) newDevice(registrationID string) (*tls.Certificate, error) {
	certificate, key, err := issue(a, &x509.Certificate{
		Subject:     pkix.Name{CommonName: registrationID},
		NotAfter:    time.Now().AddDate(0, 1, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{
		Certificate: [][]byte{certificate.Raw, a.certificate.Raw},
		PrivateKey:  key,
		Leaf:        certificate,
	}, nil
}

// newVerification makes a certificate whose common name is a code that the service gives. Only who has the key of the CA can.
func (a *authority) newVerification(code string) (*x509.Certificate, error) {
	certificate, _, err := issue(a, &x509.Certificate{
		Subject:  pkix.Name{CommonName: code},
		NotAfter: time.Now().AddDate(0, 0, 1),
		KeyUsage: x509.KeyUsageDigitalSignature,
	})
	return certificate, err
}

// issue makes a key pair and a certificate that an authority signs, or that signs itself if there is none.
func issue(issuer *authority, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if issuer == nil {
		issuer = &authority{template, key}
	}
	template.NotBefore = time.Now().Add(-time.Hour) // the clocks of others may be late
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("read a certificate: %w", err)
	}
	return certificate, key, nil
}
