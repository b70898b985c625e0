package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
)

// Enrollments is what the portal needs of the service. It is a part of what [*azdps.IndividualEnrollmentsClient] can do.
type Enrollments interface {
	Get(ctx context.Context, registrationID string, options *azdps.IndividualEnrollmentsClientGetOptions) (azdps.IndividualEnrollmentsClientGetResponse, error)
	CreateOrUpdate(ctx context.Context, enrollment azdps.IndividualEnrollment, options *azdps.IndividualEnrollmentsClientCreateOrUpdateOptions) (azdps.IndividualEnrollmentsClientCreateOrUpdateResponse, error)
	Delete(ctx context.Context, registrationID string, options *azdps.IndividualEnrollmentsClientDeleteOptions) (azdps.IndividualEnrollmentsClientDeleteResponse, error)
}

var _ Enrollments = (*azdps.IndividualEnrollmentsClient)(nil)

// ErrTaken is a device that is onboard already.
var ErrTaken = errors.New("portal: the device is onboard already")

// Onboarder lets devices in and throws them out.
type Onboarder struct{ enrollments Enrollments }

// NewOnboarder returns an Onboarder that works on enrollments.
func NewOnboarder(enrollments Enrollments) *Onboarder { return &Onboarder{enrollments} }

// Device is what the installer of a device gets: what it must be set up with. The key is a secret.
type Device struct{ ID, Key string }

// ticket is the member of an enrollment's information that names the call of Onboard that made it.
const ticket = "portalTicket"

// Onboard enrolls a device, with keys that the portal makes. A device that is onboard gives [ErrTaken].
func (o *Onboarder) Onboard(ctx context.Context, id string) (Device, error) {
	primary, secondary, number := newKey(), newKey(), rand.Text()
	attestation, err := azdps.NewSymmetricKeyAttestation(primary, secondary)
	if err != nil {
		return Device{}, err
	}
	_, err = o.enrollments.CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID:            id,
		Attestation:               attestation,
		OptionalDeviceInformation: azdps.TwinCollection{ticket: number},
	}, nil)
	if errors.Is(err, azdps.ErrOutcomeUnknown) {
		err = o.settle(ctx, id, number, err)
	}
	switch {
	case azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists):
		return Device{}, ErrTaken
	case err != nil:
		return Device{}, fmt.Errorf("portal: onboard %s: %w", id, err)
	}
	return Device{ID: id, Key: primary}, nil
}

// settle looks whether an enrollment whose answer was lost was made. If not, cause stays.
func (o *Onboarder) settle(ctx context.Context, id, number string, cause error) error {
	found, err := o.enrollments.Get(ctx, id, nil)
	if err == nil && found.OptionalDeviceInformation[ticket] == number {
		return nil
	}
	return cause
}

// Hub returns the IoT hub of a device, or nothing if the device has not registered yet.
func (o *Onboarder) Hub(ctx context.Context, id string) (string, error) {
	enrollment, err := o.enrollments.Get(ctx, id, nil)
	if err != nil {
		return "", fmt.Errorf("portal: look up %s: %w", id, err)
	}
	if enrollment.RegistrationState == nil {
		return "", nil
	}
	return enrollment.RegistrationState.AssignedHub, nil
}

// Offboard keeps a device from registering again. One that is gone already is no fault.
func (o *Onboarder) Offboard(ctx context.Context, id string) error {
	_, err := o.enrollments.Delete(ctx, id, nil)
	if err != nil && !azdps.HasStatusCode(err, http.StatusNotFound) {
		return fmt.Errorf("portal: offboard %s: %w", id, err)
	}
	return nil
}

func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
