package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
)

// bulkNames are the enrollments of the bulk operations.
var bulkNames = []string{"sensor-1", "sensor-2"}

func (s *sample) createInBulk(ctx context.Context) error {
	s.Begin("Create several enrollments in one request",
		fmt.Sprintf("A bulk operation takes up to %d items. For more there is package fleet.", azdps.MaxBulkItems))
	var items []azdps.IndividualEnrollment
	for _, name := range bulkNames {
		items = append(items, azdps.IndividualEnrollment{
			RegistrationID: s.WillEnroll(name),
			Attestation:    azdps.NewGeneratedKeyAttestation(),
		})
	}
	return s.runBulk(ctx, azdps.BulkOperationModeCreate, items)
}

func (s *sample) updateInBulk(ctx context.Context) error {
	s.Begin("Update them in one request",
		"Each item is the whole record, and the ETag in it is the one that it replaces. So each starts from what the service"+
			" holds, keys included.")
	var items []azdps.IndividualEnrollment
	for _, name := range bulkNames {
		enrollment, err := s.enrollments.Get(ctx, s.ID(name), nil)
		if err != nil {
			return fmt.Errorf("get an enrollment: %w", err)
		}
		mechanism, err := s.enrollments.GetAttestationMechanism(ctx, s.ID(name), nil)
		if err != nil {
			return fmt.Errorf("get an attestation mechanism: %w", err)
		}
		enrollment.Attestation = mechanism.AttestationMechanism
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		items = append(items, enrollment.IndividualEnrollment)
	}
	return s.runBulk(ctx, azdps.BulkOperationModeUpdateIfMatchETag, items)
}

func (s *sample) deleteInBulk(ctx context.Context) error {
	s.Begin("Delete them in one request", "The ids are enough.")
	var items []azdps.IndividualEnrollment
	for _, name := range bulkNames {
		items = append(items, azdps.IndividualEnrollment{RegistrationID: s.ID(name)})
	}
	return s.runBulk(ctx, azdps.BulkOperationModeDelete, items)
}

// runBulk runs a bulk operation and says which items the service refused; the others are applied.
func (s *sample) runBulk(ctx context.Context, mode azdps.BulkOperationMode, items []azdps.IndividualEnrollment) error {
	_, err := s.enrollments.RunBulkOperation(ctx, mode, items, nil)
	if refused, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		for _, failure := range refused.Failures {
			s.Say("%s was refused: %d %s", failure.RegistrationID, failure.ErrorCode, failure.ErrorStatus)
		}
	}
	if err != nil {
		return fmt.Errorf("run a bulk operation: %w", err)
	}
	s.Say("%s: all %d were taken", mode, len(items))
	return nil
}
