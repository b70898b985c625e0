package dpstest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps/dpstest"
)

// get sends a plain request, as any HTTP client would, and prints the answer.
func get(srv *dpstest.Server, path string) {
	scope := policy.TokenRequestOptions{Scopes: []string{"https://azure-devices-provisioning.net/.default"}}
	token, err := srv.Credential().GetToken(context.Background(), scope)
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := http.NewRequest(http.MethodGet, srv.URL()+path+"?api-version=2021-10-01", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+token.Token)
	response, err := srv.Transport().Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Println(response.Status)
	if response.StatusCode == http.StatusOK {
		_, _ = io.Copy(os.Stdout, response.Body)
	}
}

func ExampleServer_Load() {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	err := srv.Load(strings.NewReader(`
{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device-1","status":"failed","errorCode":401001,"errorMessage":"IoT hub not found",
`))
	fmt.Println(err)

	err = srv.Load(strings.NewReader(`{"registrationId":"device-1","createdDateTimeUtc":"2023-05-19T23:10:28Z","status":"disabled","etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="}`))
	fmt.Println(err)
	get(srv, "/registrations/device-1")
	// Output:
	// dpstest: load: line 3: unexpected end of JSON input
	// <nil>
	// 200 OK
	// {"registrationId":"device-1","createdDateTimeUtc":"2023-05-19T23:10:28Z","status":"disabled","lastUpdatedDateTimeUtc":"2023-05-19T23:10:28Z","etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="}
}

func ExampleServer_Control() {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Control(dpstest.Throttle(30*time.Second), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet})
	get(srv, "/enrollmentGroups/line-1")
	get(srv, "/enrollments/device-1")
	get(srv, "/enrollments/device-1")
	for _, request := range srv.Requests() {
		fmt.Println(request.Operation, request.StatusCode)
	}
	// Output:
	// 404 Not Found
	// 429 Too Many Requests
	// 404 Not Found
	// EnrollmentGroup_Get 404
	// IndividualEnrollment_Get 429
	// IndividualEnrollment_Get 404
}
