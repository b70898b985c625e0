package dpstest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// device is a small device client: it registers, waits as it is told, and asks what came of it.
type device struct {
	t      *testing.T
	srv    *dpstest.Server
	client *http.Client
	id     string
	key    string // signs if it is set
	body   string
}

// registered is what a device is told.
type registered struct {
	OperationID       string
	Status            string
	AuthenticationKey string
	RegistrationState struct {
		AssignedHub, DeviceID, Substatus, ErrorMessage, ETag string
		TPM                                                  struct{ AuthenticationKey string }
		X509, SymmetricKey                                   struct{ EnrollmentGroupID string }
		Payload                                              json.RawMessage
	}
}

func (d *device) do(method, rest, body string) (*http.Response, registered) {
	d.t.Helper()
	path := d.srv.IDScope() + "/registrations/" + d.id
	request, err := http.NewRequest(method, d.srv.DeviceURL()+"/"+path+rest+"?api-version=2021-10-01", strings.NewReader(body))
	require.NoError(d.t, err)
	request.Header.Set("Content-Type", "application/json")
	if d.key != "" {
		request.Header.Set("Authorization", sas(path, "registration", d.key, time.Now().Add(time.Hour)))
	}
	response, err := d.client.Do(request)
	require.NoError(d.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	var told registered
	require.NoError(d.t, json.Unmarshal(text, &told), "%s", text)
	return response, told
}

// register registers and polls once.
func (d *device) register() registered {
	d.t.Helper()
	response, told := d.do(http.MethodPut, "/register", d.body)
	require.Equal(d.t, http.StatusAccepted, response.StatusCode)
	require.Equal(d.t, d.srv.DeviceURL()+"/"+d.srv.IDScope()+"/registrations/"+d.id+"/register", response.Header.Get("Location"))
	response, told = d.do(http.MethodGet, "/operations/"+told.OperationID, "{}")
	require.Equal(d.t, http.StatusOK, response.StatusCode)
	return told
}

const deviceKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

const keyed = `"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + deviceKey + `","secondaryKey":"` + deviceKey + `"}}`

func derived(id string) string {
	key, _ := base64.StdEncoding.DecodeString(deviceKey)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func load(t *testing.T, srv *dpstest.Server, lines ...string) {
	t.Helper()
	require.NoError(t, srv.Load(strings.NewReader(strings.Join(lines, "\n"))))
}

func TestDevicesByKey(t *testing.T) {
	t.Parallel()
	options := &dpstest.Options{Hubs: []string{"a.azure-devices.net"}}
	bothWays(t, options, func(t *testing.T, srv *dpstest.Server, client *service) {
		load(t, srv, `{"registrationId":"own","deviceId":"other","capabilities":{"iotEdge":true},"initialTwin":{"tags":{"a":1}},`+keyed+`}`, `{"enrollmentGroupId":"g",`+keyed+`}`)
		_, ok := srv.HubDevice("own")
		require.False(t, ok)

		own := (&device{t: t, srv: srv, client: client.client, id: "own", key: deviceKey}).register()
		require.Equal(t, "assigned", own.Status)
		require.Equal(t, "a.azure-devices.net", own.RegistrationState.AssignedHub)
		hub, ok := srv.HubDevice("own")
		require.True(t, ok)
		require.Equal(t, dpstest.HubDevice{Hub: "a.azure-devices.net", DeviceID: "other", PrimaryKey: deviceKey, SecondaryKey: deviceKey,
			IotEdge: true, Twin: json.RawMessage(`{"tags":{"a":1}}`)}, hub)

		grouped := (&device{t: t, srv: srv, client: client.client, id: "dev-1", key: derived("dev-1")}).register()
		require.Equal(t, "g", grouped.RegistrationState.SymmetricKey.EnrollmentGroupID)
		seen := client.do(200, "GET", "/registrations/dev-1", "")
		require.Contains(t, string(seen.body), `"etag":"`+grouped.RegistrationState.ETag+`"`)
		require.Contains(t, string(client.do(200, "POST", "/registrations/g/query", "").body), `"registrationId":"dev-1"`)

		stranger := &device{t: t, srv: srv, client: client.client, id: "dev-2", key: deviceKey}
		response, _ := stranger.do(http.MethodPut, "/register", "")
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
	})
}

// issue makes a certificate that parent signs, or itself, with its private key; those that lead to the CA follow it.
func issue(t *testing.T, name string, ca bool, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(1), IsCA: ca, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	signer := &tls.Certificate{Leaf: template, PrivateKey: key}
	if parent != nil {
		signer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.Leaf, key.Public(), signer.PrivateKey)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: append([][]byte{der}, signer.Certificate...), PrivateKey: key, Leaf: leaf}
}

func inJSON(t *testing.T, certificate tls.Certificate) string {
	t.Helper()
	text, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})))
	require.NoError(t, err)
	return `{"certificate":` + string(text) + `}`
}

