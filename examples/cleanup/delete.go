package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

// deleted counts what was deleted.
type deleted struct{ enrollments, groups, states int }

// delete deletes what was found. It ends at the first error, and says how far it came.
func (s *sweep) delete(ctx context.Context) error {
	s.Begin("Delete them", "What somebody else has deleted meanwhile is no fault.")
	var n deleted
	err := s.deleteAll(ctx, &n)
	s.Say("deleted %s, %s and %s", example.Count(n.enrollments, "individual enrollment"),
		example.Count(n.groups, "enrollment group"), example.Count(n.states, "registration state"))
	return err
}

func (s *sweep) deleteAll(ctx context.Context, n *deleted) error {
	if err := s.deleteEnrollments(ctx, n); err != nil {
		return err
	}
	if err := s.deleteStates(ctx, n); err != nil {
		return err
	}
	if err := s.deleteGroups(ctx, n); err != nil {
		return err
	}
	return s.deleteStates(ctx, n) // of devices that registered while their group was still there
}

func (s *sweep) deleteEnrollments(ctx context.Context, n *deleted) error {
	for ids := range slices.Chunk(s.found.enrollments, azdps.MaxBulkItems) {
		var items []azdps.IndividualEnrollment
		for _, id := range ids {
			items = append(items, azdps.IndividualEnrollment{RegistrationID: id})
		}
		err := s.Finish(ctx, func(ctx context.Context) error {
			_, err := s.Client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeDelete, items, nil)
			return count(err, len(items), &n.enrollments)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sweep) deleteGroups(ctx context.Context, n *deleted) error {
	for ids := range slices.Chunk(s.found.groups, azdps.MaxBulkItems) {
		var items []azdps.EnrollmentGroup
		for _, id := range ids {
			items = append(items, azdps.EnrollmentGroup{EnrollmentGroupID: id})
		}
		err := s.Finish(ctx, func(ctx context.Context) error {
			_, err := s.Client.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeDelete, items, nil)
			return count(err, len(items), &n.groups)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteStates deletes the registration states of the groups. They have no bulk operation.
func (s *sweep) deleteStates(ctx context.Context, n *deleted) error {
	for _, group := range s.found.groups {
		ids, err := s.statesOf(ctx, group)
		if err != nil {
			return err
		}
		for _, id := range ids {
			err := s.Finish(ctx, func(ctx context.Context) error {
				_, err := s.Client.DeviceRegistrationStates().Delete(ctx, id, nil)
				return err
			})
			switch {
			case err == nil:
				n.states++
			case !azdps.HasStatusCode(err, http.StatusNotFound):
				return fmt.Errorf("delete the registration state of %s: %w", id, err)
			}
		}
	}
	return nil
}

// count adds the items of a bulk operation that are gone by it. Those that were gone before are no error.
func count(err error, items int, gone *int) error {
	refused, ok := errors.AsType[*azdps.BulkOperationError](err)
	if !ok {
		if err == nil {
			*gone += items
		}
		return err
	}
	var errs []error
	for _, failure := range refused.Failures {
		if failure.ErrorCode/1000 != http.StatusNotFound {
			errs = append(errs, fmt.Errorf("%s%s: %d %s", failure.RegistrationID, failure.EnrollmentGroupID, failure.ErrorCode, failure.ErrorStatus))
		}
	}
	*gone += items - len(refused.Failures)
	if len(refused.Failures) == 0 {
		return err // the service does not say which
	}
	return errors.Join(errs...)
}
