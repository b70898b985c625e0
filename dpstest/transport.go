package dpstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memoryTransport runs a handler in place of a connection. It holds nothing between requests: no goroutine, no channel,
// so that it works in and out of any synctest bubble.
type memoryTransport struct {
	handler http.Handler

	mu       sync.Mutex
	closed   bool
	underway map[*exchange]struct{}
	finished sync.Cond // an exchange is no more under way
}

func newMemoryTransport(handler http.Handler) *memoryTransport {
	t := &memoryTransport{handler: handler, underway: make(map[*exchange]struct{})}
	t.finished.L = &t.mu
	return t
}

// RoundTrip gives the request to the handler, in a goroutine of its own, and returns once the answer's headers are sent.
func (t *memoryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readRequestBody(r)
	if err == nil {
		err = context.Cause(r.Context())
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	x := &exchange{request: r, header: http.Header{}, cancel: cancel, length: -1}
	x.changed.L = &x.mu
	served, err := serverRequest(ctx, r, body)
	if err == nil {
		err = t.begin(x)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	unwatch := context.AfterFunc(r.Context(), func() { x.end(context.Cause(r.Context())) })
	go func() {
		defer t.finish(x)
		defer unwatch()
		x.serve(t.handler, served)
	}()
	return x.response()
}

// begin counts a request in.
func (t *memoryTransport) begin(x *exchange) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fmt.Errorf("dpstest: connection refused: %w", http.ErrServerClosed)
	}
	t.underway[x] = struct{}{}
	return nil
}

func (t *memoryTransport) finish(x *exchange) {
	x.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.underway, x)
	t.finished.Broadcast()
}

// close breaks the requests under way, waits for their handlers, and refuses later ones.
func (t *memoryTransport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for x := range t.underway {
		x.end(errDropped)
		x.cancel()
	}
	for len(t.underway) > 0 {
		t.finished.Wait()
	}
}

// errDropped is what a client sees of a connection that the server dropped.
var errDropped = fmt.Errorf("dpstest: connection dropped: %w", io.ErrUnexpectedEOF)

// readRequestBody reads the body as the request announces it, and closes it.
func readRequestBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer func() { _ = r.Body.Close() }() // it was read to its end
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("dpstest: request body: %w", err)
	}
	if r.ContentLength > 0 && r.ContentLength != int64(len(body)) {
		return nil, fmt.Errorf("dpstest: Content-Length is %d, the request body has %d bytes", r.ContentLength, len(body))
	}
	return body, nil
}

// serverRequest is the request as a server would have read it from a connection.
func serverRequest(ctx context.Context, r *http.Request, body []byte) (*http.Request, error) {
	if r.URL == nil || r.URL.Host == "" {
		return nil, errors.New("dpstest: the URL has no host")
	}
	target, err := url.ParseRequestURI(r.URL.RequestURI())
	if err != nil {
		return nil, fmt.Errorf("dpstest: %w", err)
	}
	served := r.Clone(ctx)
	served.URL, served.RequestURI = target, r.URL.RequestURI()
	served.Proto, served.ProtoMajor, served.ProtoMinor = "HTTP/1.1", 1, 1
	served.RemoteAddr = "127.0.0.1:0"
	served.TLS = presentedBy(ctx)
	served.Body, served.GetBody, served.Response = io.NopCloser(bytes.NewReader(body)), nil, nil
	served.ContentLength, served.TransferEncoding = int64(len(body)), nil
	if served.Host == "" {
		served.Host = r.URL.Host
	}
	if served.Method == "" {
		served.Method = http.MethodGet
	}
	if served.Header == nil {
		served.Header = http.Header{}
	}
	served.Header.Del("Host")
	if len(body) > 0 || served.Method == http.MethodPost || served.Method == http.MethodPut {
		served.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if _, ok := served.Header["User-Agent"]; !ok {
		served.Header.Set("User-Agent", "Go-http-client/1.1")
	}
	return served, nil
}

// exchange is one request and its answer: the writer of the handler and the body of the client.
type exchange struct {
	request *http.Request
	cancel  context.CancelFunc

	header http.Header // the handler's own, until it is sent

	mu      sync.Mutex
	changed sync.Cond
	status  int         // what the handler set, or 0
	sent    http.Header // what the client sees, or nil before
	length  int64       // as announced, or -1
	written int64
	body    bytes.Buffer
	err     error // how the answer ended: io.EOF if well
}

// serve runs the handler and ends the answer as the handler ended.
func (x *exchange) serve(handler http.Handler, r *http.Request) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
			x.complete()
		case http.ErrAbortHandler:
			x.end(errDropped)
		default:
			x.end(fmt.Errorf("dpstest: the handler panicked: %v: %w", cause, io.ErrUnexpectedEOF))
		}
	}()
	handler.ServeHTTP(x, r)
}

