package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/device"
	"github.com/azdps/azdps/examples/internal/example"
)

func (s *sample) makeAuthorities(context.Context) (err error) {
	s.Begin("Make a certificate authority",
		"The root is trusted by all that the company makes, and its key is hardly ever used: it signs the intermediate CA of a"+
			" factory, and that signs devices.")
	s.root, err = newRoot(s.ID("root"))
	if err != nil {
		return err
	}
	s.intermediate, err = s.root.newIntermediate(s.ID("factory"))
	if err != nil {
		return err
	}
	s.Say("%s signed %s", s.root.certificate.Subject, s.intermediate.certificate.Subject)
	return nil
}

func (s *sample) provePossession(context.Context) error {
	s.Begin("Prove that the root is ours",
		"A CA certificate can be uploaded to the service, through the portal or Azure Resource Manager, and then groups refer to"+
			" it by name. The service gives a code, and wants to see it in a certificate that the CA signed. Here the code is made"+
			" up, and nothing is uploaded.")
	verification, err := s.root.newVerification(rand.Text())
	if err != nil {
		return err
	}
	if err := verification.CheckSignatureFrom(s.root.certificate); err != nil {
		return fmt.Errorf("verify a certificate: %w", err)
	}
	s.Say("%s signed a certificate of the code", s.root.certificate.Subject)
	return nil
}

func (s *sample) createGroup(ctx context.Context) error {
	s.Begin("Create an enrollment group with the intermediate certificate",
		"It needs no upload before. What one factory makes gets in, and another factory's does not, although their root is the same.")
	attestation, err := azdps.NewX509SigningAttestation(s.intermediate.certificate, nil)
	if err != nil {
		return err
	}
	s.line = s.WillGroup("line-1")
	created, err := s.Client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: s.line,
		Attestation:       attestation,
	}, nil)
	if err != nil {
		return fmt.Errorf("create a group with a certificate: %w", err)
	}
	s.Say("created %s", created.EnrollmentGroupID)
	return nil
}

func (s *sample) register(ctx context.Context) error {
	s.Begin("Register a device with its certificate",
		"The device shows its certificate, and that of the intermediate CA, in the TLS handshake. Its registration id is the"+
			" common name. There is no enrollment of its own, and no key that the service knows.")
	s.camera = s.WillRegister("camera-1")
	certificate, err := s.intermediate.newDevice(s.camera)
	if err != nil {
		return err
	}
	state, err := s.device(certificate).Register(ctx)
	if err != nil {
		return err
	}
	if state.Status != azdps.RegistrationStatusAssigned {
		return fmt.Errorf("%s has the status %s: %d %s", s.camera, state.Status, state.ErrorCode, state.ErrorMessage)
	}
	s.Say("%s is %s to %s", s.camera, state.Status, state.AssignedHub)
	if s.Emulator == nil {
		s.Say("there it stays, for this program has no access to the hub: delete it there")
	}
	return nil
}

func (s *sample) registerStranger(ctx context.Context) error {
	s.Begin("See another's device refused",
		"Its certificate has the same name, from a CA of the same root. But not of this factory.")
	other, err := s.root.newIntermediate(s.ID("another-factory"))
	if err != nil {
		return err
	}
	certificate, err := other.newDevice(s.camera)
	if err != nil {
		return err
	}
	_, err = s.device(certificate).Register(ctx)
	refused, ok := errors.AsType[*device.RefusedError](err)
	if !ok || refused.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("the device should have been refused with 401, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("%v", refused)
	return nil
}

// device is a device that shows a certificate.
func (s *sample) device(certificate *tls.Certificate) *device.Device {
	return &device.Device{
		Endpoint:       s.DeviceEndpoint,
		IDScope:        s.IDScope,
		RegistrationID: s.camera,
		Client:         s.DeviceClient(certificate),
	}
}
