package dpstest_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// lockOut is code to be tested: it keeps a device from registering again, and is content if the device is not known.
func lockOut(ctx context.Context, client *azdps.DeviceProvisioningClient, id string) error {
	_, err := client.IndividualEnrollments().Update(ctx, id, func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	}, nil)
	if err != nil && !azdps.HasStatusCode(err, http.StatusNotFound) {
		return fmt.Errorf("lock out %s: %w", id, err)
	}
	return nil
}

// A test gives the code a client of a server in memory, makes the server misbehave, and looks at what the server holds and got.
func Example() {
	ctx := context.Background()
	server := dpstest.NewServer(nil)
	defer server.Close() // in a test: t.Cleanup(server.Close)
	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	options.Retry.RetryDelay = time.Millisecond // a test should not take long; see also testing/synctest
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		fmt.Println(err)
		return
	}
	device := azdps.IndividualEnrollment{RegistrationID: "device-1", Attestation: azdps.NewGeneratedKeyAttestation()}
	if _, err := client.IndividualEnrollments().CreateOrUpdate(ctx, device, nil); err != nil {
		fmt.Println(err)
		return
	}

	// Three tries are refused, whatever they ask for.
	server.Control(dpstest.Throttle(0), &dpstest.ControlOptions{Times: 3})
	fmt.Println("a known device:", lockOut(ctx, client, "device-1"))
	fmt.Println("an unknown one:", lockOut(ctx, client, "device-2"))

	stored, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("device-1 is", stored.ProvisioningStatus, "after", len(server.Requests()), "requests")
	// Output:
	// a known device: <nil>
	// an unknown one: <nil>
	// device-1 is disabled after 9 requests
}
