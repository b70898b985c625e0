package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/device"
	"github.com/azdps/azdps/examples/internal/example"
)

func (s *sample) createGroup(ctx context.Context) error {
	s.Begin("Create an enrollment group", "It lets in all devices whose keys are derived from its own.")
	s.line = s.WillGroup("line-1")
	created, err := s.Client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.line,
		Attestation:       azdps.NewGeneratedKeyAttestation(),
	}, nil)
	if err != nil {
		return fmt.Errorf("create a group: %w", err)
	}
	s.Say("created %s", created.EnrollmentGroupID)
	return nil
}

func (s *sample) deriveDeviceKey(ctx context.Context) error {
	s.Begin("Derive the key of a device",
		"It is computed from a key of the group and the registration id, letter by letter. A factory that has the group's key"+
			" needs no access to the service for that.")
	mechanism, err := s.Client.EnrollmentGroups().GetAttestationMechanism(ctx, s.line, nil)
	if err != nil {
		return fmt.Errorf("read the keys of a group: %w", err)
	}
	if mechanism.SymmetricKey == nil {
		return errors.New("the service shows no keys of the group")
	}
	s.pump = s.WillRegister("pump-7")
	s.deviceKey, err = azdps.DeriveDeviceKey(mechanism.SymmetricKey.PrimaryKey, s.pump)
	if err != nil {
		return fmt.Errorf("derive a device key: %w", err)
	}
	s.Say("the key of %s is one %s", s.pump, example.Mask(s.deviceKey))
	return nil
}

func (s *sample) register(ctx context.Context) error {
	s.Begin("Register the device",
		"This is the device's part. It asks the service with the ID scope and its own id, signs with its key, and comes back"+
			" for the answer when it is told to. In the field an Azure device SDK does that.")
	pump := device.Device{
		Endpoint:       s.DeviceEndpoint,
		IDScope:        s.IDScope,
		RegistrationID: s.pump,
		Key:            s.deviceKey,
		Client:         s.DeviceClient(nil),
	}
	state, err := pump.Register(ctx)
	if err != nil {
		return err
	}
	if state.Status != azdps.RegistrationStatusAssigned {
		return fmt.Errorf("%s has the status %s: %d %s", s.pump, state.Status, state.ErrorCode, state.ErrorMessage)
	}
	s.Say("%s is %s to %s, as device %s", s.pump, state.Status, state.AssignedHub, state.DeviceID)
	if s.Emulator == nil {
		s.Say("there it stays, for this program has no access to the hub: delete it there")
	}
	return nil
}
