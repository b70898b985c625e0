package azdps_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// A job in the background has time: it retries longer than the three times that are the default.
func ExampleClientOptions_retry() {
	server, options := exampleServer(exampleDevice1)
	server.Control(dpstest.Throttle(0), &dpstest.ControlOptions{Times: 5}) // too many requests

	options.Retry = policy.RetryOptions{
		MaxRetries:    8,
		RetryDelay:    time.Millisecond, // more like a second, against Azure
		MaxRetryDelay: time.Minute,
		TryTimeout:    30 * time.Second,
	}
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID, "after", len(server.Requests()), "tries")
	// Output: device-1 after 6 tries
}

// A call that somebody waits for ends with its context, and may have retries of its own.
func ExampleClientOptions_retryOfOneCall() {
	client := exampleClient(exampleDevice1)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1}) // one try
	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(enrollment.RegistrationID)
	// Output: device-1
}

// Another version of the API knows other members.
func ExampleClientOptions_apiVersion() {
	server, options := exampleServer()

	options.APIVersion = azdps.APIVersion2026_11_01
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	created, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
		NamespaceName:  "my-namespace",
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.RegistrationID, created.NamespaceName)
	fmt.Println(server.Requests()[0].URL.Query().Get("api-version"))
	// Output:
	// device-1 my-namespace
	// 2026-11-01
}
