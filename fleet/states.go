package fleet

import (
	"context"
	"iter"
	"net/http"

	"github.com/azdps/azdps"
)

// States iterates over the individual enrollments with their registration states, which a list has not. They come as they are
// read, several at once, so in no order. A device that never registered has the status unassigned. The devices of groups
// have no enrollments of their own; list their states by group with DeviceRegistrationStates.
//
// It costs one operation a record, and one a page of the list. An enrollment that was deleted since it was listed is left out. It needs
// the permission EnrollmentRead. An error is the last thing that it yields, and says that enrollments are missing;
// MaxFailures and the like do not apply. Leaving the loop ends the calls under way. options may be nil.
func States(ctx context.Context, client *azdps.DeviceProvisioningClient, options *Options) iter.Seq2[azdps.IndividualEnrollment, error] {
	settings := Options{}
	if options != nil {
		settings = *options
	}
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		e := newExporter[azdps.IndividualEnrollment](client, &ExportOptions{Options: settings})
		defer e.progress.stop()
		get := func(ctx context.Context, listed azdps.IndividualEnrollment) (*azdps.IndividualEnrollment, error) {
			found, err := read(ctx, e.pace, func(ctx context.Context) (azdps.IndividualEnrollment, error) {
				return e.kind.get(ctx, listed.RegistrationID)
			})
			if azdps.HasStatusCode(err, http.StatusNotFound) {
				return nil, nil // it is gone, which is no error
			}
			return &found, err
		}
		for found, err := range each(ctx, e.pace, e.progress, listed(e.pages(ctx, "")), get) {
			if err != nil {
				e.progress.end()
				yield(azdps.IndividualEnrollment{}, err)
				return
			}
			e.progress.count(ResultUnchanged, false)
			if found != nil && !yield(*found, nil) {
				return
			}
		}
		e.progress.end()
	}
}
