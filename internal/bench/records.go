package main

import (
	"encoding/base64"
	"fmt"
	"iter"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/internal/bench/plain"
	"github.com/azdps/azdps/internal/bench/stub"
)

// keys are made before the work begins, so that making records costs all sides little.
var keys = func() (list [1024]string) {
	for i := range list {
		list[i] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%064d", i))
	}
	return list
}()

func key(i int) string { return keys[i%len(keys)] }

// enrollment is what a fleet is usually made of: a device with keys of its own.
func enrollment(i int) azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{
		RegistrationID: stub.ID(i),
		Attestation: azdps.AttestationMechanism{
			Type:         azdps.AttestationTypeSymmetricKey,
			SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: key(i), SecondaryKey: key(i + 1)},
		},
		Capabilities:       &azdps.DeviceCapabilities{},
		ProvisioningStatus: azdps.ProvisioningStatusEnabled,
		ReprovisionPolicy:  &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true},
		AllocationPolicy:   azdps.AllocationPolicyHashed,
		IoTHubs:            []string{"hub-1.azure-devices.net"},
	}
}

func enrollments(first, count int) []azdps.IndividualEnrollment {
	list := make([]azdps.IndividualEnrollment, count)
	for i := range list {
		list[i] = enrollment(first + i)
	}
	return list
}

// allEnrollments is the input of an import.
func allEnrollments(count int) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for i := range count {
			if !yield(enrollment(i), nil) {
				return
			}
		}
	}
}

// plainEnrollment is the same record by hand.
func plainEnrollment(i int) plain.Enrollment {
	return plain.Enrollment{
		RegistrationID: stub.ID(i),
		Attestation: plain.Attestation{
			Type:         "symmetricKey",
			SymmetricKey: &plain.SymmetricKey{PrimaryKey: key(i), SecondaryKey: key(i + 1)},
		},
		Capabilities:       &plain.Capabilities{},
		ProvisioningStatus: "enabled",
		ReprovisionPolicy:  &plain.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true},
		AllocationPolicy:   "hashed",
		IoTHubs:            []string{"hub-1.azure-devices.net"},
	}
}
