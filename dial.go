package azdps

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	dialTimeout = 30 * time.Second // of a connection, its TLS handshake included
	maxDials    = 4                // to one address at once
)

// gate makes the TLS connections of the default transport, a few at a time. net/http asks for one for each call that finds none idle,
// although most calls that wait soon get that of a call that has ended: 16 callers that start together would open 20 to 35.
type gate struct {
	dialer tls.Dialer
	places sync.Map // of addresses to chan struct{}, which holds the dials under way
}

func newGate(config *tls.Config) *gate {
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"} // which net/http adds only to connections that it makes itself
	return &gate{dialer: tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout, KeepAlive: dialTimeout}, Config: config}}
}

// errNotNeeded is told to nobody: the call has a connection.
var errNotNeeded = errors.New("azdps: the call has got another connection")

// dial connects, when it is its turn, unless the write that asked for the connection has got another meanwhile.
func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	value, known := g.places.Load(address)
	if !known {
		value, _ = g.places.LoadOrStore(address, make(chan struct{}, maxDials))
	}
	places := value.(chan struct{})
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if w := writeOf(ctx); w != nil && w.connected.Load() {
		return nil, errNotNeeded
	}
	return g.dialer.DialContext(ctx, network, address)
}
