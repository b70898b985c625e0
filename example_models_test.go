package azdps_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/azdps/azdps"
)

// The JSON of a record is that of the service's REST API, whichever package reads and writes it. Members that this version does not
// know are kept; so an update loses nothing.
func ExampleIndividualEnrollment_json() {
	const line = `{"registrationId":"device-1","attestation":{"type":"symmetricKey"},"shelf":{"row":7}}`

	var enrollment azdps.IndividualEnrollment
	if err := json.Unmarshal([]byte(line), &enrollment); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("shelf: %s\n", enrollment.AdditionalProperties["shelf"])

	enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
	if err := json.NewEncoder(os.Stdout).Encode(enrollment); err != nil { // with its keys, if it has some
		log.Fatal(err)
	}
	// Output:
	// shelf: {"row":7}
	// {"registrationId":"device-1","attestation":{"type":"symmetricKey"},"provisioningStatus":"disabled","shelf":{"row":7}}
}

// Numbers of a twin keep all their digits: they are read as json.Number.
func ExampleTwinCollection() {
	client := exampleClient(`{"registrationId": "device-1", "attestation": {"type": "symmetricKey"}, "initialTwin": {"tags": {"serial": 123456789012345678}}}`)

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v (%[1]T)\n", enrollment.InitialTwin.Tags["serial"])
	// Output: 123456789012345678 (json.Number)
}

// A policy that says nothing of a member means true, as for the service.
func ExampleReprovisionPolicy() {
	var policy azdps.ReprovisionPolicy
	if err := json.Unmarshal([]byte(`{"migrateDeviceData": false}`), &policy); err != nil {
		log.Fatal(err)
	}
	fmt.Println("may move to another hub:", policy.UpdateHubAssignment)
	fmt.Println("takes its twin along:", policy.MigrateDeviceData)
	// Output:
	// may move to another hub: true
	// takes its twin along: false
}

// The webhook chooses a hub for each device that registers. Its URL may hold a function key, so printing leaves the query out.
func ExampleCustomAllocationDefinition() {
	client := exampleClient()

	created, err := client.EnrollmentGroups().CreateOrUpdate(context.Background(), azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		AllocationPolicy:  azdps.AllocationPolicyCustom,
		CustomAllocationDefinition: &azdps.CustomAllocationDefinition{
			WebhookURL: "https://my-function.azurewebsites.net/api/allocate?code=a-secret",
			APIVersion: "2021-10-01",
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.CustomAllocationDefinition)
	// Output: {WebhookURL:https://my-function.azurewebsites.net/api/allocate?REDACTED APIVersion:2021-10-01}
}
