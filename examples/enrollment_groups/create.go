package main

import (
	"context"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/identity"
)

func (s *sample) createWithSymmetricKey(ctx context.Context) error {
	s.Begin("Create a group with symmetric keys",
		"The service makes the keys of the group. They stay in the backend: a device gets a key that is derived from one of"+
			" them and its registration id. All devices of the group start with the same twin.")
	s.pumps = s.WillGroup("pumps")
	created, err := s.groups.CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.pumps,
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		InitialTwin:       &azdps.InitialTwin{Tags: azdps.TwinCollection{"line": 1}},
	}, nil)
	if err != nil {
		return fmt.Errorf("create a group with symmetric keys: %w", err)
	}
	s.Say("created %s", created.EnrollmentGroupID)
	s.SayKeys(created.Attestation.SymmetricKey)
	return nil
}

func (s *sample) createWithSigningCertificates(ctx context.Context) error {
	s.Begin("Create a group with intermediate X.509 certificates",
		"Every device that shows a certificate which one of these signed gets in. The primary certificate is in use, the"+
			" secondary one is the next. The certificates here are made up; examples/group_certificate makes a whole chain.")
	primary, err := identity.NewCACertificate("Intermediate CA 1")
	if err != nil {
		return err
	}
	secondary, err := identity.NewCACertificate("Intermediate CA 2")
	if err != nil {
		return err
	}
	attestation, err := azdps.NewX509SigningAttestation(primary, secondary)
	if err != nil {
		return err
	}
	s.cameras = s.WillGroup("cameras")
	created, err := s.groups.CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.cameras,
		Attestation:       attestation,
	}, nil)
	if err != nil {
		return fmt.Errorf("create a group with certificates: %w", err)
	}
	s.Say("created %s", created.EnrollmentGroupID)
	return nil
}

func (s *sample) createWithCAReference(ctx context.Context) error {
	s.Begin("Create a group with a reference to a CA certificate",
		"A CA certificate that was uploaded to the service, in the portal or through Azure Resource Manager, is known by the"+
			" name that it got there. It is the name that is sent, not the certificate.")
	name := s.Getenv("DPS_CA_NAME")
	if s.Emulator != nil {
		name = "contoso-root" // the service in memory takes any name
	}
	if name == "" {
		s.Say("left out: the environment has no DPS_CA_NAME")
		return nil
	}
	attestation, err := azdps.NewX509CAReferenceAttestation(name, "")
	if err != nil {
		return err
	}
	s.meters = s.WillGroup("meters")
	created, err := s.groups.CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.meters,
		Attestation:       attestation,
	}, nil)
	if err != nil {
		return fmt.Errorf("create a group with a CA reference: %w", err)
	}
	s.Say("created %s", created.EnrollmentGroupID)
	return nil
}
