package azdps_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

const (
	wireHost   = "my-dps.azure-devices-provisioning.net"
	wirePolicy = "provisioningserviceowner"
	wireKey    = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	otherKey   = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// bubble runs a test in virtual time. Its end waits for every goroutine of the bubble and fails if one is stuck, so each of
// these tests shows that nothing leaks, too.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// sentRequest is a request that reached a script.
type sentRequest struct {
	*http.Request
	body []byte
	at   time.Time
}

// answer is one entry of a script.
type answer func(*http.Request) (*http.Response, error)

// script is a transport that keeps the requests and answers each with the next entry; the last entry repeats.
type script struct {
	mu       sync.Mutex
	answers  []answer
	requests []sentRequest
}

func newScript(answers ...answer) *script { return &script{answers: answers} }

// Do implements policy.Transporter.
func (s *script) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.requests = append(s.requests, sentRequest{Request: r, body: body, at: time.Now()})
	next := s.answers[min(len(s.requests), len(s.answers))-1]
	s.mu.Unlock()
	return next(r)
}

func (s *script) sent() []sentRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sentRequest(nil), s.requests...)
}

// reply answers with a status, a body as that of answerTo, and headers as names and values in turn.
func reply(status int, body string, header ...string) answer {
	return replyWith(status, func(r *http.Request) io.Reader { return strings.NewReader(answerTo(r, body)) }, header...)
}

// answerTo makes a record with the id of the request of an empty object, which stands for one where the record does not matter.
func answerTo(r *http.Request, body string) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if body != "{}" || r.Method != http.MethodGet && r.Method != http.MethodPut || len(parts) < 2 {
		return body
	}
	return fmt.Sprintf(`{"registrationId":%[1]q,"enrollmentGroupId":%[1]q}`, parts[len(parts)-1])
}

