package azdps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultTransport(t *testing.T) {
	t.Parallel()
	transport := defaultTransport().(*roundTripper)
	assert.Same(t, transport, defaultTransport(), "one for the process")
	assert.Same(t, transport, newTransport(nil, 0).next)
	assert.EqualValues(t, 64<<20, newTransport(nil, 0).maxBody)

	settings := transport.next.(*http.Transport)
	assert.NotNil(t, settings.Proxy)
	assert.True(t, settings.ForceAttemptHTTP2)
	assert.GreaterOrEqual(t, settings.MaxIdleConnsPerHost, 256)
	assert.Zero(t, settings.MaxIdleConns)
	assert.Zero(t, settings.MaxConnsPerHost)
	assert.EqualValues(t, tls.VersionTLS12, settings.TLSClientConfig.MinVersion)
	assert.False(t, settings.TLSClientConfig.InsecureSkipVerify)
	assert.NotZero(t, settings.HTTP2.SendPingTimeout)
}

// TestNoRedirects sends requests to a server that points to another one, with the default transport and with a client of the
// caller that does not say what to do about redirects.
func TestNoRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for name, transport := range map[string]func(*roundTripper) policy.Transporter{
			"default":  func(trusting *roundTripper) policy.Transporter { return trusting },
			"caller's": func(trusting *roundTripper) policy.Transporter { return &http.Client{Transport: trusting.next} },
			"caller's with a timeout": func(trusting *roundTripper) policy.Transporter {
				return &http.Client{Transport: trusting.next, Timeout: time.Minute}
			},
		} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				t.Parallel()
				var elsewhere atomic.Int32
				second := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					elsewhere.Add(1)
					_, _ = io.WriteString(w, "{}")
				}))
				defer second.Close()
				first := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					assert.NotEmpty(t, r.Header.Get("Authorization"))
					http.Redirect(w, r, second.URL+r.URL.Path, status) //nolint:gosec // what a client must not follow
				}))
				defer first.Close()
				given := transport(trusting(t, first))
				client := clientAt(t, first.URL, given)

				_, err := client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
				assert.True(t, HasStatusCode(err, status), "%v", err)
				enrollment := IndividualEnrollment{RegistrationID: "device-1", Attestation: NewGeneratedKeyAttestation()}
				_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), enrollment, nil)
				assert.True(t, HasStatusCode(err, status), "%v", err)
				_, err = client.IndividualEnrollments().Delete(t.Context(), "device-1", nil)
				assert.True(t, HasStatusCode(err, status), "%v", err)
				require.NotErrorIs(t, err, ErrOutcomeUnknown)
				assert.Zero(t, elsewhere.Load())
				if caller, ok := given.(*http.Client); ok {
					assert.Nil(t, caller.CheckRedirect, "the caller's client is not changed")
				}
			})
		}
	}
}

// trusting makes the default transport for a server.
func trusting(t *testing.T, server *httptest.Server) *roundTripper {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	made := newRoundTripper(&tls.Config{RootCAs: roots})
	t.Cleanup(made.next.(*http.Transport).CloseIdleConnections)
	return made
}

func clientAt(t *testing.T, endpoint string, transport policy.Transporter) *DeviceProvisioningClient {
	t.Helper()
	credential, err := NewSharedAccessKeyCredential("owner", "MDEyMzQ1Njc4OWFiY2RlZg==")
	require.NoError(t, err)
	options := &ClientOptions{}
	options.Transport = transport
	client, err := NewDeviceProvisioningClientWithSharedAccessKey(endpoint, credential, options)
	require.NoError(t, err)
	return client
}

// TestDefaultTransportErrors has the errors of an http.Client.
func TestDefaultTransportErrors(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	endpoint := "https" + strings.TrimPrefix(server.URL, "http")
	oneTry := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: -1})
	transport := newRoundTripper(&tls.Config{})
	settings := transport.next.(*http.Transport)
	client := clientAt(t, endpoint, transport)
	fail := func() *url.Error {
		_, err := client.IndividualEnrollments().Delete(oneTry, "device-1", nil)
		failed, ok := errors.AsType[*url.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "Delete", failed.Op)
		assert.Equal(t, endpoint+"/enrollments/device-1?api-version=2021-10-01", failed.URL)
		return failed
	}
	require.ErrorIs(t, fail(), http.ErrSchemeMismatch)
	proxy, err := url.Parse(endpoint)
	require.NoError(t, err)
	settings.Proxy = http.ProxyURL(proxy)
	proxied := fail()
	require.NotErrorIs(t, proxied, http.ErrSchemeMismatch, "it is the proxy that speaks no TLS")
	require.ErrorContains(t, proxied, "proxyconnect")
	settings.Proxy = nil
	server.Close()
	_, ok := errors.AsType[*net.OpError](fail())
	assert.True(t, ok)
}

// TestNilTransport takes a nil client as no transport.
func TestNilTransport(t *testing.T) {
	t.Parallel()
	assert.Same(t, defaultTransport(), newTransport((*http.Client)(nil), 0).next)
	assert.Same(t, defaultTransport(), newTransport(nil, 0).next)
}

