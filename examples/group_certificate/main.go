// Command group_certificate shows how devices get in with certificates of one issuer: it makes a certificate authority, an
// enrollment group with its certificate and a certificate for a device, and registers the device with that.
//
// Without any environment it runs against a Device Provisioning Service in memory, else against the one of DPS_CONNECTION_STRING
// or DPS_ENDPOINT. There it only touches records whose ids begin with a random prefix of its own. A device is registered with a
// real service only if DPS_ID_SCOPE has its ID scope; where is in DPS_DEVICE_ENDPOINT, or else at the global endpoint.
// The device is assigned to a hub that is linked to the service, and stays there.
//
// All keys are made in memory and forgotten at the end. A real root key is kept offline, that of an intermediate CA in a vault,
// and that of a device in the device, which has it signed by a certificate signing request.
package main

import (
	"context"

	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "group_certificate",
	Introduction: `A device with a certificate proves itself when it connects: in the TLS handshake it signs with a private key that
never leaves it. With an enrollment group the service need not know each certificate, only who signs them.`,
	Tell: tell,
}

// sample is one run.
type sample struct {
	*example.Run

	root, intermediate *authority
	line               string // the id of the enrollment group
	camera             string // the registration id of the device
}

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{Run: run}
	if err := s.Finish(ctx, s.makeAuthorities, s.provePossession, s.createGroup); err != nil {
		return err
	}
	if s.IDScope == "" || s.DeviceEndpoint == "" {
		s.Begin("Register a device", "This needs the ID scope of the service, and the endpoint that devices register at.")
		s.Say("left out: the environment has no DPS_ID_SCOPE, or no DPS_DEVICE_ENDPOINT where one is needed")
		return nil
	}
	return s.Finish(ctx, s.register, s.registerStranger)
}
