// Command enrollment_groups shows what can be done with enrollments of many devices: create a group with each kind of attestation,
// read it and its keys, change it, work on several groups at once, and delete them.
//
// Without any environment it runs against a Device Provisioning Service in memory, else against the one of DPS_CONNECTION_STRING
// or DPS_ENDPOINT. There it only touches records whose ids begin with a random prefix of its own, and a group with a CA reference
// is created only if DPS_CA_NAME names a CA certificate that was uploaded to the service.
package main

import (
	"context"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "enrollment_groups",
	Introduction: `An enrollment group lets in any number of devices that share a way to prove themselves: keys that are derived
from that of the group, or certificates of one issuer.`,
	Tell: tell,
}

// sample is one run.
type sample struct {
	*example.Run
	groups *azdps.EnrollmentGroupsClient

	pumps, cameras, meters string // ids; without a CA certificate there are no meters
}

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{Run: run, groups: run.Client.EnrollmentGroups()}
	return s.Finish(ctx,
		s.createWithSymmetricKey,
		s.createWithSigningCertificates,
		s.createWithCAReference,
		s.get,
		s.getAttestationMechanism,
		s.update,
		s.replaceSigningCertificate,
		s.createInBulk,
		s.updateInBulk,
		s.deleteInBulk,
		s.delete,
	)
}

// ids are those of the groups that exist.
func (s *sample) ids() []string {
	if s.meters == "" {
		return []string{s.pumps, s.cameras}
	}
	return []string{s.pumps, s.cameras, s.meters}
}
