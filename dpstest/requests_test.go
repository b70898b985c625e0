package dpstest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

const secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func TestRequests(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		body := `{ "registrationId":"device-1","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey" : "` + secret + `","secondaryKey":"` + secret + `"}},` +
			`"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://a/b?code=` + secret + `\u0026x=y","apiVersion":"2019-03-31"}}`
		before := time.Now()
		client.do(200, "PUT", "/enrollments/device-1", body)
		client.do(404, "GET", "/enrollmentGroups/A%3Ab", "")
		client.do(404, "GET", "/nowhere", "")
		client.sign = func() string { return "Bearer " + secret }
		client.do(401, "DELETE", "/enrollments/device-1", "")
		client.sign = func() string { return secret }
		client.do(401, "POST", "/enrollments", `{"primaryKey":"`+secret)

		requests := srv.Requests()
		require.Len(t, requests, 5)
		for i, want := range []struct {
			operation    dpstest.Operation
			method, path string
			status       int
		}{
			{dpstest.OperationIndividualEnrollmentCreateOrUpdate, "PUT", "/enrollments/device-1", 200},
			{dpstest.OperationEnrollmentGroupGet, "GET", "/enrollmentGroups/A%3Ab", 404},
			{"", "GET", "/nowhere", 404},
			{dpstest.OperationIndividualEnrollmentDelete, "DELETE", "/enrollments/device-1", 401},
			{dpstest.OperationIndividualEnrollmentRunBulkOperation, "POST", "/enrollments", 401},
		} {
			got := requests[i]
			require.Equal(t, want.operation, got.Operation)
			require.Equal(t, want.method, got.Method)
			require.Equal(t, want.path+"?api-version=2021-10-01", got.URL.String())
			require.Equal(t, want.status, got.StatusCode)
			require.False(t, got.Time.Before(before))
			require.NotContains(t, fmt.Sprintf("%+v %s", got, got.Body), secret)
		}
		require.Equal(t, strings.ReplaceAll(strings.ReplaceAll(body, secret, "REDACTED"), `?code=REDACTED\u0026x=y`, "?REDACTED"), string(requests[0].Body))
		require.Regexp(t, `^SharedAccessSignature sr=[^&]+&sig=REDACTED&se=\d+&skn=provisioningserviceowner$`, requests[0].Header.Get("Authorization"))
		require.Equal(t, "Bearer REDACTED", requests[3].Header.Get("Authorization"))
		require.Equal(t, "REDACTED", requests[4].Header.Get("Authorization"))
		require.Equal(t, `{"primaryKey":"REDACTED`, string(requests[4].Body))

		requests[0].Header.Set("Content-Type", "changed")
		requests[0].URL.Path, requests[0].Body[0] = "changed", '!'
		require.NotContains(t, fmt.Sprint(srv.Requests()[0]), "changed")
	})
}

func TestRequestsWithAnEarlyHint(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.WriteHeader(http.StatusEarlyHints)
			next.ServeHTTP(w, r)
		}, nil)
		client.do(404, "GET", "/enrollments/device-1", "")
		require.Equal(t, 404, srv.Requests()[0].StatusCode)
	})
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	for i := range 10_010 {
		srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/%d", i), nil))
	}
	requests := srv.Requests()
	require.Len(t, requests, 10_000)
	require.Equal(t, "/10", requests[0].URL.Path)
	require.Equal(t, "/10009", requests[9_999].URL.Path)
}

func TestLargeBodiesReachTheService(t *testing.T) {
	t.Parallel()
	bothWays(t, nil, func(t *testing.T, srv *dpstest.Server, client *service) {
		largest := strings.Replace(device1, "{", `{"x":"`+strings.Repeat("x", 96<<10-len(device1)-len(`"x":"",`))+`",`, 1)
		require.Len(t, largest, 96<<10)
		client.do(200, "PUT", "/enrollments/device-1", largest)
		require.Equal(t, largest, string(srv.Requests()[0].Body))
		got := client.do(400, "PUT", "/enrollments/device-1", strings.Replace(device1, "{", `{"x":"`+strings.Repeat("x", 100<<10)+`",`, 1))
		require.Contains(t, string(got.body), "96 KB")
	})
}

func TestBodiesThatEndEarly(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	client := connect(t, srv, srv.Transport(), time.Now)
	r := httptest.NewRequest("PUT", srv.URL()+"/enrollments/device-1?api-version=2021-10-01", io.MultiReader(strings.NewReader(device1[:10]), brokenReader{io.ErrUnexpectedEOF}))
	r.Header.Set("Authorization", client.sign())
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "The body ended early")
	require.Equal(t, device1[:10], string(srv.Requests()[0].Body))

	r = r.Clone(t.Context())
	r.Method, r.Body = "GET", nil
	w = httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	require.Equal(t, 404, w.Code)
}

func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log strings.Builder
	options := &dpstest.Options{
		Policies: []dpstest.AccessPolicy{{Name: "owner", PrimaryKey: secret, SecondaryKey: secret, Permissions: dpstest.PossiblePermissionValues()}},
		Logf: func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&log, format+"\n", args...)
		},
	}
	srv := dpstest.NewServer(options)
	defer srv.Close()
	client := connect(t, srv, srv.Client(), time.Now)
	body := strings.Replace(device1, `"symmetricKey"}`, `"symmetricKey","symmetricKey":{"primaryKey":"`+secret+`"}}`, 1)
	client.do(200, "PUT", "/enrollments/device-1", body)
	client.do(409, "PUT", "/enrollments/device-1", body)
	srv.Control(dpstest.DropRequest(), nil)
	_, err := client.try(t.Context(), "PUT", "/enrollments/device-1", body)
	require.NotContains(t, err.Error(), secret)
	err = srv.Load(strings.NewReader(`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + secret + `x"}}}`))
	require.ErrorContains(t, err, "16 to 64 bytes")
	require.NotContains(t, err.Error(), secret)
	panicked := func() (text string) {
		defer func() { text = fmt.Sprint(recover()) }()
		dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{{Name: "a", PrimaryKey: secret + "x"}}})
		return ""
	}()
	require.Contains(t, panicked, "not base64")

	mu.Lock()
	logged := log.String()
	mu.Unlock()
	require.Contains(t, logged, "dpstest: PUT /enrollments/device-1?api-version=2021-10-01: 200 OK\n")
	require.Contains(t, logged, "409 Conflict\n")
	require.Contains(t, logged, "dropped\n")

	printed := []string{panicked, logged}
	for _, value := range []any{
		options, *options, options.Policies, options.Policies[0], &options.Policies[0], srv, srv.Credential(), srv.Requests(),
		map[string]any{"policy": options.Policies[0]}, struct{ Server *dpstest.Server }{srv}, dpstest.ControlOptions{},
	} {
		// Not %p, for which fmt asks no type how it wants to be printed; go vet refuses it for anything but pointers.
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T", "%10v", "%!"} {
			printed = append(printed, fmt.Sprintf(verb, value))
		}
	}
	for _, text := range printed {
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), "0123456789abcdef", fmt.Sprintf("%d", []byte("0123456789abcdef"))[1:30], fmt.Sprintf("%x", "0123456789abcdef")} {
			require.NotContains(t, text, form)
		}
	}
	require.Equal(t, "AccessPolicy(owner [EnrollmentRead EnrollmentWrite RegistrationStatusRead RegistrationStatusWrite ServiceConfig])", fmt.Sprint(options.Policies[0]))
	var _ http.Handler = srv
}
