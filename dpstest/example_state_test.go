package dpstest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// Load gives a server the records that a test starts from, registration states too, which no client can write.
func ExampleServer_Load() {
	server := dpstest.NewUnstartedServer(nil)
	err := server.Load(strings.NewReader(`
{"enrollmentGroupId":"line-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"pump-1","enrollmentGroupId":"line-1","status":"assigned","assignedHub":"my-hub.azure-devices.net","deviceId":"pump-1"}
{"registrationId":"pump-2","enrollmentGroupId":"line-1","status":"failed","errorCode":401001,"errorMessage":"IoT hub not found"}
`))
	if err != nil {
		log.Fatal(err)
	}
	states := exampleClient(server).DeviceRegistrationStates()
	for _, id := range []string{"pump-1", "pump-2"} {
		state, err := states.Get(context.Background(), id, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, state.Status, state.AssignedHub+state.ErrorMessage)
	}

	fmt.Println(server.Load(strings.NewReader(`{"registrationId":"pump-3",`)))
	// Output:
	// pump-1 assigned my-hub.azure-devices.net
	// pump-2 failed IoT hub not found
	// dpstest: load: line 1: unexpected end of JSON input
}

// Dump writes all that a server holds, with keys and certificates, for another server or to compare with what a test expects.
func ExampleServer_Dump() {
	server := dpstest.NewUnstartedServer(nil)
	const record = `{"registrationId":"device-1","createdDateTimeUtc":"2023-05-19T23:10:28Z","etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI=","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"}}}`
	if err := server.Load(strings.NewReader(record)); err != nil {
		log.Fatal(err)
	}

	if err := server.Dump(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output: {"registrationId":"device-1","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"}},"etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI=","provisioningStatus":"enabled","createdDateTimeUtc":"2023-05-19T23:10:28Z","lastUpdatedDateTimeUtc":"2023-05-19T23:10:28Z","allocationPolicy":"hashed"}
}

// The requests tell what the code under test did, without credentials and keys.
func ExampleServer_Requests() {
	server, client := exampleServer()

	attestation, err := azdps.NewSymmetricKeyAttestation("MDEyMzQ1Njc4OWFiY2RlZg==", "ZmVkY2JhOTg3NjU0MzIxMA==")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    attestation,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	for _, request := range server.Requests() {
		fmt.Println(request.Operation, request.StatusCode)
		fmt.Println(request.Method, request.URL)
		fmt.Printf("%s\n", request.Body)
	}
	// Output:
	// IndividualEnrollment_CreateOrUpdate 200
	// PUT /enrollments/device-1?api-version=2021-10-01
	// {"registrationId":"device-1","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"REDACTED","secondaryKey":"REDACTED"}}}
}
