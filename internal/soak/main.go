// Command soak tries the client, and package fleet, for as long as it is told, and finds out whether they tell the truth:
//
//	go run ./internal/soak -for 1h
//
// It starts examples/emulator as a process of its own and works on it from several goroutines, through proxies that lose
// requests and answers, break connections, throttle and delay. A model holds what the service must hold. It is compared
// with each answer, with the service after each write that failed, and with an export of everything at checkpoints.
//
// A record that is lost, doubled or changed by nobody, an outcome that is not true, and memory or goroutines that are left
// behind end it with status 1. The seed it prints gives the same plan again: the same steps of each worker, and the
// same fault for the same request of each worker.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// settings is what the command line says.
type settings struct {
	length   time.Duration // how long to work
	seed     uint64        // of the plan
	workers  int           // that take single steps
	fleets   int           // that run fleets
	rate     int           // steps a minute, of all workers
	interval time.Duration // between checkpoints
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	s := settings{}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.DurationVar(&s.length, "for", time.Minute, "how long to work")
	flags.Uint64Var(&s.seed, "seed", rand.Uint64(), "`seed` of the plan")
	flags.IntVar(&s.workers, "workers", 4, "goroutines that take single steps")
	flags.IntVar(&s.fleets, "fleets", 2, "goroutines that run fleets")
	flags.IntVar(&s.rate, "rate", 6000, "steps a minute, of all workers together")
	flags.DurationVar(&s.interval, "checkpoint", 10*time.Second, "time between two comparisons of everything")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.length <= 0 || s.workers <= 0 || s.fleets < 0 || s.rate <= 0 || s.interval <= 0 {
		return s, errors.New("-for, -workers, -rate and -checkpoint must be positive, and -fleets not negative")
	}
	return s, nil
}

// run starts the emulator, soaks it and stops it.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	emulator, err := startEmulator(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "the emulator is process %d\n", emulator.command.Process.Pid)
	err = soak(ctx, s, emulator.service, nil, stdout)
	return errors.Join(err, emulator.stop())
}
