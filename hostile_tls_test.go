package azdps_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serverCertificate makes a certificate for a host, valid from and until so far from now, and the pool that trusts it.
func serverCertificate(t *testing.T, host string, from, until time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// hostileTLS are servers that a client must not talk to. The settings are those of the client's own transport.
var hostileTLS = map[string]struct {
	host        string
	from, until time.Duration
	edit        func(server, client *tls.Config)
	serve       func(*peer) // on the bare connection, in place of TLS
	row         hostile
}{
	"a certificate of another host": {
		host: "evil.example", row: hostile{text: "certificate is valid for evil.example, not " + wireHost}},
	"a certificate of a host below": {
		host: "evil." + wireHost, row: hostile{text: "certificate is valid for evil." + wireHost}},
	"a certificate that has expired": {
		until: -time.Minute, row: hostile{text: "certificate has expired or is not yet valid"}},
	"a certificate that is not valid yet": {
		from: 24*time.Hour + time.Minute, row: hostile{text: "certificate has expired or is not yet valid"}},
	"a certificate of nobody known": {
		edit: func(_, client *tls.Config) { client.RootCAs = x509.NewCertPool() },
		row:  hostile{text: "certificate signed by unknown authority"}},
	"TLS 1.1 only": {
		edit: func(server, _ *tls.Config) { server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		row:  hostile{text: "protocol version not supported"}},
	"a client certificate is wanted": { // in TLS 1.3 the client hears of it when it has sent its request
		edit: func(server, _ *tls.Config) { server.ClientAuth = tls.RequireAnyClientCert },
		row:  hostile{text: "certificate required", unknown: true}},
	"no TLS": {
		serve: func(p *peer) { p.write(rawAnswer(400, "")); p.wait() },
		row:   hostile{text: "server gave HTTP response to HTTPS client"}},
	"a handshake that never ends": {
		serve: (*peer).wait, row: hostile{try: 10 * time.Second, text: "TLS handshake timeout"}},
	"a handshake that breaks off": {
		serve: func(p *peer) { _, _ = p.in.ReadByte() }, row: hostile{text: "EOF"}},
}

// TestHostileTLS sends every operation to servers that are not the service. But for the one that hangs up afterwards none sees
// a request.
func TestHostileTLS(t *testing.T) {
	t.Parallel()
	for name, test := range hostileTLS {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T, operation call) {
				certificate, pool := serverCertificate(t, cmp.Or(test.host, wireHost), test.from-24*time.Hour, cmp.Or(test.until, time.Hour))
				server, client := &tls.Config{Certificates: []tls.Certificate{certificate}}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
				if test.edit != nil {
					test.edit(server, client)
				}
				w := newTLSWire(server, client, says(operation.rawOK()))
				defer w.end(t)
				if test.serve != nil {
					w.serve = test.serve
				}
				row := test.row
				row.tries, row.arrive, row.unknown = 4, -1, row.unknown && operation.kind != readCall
				start := time.Now()
				err := operation.do(t.Context(), w.client(t))
				row.of(operation).check(t, w, err, time.Since(start))
			})
		})
	}
}

// TestGoodTLS shows that the faults of the table are the reason.
func TestGoodTLS(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T, operation call) {
		certificate, pool := serverCertificate(t, wireHost, -time.Hour, time.Hour)
		w := newTLSWire(&tls.Config{Certificates: []tls.Certificate{certificate}}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, says(operation.rawOK()))
		defer w.end(t)
		require.NoError(t, operation.do(t.Context(), w.client(t)))
	})
}
