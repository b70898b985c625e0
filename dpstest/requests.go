package dpstest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/azdps/azdps/internal/emulator"
)

// maxRequests is how many requests a server remembers, so that a long run does not fill the memory.
const maxRequests = 10_000

// Request is a request that the server got, without credentials and keys: REDACTED stands in their place.
type Request struct {
	// Operation is what the request asks for; it is empty if the service has no such operation.
	Operation Operation

	// Method, URL, Header and Body are the request's. The URL has a path and a query, and no host.
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte

	// StatusCode is that of the answer; 0 when there was none, or none yet.
	StatusCode int

	// Time is when the request arrived, by the server's clock.
	Time time.Time
}

// Requests returns the requests so far, oldest first, without credentials and keys. A server remembers the last 10,000.
func (s *Server) Requests() []Request { return s.requests.snapshot() }

// requestLog is the requests of a server, in a ring once it is full.
type requestLog struct {
	mu      sync.Mutex
	entries []*Request
	oldest  int
}

// add remembers a request, and reads its body for that, which the handlers then find unread.
func (l *requestLog) add(r *http.Request, operation Operation, now time.Time) *Request {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, emulator.MaxMessageSize+1))
	r.Body = &replayedBody{Reader: io.MultiReader(bytes.NewReader(body), failing(err), r.Body), Closer: r.Body}
	entry := &Request{
		Operation: operation,
		Method:    r.Method,
		URL:       &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Header:    redactHeader(r.Header),
		Body:      redactBody(body),
		Time:      now,
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) < maxRequests {
		l.entries = append(l.entries, entry)
	} else {
		l.entries[l.oldest] = entry
		l.oldest = (l.oldest + 1) % maxRequests
	}
	return entry
}

// replayedBody is a body of which a part was read before.
type replayedBody struct {
	io.Reader
	io.Closer
}

// failing is a reader that ends in err, or is empty without one.
func failing(err error) io.Reader {
	if err == nil {
		return strings.NewReader("")
	}
	return readerFunc(func([]byte) (int, error) { return 0, err })
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (l *requestLog) setStatus(entry *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.StatusCode = status
}

// outcome says in a word how a request ended.
func (l *requestLog) outcome(entry *Request) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if entry.StatusCode == 0 {
		return "dropped"
	}
	return fmt.Sprintf("%d %s", entry.StatusCode, http.StatusText(entry.StatusCode))
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests := make([]Request, 0, len(l.entries))
	for i := range l.entries {
		entry := *l.entries[(l.oldest+i)%len(l.entries)]
		entry.Header = entry.Header.Clone()
		entry.Body = bytes.Clone(entry.Body)
		target := *entry.URL
		entry.URL = &target
		requests = append(requests, entry)
	}
	return requests
}

// statusRecorder notes the status of an answer before the client can see it.
type statusRecorder struct {
	http.ResponseWriter
	log   *requestLog
	entry *Request
	done  bool
}

func (w *statusRecorder) WriteHeader(status int) {
	if !w.done && status >= http.StatusOK {
		w.done = true
		w.log.setStatus(w.entry, status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusRecorder) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Flush is for faults that ask for an [http.Flusher].
func (w *statusRecorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for [http.ResponseController].
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
