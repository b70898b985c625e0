package azdps_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/azdps/azdps"
)

func ExampleDeviceRegistrationStatesClient_Get() {
	ctx := context.Background()
	client := exampleClient(exampleState1)

	state, err := client.DeviceRegistrationStates().Get(ctx, "pump-1", nil)
	if azdps.HasStatusCode(err, http.StatusNotFound) {
		log.Fatal("pump-1 has not registered yet")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.DeviceID, state.Status, state.AssignedHub)
	// Output: pump-1 assigned my-hub.azure-devices.net
}

// The device keeps its hub, and registers again when it starts the next time.
func ExampleDeviceRegistrationStatesClient_Delete() {
	ctx := context.Background()
	client := exampleClient(exampleState1)

	_, err := client.DeviceRegistrationStates().Delete(ctx, "pump-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.DeviceRegistrationStates().Get(ctx, "pump-1", nil)
	fmt.Println("gone:", azdps.HasStatusCode(err, http.StatusNotFound))
	// Output: gone: true
}

// This lists what became of the devices of a group.
func ExampleDeviceRegistrationStatesClient_All() {
	ctx := context.Background()
	client := exampleClient(exampleLine1, exampleState1, exampleState2)

	for state, err := range client.DeviceRegistrationStates().All(ctx, "line-1", nil) {
		if err != nil {
			log.Fatal(err)
		}
		switch state.Status {
		case azdps.RegistrationStatusAssigned:
			fmt.Println(state.RegistrationID, "is at", state.AssignedHub)
		case azdps.RegistrationStatusFailed:
			fmt.Println(state.RegistrationID, "failed:", state.ErrorCode, state.ErrorMessage)
		}
	}
	// Unordered output:
	// pump-1 is at my-hub.azure-devices.net
	// pump-2 failed: 400207 Custom allocation failed.
}

func ExampleDeviceRegistrationStatesClient_NewQueryPager() {
	ctx := context.Background()
	client := exampleClient(exampleLine1, exampleState1, exampleState2)

	options := &azdps.DeviceRegistrationStatesClientQueryOptions{PageSize: 1}
	pager := client.DeviceRegistrationStates().NewQueryPager("line-1", options)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, state := range page.Items {
			fmt.Println(state.RegistrationID, state.Status)
		}
	}
	// Unordered output:
	// pump-1 assigned
	// pump-2 failed
}
