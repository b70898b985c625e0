package azdps

import (
	"cmp"
	"crypto/tls"
	"errors"
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
type roundTripper struct{ *http.Transport }

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

// Do implements [policy.Transporter]. Its errors are those of an http.Client.
func (t *roundTripper) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	if notTLS, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(notTLS.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch
	}
	method := cmp.Or(req.Method, http.MethodGet)
	return nil, &url.Error{Op: method[:1] + strings.ToLower(method[1:]), URL: req.URL.Redacted(), Err: err}
}
