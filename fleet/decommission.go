package fleet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/azdps/azdps"
)

// Errors that tell what a device did not have, in the Err of an [Outcome] of [Decommission].
var (
	// ErrNoEnrollment is a device without an individual enrollment.
	ErrNoEnrollment = errors.New("fleet: the device had no individual enrollment")

	// ErrNoRegistration is a device without a registration: it never registered, or its registration was deleted.
	ErrNoRegistration = errors.New("fleet: the device had no registration")

	errNeither = fmt.Errorf("%w; %w", ErrNoEnrollment, ErrNoRegistration)
)

// DecommissionOptions are the options of [Decommission].
type DecommissionOptions struct {
	BulkOptions

	// DisableOnly disables the enrollment instead of deleting it. That also keeps out a device that a group would let in.
	DisableOnly bool
}

// Decommission takes devices out of the service: first the individual enrollment, so that the device cannot register again, and
// then the registration. The outcome says what was done, and its Err what the device did not have; that is no failure:
//
//	the device had      Result                                   Err matches
//	both                deleted; updated with DisableOnly        nil
//	an enrollment only  deleted; updated, or unchanged if it     ErrNoRegistration
//	                    was disabled before, with DisableOnly
//	a registration only deleted                                  ErrNoEnrollment
//	neither             unchanged                                both
//
// The last is what a second run finds. A device that an earlier run with the journal left half done has no Err. If the enrollment is
// refused, in conflict or unknown, the registration is left alone. If the registration fails then, the outcome is refused or unknown
// with the error of that, and a second run takes it up, with the journal too.
//
// A device whose registration came through a group has no enrollment of its own. It can register again: to keep it out, give it
// an enrollment that is disabled. What the device has in its IoT hub stays there; [States] tells its hub and device id, before.
//
// Each device costs three operations, and two if it has nothing. With DisableOnly it is one more for symmetric keys, which the
// write must keep. It needs the permissions EnrollmentRead, EnrollmentWrite, RegistrationStatusRead and RegistrationStatusWrite.
// options may be nil. For errors, the journal, the end of the run and its cancellation see [Bulk].
func Decommission(ctx context.Context, client *azdps.DeviceProvisioningClient, registrationIDs iter.Seq2[string, error], options *DecommissionOptions) iter.Seq2[Outcome, error] {
	settings := DecommissionOptions{}
	if options != nil {
		settings = *options
	}
	d := decommissioner{takeOut: deleteEnrollment, mode: "decommission", client: client.DeviceRegistrationStates()}
	if settings.DisableOnly {
		d.takeOut, d.mode = disableEnrollment, "disable"
	}
	outcomes := walkAll(ctx, client, d.mode, withID[azdps.IndividualEnrollment](registrationIDs), settings.BulkOptions, d.visit)
	return func(yield func(Outcome, error) bool) {
		for outcome, err := range outcomes {
			outcome.Err = restoreAbsence(outcome)
			if !yield(outcome, err) {
				return
			}
		}
	}
}

type (
	enrollmentWalk = walk[azdps.IndividualEnrollment]
	enrollmentStep = step[azdps.IndividualEnrollment]
)

type decommissioner struct {
	mode    string
	client  *azdps.DeviceRegistrationStatesClient
	takeOut func(context.Context, *enrollmentWalk, *enrollmentStep) (holdings, error)
}

// holdings is what the service held of a device.
type holdings struct{ enrollment, registration bool }

// absence is the error that tells what there was not.
func (h holdings) absence() error {
	switch {
	case h.enrollment && h.registration:
		return nil
	case h.enrollment:
		return ErrNoRegistration
	case h.registration:
		return ErrNoEnrollment
	}
	return errNeither
}

// outcome is the result of the device, given that of its enrollment.
func (h holdings) outcome(enrollment Result) Result {
	switch {
	case enrollment != ResultUnchanged || !h.registration:
		return enrollment
	case h.enrollment:
		return ResultUpdated
	}
	return ResultDeleted
}

