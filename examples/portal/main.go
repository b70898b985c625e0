// Command portal is somebody else's program in miniature: the part of a device portal that lets devices in and throws them out.
// It shows how a program uses package azdps behind a small interface of its own, and how it tests itself: see the tests.
//
// Without any environment it runs against a Device Provisioning Service in memory, else against the one of DPS_CONNECTION_STRING
// or DPS_ENDPOINT. There it only touches a record whose id begins with a random prefix of its own.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "portal",
	Introduction: "A portal lets its users bring devices on board. It knows the service by an interface of three methods alone, and" +
		"\nits tests use the service in memory, or a fake of that interface.",
	Tell: tell,
}

func tell(ctx context.Context, run *example.Run) error {
	onboarder := NewOnboarder(run.Client.IndividualEnrollments())
	id := run.WillEnroll("pump")
	return run.Finish(ctx,
		func(ctx context.Context) error { return onboard(ctx, run, onboarder, id) },
		func(ctx context.Context) error { return onboardAgain(ctx, run, onboarder, id) },
		func(ctx context.Context) error { return offboard(ctx, run, onboarder, id) },
	)
}

func onboard(ctx context.Context, run *example.Run, onboarder *Onboarder, id string) error {
	run.Begin("Bring a device on board", "The portal makes the key that the installer sets the device up with.")
	device, err := onboarder.Onboard(ctx, id)
	if err != nil {
		return err
	}
	run.Say("%s has a key %s", device.ID, example.Mask(device.Key))
	hub, err := onboarder.Hub(ctx, id)
	if err != nil {
		return err
	}
	if hub == "" {
		run.Say("it has no IoT hub yet, since it has not registered")
	} else {
		run.Say("its IoT hub is %s", hub)
	}
	return nil
}

func onboardAgain(ctx context.Context, run *example.Run, onboarder *Onboarder, id string) error {
	run.Begin("See a second one of that name refused", "The error is the portal's own, so that its callers need not know the service.")
	_, err := onboarder.Onboard(ctx, id)
	if !errors.Is(err, ErrTaken) {
		return fmt.Errorf("the device should have been taken, but the result is: %w", example.OrUnexpected(err))
	}
	run.Say("%v", err)
	return nil
}

func offboard(ctx context.Context, run *example.Run, onboarder *Onboarder, id string) error {
	run.Begin("Throw the device out", "It can be done twice: what is gone already is no fault.")
	for range 2 {
		if err := onboarder.Offboard(ctx, id); err != nil {
			return err
		}
	}
	run.Say("%s is gone", id)
	return nil
}
