package azdps_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"sync/atomic"

	"github.com/azdps/azdps"
)

// One client is enough for a service. It has a client of its own for each kind of record.
func ExampleDeviceProvisioningClient() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleLine1, exampleState1)
	fmt.Println(client.Endpoint())

	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	group, err := client.EnrollmentGroups().Get(ctx, "line-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	state, err := client.DeviceRegistrationStates().Get(ctx, "pump-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID, "may register;", "so may every device of", group.EnrollmentGroupID)
	fmt.Println(state.RegistrationID, "did, and is at", state.AssignedHub)
	// Output:
	// https://my-dps.azure-devices-provisioning.net
	// device-1 may register; so may every device of line-1
	// pump-1 did, and is at my-hub.azure-devices.net
}

// A client is safe for concurrent use. Four callers here share one, and its connections. For thousands of records there is
// package fleet, which also keeps to the quota of the service.
func ExampleDeviceProvisioningClient_concurrency() {
	ctx := context.Background()
	client := exampleClient()

	ids := make(chan string)
	var created atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for id := range ids {
				_, err := client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
					RegistrationID: id,
					Attestation:    azdps.NewGeneratedKeyAttestation(),
				}, nil)
				if err != nil {
					log.Print(id, ": ", err)
					continue
				}
				created.Add(1)
			}
		})
	}
	for i := range 20 {
		ids <- fmt.Sprintf("device-%d", i)
	}
	close(ids)
	callers.Wait()
	fmt.Println("created", created.Load(), "enrollments")
	// Output: created 20 enrollments
}
