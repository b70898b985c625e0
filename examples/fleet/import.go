package main

import (
	"context"
	"flag"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

const recordsFile = "`file` of records, .jsonl or .csv"

var importCommand = command{
	name:     "import",
	synopsis: "-in FILE -journal FILE [-groups] [-rate N] [-failed FILE]",
	about:    "creates the records of a file, after all of it was checked",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineIn(flags, recordsFile)
		s.defineJournal(flags, "")
		s.defineGroups(flags)
		s.defineFailures(flags, "beside the input, with .failed in its name")
	},
	check: func(s *settings) error {
		if err := needRecords("in", s.in); err != nil {
			return err
		}
		return need("journal", s.journal)
	},
	run: byKind(importRecords[azdps.IndividualEnrollment], importRecords[azdps.EnrollmentGroup]),
}

func importRecords[T fleet.Record](ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	if err := checkRecords[T](ctx, j); err != nil {
		return err
	}
	total, err := count(records[T](ctx, j.settings.in))
	if err != nil {
		return err
	}
	options, err := j.bulkOptions(total)
	if err != nil {
		return err
	}
	working, cancel := gently(ctx)
	defer cancel()
	r, err := j.collect(fleet.Bulk(working, client, azdps.BulkOperationModeCreate, records[T](ctx, j.settings.in), &options))
	return r.end(ctx, err, j.settings.failedName(formatOf(j.settings.in)), listRecords(ctx, j.settings.in, at[T]))
}
