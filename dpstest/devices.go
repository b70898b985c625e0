package dpstest

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/azdps/azdps/internal/emulator"
)

// DeviceURL returns the endpoint of the device API, which is that of the service API.
func (s *Server) DeviceURL() string { return s.URL() }

// IDScope returns the ID scope that devices use. It is the same for every server.
func (s *Server) IDScope() string { return emulator.IDScope }

// HubDevice is a device as its IoT hub would have it after it registered. The fmt package prints it without its keys and
// its twin; encoding it as JSON includes them.
type HubDevice struct {
	// Hub is the host name of the IoT hub, DeviceID the device's id in it.
	Hub, DeviceID string

	// PrimaryKey and SecondaryKey are the base64 keys of a device with symmetric keys: its own, or those derived from its
	// group's. A TPM has one, which the device was told.
	PrimaryKey, SecondaryKey string

	// PrimaryThumbprint and SecondaryThumbprint are the SHA-256 thumbprints, in upper-case hexadecimal digits, of the
	// certificates of an X.509 device. A device of a group has one, and one that was issued a certificate that one's.
	PrimaryThumbprint, SecondaryThumbprint string

	// IotEdge says whether it is an IoT Edge device.
	IotEdge bool

	// Twin is the initial twin that the device was given when it came to the hub, or nil.
	Twin json.RawMessage
}

// Format prints the device without its keys and twin, whatever the verb.
func (d HubDevice) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "HubDevice(%s at %s)", d.DeviceID, d.Hub)
}

// LogValue implements [slog.LogValuer]; it keeps the keys and the twin out of logs.
func (d HubDevice) LogValue() slog.Value {
	return slog.GroupValue(slog.String("hub", d.Hub), slog.String("deviceId", d.DeviceID))
}

// HubDevice returns what an IoT hub would have of a device that registered, by its registration id, and whether it ever
// was assigned to one. A device whose enrollment was disabled since stays in its hub. With the registration, the server
// forgets the device, which a hub would not.
func (s *Server) HubDevice(registrationID string) (HubDevice, bool) {
	device, ok := s.service.HubDevice(registrationID)
	return HubDevice(device), ok
}

// DeviceTransport is [Server.Transport] for a device with a certificate, followed by those that lead to its CA: the
// server sees it as from a TLS handshake. Over the socket, give the certificate to the TLS configuration of a client. It
// panics if the certificate and its private key do not belong together.
func (s *Server) DeviceTransport(certificate tls.Certificate) *http.Client {
	state, err := present(certificate)
	if err != nil {
		panic(fmt.Errorf("dpstest: %w", err))
	}
	return &http.Client{Transport: &presenter{memory: s.memory, state: state}}
}

// present is what a server knows of a client that showed a certificate and proved to have its key.
func present(certificate tls.Certificate) (*tls.ConnectionState, error) {
	var chain []*x509.Certificate
	for _, der := range certificate.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, parsed)
	}
	if len(chain) == 0 {
		return nil, errors.New("no certificate")
	}
	key, ok := certificate.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("no private key that signs")
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return nil, errors.New("the private key is not that of the certificate")
	}
	return &tls.ConnectionState{
		Version:           tls.VersionTLS13,
		HandshakeComplete: true,
		PeerCertificates:  chain,
	}, nil
}

// presenter sends requests as one that showed a certificate.
type presenter struct {
	memory *memoryTransport
	state  *tls.ConnectionState
}

// presentedKey finds what was shown in the context of a request.
type presentedKey struct{}

// RoundTrip is part of [http.RoundTripper].
func (p *presenter) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.memory.RoundTrip(r.WithContext(context.WithValue(r.Context(), presentedKey{}, p.state)))
	if response != nil {
		response.Request = r
	}
	return response, err
}

// presentedBy is the TLS state of a request in memory, nil if its client showed no certificate.
func presentedBy(ctx context.Context) *tls.ConnectionState {
	state, _ := ctx.Value(presentedKey{}).(*tls.ConnectionState)
	return state
}
