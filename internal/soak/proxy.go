package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// proxy stands between one worker and the service, over TLS, and spoils what the plan says.
type proxy struct {
	url      string
	service  string
	upstream *http.Transport
	client   *http.Transport // of the worker
	server   *http.Server
	tally    *tally
	plan     faultPlan
	tamper   middleware // for tests: lies that no proxy may tell
	done     chan struct{}
	order    sync.Mutex // of the requests to the service

	mu          sync.Mutex
	requests    uint64
	trail       []string // the last requests, for the log of a violation
	connections map[net.Conn]struct{}
}

// newProxy listens on a free port of the loopback interface.
func newProxy(ctx context.Context, target string, pki *authority, upstream *http.Transport, plan faultPlan, tamper middleware, t *tally) (*proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		url: "https://" + listener.Addr().String(), service: target, upstream: upstream, client: pki.transport(),
		tally: t, plan: plan, tamper: tamper, done: make(chan struct{}), connections: make(map[net.Conn]struct{}),
	}
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.serve),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{pki.certificate}, MinVersion: tls.VersionTLS12},
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // HTTP/1.1, as the emulator
		ConnState:         p.track,
		ErrorLog:          log.New(io.Discard, "", 0), // of the connections that it breaks
		ReadHeaderTimeout: time.Minute,
	}
	go func() {
		defer close(p.done)
		_ = p.server.ServeTLS(listener, "", "") // returns when it is closed
	}()
	return p, nil
}

// serve spoils one request, or passes it on.
func (p *proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	n := p.requests
	p.requests++
	p.mu.Unlock()
	fault := p.plan.at(n)
	p.tally.fault(fault.name)
	// The server notices that the worker gives up only after it has read the request.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the worker broke off: no request
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	what := fmt.Sprint(r.Method, " ", r.URL.Path, " ", strings.Join(idInBody.FindAllString(string(body), -1), " "), " If-Match ", r.Header.Get("If-Match"))
	p.remember("%s meets %s", what, fault.name)
	defer p.remember("%s has met %s", what, fault.name)
	var next http.Handler = http.HandlerFunc(p.forward)
	if p.tamper != nil {
		honest := next
		next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.tamper(w, r, honest) })
	}
	fault.spoil(w, r, next)
}

// forward sends a request to the service and its answer back. It waits for the service even if the worker has given up: when
// the connections of the worker are closed, all that it sent has been done. The requests of a worker are sent on one after
// another, and not after it gave them up: a network that lets the repetition of a write overtake the write would undo what
// comes after, unless the write has an ETag, and no client can help that.
func (p *proxy) forward(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the worker broke off: no request
	}
	what := fmt.Sprint(r.Method, " ", r.URL.Path, " ", strings.Join(idInBody.FindAllString(string(body), -1), " "))
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.service+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		p.tally.violate(falseReport, "the client sent what cannot be sent on: %v", err)
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	p.order.Lock()
	defer p.order.Unlock()
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	resp, err := p.upstream.RoundTrip(out)
	if err != nil {
		p.tally.violate(broken, "the service did not answer: %v", err)
		panic(http.ErrAbortHandler)
	}
	answer, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		p.tally.violate(broken, "the answer of the service broke off: %v", err)
		panic(http.ErrAbortHandler)
	}
	p.remember("%s is answered with %d", what, resp.StatusCode)
	for name, values := range resp.Header {
		if name != "Content-Length" { // the answer may be spoilt
			w.Header()[name] = values
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer) // the worker may be gone
}

// idInBody finds the records of a bulk operation.
var idInBody = regexp.MustCompile(`worker-[0-9]+-(individual|group)-[0-9]+`)

// trailLength is how many lines of what happened a proxy keeps.
const trailLength = 400

// remember adds a line to the trail.
func (p *proxy) remember(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.trail) == trailLength {
		p.trail = slices.Delete(p.trail, 0, trailLength/2)
	}
	p.trail = append(p.trail, time.Now().Format("05.000000 ")+fmt.Sprintf(format, args...))
}

// about gives the lines of the trail that name an id.
func (p *proxy) about(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	named := regexp.MustCompile(`\b` + regexp.QuoteMeta(id) + `\b`)
	var text strings.Builder
	for _, line := range p.trail {
		if named.MatchString(line) {
			text.WriteString("\n    " + line)
		}
	}
	return text.String()
}

// track keeps the open connections.
func (p *proxy) track(connection net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.connections[connection] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(p.connections, connection)
	}
}

// open counts the open connections.
func (p *proxy) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.connections)
}

// settle waits until nothing that the worker sent is under way. The worker must be in no call.
func (p *proxy) settle() {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		p.client.CloseIdleConnections()
		if p.open() == 0 {
			return
		}
		if time.Now().After(deadline) {
			p.tally.violate(leak, "the client left %d connections open after its calls", p.open())
			return
		}
	}
}

// close ends the proxy, which must have been left.
func (p *proxy) close() {
	p.settle()
	_ = p.server.Close()
	<-p.done
}
