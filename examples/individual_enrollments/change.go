package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func (s *sample) disable(ctx context.Context) error {
	s.Begin("Disable an enrollment",
		"The device can register no more; one that has keeps its hub. Update reads the record with its keys, lets a function"+
			" change it, and writes it back under the ETag that it read, so nothing else of it changes.")
	updated, err := s.enrollments.Update(ctx, s.thermostat, func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("disable an enrollment: %w", err)
	}
	s.Say("%s is %s", updated.RegistrationID, updated.ProvisioningStatus)
	return nil
}

func (s *sample) changeAllocationUnderETag(ctx context.Context) error {
	s.Begin("Change how the hub is chosen, under an ETag",
		"With geoLatency a device gets the hub that answers fastest where it is. This shows what Update does: get, change, and"+
			" write if the ETag is still the one that was read. Done by hand it is for records without symmetric keys only, since"+
			" a get leaves those out and a write without keys makes new ones.")
	gateway, err := s.enrollments.Get(ctx, s.gateway, nil)
	if err != nil {
		return fmt.Errorf("get an enrollment: %w", err)
	}
	enrollment := gateway.IndividualEnrollment
	enrollment.AllocationPolicy = azdps.AllocationPolicyGeoLatency
	condition := &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &gateway.ETag}
	updated, err := s.enrollments.CreateOrUpdate(ctx, enrollment, condition)
	if err != nil {
		return fmt.Errorf("change the allocation policy: %w", err)
	}
	s.Say("the hub of %s is chosen by %s", updated.RegistrationID, updated.AllocationPolicy)

	_, err = s.enrollments.CreateOrUpdate(ctx, enrollment, condition) // the ETag is an old one now
	if !azdps.HasStatusCode(err, http.StatusPreconditionFailed) {
		return fmt.Errorf("a second write under that ETag should have been refused with 412, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("a second write under that ETag was refused with 412")
	return nil
}

func (s *sample) changeReprovisionPolicy(ctx context.Context) error {
	s.Begin("Change what happens when a device registers again",
		"By default the service may move the device to another hub, and takes its data along. Here it may move it, and the"+
			" device starts anew there with its initial twin.")
	updated, err := s.enrollments.Update(ctx, s.thermostat, func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ReprovisionPolicy = &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: false}
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("change the reprovision policy: %w", err)
	}
	if policy := updated.ReprovisionPolicy; policy != nil {
		s.Say("%s may be moved: %t; its data goes along: %t", updated.RegistrationID, policy.UpdateHubAssignment, policy.MigrateDeviceData)
	}
	return nil
}

func (s *sample) delete(ctx context.Context) error {
	s.Begin("Delete the enrollments",
		"With an ETag a record is deleted only if nobody wrote since; without one, whatever it is.")
	gateway, err := s.enrollments.Get(ctx, s.gateway, nil)
	if err != nil {
		return fmt.Errorf("get an enrollment: %w", err)
	}
	_, err = s.enrollments.Delete(ctx, s.gateway, &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: &gateway.ETag})
	if err != nil {
		return fmt.Errorf("delete an enrollment under its ETag: %w", err)
	}
	s.Say("deleted %s under its ETag", s.gateway)
	for _, id := range []string{s.thermostat, s.camera} {
		if _, err := s.enrollments.Delete(ctx, id, nil); err != nil {
			return fmt.Errorf("delete an enrollment: %w", err)
		}
		s.Say("deleted %s", id)
	}
	_, err = s.enrollments.Get(ctx, s.gateway, nil)
	if !azdps.HasCode(err, azdps.ErrorCodeEnrollmentNotFound) {
		return fmt.Errorf("a deleted enrollment should not be found, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("and %s is not found any more", s.gateway)
	return nil
}