func replyWith(status int, body func(*http.Request) io.Reader, header ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{
			StatusCode: status, Status: http.StatusText(status), Request: r, ContentLength: -1,
			Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: io.NopCloser(body(r)),
		}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

// breaksOff answers 200 with a body that ends too soon.
func breaksOff(body string) answer {
	return replyWith(http.StatusOK, func(*http.Request) io.Reader {
		return io.MultiReader(strings.NewReader(body), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// fails gives no answer but an error.
func fails(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

var errReset = errors.New("connection reset by peer")

// hangs never answers.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// serviceError is an answer in the form of the service's errors.
func serviceError(status int, code string, header ...string) answer {
	return reply(status, `{"errorCode":`+code+`,"trackingId":"track-1","message":"No.","timestampUtc":"2026-01-02T03:04:05.1234567Z"}`, header...)
}

// clientOver makes a client that signs with wireKey and sends over a transport.
func clientOver(t *testing.T, transport policy.Transporter, edits ...func(*azdps.ClientOptions)) *azdps.DeviceProvisioningClient {
	t.Helper()
	return connect(t, "HostName="+wireHost+";SharedAccessKeyName="+wirePolicy+";SharedAccessKey="+wireKey, transport, edits...)
}

func connect(t *testing.T, connectionString string, transport policy.Transporter, edits ...func(*azdps.ClientOptions)) *azdps.DeviceProvisioningClient {
	t.Helper()
	options := &azdps.ClientOptions{}
	options.Transport = transport
	for _, edit := range edits {
		edit(options)
	}
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, options)
	require.NoError(t, err)
	return client
}

// startService makes a service without a socket, with some records, and a client of it.
func startService(t *testing.T, edits ...func(*azdps.ClientOptions)) (*dpstest.Server, *azdps.DeviceProvisioningClient) {
	t.Helper()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	require.NoError(t, server.Load(strings.NewReader(records)))
	return server, connect(t, server.ConnectionString(), server.Transport(), edits...)
}

// records is what the services of these tests hold at the start.
const records = `
{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"enrollmentGroupId":"group-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device-9","enrollmentGroupId":"group-1","assignedHub":"hub.azure-devices.net","deviceId":"device-9","status":"assigned"}
`

// noRetries is for tests in real time.
func noRetries(options *azdps.ClientOptions) { options.Retry.MaxRetries = -1 }

// call is one operation of the service API as the client offers it.
type call struct {
	operation string // the operationId
	method    string // of Go
	kind      callKind
	answer    string // what the service says
	do        func(context.Context, *azdps.DeviceProvisioningClient) error
}

type callKind int

const (
	readCall callKind = iota
	putCall
	deleteCall
	bulkCall
)

// ok is the answer of success.
func (c call) ok() answer {
	if c.kind == deleteCall {
		return reply(http.StatusNoContent, "")
	}
	return reply(http.StatusOK, c.answer)
}

func newEnrollment(id string) azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

func newGroup(id string) azdps.EnrollmentGroup {
	return azdps.EnrollmentGroup{EnrollmentGroupID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

const (
	enrollmentAnswer = `{"registrationId":"device-1","attestation":{"type":"symmetricKey"},"etag":"IjEi"}`
	groupAnswer      = `{"enrollmentGroupId":"group-1","attestation":{"type":"symmetricKey"},"etag":"IjEi"}`
	mechanismAnswer  = `{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + wireKey + `","secondaryKey":"` + otherKey + `"}}`
	bulkAnswer       = `{"errors":[],"isSuccessful":true}`
)

// calls are all operations of the service API. They succeed on a service that holds records.
var calls = []call{
	{"IndividualEnrollment_Get", "IndividualEnrollmentsClient.Get", readCall, enrollmentAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().Get(ctx, "device-1", nil)
			return err
		}},
	{"IndividualEnrollment_CreateOrUpdate", "IndividualEnrollmentsClient.CreateOrUpdate", putCall, strings.Replace(enrollmentAnswer, "device-1", "device-2", 1),
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, newEnrollment("device-2"), nil)
			return err
		}},
	{"IndividualEnrollment_Delete", "IndividualEnrollmentsClient.Delete", deleteCall, "",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().Delete(ctx, "device-1", nil)
			return err
		}},
	{"IndividualEnrollment_Query", "IndividualEnrollmentsClient.NewQueryPager", readCall, "[]",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().NewQueryPager(nil).NextPage(ctx)
			return err
		}},
	{"IndividualEnrollment_GetAttestationMechanism", "IndividualEnrollmentsClient.GetAttestationMechanism", readCall, mechanismAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().GetAttestationMechanism(ctx, "device-1", nil)
			return err
		}},
	{"IndividualEnrollment_RunBulkOperation", "IndividualEnrollmentsClient.RunBulkOperation", bulkCall, bulkAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			items := []azdps.IndividualEnrollment{newEnrollment("device-2")}
			_, err := c.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, items, nil)
			return err
		}},
	{"EnrollmentGroup_Get", "EnrollmentGroupsClient.Get", readCall, groupAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().Get(ctx, "group-1", nil)
			return err
		}},
	{"EnrollmentGroup_CreateOrUpdate", "EnrollmentGroupsClient.CreateOrUpdate", putCall, strings.Replace(groupAnswer, "group-1", "group-2", 1),
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, newGroup("group-2"), nil)
			return err
		}},
	{"EnrollmentGroup_Delete", "EnrollmentGroupsClient.Delete", deleteCall, "",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().Delete(ctx, "group-1", nil)
			return err
		}},
	{"EnrollmentGroup_Query", "EnrollmentGroupsClient.NewQueryPager", readCall, "[]",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().NewQueryPager(nil).NextPage(ctx)
			return err
		}},
	{"EnrollmentGroup_GetAttestationMechanism", "EnrollmentGroupsClient.GetAttestationMechanism", readCall, mechanismAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().GetAttestationMechanism(ctx, "group-1", nil)
			return err
		}},
	{"EnrollmentGroup_RunBulkOperation", "EnrollmentGroupsClient.RunBulkOperation", bulkCall, bulkAnswer,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			items := []azdps.EnrollmentGroup{newGroup("group-2")}
			_, err := c.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, items, nil)
			return err
		}},
	{"DeviceRegistrationState_Get", "DeviceRegistrationStatesClient.Get", readCall, `{"registrationId":"device-9","status":"assigned"}`,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.DeviceRegistrationStates().Get(ctx, "device-9", nil)
			return err
		}},
	{"DeviceRegistrationState_Delete", "DeviceRegistrationStatesClient.Delete", deleteCall, "",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.DeviceRegistrationStates().Delete(ctx, "device-9", nil)
			return err
		}},
	{"DeviceRegistrationState_Query", "DeviceRegistrationStatesClient.NewQueryPager", readCall, "[]",
		func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.DeviceRegistrationStates().NewQueryPager("group-1", nil).NextPage(ctx)
			return err
		}},
}

// callOf finds a call by its operationId.
func callOf(t *testing.T, operation string) call {
	t.Helper()
	for _, c := range calls {
		if c.operation == operation {
			return c
		}
	}
	require.FailNow(t, "no client method for the operation", operation)
	return call{}
}

// requestsOf counts the requests of an operation that reached a service.
func requestsOf(server *dpstest.Server, operation dpstest.Operation) int {
	count := 0
	for _, request := range server.Requests() {
		if request.Operation == operation {
			count++
		}
	}
	return count
}

// pemCertificate makes a self-signed certificate.
func pemCertificate(t *testing.T, commonName string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// optionsOver are options with a transport.
func optionsOver(transport policy.Transporter) *azdps.ClientOptions {
	options := &azdps.ClientOptions{}
	options.Transport = transport
	return options
}

// isUnknown is for assertions of both outcomes.
func isUnknown(err error) bool { return errors.Is(err, azdps.ErrOutcomeUnknown) }

// withoutRetries is for single calls in real time.
func withoutRetries(ctx context.Context) context.Context {
	return policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1, TryTimeout: 5 * time.Second})
}
