// Command bench measures what the client costs: CPU, allocations, memory and connections of a whole process, beside what the same
// work costs by hand. See README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
)

// options of a run.
type options struct {
	runs    int
	quick   bool
	scale   float64
	works   *regexp.Regexp
	profile string
	output  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run takes the role that the first argument names.
func run(ctx context.Context, args []string) error {
	if len(args) == 2 {
		switch args[0] {
		case roleStub:
			return runStub(args[1] == "true")
		case roleClient:
			var j job
			if err := json.Unmarshal([]byte(args[1]), &j); err != nil {
				return err
			}
			r, err := runClient(ctx, j)
			if err != nil {
				return fmt.Errorf("%s by %s: %w", j.Work, j.Side, err)
			}
			return json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return measureAll(ctx, o)
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.runs, "runs", 7, "how often each side does each work, in turn")
	flags.BoolVar(&o.quick, "quick", false, "one run of little work, to see that everything works; its figures tell nothing")
	flags.Float64Var(&o.scale, "scale", 1, "how much of the work, as a factor")
	works := flags.String("works", ".", "the works to do, as a regular expression")
	flags.StringVar(&o.profile, "profile", "", "a folder for a CPU profile and one of allocations of each client process; the figures suffer")
	flags.StringVar(&o.output, "o", "", "a file for the tables, besides the standard output")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if o.quick {
		o.runs = 1
	}
	if o.runs < 1 || o.scale <= 0 {
		return o, errors.New("runs and scale must be above 0")
	}
	o.works, err = regexp.Compile(*works)
	return o, err
}

// measureAll does the works, one run of all of them after another, and prints the tables.
func measureAll(ctx context.Context, o options) error {
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	all := results{}
	for round := range o.runs {
		for _, w := range works {
			if !o.works.MatchString(w.name) {
				continue
			}
			run, err := l.run(w)
			if err != nil {
				return err
			}
			for _, side := range w.sides {
				all.add(w.name, side, run[side])
				fmt.Fprintf(os.Stderr, "run %d of %d: %s by %s: %s\n", round+1, o.runs, w.name, side, duration(run[side].cpu))
			}
		}
	}
	out := io.Writer(os.Stdout)
	if o.output != "" {
		file, err := os.Create(o.output)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		out = io.MultiWriter(out, file)
	}
	if err := all.print(out, o); err != nil {
		return err
	}
	return all.check(o)
}
