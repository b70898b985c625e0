package emulator

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
)

// chain is what a device showed in its handshake: its own certificate, then those that lead to a CA. The listener does
// not verify it; the handshake proves that the device has the key of the first.
type chain []*x509.Certificate

// byCertificate finds the enrollment that a device's certificate belongs to. As documented, its common name is the
// registration id.
//
// Inferred: that case does not matter in that, and that no purpose is asked of the certificate.
func (c *call) byCertificate(shown chain, individual *enrollment, groups []*enrollment) (*enrollment, error) {
	if !strings.EqualFold(shown[0].Subject.CommonName, c.id) {
		return nil, errCertificate
	}
	if individual == nil {
		return c.byAnchor(shown, groups)
	}
	attestation := individual.Attestation.X509
	switch {
	case attestation == nil:
		return nil, errUnauthorized
	case attestation.CAReferences != nil:
		return c.byAnchor(shown, []*enrollment{individual})
	case !attestation.holds(shown[0]):
		return nil, errCertificate
	case c.now.Before(shown[0].NotBefore) || c.now.After(shown[0].NotAfter):
		return nil, errCertificate
	}
	return individual, nil
}

// holds says whether a certificate is the primary or the secondary one, of which the info may be all that is known.
func (x *x509Attestation) holds(shown *x509.Certificate) bool {
	info := newCertificateInfo(shown)
	return slices.ContainsFunc(x.slots(), func(slot *certificate) bool { return info.sameThumbprint(slot.Info) })
}

// anchor is a certificate that an enrollment trusts to sign for devices.
type anchor struct {
	*x509.Certificate
	enrollment *enrollment
}

// byAnchor finds the enrollment whose signing certificate or CA the chain of a device leads to. As documented, the one
// that is nearest to the device counts, and a device need not show more than what leads there.
func (c *call) byAnchor(shown chain, enrollments []*enrollment) (*enrollment, error) {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	var anchors []anchor
	for _, e := range enrollments {
		anchors = append(anchors, c.anchors(e, shown)...)
	}
	for _, a := range anchors {
		roots.AddCert(a.Certificate)
	}
	for _, certificate := range shown[1:] {
		intermediates.AddCert(certificate)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   c.now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, refusal(err, shown, anchors)
	}
	nearest := chains[0]
	for _, other := range chains {
		if len(other) < len(nearest) {
			nearest = other
		}
	}
	for _, a := range anchors {
		if a.Equal(nearest[len(nearest)-1]) {
			return a.enrollment, nil
		}
	}
	return nil, errNoCA // never, since each chain ends in an anchor
}

// anchors are the certificates that an enrollment trusts. One that is known by its info only may be among those shown.
func (c *call) anchors(e *enrollment, shown chain) (anchors []anchor) {
	if e.Attestation.X509 == nil {
		return nil
	}
	for _, slot := range e.Attestation.X509.SigningCertificates.slots() {
		if parsed, err := x509.ParseCertificate(slot.Certificate); err == nil {
			anchors = append(anchors, anchor{parsed, e})
			continue
		}
		for _, certificate := range shown[1:] {
			if newCertificateInfo(certificate).sameThumbprint(slot.Info) {
				anchors = append(anchors, anchor{certificate, e})
			}
		}
	}
	if refs := e.Attestation.X509.CAReferences; refs != nil {
		for _, name := range []string{refs.Primary, refs.Secondary} {
			if ca := c.cas[name]; ca != nil {
				anchors = append(anchors, anchor{ca, e})
			}
		}
	}
	return anchors
}

// refusal says why a chain leads nowhere.
//
// Inferred: which of the recorded texts is for what. A certificate that is out of its time is invalid; a chain that names
// a CA but does not lead to it does not match; any other has no CA.
func refusal(err error, shown chain, anchors []anchor) error {
	if _, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return errCertificate
	}
	for _, certificate := range shown {
		for _, a := range anchors {
			if bytes.Equal(certificate.RawIssuer, a.RawSubject) {
				return errChain
			}
		}
	}
	return errNoCA
}
