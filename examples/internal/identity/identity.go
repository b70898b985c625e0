// Package identity makes up what devices prove themselves with, for programs that need some and not the making.
// examples/group_certificate shows how certificates are made.
package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/azdps/azdps"
)

// NewCertificate makes a certificate for a device, and forgets the private key, which a device would keep.
func NewCertificate(commonName string) (*x509.Certificate, error) {
	return selfSigned(commonName, x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// NewCACertificate makes a certificate that stands for one of a certificate authority, and forgets the private key, with which
// that would sign the certificates of devices.
func NewCACertificate(commonName string) (*x509.Certificate, error) {
	return selfSigned(commonName, x509.Certificate{KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true})
}

func selfSigned(commonName string, template x509.Certificate) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	template.Subject = pkix.Name{CommonName: commonName}
	template.NotBefore = now.Add(-time.Hour)
	template.NotAfter = now.Add(24 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return azdps.ParseCertificate(der)
}

// NewEndorsementKey makes what a TPM gives as the public part of its endorsement key: a TPM2B_PUBLIC with an RSA key of 2048
// bits, after the default template of the TCG EK Credential Profile. Its modulus is random bits, for no TPM is there that would
// need the private half.
func NewEndorsementKey() string {
	modulus := make([]byte, 256)
	_, _ = rand.Read(modulus) // never fails
	modulus[0] |= 0x80        // so that it has 2048 bits
	modulus[255] |= 1         // and is odd
	var public []byte
	add := func(parts ...uint16) {
		for _, part := range parts {
			public = binary.BigEndian.AppendUint16(public, part)
		}
	}
	add(0x0001, 0x000b) // an RSA key, named by SHA-256
	add(0x0003, 0x00b2) // its attributes: fixed to the TPM, restricted to decryption
	add(sha256.Size)    // the policy that guards its use:
	public = append(public, endorsementPolicy()...)
	add(0x0006, 0x0080, 0x0043) // AES of 128 bits in CFB mode for what it protects
	add(0x0010, 0x0800, 0, 0)   // no scheme, 2048 bits, the default exponent
	add(uint16(len(modulus)))   //nolint:gosec // 256
	public = append(public, modulus...)
	sized := binary.BigEndian.AppendUint16(nil, uint16(len(public))) //nolint:gosec // a few hundred
	return base64.StdEncoding.EncodeToString(append(sized, public...))
}

// endorsementPolicy is PolicySecret of the endorsement hierarchy.
func endorsementPolicy() []byte {
	const policySecret, endorsementHierarchy = 0x00000151, 0x4000000b
	start := make([]byte, sha256.Size)
	start = binary.BigEndian.AppendUint32(start, policySecret)
	start = binary.BigEndian.AppendUint32(start, endorsementHierarchy)
	step := sha256.Sum256(start)
	policy := sha256.Sum256(step[:]) // with an empty reference
	return policy[:]
}
