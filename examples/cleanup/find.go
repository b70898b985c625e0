package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

// found is what is to be deleted, by id.
type found struct{ enrollments, groups, states []string }

// makeRecords gives the service in memory something to clean up. Registration states come from devices alone, so here they are
// loaded.
func (s *sweep) makeRecords() error {
	s.Begin("Make records to clean up", "Twelve individual enrollments, three groups, and the states of four devices that registered.")
	var records strings.Builder
	for i := range 12 {
		fmt.Fprintf(&records, `{"registrationId":"thermostat-%d","attestation":{"type":"symmetricKey"}}`+"\n", i+1)
	}
	for i := range 3 {
		fmt.Fprintf(&records, `{"enrollmentGroupId":"line-%d","attestation":{"type":"symmetricKey"}}`+"\n", i+1)
	}
	for i := range 4 {
		fmt.Fprintf(&records, `{"registrationId":"pump-%d","enrollmentGroupId":"line-%d","status":"assigned"}`+"\n", i+1, i%2+1)
	}
	if err := s.Emulator.Load(strings.NewReader(records.String())); err != nil {
		return err
	}
	s.Say("made %d records", strings.Count(records.String(), "\n"))
	return nil
}

// find lists what is to be deleted, before anything is: a list whose records go while it is read is nobody's promise.
func (s *sweep) find(ctx context.Context) error {
	title := "Look for all records"
	if s.settings.prefix != "" {
		title = "Look for records that begin with " + s.settings.prefix
	}
	s.Begin(title, "The service cannot filter, so all are listed, page by page. States are listed group by group.")
	for enrollment, err := range s.Client.IndividualEnrollments().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the individual enrollments: %w", err)
		}
		if s.settings.takes(enrollment.RegistrationID) {
			s.found.enrollments = append(s.found.enrollments, enrollment.RegistrationID)
		}
	}
	for group, err := range s.Client.EnrollmentGroups().All(ctx, nil) {
		if err != nil {
			return fmt.Errorf("list the enrollment groups: %w", err)
		}
		if s.settings.takes(group.EnrollmentGroupID) {
			s.found.groups = append(s.found.groups, group.EnrollmentGroupID)
		}
	}
	for _, group := range s.found.groups {
		states, err := s.statesOf(ctx, group)
		if err != nil {
			return err
		}
		s.found.states = append(s.found.states, states...)
	}
	s.show("individual enrollment", s.found.enrollments)
	s.show("enrollment group", s.found.groups)
	s.show("registration state", s.found.states)
	return nil
}

// statesOf returns the ids of the devices that registered by a group. A group that is gone may have some still.
func (s *sweep) statesOf(ctx context.Context, group string) (ids []string, err error) {
	for state, err := range s.Client.DeviceRegistrationStates().All(ctx, group, nil) {
		if azdps.HasStatusCode(err, http.StatusNotFound) {
			return ids, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the registration states of %s: %w", group, err)
		}
		ids = append(ids, state.RegistrationID)
	}
	return ids, nil
}

// show prints the first ids of each kind.
func (s *sweep) show(kind string, ids []string) {
	const most = 20
	slices.Sort(ids)
	s.Say("%s", example.Count(len(ids), kind))
	for _, id := range ids[:min(most, len(ids))] {
		s.Say("  %s", id)
	}
	if len(ids) > most {
		s.Say("  and %d more", len(ids)-most)
	}
}
