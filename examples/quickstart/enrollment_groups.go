package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

// groupName is the name of the only group.
const groupName = "line-1"

// createGroup creates an enrollment group with a symmetric key.
func (t *tour) createGroup(ctx context.Context) error {
	t.Begin("Create an enrollment group",
		"A group lets in any number of devices that share a way to prove themselves, such as all of one production line."+
			" The keys of its devices are derived from the group's key.")
	created, err := t.client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: t.WillGroup(groupName),
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		InitialTwin:       &azdps.InitialTwin{Tags: azdps.TwinCollection{"line": 1}},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment group: %w", err)
	}
	t.Say("created %s", created.EnrollmentGroupID)
	return nil
}

// deriveKey derives the key of a device from that of its group.
func (t *tour) deriveKey(ctx context.Context) error {
	t.Begin("Derive the key of a device of the group",
		"A device gets a key of its own, computed from the group's key and its id. That needs no call of the service, and"+
			" the device needs no enrollment of its own. The group's key is never given to a device.")
	mechanism, err := t.client.EnrollmentGroups().GetAttestationMechanism(ctx, t.ID(groupName), nil)
	if err != nil {
		return fmt.Errorf("read the keys of an enrollment group: %w", err)
	}
	if mechanism.SymmetricKey == nil {
		return errors.New("the service shows no keys of the enrollment group")
	}
	device := t.ID("pump-7")
	key, err := azdps.DeriveDeviceKey(mechanism.SymmetricKey.PrimaryKey, device)
	if err != nil {
		return fmt.Errorf("derive a device key: %w", err)
	}
	t.Say("the key of %s is one %s", device, example.Mask(key))
	return nil
}
