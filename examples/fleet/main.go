// Command fleet manages the enrollments of a Device Provisioning Service by the thousand and the million, from files of JSON lines
// or CSV. It shows what package fleet does, and is of use as it is:
//
//	go run ./examples/fleet import -in devices.csv -journal devices.journal
//
// The service is the one of DPS_CONNECTION_STRING, of the file in DPS_CONNECTION_STRING_FILE, or of DPS_ENDPOINT with whatever
// azidentity.NewDefaultAzureCredential finds; or one in memory, with -emulator. README.md has an example of each command.
//
// The exit status is 0 if all was done, 1 if something failed, 2 for a command line that makes no sense, and 130 after an
// interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses of the program.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report a program that Ctrl-C ended
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// commands are in the order of the help.
func commands() []command {
	return []command{
		importCommand, exportCommand, planCommand, applyCommand, rotateCommand, expiryCommand, deriveCommand, copyCommand,
		decommissionCommand,
	}
}

// command is what the first argument names.
type command struct {
	name     string
	synopsis string // its flags, but for those that all commands have
	about    string
	define   func(*flag.FlagSet, *settings)
	check    func(*settings) error // of the flags together; may be nil
	run      func(context.Context, *job) error
}

// errSomeFailed is the end of a run that was reported in full already: some of its records are not as they were wanted.
var errSomeFailed = errors.New("some records failed")

// usageError is a command line that makes no sense.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// run does what args say and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	c, err := find(args)
	if err != nil {
		return refuse(err, stderr, usage)
	}
	s, err := parse(c, args[1:])
	if err != nil {
		return refuse(err, stderr, func(w io.Writer) { usageOf(c, w) })
	}
	j := newJob(s, stdout, stderr, getenv)
	err = c.run(ctx, j)
	if unclosed := j.close(); unclosed != nil {
		err = errors.Join(err, unclosed)
	}
	wrong, isUsage := errors.AsType[*usageError](err)
	switch {
	case err == nil:
		return exitDone
	case isUsage:
		return refuse(wrong, stderr, func(w io.Writer) { usageOf(c, w) })
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		j.say("interrupted; " + j.goOn)
		return exitInterrupted
	case err != errSomeFailed: //nolint:errorlint // with another error beside it there is more to say
		j.say(oneLine(err))
	}
	return exitFailed
}

// find returns the command that the arguments name.
func find(args []string) (command, error) {
	if len(args) == 0 {
		return command{}, usagef("a command is missing")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return command{}, flag.ErrHelp
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c, nil
		}
	}
	if len(args[0]) > longestName {
		return command{}, usagef("the first argument is no command") // it may be a secret
	}
	return command{}, usagef("there is no command %q", args[0])
}

// refuse prints what is wrong with a command line, or the help if that is what it asks for.
func refuse(err error, stderr io.Writer, help func(io.Writer)) int {
	if errors.Is(err, flag.ErrHelp) {
		help(stderr)
		return exitDone
	}
	fmt.Fprintln(stderr, "fleet:", err)
	fmt.Fprintln(stderr, "-h gives help.")
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Usage: fleet COMMAND [flags]")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-13s %s\n", c.name, c.about)
	}
	fmt.Fprintln(w, "fleet COMMAND -h lists the flags of a command.")
	fmt.Fprintln(w, environment)
}

func usageOf(c command, w io.Writer) {
	fmt.Fprintf(w, "Usage: fleet %s %s\n%s.\n", c.name, c.synopsis, c.about)
	flags := flagsOf(c, &settings{})
	flags.SetOutput(w)
	flags.PrintDefaults()
	fmt.Fprintln(w, environment)
}
