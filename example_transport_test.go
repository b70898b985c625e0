package azdps_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// HTTPS_PROXY and NO_PROXY of the environment need no options. This is for a proxy that the environment does not name, and for
// a root certificate that the system does not have, such as that of a proxy that looks into what goes through it.
func ExampleClientOptions_proxy() {
	server := dpstest.NewServer(nil)
	defer server.Close()
	proxy := exampleProxy()
	defer proxy.Close()
	proxyURL, rootPEM := proxy.URL, server.CertificatePEM()

	proxyAddress, err := url.Parse(proxyURL)
	if err != nil {
		fmt.Println(err)
		return
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		fmt.Println(err)
		return
	}
	if !roots.AppendCertsFromPEM(rootPEM) {
		fmt.Println("there is no certificate in the file")
		return
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(proxyAddress)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = 64 // as many as there are concurrent callers
	options := &azdps.ClientOptions{}
	options.Transport = &http.Client{Transport: transport}
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, err := range client.IndividualEnrollments().All(context.Background(), nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("the service answered")
	// Output:
	// the proxy connects
	// the service answered
}

// exampleProxy is a proxy that tells when it connects somebody.
func exampleProxy() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there, err := net.Dial("tcp", r.Host) //nolint:gosec // a proxy connects to whom it is told, here on the loopback interface
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		fmt.Println("the proxy connects")
		w.WriteHeader(http.StatusOK)
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		go func() { _, _ = io.Copy(there, buffered) }()
		_, _ = io.Copy(here, there)
	}))
}

// Anything with a Do method is a transport: this one counts what goes through it.
func ExampleClientOptions_transport() {
	server, options := exampleServer(exampleDevice1)

	counting := &countingTransport{next: options.Transport}
	options.Transport = counting
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	if _, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(counting.requests, "request")
	// Output: 1 request
}

type countingTransport struct {
	next     policy.Transporter
	requests int // guard it with a mutex if several goroutines use the client
}

func (t *countingTransport) Do(request *http.Request) (*http.Response, error) {
	t.requests++
	return t.next.Do(request)
}

// A policy sees each call, or each try with PerRetryPolicies. This one gives a call the id by which the caller's logs know it.
func ExampleClientOptions_policy() {
	server, options := exampleServer(exampleDevice1)

	options.PerCallPolicies = []policy.Policy{correlationPolicy{}}
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.WithValue(context.Background(), correlationKey{}, "order-4711")
	if _, err := client.IndividualEnrollments().Get(ctx, "device-1", nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(server.Requests()[0].Header.Get("X-Ms-Correlation-Request-Id"))
	// Output: order-4711
}

type correlationKey struct{}

type correlationPolicy struct{}

func (correlationPolicy) Do(request *policy.Request) (*http.Response, error) {
	if id, ok := request.Raw().Context().Value(correlationKey{}).(string); ok {
		request.Raw().Header.Set("X-Ms-Correlation-Request-Id", id)
	}
	return request.Next()
}

// An answer that is larger than expected ends the call instead of filling the memory.
func ExampleClientOptions_maxResponseBody() {
	server, options := exampleServer(exampleDevice1, exampleDevice2)

	options.MaxResponseBody = 100 // far too little: a page of records may have some MiB
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.IndividualEnrollments().NewQueryPager(nil).NextPage(context.Background())
	fmt.Println(err)
	// Output: azdps: the body of the answer 200 is larger than the 100 bytes of ClientOptions.MaxResponseBody
}

// The whole answer is there for who needs a header of it, or a member that this package does not know. The id of the request is
// what Azure support asks for; that of an error is in its ErrorDetails.
func ExampleIndividualEnrollmentsClient_Get_rawResponse() {
	client := exampleClient(exampleDevice1)

	var response *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &response)
	if _, err := client.IndividualEnrollments().Get(ctx, "device-1", nil); err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, response.Header.Get("Content-Type"))
	fmt.Println("has an id:", response.Header.Get("x-ms-request-id") != "")
	fmt.Println("has a body:", len(body) > 0)
	// Output:
	// 200 OK application/json; charset=utf-8
	// has an id: true
	// has a body: true
}
