package main

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

// tour is one run of the story. All ids begin with its prefix.
type tour struct {
	client *azdps.DeviceProvisioningClient
	story  story
	prefix string

	enrollments []string // ids to delete at the end
	groups      []string
}

func newTour(client *azdps.DeviceProvisioningClient, out io.Writer) *tour {
	return &tour{
		client: client,
		story:  story{out: out},
		prefix: "quickstart-" + strings.ToLower(rand.Text()[:8]),
	}
}

// run goes through the steps until one fails, and deletes what they made in any case.
func (t *tour) run(ctx context.Context) (err error) {
	fmt.Fprintf(t.story.out, "The service is %s.\n\n%s\n", t.client.Endpoint(), introduction)
	defer func() { err = t.end(ctx, err) }()

	var enrollment azdps.IndividualEnrollment
	steps := []func(context.Context) error{
		func(ctx context.Context) (err error) {
			enrollment, err = t.createWithKeys(ctx)
			return err
		},
		t.createWithTPM,
		t.createWithCertificate,
		t.createGroup,
		func(ctx context.Context) error { return t.replaceUnderETag(ctx, enrollment) },
		func(ctx context.Context) error { return t.update(ctx, enrollment.RegistrationID) },
		func(ctx context.Context) error { return t.readKeys(ctx, enrollment.RegistrationID) },
		t.deriveKey,
		t.createInBulk,
	}
	for _, step := range steps {
		if err := finish(ctx, step); err != nil {
			return err
		}
	}
	return t.list(ctx)
}

// patience is how long a step, or the clean-up, may take.
const patience = time.Minute

// finish runs a step to its end even if ctx ends meanwhile: a write that is cut off may reach the service after the clean-up.
func finish(ctx context.Context, step func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return step(ctx)
}

const introduction = `An IoT hub is where devices and backends exchange messages. A Device Provisioning Service (DPS) tells a new
device which hub is its own, so that none is built into its firmware. For that the service must know whom to let
in, and enrollments tell it. A backend manages them, as this program does now. No device takes part.`

// id makes an id with the prefix of the tour.
func (t *tour) id(name string) string { return t.prefix + "-" + name }

// willEnroll notes an enrollment before it is created, since a create that fails may have been applied.
func (t *tour) willEnroll(name string) string {
	t.enrollments = append(t.enrollments, t.id(name))
	return t.id(name)
}

// willGroup notes an enrollment group, as willEnroll does.
func (t *tour) willGroup(name string) string {
	t.groups = append(t.groups, t.id(name))
	return t.id(name)
}

// end deletes what the tour made, and adds what went wrong with that to the error of the tour.
func (t *tour) end(ctx context.Context, err error) error {
	if err != nil {
		t.story.tell("the story ends here; the reason follows at the end")
	}
	if err = errors.Join(err, t.cleanUp(ctx)); err == nil {
		t.story.conclude("Done. Everything worked, and nothing is left behind.")
	}
	return err
}

// cleanUp deletes what the tour made, also if its context has ended.
func (t *tour) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	t.story.begin("Delete what this program made",
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
	for _, id := range t.enrollments {
		_, err := t.client.IndividualEnrollments().Delete(ctx, id, nil)
		remove(id, err)
	}
	for _, id := range t.groups {
		_, err := t.client.EnrollmentGroups().Delete(ctx, id, nil)
		remove(id, err)
	}
	t.story.tell("deleted %d records", deleted)
	return errors.Join(errs...)
}
