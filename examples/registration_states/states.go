package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func (s *sample) query(ctx context.Context) error {
	s.Begin("List the states of the group",
		"There is no list of all states: they are listed group by group, and that of an individual enrollment comes with its Get.")
	found := false
	for state, err := range s.states.All(ctx, s.line, nil) {
		if err != nil {
			return fmt.Errorf("list the registration states: %w", err)
		}
		s.Say("%s: %s at %s (%s)", state.RegistrationID, state.Status, state.AssignedHub, state.Substatus)
		found = found || state.RegistrationID == s.pump
	}
	if !found {
		return errors.New("the device is not in the list")
	}
	return nil
}

func (s *sample) get(ctx context.Context) error {
	s.Begin("Get the state of the device", "Its id is all that is needed, whichever enrollment let the device in.")
	state, err := s.states.Get(ctx, s.pump, nil)
	if err != nil {
		return fmt.Errorf("get a registration state: %w", err)
	}
	s.Say("%s registered %s, ETag %s", state.RegistrationID, state.CreatedDateTimeUTC.Format("2006-01-02 15:04 MST"), state.ETag)
	return nil
}

func (s *sample) delete(ctx context.Context) error {
	s.Begin("Delete the state",
		"The service forgets the device, and the device keeps its hub. It may register again as long as the group is there, so"+
			" a device that must not come back needs an individual enrollment that is disabled. With the ETag a device that has"+
			" registered again meanwhile is left alone.")
	state, err := s.states.Get(ctx, s.pump, nil)
	if err != nil {
		return fmt.Errorf("get a registration state: %w", err)
	}
	_, err = s.states.Delete(ctx, s.pump, &azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: &state.ETag})
	if err != nil {
		return fmt.Errorf("delete a registration state: %w", err)
	}
	s.Say("deleted that of %s", s.pump)
	_, err = s.states.Get(ctx, s.pump, nil)
	if !azdps.HasStatusCode(err, http.StatusNotFound) {
		return fmt.Errorf("a deleted registration state should not be found, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("and it is not found any more")
	return nil
}
