package azdps

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// defaultTransport is shared by all clients of the process that bring none.
var defaultTransport = sync.OnceValue(func() policy.Transporter {
	return newRoundTripper(&tls.Config{MinVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateFreelyAsClient})
})

// roundTripper sends requests without what an [http.Client] adds: redirects and cookies. The service has neither, a credential must not
// follow a redirect, and to be ready for one costs a copy of the headers of each request.
type roundTripper struct{ next http.RoundTripper }

// newRoundTripper has the settings of azcore, but for the idle connections: with its 10 a host, callers in parallel open and close
// connections all the time.
func newRoundTripper(config *tls.Config) *roundTripper {
	gate := newGate(config)
	return &roundTripper{&http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           gate.dialer.NetDialer.DialContext, // to a proxy, or without TLS
		DialTLSContext:        gate.dial,
		ForceAttemptHTTP2:     true,
		WriteBufferSize:       16 << 10, // a bulk operation in one TLS record
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       config,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}}
}

// withoutRedirects keeps a caller's client from following them, which would make a read of a write, or take keys to another host. The
// client itself stays as it is.
func withoutRedirects(client *http.Client) policy.Transporter {
	if client.Jar == nil && client.Timeout == 0 {
		return &roundTripper{cmp.Or(client.Transport, http.DefaultTransport)}
	}
	copied := *client
	copied.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &copied
}

// Do implements [policy.Transporter]. Its errors look like those of an http.Client.
func (t *roundTripper) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	// Not of a proxy, whose error wraps such a one.
	if notTLS, ok := err.(tls.RecordHeaderError); ok && string(notTLS.RecordHeader[:]) == "HTTP/" { //nolint:errorlint // see above
		err = http.ErrSchemeMismatch
	}
	method := cmp.Or(req.Method, http.MethodGet)
	return nil, &url.Error{Op: method[:1] + strings.ToLower(method[1:]), URL: req.URL.Redacted(), Err: err}
}
