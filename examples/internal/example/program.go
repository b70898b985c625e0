// Package example is what the programs under examples share: which service they work on, how they tell what they do, and how
// they clean up after themselves. It is no part of the SDK.
package example

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/azdps/azdps/dpstest"
)

// Program is a program that tells a story about the service.
type Program struct {
	// Name begins the ids of all records that the program makes.
	Name string

	// Introduction is printed before the first step.
	Introduction string

	// Emulator returns the options of the service in memory; nil means the defaults.
	Emulator func() *dpstest.Options

	// Tell is the story. What it notes with the Will methods of the run is deleted afterwards, whatever happened.
	Tell func(context.Context, *Run) error
}

// Main runs the program as a process: on the service that the environment names, or on one in memory, until it is done or
// interrupted.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := p.Run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, p.Name+":", err)
		os.Exit(1)
	}
}

// Run connects to the service that the environment names, or to one in memory, and tells the story to out.
func (p Program) Run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	service, err := fromEnvironment(getenv)
	switch {
	case err != nil:
		return err
	case service != nil:
		return p.RunOn(ctx, out, service)
	}
	server := dpstest.NewServer(p.EmulatorOptions())
	defer server.Close()
	fmt.Fprintln(out, "There is neither DPS_CONNECTION_STRING nor DPS_ENDPOINT, so this runs against a DPS in memory.")
	service, err = InMemory(server)
	if err != nil {
		return err
	}
	return p.RunOn(ctx, out, service)
}

// EmulatorOptions returns the options of the service in memory, which may be nil.
func (p Program) EmulatorOptions() *dpstest.Options {
	if p.Emulator == nil {
		return nil
	}
	return p.Emulator()
}

// RunOn tells the story of a service to out, and deletes what the program made in any case.
func (p Program) RunOn(ctx context.Context, out io.Writer, service *Service) error {
	r := newRun(p.Name, out, service)
	fmt.Fprintf(out, "The service is %s.\n\n%s\n", service.Client.Endpoint(), p.Introduction)
	err := p.Tell(ctx, r)
	if err != nil {
		r.Say("the story ends here; the reason follows at the end")
	}
	if !r.madeNothing() {
		err = errors.Join(err, r.cleanUp(ctx))
	}
	switch {
	case err != nil:
		return err
	case r.madeNothing():
		r.Conclude("Done. Everything worked.")
	default:
		r.Conclude("Done. Everything worked, and nothing is left behind.")
	}
	return nil
}
