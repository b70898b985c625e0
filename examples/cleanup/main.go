// Command cleanup deletes enrollments, enrollment groups, and the registration states of their devices.
//
// Without any environment it runs against a Device Provisioning Service in memory, makes records there, and deletes them all. With
// DPS_CONNECTION_STRING or DPS_ENDPOINT it runs against a real service and deletes nothing: it lists what there is. It deletes
// with -delete, and then only what begins with a -prefix, or with -all everything:
//
//	go run ./examples/cleanup -prefix quickstart-
//	go run ./examples/cleanup -prefix quickstart- -delete
//
// An interrupt lets the request under way finish; the next run goes on. Deleted records are lost, and their devices cannot register
// any more; in the IoT hubs they stay. For a million records take examples/fleet, which keeps a journal and to the quota.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/azdps/azdps/examples/internal/example"
)

func main() {
	s, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(os.Stdout)
	case err != nil:
		fmt.Fprintf(os.Stderr, "cleanup: %v\n-h gives help.\n", err)
		os.Exit(2)
	default:
		s.program().Main()
	}
}

// program is the program with settings.
func (s settings) program() example.Program {
	return example.Program{
		Name: "cleanup",
		Introduction: `Individual enrollments and groups are deleted up to ten at a time. The registration states of a group are deleted one by
one, and before the group, since afterwards nothing leads to them. That of an individual enrollment should go with it.`,
		Tell: func(ctx context.Context, run *example.Run) error {
			sweep := &sweep{Run: run, settings: s}
			return sweep.tell(ctx)
		},
	}
}

// sweep is one run.
type sweep struct {
	*example.Run
	settings settings

	found found
}

func (s *sweep) tell(ctx context.Context) error {
	if s.Emulator != nil {
		if s.settings == (settings{}) {
			s.settings = settings{delete: true, all: true} // there is nothing to lose
		}
		if err := s.makeRecords(); err != nil {
			return err
		}
	}
	if err := s.find(ctx); err != nil {
		return err
	}
	if !s.settings.delete {
		s.Say("nothing was deleted: that takes -delete, and -prefix PREFIX or -all")
		return nil
	}
	return s.delete(ctx)
}