// complete ends an answer that the handler finished. A client that left before the headers gets none, whatever the handler
// made of its leaving.
func (x *exchange) complete() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if cause := context.Cause(x.request.Context()); cause != nil && x.sent == nil {
		x.endLocked(cause)
		return
	}
	x.send()
	if x.length > x.written && x.hasBody() {
		x.endLocked(errDropped)
	}
	x.endLocked(io.EOF)
}

// end ends the answer, unless it ended before.
func (x *exchange) end(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.endLocked(err)
}

// endLocked is end for a caller that holds the lock. A client that gave up is told that, not what its leaving did.
func (x *exchange) endLocked(err error) {
	if x.err == nil {
		x.err = err
		if cause := context.Cause(x.request.Context()); cause != nil && !errors.Is(err, io.EOF) {
			x.err = cause
		}
	}
	x.changed.Broadcast()
}

// response waits until the headers are sent, or never will be.
func (x *exchange) response() (*http.Response, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.sent == nil && x.err == nil {
		x.changed.Wait()
	}
	if x.sent == nil {
		return nil, x.err
	}
	response := &http.Response{
		Status:        fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)),
		StatusCode:    x.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        x.sent,
		Body:          (*answerBody)(x),
		ContentLength: x.length,
		Request:       x.request,
	}
	if x.length < 0 {
		response.TransferEncoding = []string{"chunked"}
	}
	return response, nil
}

// Header is part of [http.ResponseWriter].
func (x *exchange) Header() http.Header { return x.header }

// WriteHeader is part of [http.ResponseWriter]. As on a connection, the headers go out with the first byte of the body,
// with a flush, or when the handler returns.
func (x *exchange) WriteHeader(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
	}
}

// Write is part of [http.ResponseWriter]. It never waits for the client, so a body that nobody reads holds nothing up.
func (x *exchange) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent == nil && x.header.Get("Content-Type") == "" && len(p) > 0 {
		x.header.Set("Content-Type", http.DetectContentType(p))
	}
	x.send()
	switch {
	case !x.hasBody():
		return 0, http.ErrBodyNotAllowed
	case x.length >= 0 && x.written+int64(len(p)) > x.length:
		return 0, http.ErrContentLength
	case x.err != nil:
		return 0, x.err
	}
	x.written += int64(len(p))
	x.body.Write(p)
	x.changed.Broadcast()
	return len(p), nil
}

// Flush is part of [http.Flusher].
func (x *exchange) Flush() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.send()
}

// send makes the headers visible to the client, once. The caller holds the lock.
func (x *exchange) send() {
	if x.sent != nil {
		return
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	x.sent = x.header.Clone()
	x.sent.Del("Transfer-Encoding")
	if !strings.EqualFold(x.header.Get("Transfer-Encoding"), "chunked") {
		if length, err := strconv.ParseInt(x.header.Get("Content-Length"), 10, 64); err == nil {
			x.length = length
		}
	}
	if !x.hasBody() {
		x.length = 0
	}
	if x.sent.Get("Date") == "" {
		x.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	x.changed.Broadcast()
}

// hasBody says whether an answer of this kind has one. The caller holds the lock.
func (x *exchange) hasBody() bool {
	return x.request.Method != http.MethodHead && x.status != http.StatusNoContent && x.status != http.StatusNotModified
}

// answerBody is the client's side of an exchange.
type answerBody exchange

// Read waits for the handler to write.
func (b *answerBody) Read(p []byte) (int, error) {
	x := (*exchange)(b)
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.body.Len() == 0 && x.err == nil {
		x.changed.Wait()
	}
	if x.body.Len() > 0 {
		return x.body.Read(p)
	}
	return 0, x.err
}

// Close tells the handler that nobody listens.
func (b *answerBody) Close() error {
	x := (*exchange)(b)
	x.mu.Lock()
	x.body.Reset()
	x.endLocked(http.ErrBodyReadAfterClose)
	x.mu.Unlock()
	x.cancel()
	return nil
}
