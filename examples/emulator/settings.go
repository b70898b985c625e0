package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
)

// settings is what the command line says.
type settings struct {
	addr           string
	insecureListen bool
	throttle       int
	hubs           []string
	caOut          string
	seed           string
	verbose        bool
}

// parse reads the command line, and prints help to stderr if that asks for it.
func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned
	flags.StringVar(&s.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 is a free one")
	flags.BoolVar(&s.insecureListen, "insecure-listen", false, "let -addr be reachable from other machines")
	flags.IntVar(&s.throttle, "throttle", 0, "answer 429 after `N` operations, and after N registrations, in a minute; the service allows 1000, 0 is no limit")
	flags.StringVar(&s.caOut, "ca-out", "", "`file` to write the CA certificate to, and to keep at the end (default a temporary file)")
	flags.StringVar(&s.seed, "seed", "", "JSONL `file` of enrollments, groups and registration states to start with")
	flags.BoolVar(&s.verbose, "v", false, "log a line per request to stderr")
	flags.Func("hub", "host `name` of a linked IoT hub; may be given several times", func(name string) error {
		if name == "" {
			return errors.New("empty")
		}
		s.hubs = append(s.hubs, name)
		return nil
	})
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		fmt.Fprintln(stderr, "Usage: emulator [flags]")
		flags.PrintDefaults()
		fmt.Fprintln(stderr, "It prints how to reach it, one KEY=VALUE a line; \"go doc ./examples/emulator\" says how to use that.")
		return nil, err
	case err != nil:
		return nil, err
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.throttle < 0:
		return nil, fmt.Errorf("-throttle must not be negative: %d", s.throttle)
	}
	return s, nil
}

// listen opens the address, which must be of the loopback interface unless the settings say that it need not.
func (s *settings) listen(ctx context.Context) (net.Listener, error) {
	address, err := net.ResolveTCPAddr("tcp", s.addr)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if !address.IP.IsLoopback() && !s.insecureListen {
		return nil, fmt.Errorf("-addr %s is reachable from other machines, which anybody there could use; give -insecure-listen if that is meant", s.addr)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	return listener, nil
}
