package azdps_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// wire is a network without sockets, under the real transport of net/http: every connection leads to a server that reads and
// writes bytes as it pleases. It works in virtual time.
type wire struct {
	serve     func(*peer)                         // one connection; it is closed afterwards
	dial      func(context.Context, string) error // fails before there is a connection, if set
	transport *http.Transport
	eager     bool // the server's end takes bytes before they are read, as sockets do; both ends may write in a handshake

	serving  sync.WaitGroup
	mu       sync.Mutex
	dialed   []string // the addresses that were asked for
	open     int      // connections that the client has not closed
	tries    int
	requests []rawRequest
}

// rawRequest is a request as its bytes arrived.
type rawRequest struct {
	line   string
	header []string // its lines
	body   []byte
}

// newWire makes a network to one server for any number of clients.
func newWire(serve func(*peer)) *wire {
	w := &wire{serve: serve}
	w.transport = &http.Transport{
		DialTLSContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return w.connect(ctx, address) },
		MaxResponseHeaderBytes: 64 << 10,
	}
	return w
}

// newTLSWire makes a network to a server that speaks TLS.
func newTLSWire(server, client *tls.Config, serve func(*peer)) *wire {
	w := newWire(func(p *peer) {
		conn := tls.Server(p.Conn, server)
		serve(&peer{conn, bufio.NewReader(conn), p.wire, p.address})
		_, _ = io.Copy(io.Discard, p.Conn) // the client reads a last alert, if there is one, before it closes
	})
	w.eager = true
	w.transport.DialTLSContext, w.transport.TLSClientConfig = nil, client
	w.transport.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) { return w.connect(ctx, address) }
	w.transport.TLSHandshakeTimeout = 10 * time.Second
	return w
}

func (w *wire) connect(ctx context.Context, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, address)
	w.mu.Unlock()
	if w.dial != nil {
		if err := w.dial(ctx, address); err != nil {
			return nil, err
		}
	}
	client, server := net.Pipe()
	w.mu.Lock()
	w.open++
	w.mu.Unlock()
	w.serving.Go(func() {
		defer server.Close()
		if w.eager {
			server = newEager(server)
		}
		w.serve(&peer{server, bufio.NewReader(server), w, address})
	})
	return &clientEnd{Conn: client, wire: w}, nil
}

// eager reads what the other end writes before anybody asks for it.
type eager struct {
	net.Conn
	received chan []byte
	rest     []byte
}

func newEager(conn net.Conn) *eager {
	e := &eager{Conn: conn, received: make(chan []byte, 100)}
	go func() {
		defer close(e.received)
		for {
			chunk := make([]byte, 4<<10)
			n, err := conn.Read(chunk)
			if err != nil {
				return
			}
			e.received <- chunk[:n]
		}
	}()
	return e
}

func (e *eager) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		var ok bool
		if e.rest, ok = <-e.received; !ok {
			return 0, io.EOF
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// clientEnd tells the network when the client closes a connection.
type clientEnd struct {
	net.Conn
	wire *wire
	once sync.Once
}

func (c *clientEnd) Close() error {
	c.once.Do(func() {
		c.wire.mu.Lock()
		defer c.wire.mu.Unlock()
		c.wire.open--
	})
	return c.Conn.Close()
}

// client makes a client that sends over the network and signs with wireKey.
func (w *wire) client(t *testing.T, edits ...func(*azdps.ClientOptions)) *azdps.DeviceProvisioningClient {
	t.Helper()
	return clientOver(t, &http.Client{Transport: w.transport}, append(edits, w.countTries)...)
}

// countTries counts what the client itself sends, apart from what net/http makes of it.
func (w *wire) countTries(options *azdps.ClientOptions) {
	options.PerRetryPolicies = append(options.PerRetryPolicies, policyFunc(func(r *policy.Request) (*http.Response, error) {
		w.mu.Lock()
		w.tries++
		w.mu.Unlock()
		return r.Next()
	}))
}

// arrived are the requests that reached the server whole.
func (w *wire) arrived() []rawRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]rawRequest(nil), w.requests...)
}

func (w *wire) addresses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.dialed...)
}

func (w *wire) tried() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries
}

// end requires that every connection is idle or closed, so that none is left once the idle ones are gone. The end of the bubble
// requires the same of goroutines.
func (w *wire) end(t *testing.T) {
	t.Helper()
	w.transport.CloseIdleConnections()
	synctest.Wait()
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	require.Zero(t, open, "connections are left behind")
	w.serving.Wait() // some sleep a while before they see it
}

// peer is the server's end of a connection.
type peer struct {
	net.Conn
	in      *bufio.Reader
	wire    *wire
	address string // that the client asked for
}

// read takes the next request off the connection; it returns false if there is none.
func (p *peer) read() bool {
	var request rawRequest
	reader := textproto.NewReader(p.in)
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			break
		}
		if request.line == "" {
			request.line = line
		} else {
			request.header = append(request.header, line)
		}
	}
	request.body = make([]byte, request.length())
	if _, err := io.ReadFull(reader.R, request.body); err != nil {
		return false
	}
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	p.wire.requests = append(p.wire.requests, request)
	return true
}

func (r rawRequest) length() int {
	for _, line := range r.header {
		if value, ok := strings.CutPrefix(strings.ToLower(line), "content-length: "); ok {
			length, _ := strconv.Atoi(strings.TrimSpace(value))
			return length
		}
	}
	return 0
}

// write sends bytes; it returns false once the client has closed the connection.
func (p *peer) write(text string) bool {
	_, err := io.WriteString(p.Conn, text)
	return err == nil
}

// flood sends a text again and again, until the client has enough.
func (p *peer) flood(text string) {
	many := strings.Repeat(text, max(1, 16<<10/len(text)))
	for p.write(many) {
	}
}

// dribble sends a text again and again, one a second.
func (p *peer) dribble(text string) {
	for p.write(text) {
		time.Sleep(time.Second) // in a bubble
	}
}

// wait is silent until the client closes the connection.
func (p *peer) wait() { _, _ = io.Copy(io.Discard, p.in) }

// says answers each request of a connection with the same bytes.
func says(answer string) func(*peer) {
	return func(p *peer) {
		for p.read() && p.write(answer) {
		}
	}
}

// saysAndCloses answers one request and closes the connection.
func saysAndCloses(answer string) func(*peer) {
	return func(p *peer) { _ = p.read() && p.write(answer) }
}

// begins answers one request with some bytes and goes on as then says.
func begins(answer string, then func(*peer)) func(*peer) {
	return func(p *peer) {
		if p.read() && p.write(answer) {
			then(p)
		}
	}
}

// rawAnswer is an answer in bytes, with header lines and a Content-Length.
func rawAnswer(status int, body string, header ...string) string {
	var out bytes.Buffer
	out.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	for _, line := range append(header, "Content-Length: "+strconv.Itoa(len(body))) {
		out.WriteString(line + "\r\n")
	}
	out.WriteString("\r\n" + body)
	return out.String()
}

// rawOK is the answer of success to an operation.
func (c call) rawOK() string {
	if c.kind == deleteCall {
		return "HTTP/1.1 204 No Content\r\n\r\n"
	}
	return rawAnswer(http.StatusOK, c.answer, "Content-Type: application/json; charset=utf-8")
}
