package fleet_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

func exampleClient(srv *dpstest.Server) *azdps.DeviceProvisioningClient {
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(srv.ConnectionString(),
		&azdps.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: srv.Transport()}})
	if err != nil {
		panic(err)
	}
	return client
}

// A rotation whose keys come from one secret can be run again after any end, and rotates no record twice.
func ExampleRotateKeys() {
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	if err := srv.Load(strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}`)); err != nil {
		panic(err)
	}
	secret := "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==" // of this rotation alone

	ids := func(yield func(string, error) bool) { _ = yield("device-1", nil) && yield("device-2", nil) }
	options := &fleet.RotateOptions{
		NewKey: func(id string) (string, error) { return azdps.DeriveDeviceKey(secret, strings.ToLower(id)) },
	}
	options.MaxConcurrency = 1
	for range 2 {
		for outcome, err := range fleet.RotateKeys[azdps.IndividualEnrollment](context.Background(), exampleClient(srv), ids, options) {
			if err != nil {
				fmt.Println("ended early:", err)
				return
			}
			fmt.Println(outcome.ID, outcome.Result, azdps.HasCode(outcome.Err, azdps.ErrorCodeEnrollmentNotFound))
		}
	}
	// Output:
	// device-1 updated false
	// device-2 refused true
	// device-1 unchanged false
	// device-2 refused true
}
