package dpstest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// service is a raw HTTP client of a server, over its socket or without one.
type service struct {
	t      *testing.T
	base   string
	client *http.Client
	sign   func() string
	header http.Header // of every request
}

// connect makes a client from what a connection string says.
func connect(t *testing.T, srv *dpstest.Server, client *http.Client, now func() time.Time) *service {
	t.Helper()
	parts := map[string]string{}
	for part := range strings.SplitSeq(srv.ConnectionString(), ";") {
		name, value, _ := strings.Cut(part, "=")
		parts[name] = value
	}
	return &service{t: t, base: "https://" + parts["HostName"], client: client, sign: func() string {
		return sas(parts["HostName"], parts["SharedAccessKeyName"], parts["SharedAccessKey"], now().Add(time.Hour))
	}}
}

func sas(host, policy, key string, expiry time.Time) string {
	plain, _ := base64.StdEncoding.DecodeString(key)
	mac := hmac.New(sha256.New, plain)
	resource, end := url.QueryEscape(host), strconv.FormatInt(expiry.Unix(), 10)
	mac.Write([]byte(resource + "\n" + end))
	return "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))) + "&se=" + end + "&skn=" + policy
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
	err  error // of reading the body
}

func (a *answer) code(t *testing.T) int {
	t.Helper()
	var details struct{ ErrorCode int }
	require.NoError(t, json.Unmarshal(a.body, &details), "%s", a.body)
	return details.ErrorCode
}

// try sends a request and returns what came of it.
func (s *service) try(ctx context.Context, method, path, body string) (*answer, error) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, s.base+path+"?api-version=2021-10-01", strings.NewReader(body))
	require.NoError(s.t, err)
	request.Header.Set("Authorization", s.sign())
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	maps.Copy(request.Header, s.header)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return &answer{response, data, err}, nil
}

// do sends a request that must be answered with status.
func (s *service) do(status int, method, path, body string) *answer {
	s.t.Helper()
	got, err := s.try(context.Background(), method, path, body)
	require.NoError(s.t, err)
	require.NoError(s.t, got.err)
	require.Equal(s.t, status, got.StatusCode, "%s", got.body)
	return got
}

const device1 = `{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}`

// bothWays runs a test over a socket and without one.
func bothWays(t *testing.T, options *dpstest.Options, test func(t *testing.T, srv *dpstest.Server, client *service)) {
	t.Helper()
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		srv := dpstest.NewServer(options)
		t.Cleanup(srv.Close)
		test(t, srv, connect(t, srv, srv.Client(), time.Now))
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		srv := dpstest.NewUnstartedServer(options)
		t.Cleanup(srv.Close)
		test(t, srv, connect(t, srv, srv.Transport(), time.Now))
	})
}

func TestServerServes(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		require.True(t, strings.HasPrefix(srv.ConnectionString(), "HostName="+strings.TrimPrefix(srv.URL(), "https://")+";SharedAccessKeyName=provisioningserviceowner;SharedAccessKey="))
		put := client.do(200, "PUT", "/enrollments/device-1", device1)
		require.Equal(t, "application/json; charset=utf-8", put.Header.Get("Content-Type"))
		require.Equal(t, "max-age=31536000; includeSubDomains", put.Header.Get("Strict-Transport-Security"))
		require.Equal(t, []string{"chunked"}, put.TransferEncoding)
		require.EqualValues(t, -1, put.ContentLength)
		require.Equal(t, 1, put.ProtoMajor)
		require.Equal(t, 409201, client.do(409, "PUT", "/enrollments/device-1", device1).code(t))

		gone := client.do(204, "DELETE", "/enrollments/device-1", "")
		require.Empty(t, gone.body)
		require.Empty(t, gone.Header.Get("Content-Type"))
		require.NotEmpty(t, gone.Header.Get("Date"))
		require.Equal(t, 404201, client.do(404, "GET", "/enrollments/device-1", "").code(t))
	})
}

