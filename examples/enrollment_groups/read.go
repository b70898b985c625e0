package main

import (
	"context"
	"fmt"

	"github.com/azdps/azdps"
)

func (s *sample) get(ctx context.Context) error {
	s.Begin("Get the groups",
		"An answer has everything but secrets: no symmetric keys, and of certificates what the service read from them.")
	for _, id := range s.ids() {
		group, err := s.groups.Get(ctx, id, nil)
		if err != nil {
			return fmt.Errorf("get a group: %w", err)
		}
		s.Say("%s: %s, %s, written %s", group.EnrollmentGroupID, group.Attestation.Type, group.ProvisioningStatus,
			group.LastUpdatedDateTimeUTC.Format("2006-01-02 15:04 MST"))
	}
	return nil
}

func (s *sample) getAttestationMechanism(ctx context.Context) error {
	s.Begin("Get their attestation mechanisms",
		"This is the operation that returns symmetric keys, for example to derive those of devices.")
	for _, id := range s.ids() {
		mechanism, err := s.groups.GetAttestationMechanism(ctx, id, nil)
		if err != nil {
			return fmt.Errorf("get an attestation mechanism: %w", err)
		}
		s.Say("%s: %s", id, mechanism.Type)
		s.describe(mechanism.AttestationMechanism)
	}
	return nil
}

// describe prints what an attestation mechanism says, but no keys.
func (s *sample) describe(mechanism azdps.AttestationMechanism) {
	if mechanism.SymmetricKey != nil {
		s.SayKeys(mechanism.SymmetricKey)
	}
	if mechanism.X509 == nil {
		return
	}
	if certificates := mechanism.X509.SigningCertificates; certificates != nil {
		s.describeCertificate("primary", certificates.Primary)
		s.describeCertificate("secondary", certificates.Secondary)
	}
	if references := mechanism.X509.CAReferences; references != nil {
		s.Say("the CA certificate %s", references.Primary)
	}
}

func (s *sample) describeCertificate(place string, certificate *azdps.X509CertificateWithInfo) {
	if certificate != nil && certificate.Info != nil {
		s.Say("%s certificate of %s, until %s", place, certificate.Info.SubjectName, certificate.Info.NotAfterUTC.Format("2006-01-02"))
	}
}
