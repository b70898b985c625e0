package main

import (
	"context"
	"fmt"

	"github.com/azdps/azdps"
)

func (s *sample) get(ctx context.Context) error {
	s.Begin("Get the enrollments",
		"An answer has everything but secrets: no symmetric keys, and of certificates what the service read from them. It also"+
			" says what became of the device's registration.")
	for _, id := range []string{s.thermostat, s.gateway, s.camera} {
		enrollment, err := s.enrollments.Get(ctx, id, nil)
		if err != nil {
			return fmt.Errorf("get an enrollment: %w", err)
		}
		s.Say("%s: %s, %s, written %s", enrollment.RegistrationID, enrollment.Attestation.Type,
			enrollment.ProvisioningStatus, enrollment.LastUpdatedDateTimeUTC.Format("2006-01-02 15:04 MST"))
		if state := enrollment.RegistrationState; state != nil {
			s.Say("its device is %s", state.Status)
		}
	}
	return nil
}

func (s *sample) getAttestationMechanism(ctx context.Context) error {
	s.Begin("Get their attestation mechanisms",
		"This is the operation that returns symmetric keys, for example to hand them to a factory.")
	for _, id := range []string{s.thermostat, s.gateway, s.camera} {
		mechanism, err := s.enrollments.GetAttestationMechanism(ctx, id, nil)
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
	switch {
	case mechanism.SymmetricKey != nil:
		s.SayKeys(mechanism.SymmetricKey)
	case mechanism.TPM != nil:
		s.Say("an endorsement key of %d characters", len(mechanism.TPM.EndorsementKey))
	case mechanism.X509 != nil && mechanism.X509.ClientCertificates != nil:
		s.describeCertificate("primary", mechanism.X509.ClientCertificates.Primary)
		s.describeCertificate("secondary", mechanism.X509.ClientCertificates.Secondary)
	}
}

func (s *sample) describeCertificate(place string, certificate *azdps.X509CertificateWithInfo) {
	if certificate == nil || certificate.Info == nil {
		return
	}
	info := certificate.Info
	s.Say("%s certificate %s..., of %s, until %s", place, info.SHA1Thumbprint[:min(8, len(info.SHA1Thumbprint))], info.SubjectName,
		info.NotAfterUTC.Format("2006-01-02"))
}
