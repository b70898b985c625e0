// Command certificates writes what devices need to register with X.509 to a directory: device.pem with device.key, which
// is signed by itself, and group-device.pem with group-device.key, which an intermediate in the same file signed, under
// the root in group.pem.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: certificates DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "certificates:", err)
		os.Exit(1)
	}
}

func run(directory string) error {
	device, err := issue("device-x509", false, nil)
	if err != nil {
		return err
	}
	root, err := issue("interop root", true, nil)
	if err != nil {
		return err
	}
	intermediate, err := issue("interop intermediate", true, root)
	if err != nil {
		return err
	}
	member, err := issue("group-device-x509", false, intermediate)
	if err != nil {
		return err
	}
	deviceKey, err := x509.MarshalPKCS8PrivateKey(device.key)
	if err != nil {
		return err
	}
	memberKey, err := x509.MarshalPKCS8PrivateKey(member.key)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		name, block string
		contents    [][]byte
	}{
		{"device.pem", "CERTIFICATE", [][]byte{device.certificate.Raw}},
		{"device.key", "PRIVATE KEY", [][]byte{deviceKey}},
		{"group.pem", "CERTIFICATE", [][]byte{root.certificate.Raw}},
		{"group-device.pem", "CERTIFICATE", [][]byte{member.certificate.Raw, intermediate.certificate.Raw}},
		{"group-device.key", "PRIVATE KEY", [][]byte{memberKey}},
	} {
		var text []byte
		for _, content := range file.contents {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: file.block, Bytes: content})...)
		}
		if err := os.WriteFile(filepath.Join(directory, file.name), text, 0o600); err != nil { //nolint:gosec // the user names the folder
			return err
		}
	}
	return nil
}

// pair is a certificate with its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate for a day, signed by another or by itself.
func issue(name string, authority bool, by *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  authority,
		KeyUsage:              x509.KeyUsageDigitalSignature,
	}
	if authority {
		template.KeyUsage = x509.KeyUsageCertSign
	} else {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if by == nil {
		by = &pair{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &pair{certificate, key}, nil
}
