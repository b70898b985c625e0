package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
	"github.com/azdps/azdps/examples/internal/identity"
)

// createWithKeys enrolls a device that proves who it is with a symmetric key.
func (t *tour) createWithKeys(ctx context.Context) (azdps.IndividualEnrollment, error) {
	t.Begin("Enroll a device with symmetric keys",
		"An individual enrollment lets one device in. This one proves itself with a shared key, which the service makes."+
			" The initial twin is the configuration that the device finds in its hub when it first gets there.")
	created, err := t.client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: t.WillEnroll("thermostat"),
		Attestation:    azdps.NewGeneratedKeyAttestation(),
		InitialTwin: &azdps.InitialTwin{
			Tags:       azdps.TwinCollection{"building": "43"},
			Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"telemetrySeconds": 30}},
		},
	}, nil)
	if err != nil {
		return azdps.IndividualEnrollment{}, fmt.Errorf("create an enrollment with symmetric keys: %w", err)
	}
	t.Say("created %s, ETag %s", created.RegistrationID, created.ETag)
	t.SayKeys(created.Attestation.SymmetricKey)
	return created.IndividualEnrollment, nil
}

// createWithTPM enrolls a device that proves who it is with a trusted platform module.
func (t *tour) createWithTPM(ctx context.Context) error {
	t.Begin("Enroll a device with a TPM",
		"A trusted platform module is a chip that keeps a private key. The service gets the public half, the endorsement"+
			" key, which the maker of the chip reads out. Here it is made up.")
	attestation, err := azdps.NewTPMAttestation(identity.NewEndorsementKey(), "")
	if err != nil {
		return err
	}
	created, err := t.client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: t.WillEnroll("gateway"),
		Attestation:    attestation,
		Capabilities:   &azdps.DeviceCapabilities{IoTEdge: true},
		InitialTwin:    &azdps.InitialTwin{Tags: azdps.TwinCollection{"building": "43"}},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with a TPM: %w", err)
	}
	t.Say("created %s, an IoT Edge device", created.RegistrationID)
	return nil
}

// createWithCertificate enrolls a device that proves who it is with an X.509 certificate.
func (t *tour) createWithCertificate(ctx context.Context) error {
	t.Begin("Enroll a device with a certificate",
		"The device keeps the private key of an X.509 certificate; the service gets the certificate alone. Its common"+
			" name must be the registration id. This one is signed by itself and lasts for a day.")
	id := t.WillEnroll("camera")
	certificate, err := identity.NewCertificate(id)
	if err != nil {
		return err
	}
	attestation, err := azdps.NewX509ClientAttestation(certificate, nil)
	if err != nil {
		return err
	}
	created, err := t.client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: id,
		Attestation:    attestation,
		InitialTwin:    &azdps.InitialTwin{Tags: azdps.TwinCollection{"building": "44"}},
	}, nil)
	if err != nil {
		return fmt.Errorf("create an enrollment with a certificate: %w", err)
	}
	t.Say("created %s", created.RegistrationID)
	if info := certificateInfo(created.Attestation); info != nil {
		t.Say("the service read the certificate: %s, until %s", info.SubjectName, info.NotAfterUTC.Format("2006-01-02"))
	}
	return nil
}

// certificateInfo is what the service read from the certificate of a device.
func certificateInfo(attestation azdps.AttestationMechanism) *azdps.X509CertificateInfo {
	if x := attestation.X509; x != nil && x.ClientCertificates != nil && x.ClientCertificates.Primary != nil {
		return x.ClientCertificates.Primary.Info
	}
	return nil
}

// replaceUnderETag replaces an enrollment under the ETag of its creation, and then tries so again.
func (t *tour) replaceUnderETag(ctx context.Context, enrollment azdps.IndividualEnrollment) error {
	t.Begin("Replace an enrollment under its ETag",
		"An ETag changes with every write. Sent along as IfMatch, it replaces the record only if nobody wrote since."+
			" A write replaces the whole record, so this one starts from the answer to the create, keys included.")
	enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
	condition := &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &enrollment.ETag}
	replaced, err := t.client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, condition)
	if err != nil {
		return fmt.Errorf("replace an enrollment: %w", err)
	}
	t.Say("%s is %s now, ETag %s", replaced.RegistrationID, replaced.ProvisioningStatus, replaced.ETag)

	t.Begin("See a stale write refused",
		"Somebody who has not seen that change writes under the old ETag. The service answers with the HTTP status 412,"+
			" precondition failed, and writes nothing: else the change would be lost without anybody noticing.")
	enrollment.DeviceID = t.ID("other")
	_, err = t.client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, condition)
	if !azdps.HasStatusCode(err, http.StatusPreconditionFailed) {
		return fmt.Errorf("a stale write should have been refused with 412, but the result is: %w", example.OrUnexpected(err))
	}
	if details, ok := azdps.ErrorDetailsFrom(err); ok {
		t.Say("412, as it should be: %s", details.Message)
	} else {
		t.Say("412, as it should be")
	}
	return nil
}

// update changes one member of an enrollment.
func (t *tour) update(ctx context.Context, id string) error {
	t.Begin("Change an enrollment with Update",
		"Update does it right in one call: it reads the record with its keys, lets a function change it, writes it back"+
			" under its ETag, and starts again if somebody else was faster.")
	updated, err := t.client.IndividualEnrollments().Update(ctx, id, func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusEnabled
		return nil
	}, nil)
	if err != nil {
		return fmt.Errorf("update an enrollment: %w", err)
	}
	t.Say("%s is %s again", updated.RegistrationID, updated.ProvisioningStatus)
	return nil
}

// readKeys reads the keys that Get does not show.
func (t *tour) readKeys(ctx context.Context, id string) error {
	t.Begin("Read the keys of an enrollment",
		"Reads and lists leave out keys. One operation of its own returns them, for example to hand them to a factory.")
	mechanism, err := t.client.IndividualEnrollments().GetAttestationMechanism(ctx, id, nil)
	if err != nil {
		return fmt.Errorf("read the keys of an enrollment: %w", err)
	}
	t.SayKeys(mechanism.SymmetricKey)
	return nil
}