// restoreAbsence gives an outcome of an earlier run, of which the journal has the text of the error, the error itself.
func restoreAbsence(outcome Outcome) error {
	earlier, ok := errors.AsType[*RecordError](outcome.Err)
	if !ok || outcome.Result.failed() {
		return outcome.Err
	}
	for _, absence := range []error{ErrNoEnrollment, ErrNoRegistration, errNeither} {
		if earlier.Reason == absence.Error() {
			return absence
		}
	}
	return outcome.Err
}

func (d *decommissioner) visit(ctx context.Context, w *enrollmentWalk, s *enrollmentStep) error {
	earlier := s.lost // an earlier run may have done a part, and nobody knows what there was
	found, err := d.takeOut(ctx, w, s)
	if err != nil || s.result.failed() {
		return err
	}
	done := s.result
	s.end("", nil)
	s.half = true // until the registration is gone, too
	if !found.enrollment {
		if found.registration, err = d.isRegistered(ctx, w, s.id); err != nil {
			return w.failure(s, err)
		}
	}
	if found != (holdings{}) {
		existed, err := w.remove(ctx, s, func(ctx context.Context) error {
			_, err := d.client.Delete(ctx, s.id, nil)
			return err
		})
		if err != nil {
			return w.failure(s, err)
		}
		found.registration = found.registration || existed
	}
	s.half = false
	s.end(found.outcome(done), found.absence())
	if earlier {
		s.err = nil
	}
	return nil
}

// isRegistered asks for a registration without an enrollment.
func (d *decommissioner) isRegistered(ctx context.Context, w *enrollmentWalk, id string) (bool, error) {
	_, err := read(ctx, w.pace, func(ctx context.Context) (azdps.DeviceRegistrationStatesClientGetResponse, error) {
		return d.client.Get(ctx, id, nil)
	})
	if azdps.HasStatusCode(err, http.StatusNotFound) {
		return false, nil
	}
	return err == nil, err
}

// deleteEnrollment deletes the enrollment of a device if it has one.
func deleteEnrollment(ctx context.Context, w *enrollmentWalk, s *enrollmentStep) (holdings, error) {
	earlier := s.lost
	enrollment, err := read(ctx, w.pace, func(ctx context.Context) (azdps.IndividualEnrollment, error) { return w.kind.get(ctx, s.id) })
	switch {
	case azdps.HasStatusCode(err, http.StatusNotFound) && earlier:
		s.end(ResultDeleted, nil)
		return holdings{}, nil
	case azdps.HasStatusCode(err, http.StatusNotFound):
		s.end(ResultUnchanged, nil)
		return holdings{}, nil
	case err != nil:
		return holdings{}, w.failure(s, err)
	}
	_, err = w.remove(ctx, s, func(ctx context.Context) error { return w.kind.delete(ctx, s.id, nil) })
	if err != nil {
		return holdings{}, w.failure(s, err)
	}
	s.end(ResultDeleted, nil)
	return holdings{enrollment: true, registration: registered(enrollment.RegistrationState)}, nil
}

// disableEnrollment disables the enrollment of a device if it has one.
func disableEnrollment(ctx context.Context, w *enrollmentWalk, s *enrollmentStep) (holdings, error) {
	found := holdings{}
	err := w.edit(ctx, s, func(enrollment *azdps.IndividualEnrollment) error {
		found = holdings{enrollment: true, registration: registered(enrollment.RegistrationState)}
		if enrollment.ProvisioningStatus == azdps.ProvisioningStatusDisabled {
			return errAsWanted
		}
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	})
	if s.result == ResultRefused && azdps.HasStatusCode(s.err, http.StatusNotFound) {
		s.end(ResultUnchanged, nil)
		return holdings{}, err
	}
	s.lost = s.lost || s.result == ResultUpdated // until the registration is deleted
	return found, err
}

// registered says whether a state is one of a device that registered. Those that never did have one too, without an ETag.
func registered(state *azdps.DeviceRegistrationState) bool {
	return state != nil && (state.ETag != "" || !state.CreatedDateTimeUTC.IsZero())
}
