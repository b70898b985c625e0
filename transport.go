package azdps

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// transport wraps the transport of the caller, or the default one: it bounds the body of an answer, marks errors of a body,
// and tells the write under way whether it may have reached the service.
type transport struct {
	next    policy.Transporter
	traces  bool // next is known to call the hooks of httptrace; that of a caller may have other protocols registered
	maxBody int64
}

func newTransport(next policy.Transporter, maxBody int64) *transport {
	client, isClient := next.(*http.Client)
	switch {
	case next == nil || isClient && client == nil:
		next = defaultTransport()
	case isClient && client.CheckRedirect == nil:
		next = withoutRedirects(client)
	}
	if maxBody == 0 {
		maxBody = defaultMaxResponseBody
	}
	return &transport{next: next, traces: next == defaultTransport(), maxBody: maxBody}
}

// Do implements [policy.Transporter].
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	resp, err := t.send(req)
	if err != nil {
		return nil, err
	}
	if resp.Body == nil { // net/http gives none such, but azcore takes it from others
		resp.Body = http.NoBody
	}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		_ = resp.Body.Close() // it is the connection itself, and to read from it would wait forever, whatever the context
		return nil, &finalError{errors.New("azdps: the server answered 101 and changed to another protocol, which nobody asked for")}
	case resp.ContentLength > t.maxBody:
		_ = resp.Body.Close()
		return nil, tooLarge(resp.StatusCode, t.maxBody)
	}
	resp.Body = &boundedBody{body: resp.Body, status: resp.StatusCode, left: t.maxBody, limit: t.maxBody}
	return resp, nil
}

// send tells a write whether it may have reached the service.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	w := writeOf(req.Context())
	if w != nil && w.sent { // a policy of the caller sends it again within the try
		w.lost, w.sent = true, false
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if w == nil {
		return answered(t.next.Do(ownBody(req)))
	}
	w.connected.Store(false)
	connection := connection{write: w, asked: t.traces}
	resp, err := answered(t.next.Do(ownBody(req.WithContext(httptrace.WithClientTrace(req.Context(), connection.trace())))))
	w.sent = !connection.failed(err) && (err != nil || !refused(resp.StatusCode))
	return resp, err
}

// answered makes an error of neither an answer nor an error.
func answered(resp *http.Response, err error) (*http.Response, error) {
	if resp == nil && err == nil {
		err = errors.New("azdps: the transport returned no response")
	}
	return resp, err
}

// ownBody keeps a request from reading the body that all tries share, which azcore puts back where a policy rewinds it. The goroutine
// of net/http that sends a try may not be done when the answer is there, and would take bytes from the next one.
func ownBody(req *http.Request) *http.Request {
	if body, ok := req.Body.(*requestBody); ok {
		req = req.WithContext(req.Context()) // a copy
		req.Body, _ = body.reopen()
	}
	return req
}

// connection watches whether a request got as far as a connection.
type connection struct {
	write           *write
	mu              sync.Mutex // hooks may run in goroutines of the transport
	asked, obtained bool       // asked is true from the start if the transport is known to call the hooks
}

func (c *connection) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			c.write.connected.Store(false) // net/http asks again if the connection that it got was dead
			c.set(&c.asked)
		},
		GotConn: func(httptrace.GotConnInfo) {
			c.write.connected.Store(true)
			c.set(&c.obtained)
		},
	}
}

func (c *connection) set(flag *bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*flag = true
}

// failed reports whether it is certain that the request was not sent. A transport that calls no hooks leaves only the error.
func (c *connection) failed(err error) bool {
	if err == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked {
		return !c.obtained
	}
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// boundedBody reads at most limit bytes, and marks the errors of reading.
type boundedBody struct {
	body        io.ReadCloser
	status      int
	left, limit int64
}

// Read implements [io.Reader].
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		p = p[:b.left+1] // one byte more, to know
	}
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.status, b.limit)
	}
	if err != nil && err != io.EOF {
		err = &brokenBodyError{b.status, err}
	}
	return n, err
}

// Close implements [io.Closer].
func (b *boundedBody) Close() error { return b.body.Close() }

// brokenBodyError is an answer that ended before its body did.
type brokenBodyError struct {
	status int
	err    error
}

func (e *brokenBodyError) Error() string {
	return fmt.Sprintf("azdps: the answer %d broke off: %v", e.status, e.err)
}

func (e *brokenBodyError) Unwrap() error { return e.err }

func tooLarge(status int, limit int64) error {
	return &finalError{fmt.Errorf("azdps: the body of the answer %d is larger than the %d bytes of ClientOptions.MaxResponseBody", status, limit)}
}
