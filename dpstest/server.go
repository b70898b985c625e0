package dpstest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps/internal/emulator"
)

// unstartedHost is the host of a server that has no socket.
const unstartedHost = "dpstest.azure-devices-provisioning.net"

// Server is a Device Provisioning Service; it is safe for concurrent use.
type Server struct {
	service   *emulator.Handler
	policy    *atomic.Pointer[AccessPolicy] // the first
	clock     func() time.Time
	logf      func(format string, args ...any)
	authority *authority
	controls  *controls
	requests  *requestLog
	memory    *memoryTransport
	direct    *http.Client // over memory
	socket    *socket
}

// NewServer starts a server on the loopback interface, or on the listener in options, with TLS and HTTP/1.1. It panics if
// it cannot listen, and if the policies in options have equal or empty names or keys that are not base64. Close it.
func NewServer(options *Options) *Server {
	s := NewUnstartedServer(options)
	s.Start()
	return s
}

// NewUnstartedServer makes a server without a socket, for [Server.Transport], [Server.ServeHTTP] and synctest bubbles.
// It panics as [NewServer] does for policies that make no sense.
func NewUnstartedServer(options *Options) *Server {
	if options == nil {
		options = &Options{}
	}
	s := &Server{
		policy:   new(atomic.Pointer[AccessPolicy]),
		clock:    options.Clock,
		logf:     options.Logf,
		controls: &controls{},
		requests: &requestLog{},
		socket:   &socket{listener: options.Listener},
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logf == nil {
		s.logf = func(string, ...any) {}
	}
	config := emulator.Config{
		Clock:                  s.clock,
		OperationsPerMinute:    options.OperationsPerMinute,
		RegistrationsPerMinute: options.RegistrationsPerMinute,
		MaxPageSize:            options.MaxPageSize,
		Hubs:                   options.Hubs,
		CAs:                    options.CAs,
		Webhooks:               options.Webhooks,
	}
	s.service = emulator.New(config)
	s.SetPolicies(options.Policies...)
	s.authority = newAuthority(s.clock(), options.Listener)
	s.authority.client.Transport.(*http.Transport).DialContext = s.dial
	s.memory = newMemoryTransport(s)
	s.direct = &http.Client{Transport: s.memory}
	return s
}

// dial connects a client to the socket. Before that serves, the made-up host of the server must not be looked for in the network, and
// a listener would let the client in and never answer.
func (s *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !s.socket.started() {
		return nil, errors.New("dpstest: the server has no socket that serves: use Transport instead of Client, or Start the server")
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Format prints where the server is, and no secrets, whatever the verb.
func (s Server) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "Server(%s)", s.host())
}

// ServeHTTP is the service API and the device API as a handler, for a server of the caller's own. It panics with
// [http.ErrAbortHandler] to drop a connection, as faults ask for. For devices with certificates, that server must ask for
// them and need not verify them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, id := emulator.Match(r)
	r = r.WithContext(context.WithValue(r.Context(), clockKey{}, s.clock))
	entry := s.requests.add(r, Operation(operation), s.clock())
	defer func() {
		s.logf("dpstest: %s %s: %s", r.Method, entry.URL.RequestURI(), s.requests.outcome(entry))
	}()
	recorder := &statusRecorder{ResponseWriter: w, log: s.requests, entry: entry}
	s.controls.handler(Operation(operation), id, s.service).ServeHTTP(recorder, r)
}

// clockKey finds the server's clock in the context of a request, for faults, which know no server.
type clockKey struct{}

// URL returns the endpoint of the service API: that of the socket, or of a made-up host while there is none.
func (s *Server) URL() string { return "https://" + s.host() }

// ConnectionString returns a connection string with the name and the primary key of the first access policy. It holds a
// secret, of this server only.
func (s *Server) ConnectionString() string {
	policy := s.policy.Load()
	return "HostName=" + s.host() + ";SharedAccessKeyName=" + policy.Name + ";SharedAccessKey=" + policy.PrimaryKey
}

