package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// States tells where the devices are. A list of enrollments does not.
func ExampleStates() {
	client := exampleClient(exampleDevice1, exampleState1, exampleDevice2)

	for enrollment, err := range fleet.States(context.Background(), client, nil) {
		if err != nil {
			log.Fatal(err)
		}
		switch state := enrollment.RegistrationState; state.Status {
		case azdps.RegistrationStatusAssigned:
			fmt.Println(enrollment.RegistrationID, "is at", state.AssignedHub)
		case azdps.RegistrationStatusFailed:
			fmt.Println(enrollment.RegistrationID, "failed:", state.ErrorMessage)
		default:
			fmt.Println(enrollment.RegistrationID, "is", state.Status)
		}
	}
	// Unordered output:
	// device-1 is at my-hub.azure-devices.net
	// device-2 is unassigned
}

// A device is out of service when it has neither an enrollment nor a registration. That it had none before is no failure.
func ExampleDecommission() {
	client := exampleClient(exampleDevice1, exampleState1, exampleDevice2)

	ids := func(yield func(string, error) bool) {
		_ = yield("device-1", nil) && yield("device-2", nil) && yield("device-3", nil)
	}
	for outcome, err := range fleet.Decommission(context.Background(), client, ids, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		switch {
		case outcome.Result != fleet.ResultDeleted && outcome.Result != fleet.ResultUnchanged:
			fmt.Println(outcome.ID, "failed:", outcome.Err)
		case errors.Is(outcome.Err, fleet.ErrNoEnrollment):
			fmt.Println(outcome.ID, outcome.Result, "had no enrollment")
		case errors.Is(outcome.Err, fleet.ErrNoRegistration):
			fmt.Println(outcome.ID, outcome.Result, "had not registered")
		default:
			fmt.Println(outcome.ID, outcome.Result)
		}
	}
	// Unordered output:
	// device-1 deleted
	// device-2 deleted had not registered
	// device-3 unchanged had no enrollment
}

// A device that is disabled instead stays out although its group would let it in, and can be let in again.
func ExampleDecommission_disable() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleState1)

	ids := func(yield func(string, error) bool) { yield("device-1", nil) }
	options := &fleet.DecommissionOptions{DisableOnly: true}
	for outcome, err := range fleet.Decommission(ctx, client, ids, options) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}

	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it is", enrollment.ProvisioningStatus)
	// Output:
	// device-1 updated
	// it is disabled
}
