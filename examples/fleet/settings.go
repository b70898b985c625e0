package main

import (
	"errors"
	"flag"
	"io"
	"path/filepath"
	"strings"
)

// settings is what the command line says. Each command has some of the flags.
type settings struct {
	in, out, journal, failed string

	groups      bool
	rate        int
	maxFailures int
	json        bool

	connectionStringFile   string
	toConnectionStringFile string
	emulator               bool
	seed                   string

	keys, resume bool   // export
	mayDelete    bool   // plan, apply
	maxDeletes   int    // plan, apply
	certificates bool   // rotate
	secretFile   string // rotate
	days         int    // expiry
	group        string // derive-keys
	keyFile      string // derive-keys
	disableOnly  bool   // decommission
}

// parse reads the flags of a command.
func parse(c command, args []string) (*settings, error) {
	s := &settings{}
	flags := flagsOf(c, s)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		return nil, &usageError{hideValue(err.Error())}
	case flags.NArg() > 0:
		return nil, usagef("unexpected argument after the flags; there are %d", flags.NArg())
	case s.seed != "" && !s.emulator:
		return nil, usagef("-seed is for -emulator")
	case s.emulator && s.connectionStringFile+s.toConnectionStringFile != "":
		return nil, usagef("-emulator has no connection string")
	case s.rate < 0 || s.maxFailures < 0 || s.maxDeletes < 0 || s.days < 0:
		return nil, usagef("numbers must not be negative")
	}
	for _, name := range []string{s.in, s.out} {
		if name != "" && (name == s.failed || name == s.journal) {
			return nil, usagef("one file cannot be two: %s", name)
		}
	}
	if c.check == nil {
		return s, nil
	}
	return s, c.check(s)
}

// hideValue takes from a message of package flag what somebody typed, which may be a secret that was given by mistake.
func hideValue(message string) string {
	const undefined = "flag provided but not defined: "
	if name, ok := strings.CutPrefix(message, undefined); ok && len(name) > longestName {
		return undefined + "it is longer than any"
	}
	if first, last := strings.IndexByte(message, '"'), strings.LastIndexByte(message, '"'); first < last {
		return message[:first] + "(not shown)" + message[last+1:]
	}
	return message
}

// longestName is how much of a word that is no command and no flag is shown.
const longestName = 32

// flagsOf are the flags of a command, and those that all have.
func flagsOf(c command, s *settings) *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned
	flags.Usage = func() {}
	flags.BoolVar(&s.json, "json", false, "print one JSON object a line, for programs")
	flags.BoolVar(&s.emulator, "emulator", false, "use a service in memory, which ends with the program")
	flags.StringVar(&s.seed, "seed", "", "JSONL `file` of what the service in memory starts with")
	flags.StringVar(&s.connectionStringFile, "connection-string-file", "", "`file` with the connection string of the service")
	flags.IntVar(&s.rate, "rate", 0, "send at most `N` operations a minute (default 1000, the quota of a service)")
	c.define(flags, s)
	return flags
}

func (s *settings) defineIn(flags *flag.FlagSet, what string) { flags.StringVar(&s.in, "in", "", what) }

func (s *settings) defineGroups(flags *flag.FlagSet) {
	flags.BoolVar(&s.groups, "groups", false, "work on enrollment groups instead of individual enrollments")
}

func (s *settings) defineJournal(flags *flag.FlagSet, what string) {
	flags.StringVar(&s.journal, "journal", "", "`file` that lets the run go on after it was interrupted or killed"+what)
}

// defineFailures defines the flags of commands that write records. The default says where the list of failures goes.
func (s *settings) defineFailures(flags *flag.FlagSet, byDefault string) {
	flags.StringVar(&s.failed, "failed", "", "`file` for the records that failed, to be given as input again; each run replaces it (default "+byDefault+")")
	flags.IntVar(&s.maxFailures, "max-failures", 0, "give up after `N` records that failed (default never)")
}

// need refuses a command line without one of its flags.
func need(name, value string) error {
	if value == "" {
		return usagef("-%s is missing", name)
	}
	return nil
}

// formats of files, by their ending.
const (
	formatJSONL = ".jsonl"
	formatCSV   = ".csv"
	formatText  = ".txt"
)

// formatOf tells the format of a file by its ending.
func formatOf(name string) string { return strings.ToLower(filepath.Ext(name)) }

// needRecords refuses a file whose ending is not that of a format for records.
func needRecords(flagName, name string) error {
	if err := need(flagName, name); err != nil {
		return err
	}
	if format := formatOf(name); format != formatJSONL && format != formatCSV {
		return usagef("-%s %s: the name must end in .jsonl or .csv, which tells the format", flagName, name)
	}
	return nil
}

// needIDs refuses a file whose ending is not that of a format for ids.
func needIDs(name string) error {
	if formatOf(name) == formatText {
		return nil
	}
	if err := needRecords("in", name); err != nil {
		return usagef("-in must name a file that ends in .txt, .jsonl or .csv, which tells the format")
	}
	return nil
}

// failedName is the file for what failed: beside the input, with an ending of its own.
func (s *settings) failedName(ending string) string {
	if s.failed != "" {
		return s.failed
	}
	name := s.in
	if name == "" {
		name = s.journal
	}
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".failed" + ending
}
