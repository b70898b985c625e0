package fleet

import (
	"context"
	"crypto/x509"
	"iter"
	"strings"

	"github.com/azdps/azdps"
)

// Certificate is the next certificate of a record.
type Certificate struct {
	// ID of the record.
	ID string

	// Next is the certificate that the record gets; see [azdps.ParseCertificate].
	Next *x509.Certificate
}

// RotateCertificates makes the secondary certificate of records the primary one and next the secondary one; the primary one is
// gone. So run it when the devices use the secondary certificate, or when it issues theirs: the one that they use stays good, and
// they can move on to the next. A record without a secondary certificate keeps its primary one.
//
// It is for the client certificates of individual enrollments and for the signing certificates of groups. CA certificates that are
// named by reference are refused, as is any other attestation: those names change with Update.
//
// A record that has the next certificate in either place is left alone, as unchanged, so a run that ended in any way can
// be started again, with a [Journal] or without, and rotates no record twice.
//
// The service never returns a certificate, so the one that moves is sent as its info alone. It is recorded that the service keeps a
// certificate that is sent so; that it may move between the places is inferred. A service that does not take it refuses the
// record and changes nothing.
//
// The outcome is updated, unchanged, conflict if somebody else changed the certificates meanwhile, or refused. Each record
// costs two operations, and one if it is left alone. It is written under its ETag, and again if other members were changed in
// between, up to five times. It needs the permissions EnrollmentRead and EnrollmentWrite. options may be nil. For errors, the end of the
// run and its cancellation see [Bulk].
func RotateCertificates[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, next iter.Seq2[Certificate, error], options *RotateOptions) iter.Seq2[Outcome, error] {
	settings := RotateOptions{}
	if options != nil {
		settings = *options
	}
	return walkAll(ctx, client, "rotateCertificates", withNext[T](next), settings.BulkOptions, func(ctx context.Context, w *walk[T], s *step[T]) error {
		wanted := certificatePair(w.kind.members(&s.record).attestation)
		if wanted == nil {
			s.end(ResultRefused, &RecordError{Reason: "there is no next certificate for the record"})
			return nil
		}
		roll := roll{next: thumbprint(map[string]any{"certificate": wanted.Primary.Certificate})}
		return w.edit(ctx, s, func(record *T) error {
			attestation := w.kind.members(record).attestation
			certificates := certificatePair(attestation)
			if certificates == nil {
				return noCertificates(attestation)
			}
			primary, known := storedThumbprint(certificates.Primary)
			secondary, alsoKnown := storedThumbprint(certificates.Secondary)
			if !known || !alsoKnown {
				return &RecordError{Reason: "the service gave no SHA-256 thumbprint of a certificate, so it could be rotated twice"}
			}
			if err := roll.check(primary, secondary); err != nil {
				return err
			}
			if certificates.Secondary != nil {
				certificates.Primary = certificates.Secondary
			}
			certificates.Secondary = wanted.Primary
			return nil
		})
	})
}

// withNext makes a record of each next certificate, which is its primary one there. It has none if next has none.
func withNext[T Record](next iter.Seq2[Certificate, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		k := kindOf[T](nil)
		for certificate, err := range next {
			record := *new(T)
			m := k.members(&record)
			*m.id = certificate.ID
			if attestation, problem := azdps.NewX509ClientAttestation(certificate.Next, nil); problem == nil {
				*m.attestation = attestation
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// certificatePair returns the certificates of an attestation, of either kind, or nil.
func certificatePair(attestation *azdps.AttestationMechanism) *azdps.X509Certificates {
	switch {
	case attestation.Type != azdps.AttestationTypeX509 || attestation.X509 == nil:
		return nil
	case attestation.X509.ClientCertificates != nil:
		return attestation.X509.ClientCertificates
	}
	return attestation.X509.SigningCertificates
}

// noCertificates says why the certificates of a record cannot be rotated.
func noCertificates(attestation *azdps.AttestationMechanism) *RecordError {
	if x := attestation.X509; attestation.Type == azdps.AttestationTypeX509 && x != nil && x.CAReferences != nil {
		return &RecordError{Reason: "the record refers to CA certificates by name, and has none of its own"}
	}
	return &RecordError{Reason: "the record has no certificates"}
}

// storedThumbprint identifies a certificate that the service holds. It is empty and known for none.
func storedThumbprint(certificate *azdps.X509CertificateWithInfo) (thumbprint string, known bool) {
	if certificate == nil {
		return "", true
	}
	if certificate.Info == nil || certificate.Info.SHA256Thumbprint == "" {
		return "", false
	}
	return strings.ToLower(certificate.Info.SHA256Thumbprint), true
}
