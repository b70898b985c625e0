package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testKey makes a key from a name.
func testKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// certificate makes a certificate that ends after some days, as the base64 of its DER.
func certificate(t *testing.T, name string, days int) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	end := time.Now().Add(time.Duration(days)*day + time.Hour)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(days) + 1000), Subject: pkix.Name{CommonName: name},
		NotBefore: end.Add(-1000 * day), NotAfter: end,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

// x509Device is a line of a record with a client certificate.
func x509Device(t *testing.T, id, certificate string) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{
		"registrationId": id,
		"attestation": map[string]any{
			"type": "x509",
			"x509": map[string]any{"clientCertificates": map[string]any{"primary": map[string]any{"certificate": certificate}}},
		},
	})
	require.NoError(t, err)
	return string(line)
}
