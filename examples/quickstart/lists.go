package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

// createInBulk creates three enrollments with one request, one of which exists.
func (t *tour) createInBulk(ctx context.Context) error {
	t.Begin("Create several enrollments in one request",
		fmt.Sprintf("A bulk operation takes up to %d records, and each stands for itself. One of these three exists already:"+
			" the service refuses it and takes the others.", azdps.MaxBulkItems))
	var items []azdps.IndividualEnrollment
	for _, id := range []string{t.WillEnroll("sensor-1"), t.ID("thermostat"), t.WillEnroll("sensor-2")} {
		items = append(items, azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()})
	}
	_, err := t.client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, items, nil)
	refused, ok := errors.AsType[*azdps.BulkOperationError](err)
	if !ok {
		return fmt.Errorf("a bulk create should have refused one item, but the result is: %w", example.OrUnexpected(err))
	}
	for _, failure := range refused.Failures {
		t.Say("refused %s: %d %s", failure.RegistrationID, failure.ErrorCode, failure.ErrorStatus)
	}
	t.Say("created the other %d", refused.Items-len(refused.Failures))
	return nil
}

// list lists the records of the tour. The service cannot filter, so that happens here, and ends as soon as all are found.
func (t *tour) list(ctx context.Context) error {
	t.Begin("List what there is",
		"The service returns lists page by page and in an order of its own. A range loop over All fetches the pages as it"+
			" goes. Records that this program did not make are passed over.")
	found := 0
	for enrollment, err := range t.client.IndividualEnrollments().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the enrollments: %w", err)
		}
		if !t.Owns(enrollment.RegistrationID) {
			continue
		}
		t.Say("enrollment %s (%s)", enrollment.RegistrationID, enrollment.Attestation.Type)
		if found++; found == t.Enrollments() {
			break // no further page is fetched
		}
	}
	for group, err := range t.client.EnrollmentGroups().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the enrollment groups: %w", err)
		}
		if t.Owns(group.EnrollmentGroupID) {
			t.Say("group %s (%s)", group.EnrollmentGroupID, group.Attestation.Type)
		}
	}
	return nil
}
