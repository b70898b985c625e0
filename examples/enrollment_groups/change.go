package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
	"github.com/azdps/azdps/examples/internal/identity"
)

func (s *sample) update(ctx context.Context) error {
	s.Begin("Change a group",
		"Update reads the group with its keys, lets a function change it, and writes it back under the ETag that it read. The"+
			" function may run again if somebody else was faster, so it only edits the group.")
	updated, err := s.groups.Update(ctx, s.pumps, func(group *azdps.EnrollmentGroup) error {
		group.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		group.AllocationPolicy = azdps.AllocationPolicyGeoLatency
		group.ReprovisionPolicy = &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true}
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("change a group: %w", err)
	}
	s.Say("%s is %s: no further device gets in", updated.EnrollmentGroupID, updated.ProvisioningStatus)
	s.Say("hubs are chosen by %s", updated.AllocationPolicy)
	return nil
}

func (s *sample) replaceSigningCertificate(ctx context.Context) error {
	s.Begin("Replace a signing certificate",
		"Another certificate takes the second place. The first is not at hand, for the service never returns it, and need not"+
			" be: Update sends what the service read from it, and that keeps it.")
	next, err := identity.NewCACertificate("Intermediate CA 3")
	if err != nil {
		return err
	}
	attestation, err := azdps.NewX509SigningAttestation(next, nil)
	if err != nil {
		return err
	}
	updated, err := s.groups.Update(ctx, s.cameras, func(group *azdps.EnrollmentGroup) error {
		if group.Attestation.X509 == nil || group.Attestation.X509.SigningCertificates == nil {
			return errors.New("the group has no signing certificates")
		}
		group.Attestation.X509.SigningCertificates.Secondary = attestation.X509.SigningCertificates.Primary
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("replace a certificate: %w", err)
	}
	s.Say("%s has another certificate", updated.EnrollmentGroupID)
	s.describe(updated.Attestation)
	return nil
}

func (s *sample) delete(ctx context.Context) error {
	s.Begin("Delete the groups",
		"No further device gets in. Those that did keep their hubs, and their registrations stay in the service:"+
			" examples/registration_states deletes such.")
	for _, id := range s.ids() {
		if _, err := s.groups.Delete(ctx, id, nil); err != nil {
			return fmt.Errorf("delete a group: %w", err)
		}
		s.Say("deleted %s", id)
	}
	_, err := s.groups.Get(ctx, s.pumps, nil)
	if !azdps.HasCode(err, azdps.ErrorCodeEnrollmentGroupNotFound) {
		return fmt.Errorf("a deleted group should not be found, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("and %s is not found any more", s.pumps)
	return nil
}
