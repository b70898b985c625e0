package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// settings is what the command line says.
type settings struct {
	delete bool
	all    bool
	prefix string
}

// errNoSelection is a deletion that does not say of what.
var errNoSelection = errors.New("-delete needs -prefix PREFIX, or -all for everything")

func (s *settings) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("cleanup", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned
	flags.BoolVar(&s.delete, "delete", false, "delete what is found; without it, it is listed only")
	flags.BoolVar(&s.all, "all", false, "take all records")
	flags.StringVar(&s.prefix, "prefix", "", "take the records whose ids begin with `PREFIX`, without regard to case")
	return flags
}

// parse reads the command line, and refuses one that deletes more than it says.
func parse(args []string) (settings, error) {
	var s settings
	flags := s.flags()
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	prefixGiven := false
	flags.Visit(func(f *flag.Flag) { prefixGiven = prefixGiven || f.Name == "prefix" })
	switch {
	case flags.NArg() > 0:
		return settings{}, fmt.Errorf("%q is no flag", flags.Arg(0))
	case prefixGiven && s.prefix == "":
		return settings{}, errors.New("-prefix is empty; for everything there is -all")
	case prefixGiven && s.all:
		return settings{}, errors.New("-prefix and -all exclude each other")
	case s.delete && !prefixGiven && !s.all:
		return settings{}, errNoSelection
	}
	return s, nil
}

func usage(w io.Writer) {
	flags := (&settings{}).flags()
	flags.SetOutput(w)
	fmt.Fprintln(w, "Usage: cleanup [-prefix PREFIX | -all] [-delete]")
	flags.PrintDefaults()
	fmt.Fprintln(w, "The service is that of DPS_CONNECTION_STRING or DPS_ENDPOINT, or one in memory.")
}

// takes says whether a record is to be deleted. Ids that differ in case alone are one to the service.
func (s settings) takes(id string) bool {
	return len(id) >= len(s.prefix) && strings.EqualFold(id[:len(s.prefix)], s.prefix)
}
