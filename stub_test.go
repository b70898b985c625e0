package azdps_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

const (
	stubHost = "stub.azure-devices-provisioning.net"
	stubKey  = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" // 32 bytes
)

// stubRequest is a request that a client sent.
type stubRequest struct {
	method, path string
	url          *url.URL
	header       http.Header
	body         []byte
}

// stubTransport gives the same answer to each request and keeps what was sent.
type stubTransport struct {
	status int
	answer string

	mu       sync.Mutex
	requests []stubRequest
}

// Do implements policy.Transporter.
func (s *stubTransport) Do(req *http.Request) (*http.Response, error) {
	sent := stubRequest{method: req.Method, path: req.URL.Path, url: req.URL, header: req.Header.Clone()}
	if req.Body != nil {
		var err error
		if sent.body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, sent)
	return &http.Response{
		Status: http.StatusText(s.status), StatusCode: s.status, Request: req,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   io.NopCloser(strings.NewReader(answerTo(req, s.answer))),
	}, nil
}

// last is the request that was sent last.
func (s *stubTransport) last(t *testing.T) stubRequest {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEmpty(t, s.requests, "nothing was sent")
	return s.requests[len(s.requests)-1]
}

// newStub makes a client whose requests are all answered with 200 and the given JSON.
func newStub(t *testing.T, answer string) (*azdps.DeviceProvisioningClient, *stubTransport) {
	t.Helper()
	transport := &stubTransport{status: http.StatusOK, answer: answer}
	return newStubClient(t, transport), transport
}

// newSilentStub makes a client that fails the test if it sends anything.
func newSilentStub(t *testing.T) *azdps.DeviceProvisioningClient {
	t.Helper()
	return newStubClient(t, stubRefusal{t})
}

type stubRefusal struct{ t *testing.T }

// Do implements policy.Transporter.
func (r stubRefusal) Do(req *http.Request) (*http.Response, error) {
	r.t.Errorf("%s %s was sent", req.Method, req.URL.Path)
	return nil, errors.New("nothing should be sent")
}

func newStubClient(t testing.TB, transport policy.Transporter) *azdps.DeviceProvisioningClient {
	t.Helper()
	credential, err := azdps.NewSharedAccessKeyCredential("provisioningserviceowner", stubKey)
	require.NoError(t, err)
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+stubHost, credential, stubOptions(transport))
	require.NoError(t, err)
	return client
}

func stubOptions(transport policy.Transporter) *azdps.ClientOptions {
	return &azdps.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: transport, Retry: policy.RetryOptions{MaxRetries: -1},
	}}
}

// jsonValue decodes JSON with its numbers as they are written, so that two texts can be compared.
func jsonValue(t *testing.T, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	require.NoError(t, decoder.Decode(&value), "%s", data)
	return value
}

// jsonSame requires two JSON texts to be equal but for the order of names, with every digit of their numbers.
func jsonSame(t *testing.T, want string, got []byte) {
	t.Helper()
	require.Equal(t, jsonValue(t, []byte(want)), jsonValue(t, got))
}

// requireInvalid requires the error of a parameter that is refused before anything is sent, and that azcore does not retry.
func requireInvalid(t *testing.T, err error, parameter string) {
	t.Helper()
	require.ErrorContains(t, err, "azdps: "+parameter+": ")
	requireFinal(t, err)
}

// requireFinal requires an error that azcore does not retry.
func requireFinal(t *testing.T, err error) {
	t.Helper()
	var final interface{ NonRetriable() }
	require.ErrorAs(t, err, &final)
}
