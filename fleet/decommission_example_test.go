package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

func ExampleDecommission() {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	err := srv.Load(strings.NewReader(`
		{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
		{"registrationId":"device-1","status":"assigned","assignedHub":"hub.azure-devices.net","deviceId":"device-1"}
		{"registrationId":"device-2","attestation":{"type":"symmetricKey"}}`))
	if err != nil {
		panic(err)
	}
	ids := func(yield func(string, error) bool) {
		_ = yield("device-1", nil) && yield("device-2", nil) && yield("device-3", nil)
	}
	options := &fleet.DecommissionOptions{}
	options.MaxConcurrency = 1
	for outcome, err := range fleet.Decommission(context.Background(), exampleClient(srv), ids, options) {
		if err != nil {
			fmt.Println("ended early:", err)
			return
		}
		fmt.Print(outcome.ID, " ", outcome.Result)
		if errors.Is(outcome.Err, fleet.ErrNoEnrollment) {
			fmt.Print(", had no enrollment")
		}
		if errors.Is(outcome.Err, fleet.ErrNoRegistration) {
			fmt.Print(", had no registration")
		}
		fmt.Println()
	}
	// Output:
	// device-1 deleted
	// device-2 deleted, had no registration
	// device-3 unchanged, had no enrollment, had no registration
}
