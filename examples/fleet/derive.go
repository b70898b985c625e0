package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/azdps/azdps"
)

var deriveCommand = command{
	name:     "derive-keys",
	synopsis: "-in FILE (-group ID | -key-file FILE) -out FILE.csv",
	about:    "writes the keys of a group's devices to a table for a factory",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineIn(flags, idsFile)
		flags.StringVar(&s.group, "group", "", "`id` of the enrollment group, whose keys are read from the service")
		flags.StringVar(&s.keyFile, "key-file", "", "`file` with the primary key of the group, and with its secondary key on a second line if there is one")
		flags.StringVar(&s.out, "out", "", "`file` for the table, which only its owner can read")
	},
	check: func(s *settings) error {
		if err := needIDs(s.in); err != nil {
			return err
		}
		switch {
		case (s.group == "") == (s.keyFile == ""):
			return usagef("give either -group or -key-file")
		case formatOf(s.out) != formatCSV:
			return usagef("-out must name a file that ends in .csv")
		case s.in == s.out:
			return usagef("one file cannot be two: %s", s.in)
		}
		return nil
	},
	run: deriveKeys,
}

func deriveKeys(ctx context.Context, j *job) error {
	keys, err := j.groupKeys(ctx)
	if err != nil {
		return err
	}
	n := 0
	err = createWith(j.settings.out, func(w io.Writer) error {
		n, err = j.writeKeys(ctx, w, keys)
		return err
	})
	if err != nil {
		return errors.Join(err, remove(j.settings.out)) // a factory must not take a part for the whole
	}
	if j.settings.json {
		j.printJSON(map[string]any{"type": "summary", "devices": n})
		return nil
	}
	fmt.Fprintf(j.stdout, "the keys of %d devices are in %s\n", n, j.settings.out)
	return nil
}

// groupKeys reads the keys of the group from the file, or from the service. The second may be missing.
func (j *job) groupKeys(ctx context.Context) ([]string, error) {
	if j.settings.keyFile != "" {
		text, err := readSecret(j.settings.keyFile)
		keys := strings.Fields(text)
		if err != nil {
			return nil, fmt.Errorf("-key-file: %w", err)
		}
		if len(keys) > 2 {
			return nil, fmt.Errorf("-key-file %s: there are %d keys; a group has two", j.settings.keyFile, len(keys))
		}
		return keys, nil
	}
	client, err := j.connect()
	if err != nil {
		return nil, err
	}
	mechanism, err := client.EnrollmentGroups().GetAttestationMechanism(ctx, j.settings.group, nil)
	if err != nil {
		return nil, fmt.Errorf("the keys of group %s: %w", j.settings.group, err)
	}
	if mechanism.SymmetricKey == nil {
		return nil, fmt.Errorf("group %s has no symmetric keys", j.settings.group)
	}
	return []string{mechanism.SymmetricKey.PrimaryKey, mechanism.SymmetricKey.SecondaryKey}, nil
}

// writeKeys writes the table and returns the number of its devices. Cells are as they are: it is for programs, and a spreadsheet would
// take a key that begins with a plus sign for a formula.
func (j *job) writeKeys(ctx context.Context, w io.Writer, groupKeys []string) (n int, err error) {
	table := csv.NewWriter(w)
	_ = table.Write([]string{"registrationId", "primaryKey", "secondaryKey"}) // Error tells
	for id, err := range ids[azdps.IndividualEnrollment](ctx, j.settings.in) {
		if err != nil {
			return n, err
		}
		row := []string{id, "", ""}
		for i, key := range groupKeys {
			if row[i+1], err = azdps.DeriveDeviceKey(key, id); err != nil {
				return n, fmt.Errorf("device %d: %w", n+1, err)
			}
		}
		if err := table.Write(row); err != nil {
			return n, err
		}
		n++
	}
	table.Flush()
	return n, table.Error()
}