// SetPolicies replaces the access policies as [Options.Policies] sets them, and panics as [NewServer] does. Requests
// from now on are checked against these alone: what was signed with a key that is gone is answered 401. So a test
// makes the key of a running client invalid, and revokes a permission.
func (s *Server) SetPolicies(policies ...AccessPolicy) {
	completed := complete(policies)
	emulated := make([]emulator.Policy, len(completed))
	for i, policy := range completed {
		emulated[i] = policy.emulated()
	}
	s.service.SetPolicies(emulated)
	s.policy.Store(&completed[0]) // last: the key of a connection string must be one that the service takes
}

func (s *Server) host() string {
	if address := s.socket.address(); address != "" {
		return address
	}
	return unstartedHost
}

// Credential returns a credential whose tokens the server takes for Microsoft Entra ID's. They are good for the scope
// that is asked for, which must be the service's, for an hour of the server's clock, with every permission.
func (s *Server) Credential() azcore.TokenCredential { return credential{s.service} }

type credential struct{ service *emulator.Handler }

// Format prints no secrets, whatever the verb.
func (c credential) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "Credential") }

// GetToken makes a token for the one scope in options.
func (c credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if err := ctx.Err(); err != nil {
		return azcore.AccessToken{}, fmt.Errorf("dpstest: %w", err)
	}
	if len(options.Scopes) != 1 {
		return azcore.AccessToken{}, fmt.Errorf("dpstest: a token has one scope, not %d", len(options.Scopes))
	}
	token, expires := c.service.Token(options.Scopes[0])
	return azcore.AccessToken{Token: token, ExpiresOn: expires}, nil
}

// Client returns the HTTP client of a started server: it trusts the server's certificate and talks to it over the
// socket. Before [Server.Start] it refuses to dial: use [Server.Transport]. It is the same at each call.
func (s *Server) Client() *http.Client { return s.authority.client }

// Transport returns a client that reaches the server without a socket, whatever the host of the URL; it is the one for
// [NewUnstartedServer]. The request's body
// is read before the server sees it; the answer's body streams. It is the same at each call, and works until the server
// is closed.
func (s *Server) Transport() *http.Client { return s.direct }

// Start opens the socket of an unstarted server. It panics if it cannot listen, and if the server was started or closed
// before.
func (s *Server) Start() {
	server := &http.Server{
		Handler: s,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{s.authority.leaf},
			ClientAuth:   tls.RequestClientCert, // of devices; the service checks it
			MinVersion:   tls.VersionTLS12,
			Time:         s.clock,
		},
		ErrorLog:          newErrorLog(s.logf),
		ReadHeaderTimeout: time.Minute,
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	if err := s.socket.listen(server); err != nil {
		panic(err)
	}
}

// Close ends the server, its connections, and the requests on their way through [Server.Transport]. It waits for what
// it ends, so afterwards nothing of the server runs, and a [Fault] must not call it. Closing again does nothing.
// [Server.ServeHTTP], [Server.Dump] and [Server.Requests] still work.
func (s *Server) Close() {
	s.authority.client.CloseIdleConnections()
	s.memory.close()
	s.socket.close()
}

// socket is the listener of a server.
type socket struct {
	mu          sync.Mutex
	server      *http.Server
	listener    net.Listener
	closed      bool
	serving     sync.WaitGroup // the accept loop
	connections sync.WaitGroup
}

func (k *socket) listen(server *http.Server) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.server != nil {
		return errors.New("dpstest: the server was started or closed before")
	}
	if k.listener == nil {
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("dpstest: %w", err)
		}
		k.listener = listener
	}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			k.connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			k.connections.Done()
		}
	}
	k.server = server
	k.serving.Go(func() { _ = server.ServeTLS(k.listener, "", "") }) // returns ErrServerClosed
	return nil
}

// started says whether the listener was ever served. After the end its address refuses connections by itself.
func (k *socket) started() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.server != nil
}

// address is the host and port, also after the end. It is loopback for a listener on all addresses.
func (k *socket) address() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.listener == nil {
		return ""
	}
	address := k.listener.Addr()
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return address.String()
}

func (k *socket) close() {
	k.mu.Lock()
	server := k.server
	k.closed = true
	k.mu.Unlock()
	if server == nil {
		if k.listener != nil {
			_ = k.listener.Close() // nobody can be waiting on it
		}
		return
	}
	_ = server.Close() // fails only if it was closed before
	k.serving.Wait()
	k.connections.Wait()
}
