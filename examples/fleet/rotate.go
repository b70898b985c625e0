package main

import (
	"context"
	"crypto/x509"
	"flag"
	"fmt"
	"iter"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

const idsFile = "`file` of ids, one a line in .txt, or of records, .jsonl or .csv"

var rotateCommand = command{
	name:     "rotate",
	synopsis: "-in FILE -journal FILE [-groups] [-secret-file FILE | -certificates] [-failed FILE]",
	about:    "makes the primary keys of records the secondary ones, and new keys the primary ones; or does so with certificates",
	define: func(flags *flag.FlagSet, s *settings) {
		s.defineIn(flags, idsFile)
		s.defineJournal(flags, "")
		s.defineGroups(flags)
		s.defineFailures(flags, "beside the input, with .failed in its name")
		flags.StringVar(&s.secretFile, "secret-file", "", "`file` with a secret in base64 that the new keys are derived from, "+
			"so that a run that was killed leaves no doubt; keep it until the run is done (default random keys)")
		flags.BoolVar(&s.certificates, "certificates", false,
			"make the secondary certificates the primary ones, and the primary certificates of the input's records the secondary ones")
	},
	check: func(s *settings) error {
		if s.certificates && s.secretFile != "" {
			return usagef("-secret-file is for keys, not for -certificates")
		}
		if s.certificates {
			if err := needRecords("in", s.in); err != nil {
				return err
			}
		} else if err := needIDs(s.in); err != nil {
			return err
		}
		return need("journal", s.journal)
	},
	run: byKind(rotate[azdps.IndividualEnrollment], rotate[azdps.EnrollmentGroup]),
}

func rotate[T fleet.Record](ctx context.Context, j *job) error {
	if j.settings.certificates {
		return rotateCertificates[T](ctx, j)
	}
	return rotateKeys[T](ctx, j)
}

func rotateKeys[T fleet.Record](ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	secret, err := readSecret(j.settings.secretFile)
	if err != nil {
		return fmt.Errorf("-secret-file: %w", err)
	}
	options, err := rotateOptions(j, ids[T](ctx, j.settings.in))
	if err != nil {
		return err
	}
	if secret != "" {
		options.NewKey = func(id string) (string, error) { return azdps.DeriveDeviceKey(secret, id) }
	}
	working, cancel := gently(ctx)
	defer cancel()
	r, err := j.collect(fleet.RotateKeys[T](working, client, ids[T](ctx, j.settings.in), options))
	return r.end(ctx, err, j.settings.failedName(formatText), listIDs)
}

func rotateCertificates[T fleet.Record](ctx context.Context, j *job) error {
	client, err := j.connect()
	if err != nil {
		return err
	}
	options, err := rotateOptions(j, records[T](ctx, j.settings.in))
	if err != nil {
		return err
	}
	working, cancel := gently(ctx)
	defer cancel()
	next := nextCertificates(records[T](ctx, j.settings.in))
	r, err := j.collect(fleet.RotateCertificates[T](working, client, next, options))
	return r.end(ctx, err, j.settings.failedName(formatOf(j.settings.in)), listRecords(ctx, j.settings.in, at[T]))
}

func rotateOptions[T any](j *job, input iter.Seq2[T, error]) (*fleet.RotateOptions, error) {
	total, err := count(input)
	if err != nil {
		return nil, err
	}
	options, err := j.bulkOptions(total)
	return &fleet.RotateOptions{BulkOptions: options}, err
}

// nextCertificates takes the primary certificates from records. One without is passed on, for the run to refuse.
func nextCertificates[T fleet.Record](input iter.Seq2[T, error]) iter.Seq2[fleet.Certificate, error] {
	return func(yield func(fleet.Certificate, error) bool) {
		for record, err := range input {
			next := fleet.Certificate{ID: idOf(record)}
			if err == nil {
				next.Next, err = primaryCertificate(attestationOf(record))
			}
			if !yield(next, err) {
				return
			}
		}
	}
}

func attestationOf[T fleet.Record](record T) azdps.AttestationMechanism {
	switch r := any(record).(type) {
	case azdps.IndividualEnrollment:
		return r.Attestation
	case azdps.EnrollmentGroup:
		return r.Attestation
	}
	return azdps.AttestationMechanism{}
}

func primaryCertificate(attestation azdps.AttestationMechanism) (*x509.Certificate, error) {
	x := attestation.X509
	if x == nil {
		return nil, nil
	}
	pair := x.ClientCertificates
	if pair == nil {
		pair = x.SigningCertificates
	}
	if pair == nil || pair.Primary == nil || pair.Primary.Certificate == "" {
		return nil, nil
	}
	certificate, err := azdps.ParseCertificate([]byte(pair.Primary.Certificate))
	if err != nil {
		return nil, &fleet.InputError{Field: "certificate", Reason: "is no certificate in PEM or the base64 of DER"}
	}
	return certificate, nil
}
