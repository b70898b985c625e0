package main

import (
	"context"
	"flag"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

var decommissionCommand = command{
	name:     "decommission",
	synopsis: "-in FILE [-journal FILE] [-disable-only] [-failed FILE]",
	about:    "deletes the enrollments and the registrations of devices, and says which had only one of them",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineIn(flags, idsFile)
		s.defineJournal(flags, "; without one it starts from the beginning, which does no harm")
		s.defineFailures(flags, "beside the input, with .failed in its name")
		flags.BoolVar(&s.disableOnly, "disable-only", false, "disable the enrollments instead, which keeps the devices out of groups too")
	},
	check: func(s *settings) error { return needIDs(s.in) },
	run:   decommission,
}

func decommission(ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	total, err := count(ids[azdps.IndividualEnrollment](ctx, j.settings.in))
	if err != nil {
		return err
	}
	bulk, err := j.bulkOptions(total)
	if err != nil {
		return err
	}
	if bulk.Journal == nil {
		j.goOn = "give the same command again to go on"
	}
	working, cancel := gently(ctx)
	defer cancel()
	options := &fleet.DecommissionOptions{BulkOptions: bulk, DisableOnly: j.settings.disableOnly}
	r, err := j.collect(fleet.Decommission(working, client, ids[azdps.IndividualEnrollment](ctx, j.settings.in), options))
	return r.end(ctx, err, j.settings.failedName(formatText), listIDs)
}
