package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
)

// bulkNames are the groups of the bulk operations.
var bulkNames = []string{"line-1", "line-2"}

func (s *sample) createInBulk(ctx context.Context) error {
	s.Begin("Create several groups in one request",
		fmt.Sprintf("A bulk operation takes up to %d items. For more there is package fleet.", azdps.MaxBulkItems))
	var items []azdps.EnrollmentGroup
	for _, name := range bulkNames {
		items = append(items, azdps.EnrollmentGroup{
			EnrollmentGroupID: s.WillGroup(name),
			Attestation:       azdps.NewGeneratedKeyAttestation(),
		})
	}
	return s.runBulk(ctx, azdps.BulkOperationModeCreate, items)
}

func (s *sample) updateInBulk(ctx context.Context) error {
	s.Begin("Update them in one request",
		"Each item is the whole record, and the ETag in it is the one that it replaces. So each starts from what the service"+
			" holds, keys included.")
	var items []azdps.EnrollmentGroup
	for _, name := range bulkNames {
		group, err := s.groups.Get(ctx, s.ID(name), nil)
		if err != nil {
			return fmt.Errorf("get a group: %w", err)
		}
		mechanism, err := s.groups.GetAttestationMechanism(ctx, s.ID(name), nil)
		if err != nil {
			return fmt.Errorf("get an attestation mechanism: %w", err)
		}
		group.Attestation = mechanism.AttestationMechanism
		group.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		items = append(items, group.EnrollmentGroup)
	}
	return s.runBulk(ctx, azdps.BulkOperationModeUpdateIfMatchETag, items)
}

func (s *sample) deleteInBulk(ctx context.Context) error {
	s.Begin("Delete them in one request", "The ids are enough.")
	var items []azdps.EnrollmentGroup
	for _, name := range bulkNames {
		items = append(items, azdps.EnrollmentGroup{EnrollmentGroupID: s.ID(name)})
	}
	return s.runBulk(ctx, azdps.BulkOperationModeDelete, items)
}

// runBulk runs a bulk operation and says which items the service refused; the others are applied.
func (s *sample) runBulk(ctx context.Context, mode azdps.BulkOperationMode, items []azdps.EnrollmentGroup) error {
	_, err := s.groups.RunBulkOperation(ctx, mode, items, nil)
	if refused, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		for _, failure := range refused.Failures {
			s.Say("%s was refused: %d %s", failure.EnrollmentGroupID, failure.ErrorCode, failure.ErrorStatus)
		}
	}
	if err != nil {
		return fmt.Errorf("run a bulk operation: %w", err)
	}
	s.Say("%s: all %d were taken", mode, len(items))
	return nil
}
