package fleet

import (
	"context"
	"iter"
	"time"

	"github.com/azdps/azdps"
)

// Expiry is a certificate of a record and its end.
type Expiry struct {
	// ID of the record.
	ID string

	// Place is primary or secondary.
	Place string

	// NotAfter is the end of the certificate's validity.
	NotAfter time.Time
}

// Expiring iterates over the certificates of all records that end before a time, in the order of the service: the client
// certificates of individual enrollments, or the signing certificates of groups. One that has ended is among them, and so is one of a
// record that is disabled. CA certificates that records refer to by name are not, for this API does not tell their dates, nor is
// a certificate whose end the service does not tell.
//
// It takes the dates from the list, and so costs one operation a page of a hundred records or so, one page after another. It needs
// the permission EnrollmentRead. An error is the last thing that it yields, and says that the list is not complete.
// [Progress] counts the records that were looked at; MaxFailures and the like do not apply. options may be nil.
func Expiring[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, before time.Time, options *Options) iter.Seq2[Expiry, error] {
	settings := Options{}
	if options != nil {
		settings = *options
	}
	return func(yield func(Expiry, error) bool) {
		e := newExporter[T](client, &ExportOptions{Options: settings})
		defer e.progress.stop()
		for record, err := range listed(e.pages(ctx, "")) {
			if err != nil {
				e.progress.end()
				yield(Expiry{}, err)
				return
			}
			m := e.kind.members(&record)
			for place, certificate := range places(certificatePair(m.attestation)) {
				end := notAfter(certificate)
				if !end.IsZero() && end.Before(before) && !yield(Expiry{ID: *m.id, Place: place, NotAfter: end}, nil) {
					return
				}
			}
			e.progress.count(ResultUnchanged, false)
		}
		e.progress.end()
	}
}

// places yields the certificates of a pair, which may be nil, with their places.
func places(pair *azdps.X509Certificates) iter.Seq2[string, *azdps.X509CertificateWithInfo] {
	return func(yield func(string, *azdps.X509CertificateWithInfo) bool) {
		if pair != nil && yield("primary", pair.Primary) {
			yield("secondary", pair.Secondary)
		}
	}
}

// notAfter is the end of a certificate, or zero if it is not known.
func notAfter(certificate *azdps.X509CertificateWithInfo) time.Time {
	if certificate == nil || certificate.Info == nil {
		return time.Time{}
	}
	return certificate.Info.NotAfterUTC
}
