package fleet

import (
	"context"
	"iter"
	"time"

	"github.com/azdps/azdps"
)

// CopyOptions are the options of [Copy].
type CopyOptions struct {
	// BulkOptions are those of the service that is written.
	BulkOptions

	// From paces the calls to the service that is read; nil means a new limiter with the quota of a service. Reading the keys
	// takes one operation a record and is what a copy waits for.
	From *Limiter
}

// Copy creates the records of one service in another, with their symmetric keys, so that devices need not notice. It yields one
// [Outcome] a record, as [Bulk] does; an id that exists is a conflict and left alone. options may be nil.
//
// Names of CA certificates and keys of TPMs are copied as they are; the CA certificates have to be in the other service under the
// same names, and the hubs linked to it. Certificates cannot be copied, as no service returns them: such records are
// refused with an [*InputError] that says so; write them from where the certificates are. Read-only members and ETags are
// left out. Registrations are not copied: devices make them.
//
// It needs the permission EnrollmentRead of the first service, and for the keys perhaps EnrollmentWrite: the service does not document
// which. Of the other service it needs EnrollmentWrite, and EnrollmentRead after a lost answer.
//
// With a Journal, the first service must not be written until the copy is complete, because a run goes on by position.
func Copy[T Record](ctx context.Context, from, to *azdps.DeviceProvisioningClient, options *CopyOptions) iter.Seq2[Outcome, error] {
	if options == nil {
		options = &CopyOptions{}
	}
	reading := &ExportOptions{Keys: true, Options: Options{Limiter: options.From, MaxConcurrency: options.MaxConcurrency}}
	records := copies(kindOf[T](from), Export[T](ctx, from, reading))
	return Bulk(ctx, to, azdps.BulkOperationModeCreate, records, &options.BulkOptions)
}

// copies makes records of one service ready for another.
func copies[T Record](k kind[T], records iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for record, err := range records {
			if err == nil {
				k.dropReadOnly(&record)
				err = uncopied(k.members(&record).attestation)
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// dropReadOnly takes from a record what only its service writes.
func (k kind[T]) dropReadOnly(record *T) {
	m := k.members(record)
	*m.etag, *m.created, *m.updated = "", time.Time{}, time.Time{}
	if m.state != nil {
		*m.state = nil
	}
}

// uncopied refuses an attestation with a certificate, of which the service returns the info only.
func uncopied(attestation *azdps.AttestationMechanism) error {
	if attestation.X509 == nil {
		return nil
	}
	field := "attestation.x509.clientCertificates"
	certificates := attestation.X509.ClientCertificates
	if certificates == nil {
		field, certificates = "attestation.x509.signingCertificates", attestation.X509.SigningCertificates
	}
	if certificates == nil {
		return nil
	}
	return &InputError{Field: field, Reason: "cannot be copied: the service never returns certificates, only their info"}
}