// doer is a transport made of a function.
type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhetherARequestWasSent(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	refused := &net.OpError{Op: "dial", Err: failed}
	hooks := func(got bool, err error) doer {
		return func(r *http.Request) (*http.Response, error) {
			trace := httptrace.ContextClientTrace(r.Context())
			trace.GetConn("host:443")
			if got {
				trace.GotConn(httptrace.GotConnInfo{})
			}
			return nil, err
		}
	}
	plain := func(err error) doer { return func(*http.Request) (*http.Response, error) { return nil, err } }
	tests := map[string]struct {
		next doer
		want bool
	}{
		"no connection":                           {hooks(false, failed), false},
		"no connection in time":                   {hooks(false, context.DeadlineExceeded), false},
		"a connection that failed":                {hooks(true, failed), true},
		"a second connection refused":             {hooks(true, refused), true},
		"no hooks, an error":                      {plain(failed), true},
		"no hooks, a deadline":                    {plain(context.DeadlineExceeded), true},
		"no hooks, refused":                       {plain(refused), false},
		"no hooks, refused, wrapped":              {plain(errors.Join(failed, refused)), false},
		"no hooks, no such host":                  {plain(&net.DNSError{}), false},
		"no hooks, a read that failed":            {plain(&net.OpError{Op: "read", Err: failed}), true},
		"an answer":                               {plain(nil), true},
		"an answer with hooks":                    {hooks(true, nil), true},
		"an answer without a connection of hooks": {hooks(false, nil), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := newTransport(doer(func(r *http.Request) (*http.Response, error) {
				_, err := test.next(r)
				if err != nil {
					return nil, err
				}
				return &http.Response{Body: http.NoBody}, nil
			}), 0)
			w := new(write)
			req := httptest.NewRequestWithContext(w.context(t.Context()), http.MethodPut, "/", nil)
			_, _ = transport.Do(req)
			assert.Equal(t, test.want, w.sent)
		})
	}
}

func TestCancelledRequestIsNotSent(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := new(write)
	transport := newTransport(doer(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, io.EOF
	}), 0)
	_, err := transport.Do(httptest.NewRequestWithContext(w.context(ctx), http.MethodPut, "/", nil))
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, w.sent)
}

// closeCounter counts how often a body is closed.
type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error {
	c.closed++
	return nil
}

func TestBodyBound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		length   int
		announce int64
		fails    bool
	}{
		"empty": {0, -1, false}, "within": {9, -1, false}, "exactly": {10, -1, false}, "exactly, announced": {10, 10, false},
		"beyond": {11, -1, true}, "far beyond": {5000, -1, true}, "beyond, announced": {11, 11, true}, "announced falsely": {0, 11, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := &closeCounter{Reader: strings.NewReader(strings.Repeat("x", test.length))}
			transport := newTransport(doer(func(*http.Request) (*http.Response, error) {
				return &http.Response{Body: body, ContentLength: test.announce}, nil
			}), 10)
			resp, err := transport.Do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			var data []byte
			if err == nil {
				data, err = io.ReadAll(resp.Body)
				require.NoError(t, resp.Body.Close())
			}
			assert.Equal(t, 1, body.closed)
			if test.fails {
				require.ErrorContains(t, err, "larger than the 10 bytes of ClientOptions.MaxResponseBody")
				var final *finalError
				require.ErrorAs(t, err, &final, "it is not tried again")
				return
			}
			require.NoError(t, err)
			assert.Len(t, data, test.length)
		})
	}
}

func TestBrokenBodyIsMarked(t *testing.T) {
	t.Parallel()
	body := io.MultiReader(strings.NewReader("abc"), failingReader{io.ErrUnexpectedEOF})
	transport := newTransport(doer(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(body), ContentLength: -1}, nil
	}), 10)
	resp, err := transport.Do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	assert.Equal(t, "abc", string(data))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "broke off")
}

type failingReader struct{ err error }

func (e failingReader) Read([]byte) (int, error) { return 0, e.err }

// roundTripperFunc is a round tripper made of a function.
type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFailureBeforeTheHooks fails in the transport before it asks for a connection, or without ever asking net/http for one.
func TestFailureBeforeTheHooks(t *testing.T) {
	t.Parallel()
	failing := &http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, io.EOF }}}
	registered := &http.Transport{}
	registered.RegisterProtocol("https", roundTripperFunc(func(*http.Request) (*http.Response, error) { return nil, io.EOF }))
	for name, test := range map[string]struct {
		next   *http.Client
		traces bool
		want   bool
	}{
		"ours":           {failing, true, false},
		"of a caller":    {failing, false, true},
		"other protocol": {&http.Client{Transport: registered}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := new(write)
			req, err := http.NewRequestWithContext(w.context(t.Context()), http.MethodPut, "https://dps.invalid", nil)
			require.NoError(t, err)
			transport := newTransport(test.next, 0)
			require.False(t, transport.traces)
			transport.traces = test.traces
			_, err = transport.Do(req)
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, test.want, w.sent)
		})
	}
	assert.True(t, newTransport(nil, 0).traces)
}
