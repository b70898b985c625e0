package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

var planCommand = command{
	name:     "plan",
	synopsis: "-in FILE [-groups] [-delete -max-deletes N]",
	about:    "shows what has to change for the service to hold the records of a file",
	define:   definePlan,
	check:    checkPlan,
	run:      byKind(showPlan[azdps.IndividualEnrollment], showPlan[azdps.EnrollmentGroup]),
}

var applyCommand = command{
	name:     "apply",
	synopsis: "-in FILE [-groups] [-delete -max-deletes N] [-failed FILE]",
	about:    "makes the plan and its changes; what somebody else changes meanwhile is left alone",
	define: func(flags *flag.FlagSet, s *settings) {
		definePlan(flags, s)
		s.defineFailures(flags, "beside the input, with .failed in its name")
	},
	check: checkPlan,
	run:   byKind(applyPlan[azdps.IndividualEnrollment], applyPlan[azdps.EnrollmentGroup]),
}

func definePlan(flags *flag.FlagSet, s *settings) {
	s.defineIn(flags, recordsFile)
	s.defineGroups(flags)
	flags.BoolVar(&s.mayDelete, "delete", false, "delete the records of the service that the file does not have")
	flags.IntVar(&s.maxDeletes, "max-deletes", 0, "refuse a plan that deletes more than `N` records")
}

func checkPlan(s *settings) error {
	if err := needRecords("in", s.in); err != nil {
		return err
	}
	if s.mayDelete != (s.maxDeletes > 0) {
		return usagef("-delete and -max-deletes go together")
	}
	return nil
}

func newPlan[T fleet.Record](ctx context.Context, j *job) (*fleet.Plan[T], error) {
	client, err := j.connect()
	if err != nil {
		return nil, err
	}
	if err := checkRecords[T](ctx, j); err != nil {
		return nil, err
	}
	options := &fleet.PlanOptions{Options: j.options(0), Delete: j.settings.mayDelete, MaxDeletes: j.settings.maxDeletes}
	if j.settings.json {
		options.Progress = nil // the plan is one object on its own
	}
	plan, err := fleet.NewPlan(ctx, client, records[T](ctx, j.settings.in), options)
	if errors.Is(err, fleet.ErrTooManyDeletes) {
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	return plan, err
}

func showPlan[T fleet.Record](ctx context.Context, j *job) error {
	plan, err := newPlan[T](ctx, j)
	if err != nil {
		return err
	}
	j.display.clear()
	if j.settings.json {
		return plan.WriteJSON(j.stdout)
	}
	return plan.WriteText(j.stdout)
}

func applyPlan[T fleet.Record](ctx context.Context, j *job) error {
	plan, err := newPlan[T](ctx, j)
	if err != nil {
		return err
	}
	j.display.clear()
	if !j.settings.json {
		if err := plan.WriteText(j.stdout); err != nil {
			return err
		}
	}
	j.goOn = "give the same command again: a new plan has what is left to do"
	options := fleet.BulkOptions{Options: j.options(0)}
	r, err := j.collect(plan.Apply(ctx, &options))
	return r.end(ctx, err, j.settings.failedName(formatOf(j.settings.in)), listRecords(ctx, j.settings.in, withID[T]))
}
