package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/device"
)

func (s *sample) createEnrollment(ctx context.Context) error {
	s.Begin("Create an enrollment that names the webhook",
		"The URL may hold a key that lets the service in, so it is a secret: it is never printed or logged. The service calls it"+
			" when a device registers, not now.")
	s.line = s.WillGroup("line-1")
	created, err := s.Client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.line,
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		AllocationPolicy:  azdps.AllocationPolicyCustom,
		IoTHubs:           s.hubs,
		CustomAllocationDefinition: &azdps.CustomAllocationDefinition{
			WebhookURL: s.webhook,
			APIVersion: "2019-03-31", // of what the webhook is sent
		},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with a webhook: %w", err)
	}
	if created.Attestation.SymmetricKey == nil {
		return errors.New("the service shows no keys of the group")
	}
	s.lineKey = created.Attestation.SymmetricKey.PrimaryKey
	s.Say("created %s, allocation %s", created.EnrollmentGroupID, created.AllocationPolicy)
	return nil
}

func (s *sample) registerWithCountry(ctx context.Context) error {
	s.Begin("Register a device that says where it is",
		"It sends a payload, which the service hands to the webhook along with the names of the hubs. The answer of the webhook"+
			" says which, and has a payload for the device.")
	state, err := s.register(ctx, s.WillRegister("pump-1"), map[string]string{"country": "UK"})
	if err != nil {
		return err
	}
	if state.Status != azdps.RegistrationStatusAssigned {
		return fmt.Errorf("the device has the status %s: %d %s", state.Status, state.ErrorCode, state.ErrorMessage)
	}
	s.Say("%s is %s to %s", state.RegistrationID, state.Status, state.AssignedHub)
	s.Say("and was told %s", state.Payload)
	return nil
}

func (s *sample) registerWithoutCountry(ctx context.Context) error {
	s.Begin("Register a device that does not say",
		"The webhook knows no hub for it and answers with an error. That fails the registration; the device may try again.")
	state, err := s.register(ctx, s.WillRegister("pump-2"), nil)
	if err != nil {
		return err
	}
	if state.Status != azdps.RegistrationStatusFailed {
		return fmt.Errorf("the registration should have failed, but the device has the status %s", state.Status)
	}
	s.Say("%s has the status %s: %d %s", state.RegistrationID, state.Status, state.ErrorCode, state.ErrorMessage)
	return nil
}

// register is the part of a device of the group.
func (s *sample) register(ctx context.Context, id string, payload any) (azdps.DeviceRegistrationState, error) {
	key, err := azdps.DeriveDeviceKey(s.lineKey, id)
	if err != nil {
		return azdps.DeviceRegistrationState{}, err
	}
	pump := device.Device{
		Endpoint:       s.DeviceEndpoint,
		IDScope:        s.IDScope,
		RegistrationID: id,
		Key:            key,
		Payload:        payload,
		Client:         s.DeviceClient(nil),
	}
	return pump.Register(ctx)
}

// inMemory hands the requests of a client to a handler.
type inMemory struct{ http.Handler }

// RoundTrip lets the handler answer.
func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	m.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}
