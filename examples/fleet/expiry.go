package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

const day = 24 * time.Hour

var expiryCommand = command{
	name:     "expiry",
	synopsis: "[-days N] [-groups]",
	about:    "lists the certificates that end soon, or have ended, by the days that they have left",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineGroups(flags)
		flags.IntVar(&s.days, "days", 30, "list what ends within `N` days")
	},
	run: byKind(listExpiry[azdps.IndividualEnrollment], listExpiry[azdps.EnrollmentGroup]),
}

func listExpiry[T fleet.Record](ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	now := time.Now()
	var list []fleet.Expiry
	options := j.options(0)
	for expiry, err := range fleet.Expiring[T](ctx, client, now.Add(time.Duration(j.settings.days)*day), &options) {
		if err != nil {
			return err
		}
		list = append(list, expiry)
	}
	slices.SortStableFunc(list, func(a, b fleet.Expiry) int { return a.NotAfter.Compare(b.NotAfter) })
	j.display.clear()
	if j.settings.json {
		for _, e := range list {
			j.printJSON(map[string]any{"type": "expiry", "id": e.ID, "place": e.Place, "notAfter": e.NotAfter, "days": daysLeft(e, now)})
		}
		j.printJSON(map[string]any{"type": "summary", "certificates": len(list)})
		return nil
	}
	table := tabwriter.NewWriter(j.stdout, 0, 0, 2, ' ', 0)
	for _, e := range list {
		fmt.Fprintf(table, "%d days\t%s\t%s\t%s\n", daysLeft(e, now), e.NotAfter.Format(time.DateOnly), e.Place, e.ID)
	}
	fmt.Fprintf(table, "%d certificates end within %d days\n", len(list), j.settings.days)
	return table.Flush()
}

// daysLeft is the number of whole days until a certificate ends; it is negative from the first day after.
func daysLeft(e fleet.Expiry, now time.Time) int {
	left := e.NotAfter.Sub(now)
	days := left / day
	if left < 0 && left%day != 0 {
		days--
	}
	return int(days)
}