// showing is the client of a started server with a certificate of its own.
func showing(srv *dpstest.Server, certificate tls.Certificate) *http.Client {
	transport := srv.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = []tls.Certificate{certificate}
	return &http.Client{Transport: transport}
}

func TestDevicesByCertificate(t *testing.T) {
	t.Parallel()
	root := issue(t, "root", true, nil)
	middle := issue(t, "middle", true, &root)
	grouped, own := issue(t, "dev-1", false, &middle), issue(t, "own", false, nil)
	referenced := issue(t, "ref", false, &root)
	options := &dpstest.Options{CAs: map[string]*x509.Certificate{"our-ca": root.Leaf}}
	bothWays(t, options, func(t *testing.T, srv *dpstest.Server, client *service) {
		load(t, srv,
			`{"enrollmentGroupId":"g","attestation":{"type":"x509","x509":{"signingCertificates":{"primary":`+inJSON(t, root)+`}}}}`,
			`{"registrationId":"own","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":`+inJSON(t, own)+`}}}}`,
			`{"registrationId":"ref","attestation":{"type":"x509","x509":{"caReferences":{"primary":"our-ca"}}}}`)
		with := func(certificate tls.Certificate) *http.Client {
			if client.client == srv.Transport() {
				return srv.DeviceTransport(certificate)
			}
			transport := showing(srv, certificate)
			t.Cleanup(transport.CloseIdleConnections)
			return transport
		}
		told := (&device{t: t, srv: srv, client: with(grouped), id: "dev-1"}).register()
		require.Equal(t, "g", told.RegistrationState.X509.EnrollmentGroupID)
		hub, _ := srv.HubDevice("dev-1")
		require.Equal(t, fmt.Sprintf("%X", sha256.Sum256(grouped.Certificate[0])), hub.PrimaryThumbprint)
		require.Equal(t, "assigned", (&device{t: t, srv: srv, client: with(own), id: "own", body: `{"registrationId":"own"}`}).register().Status)
		require.Equal(t, "assigned", (&device{t: t, srv: srv, client: with(referenced), id: "ref"}).register().Status)

		alone := tls.Certificate{Certificate: grouped.Certificate[:1], PrivateKey: grouped.PrivateKey}
		for _, refused := range []*device{
			{id: "dev-1", client: client.client}, {id: "dev-1", client: with(own)}, {id: "dev-1", client: with(alone)}, {id: "own", client: with(referenced)},
		} {
			refused.t, refused.srv = t, srv
			response, _ := refused.do(http.MethodPut, "/register", "")
			require.Equal(t, http.StatusUnauthorized, response.StatusCode)
		}
		client.do(200, "GET", "/registrations/dev-1", "")
	})
}

func TestDeviceTransportRefuses(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	one, other := issue(t, "one", false, nil), issue(t, "other", false, nil)
	for name, certificate := range map[string]tls.Certificate{
		"nothing":     {},
		"no key":      {Certificate: one.Certificate},
		"another key": {Certificate: one.Certificate, PrivateKey: other.PrivateKey},
		"garbage":     {Certificate: [][]byte{{1}}, PrivateKey: one.PrivateKey},
	} {
		require.Panics(t, func() { srv.DeviceTransport(certificate) }, name)
	}
	client := srv.DeviceTransport(one)
	request, err := http.NewRequest(http.MethodGet, srv.URL()+"/", nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	require.Same(t, request, response.Request)
	_ = response.Body.Close()
	srv.Close()
	_, err = client.Get(srv.URL())
	require.ErrorIs(t, err, http.ErrServerClosed)
}

func TestDeviceByTPM(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		load(t, srv, `{"registrationId":"tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToAAQ=="}}}`)
		d := &device{t: t, srv: srv, client: client.client, id: "tpm", body: `{"registrationId":"tpm","tpm":{"endorsementKey":"AToAAQ=="}}`}
		response, challenge := d.do(http.MethodPut, "/register", d.body)
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
		d.key = challenge.AuthenticationKey
		told := d.register()
		hub, _ := srv.HubDevice("tpm")
		require.NotEmpty(t, hub.PrimaryKey)
		require.Equal(t, hub.PrimaryKey, told.RegistrationState.TPM.AuthenticationKey)
	})
}

func TestDevicesInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hook := func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Contains(t, string(body), `"payload":{"ask":1}`)
			time.Sleep(time.Second)
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"iotHubHostName":"b.azure-devices.net","payload":{"told":2}}`))}, nil
		}
		srv := dpstest.NewUnstartedServer(&dpstest.Options{
			Hubs:                   []string{"a.azure-devices.net", "b.azure-devices.net"},
			Webhooks:               &http.Client{Transport: transportFunc(hook)},
			RegistrationsPerMinute: 1,
		})
		load(t, srv, `{"registrationId":"own","allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://hook.test","apiVersion":"2021-10-01"},`+keyed+`}`)
		d := &device{t: t, srv: srv, client: srv.Transport(), id: "own", key: deviceKey, body: `{"payload":{"ask":1}}`}
		told := d.register()
		require.Equal(t, "b.azure-devices.net", told.RegistrationState.AssignedHub)
		require.JSONEq(t, `{"told":2}`, string(told.RegistrationState.Payload))

		response, _ := d.do(http.MethodPut, "/register", d.body)
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		require.Equal(t, "59", response.Header.Get("Retry-After"))
		time.Sleep(59 * time.Second)
		require.Equal(t, "reprovisionedToInitialAssignment", d.register().RegistrationState.Substatus)
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFaultsForDevices(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	load(t, srv, `{"enrollmentGroupId":"g",`+keyed+`}`)
	one := &device{t: t, srv: srv, client: srv.Transport(), id: "one", key: derived("one")}
	two := &device{t: t, srv: srv, client: srv.Transport(), id: "two", key: derived("two")}
	for _, test := range []struct {
		operation    dpstest.Operation
		method, path string
	}{
		{dpstest.OperationRuntimeRegistrationRegisterDevice, http.MethodPut, "/register"},
		{dpstest.OperationRuntimeRegistrationOperationStatusLookup, http.MethodGet, "/operations/x"},
		{dpstest.OperationRuntimeRegistrationDeviceStatusLookup, http.MethodPost, ""},
	} {
		srv.Control(dpstest.Throttle(7*time.Second), &dpstest.ControlOptions{Operation: test.operation, ID: "ONE"})
		response, _ := two.do(test.method, test.path, "")
		require.NotEqual(t, http.StatusTooManyRequests, response.StatusCode)
		response, _ = one.do(test.method, test.path, "")
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		response, _ = one.do(test.method, test.path, "")
		require.NotEqual(t, http.StatusTooManyRequests, response.StatusCode)
		requests := srv.Requests()
		require.Equal(t, test.operation, requests[len(requests)-1].Operation)
	}
}

func TestSecretsOfDevices(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log strings.Builder
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Logf: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&log, format+"\n", args...)
	}})
	defer srv.Close()
	load(t, srv, `{"registrationId":"own","initialTwin":{"tags":{"secret":"tagged"}},`+keyed+`}`)
	d := &device{t: t, srv: srv, client: srv.Transport(), id: "own", key: deviceKey, body: `{"tpm":{"authenticationKey":"c2VjcmV0"}}`}
	d.register()
	hub, ok := srv.HubDevice("own")
	require.True(t, ok)
	mu.Lock()
	defer mu.Unlock()
	printed := log.String() + fmt.Sprintf("%v %+v %#v %s %q %x %v", hub, hub, hub, hub, hub, &hub, []dpstest.HubDevice{hub})
	require.Contains(t, printed, "HubDevice(own at dpstest-hub.azure-devices.net)")
	require.Contains(t, printed, "dpstest: PUT /"+srv.IDScope()+"/registrations/own/register?api-version=2021-10-01: 202 Accepted")
	for _, request := range srv.Requests() {
		require.Contains(t, request.Header.Get("Authorization"), "sig=REDACTED")
		require.Contains(t, request.Header.Get("Authorization"), "skn=registration")
		printed += fmt.Sprintf("%s %s %s\n", request.URL, request.Header, request.Body)
	}
	for _, secret := range []string{deviceKey, "c2VjcmV0", "tagged", "sig=%"} {
		require.NotContains(t, printed, secret)
	}
}

func TestDevicesAfterARestart(t *testing.T) {
	t.Parallel()
	first, second := dpstest.NewUnstartedServer(nil), dpstest.NewUnstartedServer(nil)
	load(t, first, `{"registrationId":"own",`+keyed+`}`)
	d := &device{t: t, srv: first, client: first.Transport(), id: "own", key: deviceKey}
	_, told := d.do(http.MethodPut, "/register", "")
	var dump strings.Builder
	require.NoError(t, first.Dump(&dump))
	load(t, second, dump.String())
	d.srv, d.client = second, second.Transport()
	response, _ := d.do(http.MethodGet, "/operations/"+told.OperationID, "")
	require.Equal(t, http.StatusOK, response.StatusCode)
	before, _ := first.HubDevice("own")
	after, ok := second.HubDevice("own")
	require.True(t, ok)
	require.Equal(t, before, after)
}
