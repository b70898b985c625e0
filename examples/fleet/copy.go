package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"iter"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

var copyCommand = command{
	name:     "copy",
	synopsis: "-journal FILE [-groups] [-to-connection-string-file FILE] [-failed FILE]",
	about:    "creates the records of the service, with their keys, in the one of DPS_TO_CONNECTION_STRING, DPS_TO_ENDPOINT and so on",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineJournal(flags, "")
		s.defineGroups(flags)
		s.defineFailures(flags, "beside the journal, with .failed.jsonl; it is for import")
		flags.StringVar(&s.toConnectionStringFile, "to-connection-string-file", "", "`file` with the connection string of the service to write")
	},
	check: func(s *settings) error {
		if s.failed != "" && formatOf(s.failed) != formatJSONL && formatOf(s.failed) != formatCSV {
			return usagef("-failed must name a file that ends in .jsonl or .csv")
		}
		return need("journal", s.journal)
	},
	run: byKind(copyRecords[azdps.IndividualEnrollment], copyRecords[azdps.EnrollmentGroup]),
}

func copyRecords[T fleet.Record](ctx context.Context, j *job) error {
	from, err := j.connect()
	if err != nil {
		return err
	}
	to, err := j.connectTo("DPS_TO_", j.settings.toConnectionStringFile, "")
	if err != nil {
		return err
	}
	bulk, err := j.bulkOptions(0)
	if err != nil {
		return err
	}
	options := &fleet.CopyOptions{BulkOptions: bulk, From: fleet.NewLimiter(j.settings.rate)}
	r, err := j.collect(fleet.Copy[T](ctx, from, to, options))
	return r.end(ctx, err, j.settings.failedName(formatJSONL), func(name string, failures []fleet.Outcome) (n int, err error) {
		list := selected(read[T](ctx, from, options.From, failures), func(int64, T) bool { return true }, &n)
		return n, createWith(name, func(w io.Writer) error { return writeRecords(w, name, list, nil) })
	})
}

// read reads records from a service with their keys, for a file that import takes once what they lack was put in. One that is
// gone is left out.
func read[T fleet.Record](ctx context.Context, client *azdps.DeviceProvisioningClient, limiter *fleet.Limiter, failures []fleet.Outcome) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, o := range failures {
			record, err := readOne[T](ctx, client, limiter, o.ID)
			if azdps.HasStatusCode(err, http.StatusNotFound) {
				continue
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// readOne reads a record and then its keys, for which it waits its turn twice.
func readOne[T fleet.Record](ctx context.Context, client *azdps.DeviceProvisioningClient, limiter *fleet.Limiter, id string) (record T, err error) {
	if err := errors.Join(limiter.Wait(ctx), limiter.Wait(ctx)); err != nil {
		return record, err
	}
	switch r := any(&record).(type) {
	case *azdps.IndividualEnrollment:
		c := client.IndividualEnrollments()
		got, err := c.Get(ctx, id, nil)
		if *r = got.IndividualEnrollment; err != nil || r.Attestation.Type != azdps.AttestationTypeSymmetricKey {
			return record, err
		}
		keys, err := c.GetAttestationMechanism(ctx, id, nil)
		r.Attestation = keys.AttestationMechanism
		return record, err
	case *azdps.EnrollmentGroup:
		c := client.EnrollmentGroups()
		got, err := c.Get(ctx, id, nil)
		if *r = got.EnrollmentGroup; err != nil || r.Attestation.Type != azdps.AttestationTypeSymmetricKey {
			return record, err
		}
		keys, err := c.GetAttestationMechanism(ctx, id, nil)
		r.Attestation = keys.AttestationMechanism
		return record, err
	}
	return record, nil
}
