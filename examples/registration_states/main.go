// Command registration_states shows how devices become known to the service, and what a backend sees and does of that: it creates a
// group, derives the key of a device, registers the device as the device itself would, and lists, gets and deletes its state.
//
// Without any environment it runs against a Device Provisioning Service in memory, else against the one of DPS_CONNECTION_STRING
// or DPS_ENDPOINT. There it only touches records whose ids begin with a random prefix of its own. A device is registered with a
// real service only if DPS_ID_SCOPE has its ID scope; where is in DPS_DEVICE_ENDPOINT, or else at the global endpoint.
// The device is assigned to a hub that is linked to the service, and stays there.
package main

import (
	"context"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "registration_states",
	Introduction: `Only devices make registration states, by registering. A backend can read them, to see which hub a device went to
or why it went to none, and delete them.`,
	Tell: tell,
}

// sample is one run.
type sample struct {
	*example.Run
	states *azdps.DeviceRegistrationStatesClient

	line      string // the id of the group
	pump      string // the registration id of the device
	deviceKey string
}

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{Run: run, states: run.Client.DeviceRegistrationStates()}
	if err := s.Finish(ctx, s.createGroup, s.deriveDeviceKey); err != nil {
		return err
	}
	if s.IDScope == "" || s.DeviceEndpoint == "" {
		s.Begin("Register the device", "This needs the ID scope of the service, and the endpoint that devices register at.")
		s.Say("left out, and the rest with it: the environment has no DPS_ID_SCOPE, or no DPS_DEVICE_ENDPOINT where one is needed")
		return nil
	}
	return s.Finish(ctx, s.register, s.query, s.get, s.delete)
}
