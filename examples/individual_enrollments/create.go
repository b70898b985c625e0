package main

import (
	"context"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/identity"
)

func (s *sample) createWithSymmetricKey(ctx context.Context) error {
	s.Begin("Create an enrollment with symmetric keys and an initial twin",
		"The service makes the keys, of which the device gets one. The twin waits for the device in its hub: tags are for"+
			" backends, desired properties for the device.")
	s.thermostat = s.WillEnroll("thermostat")
	created, err := s.enrollments.CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: s.thermostat,
		Attestation:    azdps.NewGeneratedKeyAttestation(),
		InitialTwin: &azdps.InitialTwin{
			Tags: azdps.TwinCollection{"building": "43"},
			Properties: &azdps.InitialTwinProperties{
				Desired: azdps.TwinCollection{"telemetrySeconds": 30, "alarm": map[string]any{"above": 28.5}},
			},
		},
		OptionalDeviceInformation: azdps.TwinCollection{"installer": "Kim"},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with symmetric keys: %w", err)
	}
	s.Say("created %s", created.RegistrationID)
	s.SayKeys(created.Attestation.SymmetricKey)
	return nil
}

func (s *sample) createWithTPM(ctx context.Context) error {
	s.Begin("Create an enrollment with a TPM",
		"The service gets the public endorsement key of the chip. Here it is made up, for there is no chip. The device is an"+
			" IoT Edge device, and has another id in its hub than the one that it registers with.")
	attestation, err := azdps.NewTPMAttestation(identity.NewEndorsementKey(), "")
	if err != nil {
		return err
	}
	s.gateway = s.WillEnroll("gateway")
	created, err := s.enrollments.CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: s.gateway,
		DeviceID:       s.ID("edge-43"),
		Attestation:    attestation,
		Capabilities:   &azdps.DeviceCapabilities{IoTEdge: true},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with a TPM: %w", err)
	}
	s.Say("created %s, whose device will be %s", created.RegistrationID, created.DeviceID)
	return nil
}

func (s *sample) createWithX509(ctx context.Context) error {
	s.Begin("Create an enrollment with two X.509 certificates",
		"The device may show either. When one is about to end, put the next in the other place, and replace it on the device"+
			" whenever that suits. Its private keys stay with the device.")
	s.camera = s.WillEnroll("camera")
	primary, err := identity.NewCertificate(s.camera) // the common name is the registration id
	if err != nil {
		return err
	}
	secondary, err := identity.NewCertificate(s.camera)
	if err != nil {
		return err
	}
	attestation, err := azdps.NewX509ClientAttestation(primary, secondary)
	if err != nil {
		return err
	}
	created, err := s.enrollments.CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: s.camera,
		Attestation:    attestation,
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with certificates: %w", err)
	}
	s.Say("created %s", created.RegistrationID)
	return nil
}
