// Command individual_enrollments shows what can be done with the enrollments of single devices: create one with each kind of
// attestation, read them and their keys, change them, work on several at once, and delete them.
//
// Without any environment it runs against a Device Provisioning Service in memory, else against the one of DPS_CONNECTION_STRING
// or DPS_ENDPOINT. There it only touches records whose ids begin with a random prefix of its own.
package main

import (
	"context"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "individual_enrollments",
	Introduction: `An individual enrollment lets one device in. Its attestation says how the device proves who it is; the rest says
what becomes of the device: the hub that it gets, and the twin that it starts with.`,
	Tell: tell,
}

// sample is one run.
type sample struct {
	*example.Run
	enrollments *azdps.IndividualEnrollmentsClient

	thermostat, gateway, camera string // ids
}

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{Run: run, enrollments: run.Client.IndividualEnrollments()}
	return s.Finish(ctx,
		s.createWithSymmetricKey,
		s.createWithTPM,
		s.createWithX509,
		s.get,
		s.getAttestationMechanism,
		s.disable,
		s.changeAllocationUnderETag,
		s.changeReprovisionPolicy,
		s.createInBulk,
		s.updateInBulk,
		s.deleteInBulk,
		s.delete,
	)
}
