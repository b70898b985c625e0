package dpstest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// A started server has a socket of the loopback interface, with TLS. Its client trusts its certificate.
func ExampleNewServer() {
	server := dpstest.NewServer(nil)
	defer server.Close()

	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	created, err := client.EnrollmentGroups().CreateOrUpdate(context.Background(), azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       azdps.NewGeneratedKeyAttestation(),
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(created.EnrollmentGroupID, "is at the server:", client.Endpoint() == server.URL())
	// Output: line-1 is at the server: true
}

// A server without a socket is faster, and works in a bubble of testing/synctest. Nothing has to be closed if nothing is under way.
func ExampleNewUnstartedServer() {
	server := dpstest.NewUnstartedServer(nil)

	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.EnrollmentGroups().Get(context.Background(), "line-1", nil)
	fmt.Println(client.Endpoint(), "has no line-1:", azdps.HasStatusCode(err, http.StatusNotFound))
	// Output: https://dpstest.azure-devices-provisioning.net has no line-1: true
}

// Transport reaches the server whatever the host of the URL, so the code under test may have the endpoint that it always has.
func ExampleServer_Transport() {
	server := dpstest.NewUnstartedServer(nil)

	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClient("https://contoso.azure-devices-provisioning.net", server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range client.EnrollmentGroups().All(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("requests of the server:", len(server.Requests()))
	// Output: requests of the server: 1
}

// Credential stands for Microsoft Entra ID: it goes where a credential of azidentity goes.
func ExampleServer_Credential() {
	server := dpstest.NewUnstartedServer(nil)

	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClient(server.URL(), server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.EnrollmentGroups().Get(context.Background(), "line-1", nil)
	fmt.Println("not found:", azdps.HasStatusCode(err, http.StatusNotFound))
	fmt.Println("authorized by:", server.Requests()[0].Header.Get("Authorization"))
	// Output:
	// not found: true
	// authorized by: Bearer REDACTED
}

// SetPolicies takes a key from a running client, or a permission from a key: how does the code under test take the 401?
func ExampleServer_SetPolicies() {
	ctx := context.Background()
	server := dpstest.NewUnstartedServer(nil)

	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.EnrollmentGroups().Delete(ctx, "line-1", nil)
	fmt.Println("not found:", azdps.HasStatusCode(err, http.StatusNotFound))

	server.SetPolicies() // the same policy with new keys
	_, err = client.EnrollmentGroups().Delete(ctx, "line-1", nil)
	fmt.Println("unauthorized:", azdps.HasStatusCode(err, http.StatusUnauthorized))
	// Output:
	// not found: true
	// unauthorized: true
}

// Start lets a server be set up before anybody can reach it, as in net/http/httptest. Closing it breaks the connections that are left.
func ExampleServer_Start() {
	server := dpstest.NewUnstartedServer(nil)
	server.Control(dpstest.Throttle(time.Second), &dpstest.ControlOptions{Times: -1})
	server.Start()

	response, err := server.Client().Get(server.URL() + "/enrollments/device-1?api-version=2021-10-01")
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	fmt.Println(response.Status)

	server.Close()
	_, err = server.Client().Get(server.URL())
	fmt.Println("nobody there:", err != nil)
	// Output:
	// 429 Too Many Requests
	// nobody there: true
}

// Other programs, in any language, need the certificate in a file. This one is in Go, and takes it as it is.
func ExampleServer_CertificatePEM() {
	server := dpstest.NewServer(nil)
	defer server.Close()

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CertificatePEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	response, err := client.Get(server.URL() + "/enrollments/device-1?api-version=2021-10-01")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = response.Body.Close()
	fmt.Println(response.Status)
	// Output: 401 Unauthorized
}

// The service is a handler, too: for a server of one's own, with an address, a certificate or a middleware of one's own.
func ExampleServer_ServeHTTP() {
	service := dpstest.NewUnstartedServer(nil)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		service.ServeHTTP(w, r)
	}))
	defer server.Close()

	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	client, err := azdps.NewDeviceProvisioningClient(server.URL, service.Credential(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	fmt.Println("not found:", azdps.HasStatusCode(err, http.StatusNotFound))
	// Output:
	// GET /enrollments/device-1
	// not found: true
}

// A policy that may only read shows whether the code under test writes.
func ExampleAccessPolicy() {
	server := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{{
		Name:        "reader",
		Permissions: []dpstest.Permission{dpstest.PermissionEnrollmentRead, dpstest.PermissionRegistrationStatusRead},
	}}})
	client := exampleClient(server) // its connection string is that of the first policy

	_, err := client.IndividualEnrollments().Delete(context.Background(), "device-1", nil)
	fmt.Println("may not delete:", azdps.HasCode(err, azdps.ErrorCodeUnauthorized))
	// Output: may not delete: true
}

// With a limit, the server throttles as the service does. Its clock can be one that stands still.
func ExampleOptions_throttling() {
	now := time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	server := dpstest.NewUnstartedServer(&dpstest.Options{
		OperationsPerMinute: 2,
		Clock:               func() time.Time { return now },
	})
	client, err := azdps.NewDeviceProvisioningClient(server.URL(), server.Credential(), withoutRetries(server))
	if err != nil {
		log.Fatal(err)
	}

	for range 3 {
		_, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
		fmt.Println("throttled:", azdps.HasCode(err, azdps.ErrorCodeThrottled))
	}
	now = now.Add(time.Minute)
	_, err = client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	fmt.Println("a minute later:", azdps.HasCode(err, azdps.ErrorCodeThrottled))
	// Output:
	// throttled: false
	// throttled: false
	// throttled: true
	// a minute later: false
}

func withoutRetries(server *dpstest.Server) *azdps.ClientOptions {
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	options.Retry.MaxRetries = -1
	return options
}