func TestServersLifeCycle(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	require.Equal(t, "https://dpstest.azure-devices-provisioning.net", srv.URL())
	require.Contains(t, srv.ConnectionString(), "HostName=dpstest.azure-devices-provisioning.net;")
	connect(t, srv, srv.Transport(), time.Now).do(200, "PUT", "/enrollments/device-1", device1)
	srv.Start()
	require.Regexp(t, `^https://127\.0\.0\.1:\d+$`, srv.URL())
	client := connect(t, srv, srv.Client(), time.Now)
	client.do(200, "GET", "/enrollments/device-1", "")
	require.Panics(t, srv.Start)
	srv.Close()
	srv.Close()
	_, err := client.try(t.Context(), "GET", "/enrollments/device-1", "")
	require.Error(t, err)
	require.Panics(t, srv.Start)
	require.Len(t, srv.Requests(), 2)

	unstarted := dpstest.NewUnstartedServer(nil)
	unstarted.Close()
	require.Panics(t, unstarted.Start)
}

func TestCloseEndsWhatRuns(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		client.do(404, "GET", "/enrollments/device-1", "")
		arrived := make(chan bool)
		var ended bool
		srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			defer func() {
				time.Sleep(20 * time.Millisecond) // so that Close would be done if it did not wait
				ended = true
			}()
			close(arrived)
			dpstest.Delay(time.Hour)(w, r, next)
		}, nil)
		failed := make(chan error)
		go func() {
			_, err := client.try(context.Background(), "GET", "/enrollments/device-1", "")
			failed <- err
		}()
		<-arrived
		srv.Close()
		require.True(t, ended, "Close waits for the handlers")
		require.Error(t, <-failed)
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	srv := dpstest.NewServer(&dpstest.Options{Clock: func() time.Time { return now }})
	defer srv.Close()
	connect(t, srv, srv.Client(), func() time.Time { return now }).do(404, "GET", "/enrollments/device-1", "")

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(srv.CertificatePEM()))
	address := strings.TrimPrefix(srv.URL(), "https://")
	connection, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost", Time: func() time.Time { return now }, NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	require.Equal(t, "http/1.1", connection.ConnectionState().NegotiatedProtocol)
	leaf := connection.ConnectionState().PeerCertificates[0]
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		require.NoError(t, leaf.VerifyHostname(name))
	}
	require.Equal(t, now.Add(-time.Hour), leaf.NotBefore)

	plain := srv.CertificatePEM()
	clear(plain)
	require.NotEqual(t, plain, srv.CertificatePEM())

	untrusting := &http.Client{Transport: &http.Transport{}}
	_, err = untrusting.Get(srv.URL())
	require.Error(t, err)
}

func TestCredential(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		token := func(scopes ...string) (string, error) {
			token, err := srv.Credential().GetToken(t.Context(), policy.TokenRequestOptions{Scopes: scopes})
			return "Bearer " + token.Token, err
		}
		good, err := token("https://azure-devices-provisioning.net/.default")
		require.NoError(t, err)
		client.sign = func() string { return good }
		client.do(404, "GET", "/enrollments/device-1", "")
		other, err := token("https://management.azure.com/.default")
		require.NoError(t, err)
		client.sign = func() string { return other }
		require.Equal(t, 401002, client.do(401, "GET", "/enrollments/device-1", "").code(t))
		_, err = token()
		require.ErrorContains(t, err, "one scope")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = srv.Credential().GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"x"}})
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{
		{Name: "reader", Permissions: []dpstest.Permission{dpstest.PermissionEnrollmentRead}},
		{Name: "writer", SecondaryKey: "MTIzNA==", Permissions: []dpstest.Permission{dpstest.PermissionEnrollmentWrite}},
		{Name: "nobody", PrimaryKey: "MTIzNA=="},
	}})
	client := connect(t, srv, srv.Transport(), time.Now)
	require.Contains(t, srv.ConnectionString(), "SharedAccessKeyName=reader;")
	client.do(404, "GET", "/enrollments/device-1", "")
	client.do(401, "PUT", "/enrollments/device-1", device1)
	client.sign = func() string {
		return sas("dpstest.azure-devices-provisioning.net", "writer", "MTIzNA==", time.Now().Add(time.Hour))
	}
	client.do(200, "PUT", "/enrollments/device-1", device1)
	client.do(401, "GET", "/enrollments/device-1", "")
	client.sign = func() string {
		return sas("dpstest.azure-devices-provisioning.net", "nobody", "MTIzNA==", time.Now().Add(time.Hour))
	}
	client.do(401, "GET", "/enrollments/device-1", "")

	for _, bad := range [][]dpstest.AccessPolicy{
		{{}}, {{Name: "a"}, {Name: "a"}}, {{Name: "a", PrimaryKey: "not base64!"}}, {{Name: "a", SecondaryKey: "\n"}},
	} {
		require.Panics(t, func() { dpstest.NewUnstartedServer(&dpstest.Options{Policies: bad}) })
	}
}

