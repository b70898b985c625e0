package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/azdps/azdps"
)

// createInBulk creates three enrollments with one request, one of which exists.
func (t *tour) createInBulk(ctx context.Context) error {
	t.story.begin("Create several enrollments in one request",
		fmt.Sprintf("A bulk operation takes up to %d records, and each stands for itself. One of these three exists already:"+
			" the service refuses it and takes the others.", azdps.MaxBulkItems))
	var items []azdps.IndividualEnrollment
	for _, id := range []string{t.willEnroll("sensor-1"), t.id("thermostat"), t.willEnroll("sensor-2")} {
		items = append(items, azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()})
	}
	_, err := t.client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, items, nil)
	refused, ok := errors.AsType[*azdps.BulkOperationError](err)
	if !ok {
		return fmt.Errorf("a bulk create should have refused one item, but the result is: %w", orUnexpected(err))
	}
	for _, failure := range refused.Failures {
		t.story.tell("refused %s: %d %s", failure.RegistrationID, failure.ErrorCode, failure.ErrorStatus)
	}
	t.story.tell("created the other %d", refused.Items-len(refused.Failures))
	return nil
}

// list lists the records of the tour. The service cannot filter, so that happens here, and ends as soon as all are found.
func (t *tour) list(ctx context.Context) error {
	t.story.begin("List what there is",
		"The service returns lists page by page and in an order of its own. A range loop over All fetches the pages as it"+
			" goes. Records that this program did not make are passed over.")
	found := 0
	for enrollment, err := range t.client.IndividualEnrollments().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the enrollments: %w", err)
		}
		if !strings.HasPrefix(enrollment.RegistrationID, t.prefix) {
			continue
		}
		t.story.tell("enrollment %s (%s)", enrollment.RegistrationID, enrollment.Attestation.Type)
		if found++; found == len(t.enrollments) {
			break // no further page is fetched
		}
	}
	for group, err := range t.client.EnrollmentGroups().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the enrollment groups: %w", err)
		}
		if strings.HasPrefix(group.EnrollmentGroupID, t.prefix) {
			t.story.tell("group %s (%s)", group.EnrollmentGroupID, group.Attestation.Type)
		}
	}
	return nil
}
