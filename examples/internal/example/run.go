package example

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/azdps/azdps"
)

// Run is one run of a program. The ids of all records that it makes begin with a random prefix of its own.
type Run struct {
	*Service
	Story

	prefix        string
	enrollments   []string // ids to delete at the end
	groups        []string
	registrations []string
}

func newRun(name string, out io.Writer, service *Service) *Run {
	prefix := strings.ReplaceAll(name, "_", "-") + "-" + strings.ToLower(rand.Text()[:8])
	return &Run{Service: service, Story: Story{out: out}, prefix: prefix}
}

// ID makes an id with the prefix of the run.
func (r *Run) ID(name string) string { return r.prefix + "-" + name }

// Owns says whether an id has the prefix of the run.
func (r *Run) Owns(id string) bool { return strings.HasPrefix(id, r.prefix+"-") }

// WillEnroll makes the id of an individual enrollment, and notes it for the clean-up. It is called before the enrollment is
// created, since a create that fails may have been applied.
func (r *Run) WillEnroll(name string) string { return r.note(&r.enrollments, name) }

// WillGroup does the same for an enrollment group.
func (r *Run) WillGroup(name string) string { return r.note(&r.groups, name) }

// WillRegister does the same for a device that registers through a group, whose registration outlives the group.
func (r *Run) WillRegister(name string) string { return r.note(&r.registrations, name) }

func (r *Run) note(ids *[]string, name string) string {
	*ids = append(*ids, r.ID(name))
	return r.ID(name)
}

// Enrollments returns how many individual enrollments were noted.
func (r *Run) Enrollments() int { return len(r.enrollments) }

func (r *Run) madeNothing() bool {
	return len(r.enrollments)+len(r.groups)+len(r.registrations) == 0
}

// Step is a part of a story.
type Step func(context.Context) error

// patience is how long a step, or the clean-up, may take.
const patience = time.Minute

// Finish takes steps until one fails or ctx ends. It lets the step under way come to its end even then: a write that is cut off
// may reach the service after the clean-up. What only reads needs no such care.
func (r *Run) Finish(ctx context.Context, steps ...Step) error {
	for _, step := range steps {
		if err := finish(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func finish(ctx context.Context, step Step) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return step(ctx)
}

// cleanUp deletes what the run made, also if its context has ended. Registrations come last: once their group is gone, no device
// can come back.
func (r *Run) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	r.Begin("Delete what this program made",
		"This happens whatever went wrong before. A record that does not exist is no fault here.")
	var errs []error
	deleted := 0
	remove := func(id string, err error) {
		switch {
		case err == nil:
			deleted++
		case !azdps.HasStatusCode(err, http.StatusNotFound):
			errs = append(errs, fmt.Errorf("%s may remain in the service: %w", id, err))
		}
	}
	for _, id := range r.enrollments {
		_, err := r.Client.IndividualEnrollments().Delete(ctx, id, nil)
		remove(id, err)
	}
	for _, id := range r.groups {
		_, err := r.Client.EnrollmentGroups().Delete(ctx, id, nil)
		remove(id, err)
	}
	for _, id := range r.registrations {
		_, err := r.Client.DeviceRegistrationStates().Delete(ctx, id, nil)
		remove(id, err)
	}
	if deleted == 0 && errs == nil {
		r.Say("nothing was left to delete")
	} else {
		r.Say("deleted %s", Count(deleted, "record"))
	}
	return errors.Join(errs...)
}