// TestSetPolicies replaces the keys and takes a permission away while clients are at work.
func TestSetPolicies(t *testing.T) {
	t.Parallel()
	owner := dpstest.AccessPolicy{Name: "owner", SecondaryKey: "MTIzNA==", Permissions: dpstest.PossiblePermissionValues()}
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{owner}})
	signedWith := func(key string) *service {
		client := connect(t, srv, srv.Transport(), time.Now)
		if key != "" {
			client.sign = func() string {
				return sas("dpstest.azure-devices-provisioning.net", "owner", key, time.Now().Add(time.Hour))
			}
		}
		return client
	}
	first, secondary := signedWith(""), signedWith("MTIzNA==")
	old := srv.ConnectionString()
	first.do(200, "PUT", "/enrollments/device-1", device1)

	srv.SetPolicies(owner) // with a primary key of its own
	require.NotEqual(t, old, srv.ConnectionString())
	require.Equal(t, 401002, first.do(401, "GET", "/enrollments/device-1", "").code(t))
	secondary.do(200, "GET", "/enrollments/device-1", "")
	signedWith("").do(200, "GET", "/enrollments/device-1", "")

	owner.Permissions = []dpstest.Permission{dpstest.PermissionEnrollmentRead}
	srv.SetPolicies(owner)
	secondary.do(200, "GET", "/enrollments/device-1", "")
	secondary.do(401, "PUT", "/enrollments/device-1", device1)

	require.Panics(t, func() { srv.SetPolicies(owner, owner) })
	secondary.do(200, "GET", "/enrollments/device-1", "")
	srv.SetPolicies()
	secondary.do(401, "GET", "/enrollments/device-1", "")
	require.Contains(t, srv.ConnectionString(), "SharedAccessKeyName=provisioningserviceowner;")
}

func TestThrottlingAndClock(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	clock := func() time.Time { return now }
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Clock: clock, OperationsPerMinute: 2, MaxPageSize: 3})
	enroll(t, srv, 5)
	client := connect(t, srv, srv.Transport(), clock)
	page := client.do(200, "POST", "/enrollments/query", "")
	require.Equal(t, 3, strings.Count(string(page.body), "registrationId"))
	client.do(404, "GET", "/enrollments/device-1", "")
	require.Equal(t, "60", client.do(429, "GET", "/enrollments/device-1", "").Header.Get("Retry-After"))
	now = now.Add(time.Minute)
	client.do(404, "GET", "/enrollments/device-1", "")
	srv.Control(dpstest.Throttle(-1), nil)
	require.Contains(t, string(client.do(429, "GET", "/enrollments/device-1", "").body), `"timestampUtc":"2023-11-14T22:14:20Z"`)
	require.Equal(t, now, srv.Requests()[4].Time)
}

func TestLoadAndDump(t *testing.T) {
	t.Parallel()
	state := `{"enrollmentGroupId":"line-1","registrationId":"device-2","createdDateTimeUtc":"2023-05-19T23:10:28Z","assignedHub":"hub.azure-devices.net","deviceId":"device-2",` +
		`"status":"assigned","substatus":"initialAssignment","lastUpdatedDateTimeUtc":"2023-05-19T23:10:29Z","etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="}`
	srv := dpstest.NewUnstartedServer(nil)
	require.NoError(t, srv.Load(strings.NewReader(device1+"\n"+`{"enrollmentGroupId":"line-1","attestation":{"type":"symmetricKey"}}`+"\n"+state)))
	var dump strings.Builder
	require.NoError(t, srv.Dump(&dump))
	require.True(t, strings.HasSuffix(dump.String(), state+"\n"))
	require.Equal(t, 2, strings.Count(dump.String(), "primaryKey"))

	other := dpstest.NewUnstartedServer(nil)
	require.NoError(t, other.Load(strings.NewReader(dump.String())))
	var again strings.Builder
	require.NoError(t, other.Dump(&again))
	require.Equal(t, dump.String(), again.String())
	client := connect(t, other, other.Transport(), time.Now)
	require.Contains(t, string(client.do(200, "POST", "/registrations/line-1/query", "").body), `"deviceId":"device-2"`)

	require.ErrorContains(t, srv.Load(strings.NewReader("\n{}")), "dpstest: load: line 2: ")
	require.ErrorContains(t, srv.Dump(brokenWriter{}), "dpstest: dump: full")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
