package azdps_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func ExampleHasCode() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	_, err := client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	if azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists) {
		fmt.Println("device-1 is enrolled already")
	}
	// Output: device-1 is enrolled already
}

func ExampleHasStatusCode() {
	ctx := context.Background()
	client := exampleClient()

	_, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	switch {
	case azdps.HasStatusCode(err, http.StatusNotFound):
		fmt.Println("there is no device-1")
	case azdps.HasStatusCode(err, http.StatusUnauthorized, http.StatusForbidden):
		fmt.Println("check the credential, its role, and the network rules")
	case err != nil:
		log.Fatal(err)
	}
	// Output: there is no device-1
}

// The details are worth a log entry: Azure support asks for the tracking id.
func ExampleErrorDetailsFrom() {
	ctx := context.Background()
	client := exampleClient()

	_, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if details, ok := azdps.ErrorDetailsFrom(err); ok {
		fmt.Println(details.ErrorCode, details.Message)
		fmt.Println("has a tracking id:", details.TrackingID != "")
	}
	// Output:
	// 404201 Enrollment not found.
	// has a tracking id: true
}

func ExampleBulkOperationError() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	enrollments := []azdps.IndividualEnrollment{{RegistrationID: "device-1"}, {RegistrationID: "device-2"}}
	_, err := client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeDelete, enrollments, nil)
	if refused, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		fmt.Printf("%d of %d items were refused\n", len(refused.Failures), refused.Items)
		for _, failure := range refused.Failures {
			if failure.ErrorCode/1000 == http.StatusNotFound {
				fmt.Println(failure.RegistrationID, "was gone already")
			}
		}
	}
	// Output:
	// 1 of 2 items were refused
	// device-2 was gone already
}

// When the answer to a write is lost, nobody knows whether it was applied. The retry cannot tell either: here it meets the record
// that the first try made. So the program looks what the service holds.
func ExampleIndividualEnrollmentsClient_CreateOrUpdate_outcomeUnknown() {
	ctx := context.Background()
	server, options := exampleServer()
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}
	server.Control(dpstest.DropResponse(), nil) // the answer to the next request gets lost

	_, err = client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID:            "device-1",
		Attestation:               azdps.NewGeneratedKeyAttestation(),
		OptionalDeviceInformation: azdps.TwinCollection{"order": "4711"}, // tells this record from that of somebody else
	}, nil)
	if errors.Is(err, azdps.ErrOutcomeUnknown) {
		found, getErr := client.IndividualEnrollments().Get(ctx, "device-1", nil)
		if getErr == nil && found.OptionalDeviceInformation["order"] == "4711" {
			err = nil // it was applied
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("device-1 is enrolled")
	// Output: device-1 is enrolled
}
