package fleet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// A rotation whose keys come from one secret can be run again after any end, and rotates no record twice.
func ExampleRotateKeys() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)
	secret := "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==" // of this rotation alone

	ids := func(yield func(string, error) bool) { _ = yield("device-1", nil) && yield("device-2", nil) }
	options := &fleet.RotateOptions{
		NewKey: func(id string) (string, error) { return azdps.DeriveDeviceKey(secret, strings.ToLower(id)) },
	}
	for range 2 {
		for outcome, err := range fleet.RotateKeys[azdps.IndividualEnrollment](ctx, client, ids, options) {
			if err != nil {
				log.Fatal("ended early: ", err)
			}
			missing := azdps.HasCode(outcome.Err, azdps.ErrorCodeEnrollmentNotFound)
			fmt.Println(outcome.ID, outcome.Result, "missing:", missing)
		}
	}
	// Unordered output:
	// device-1 updated missing: false
	// device-2 refused missing: true
	// device-1 unchanged missing: false
	// device-2 refused missing: true
}

// The secondary certificate of a group becomes the primary one, and the next one follows it. Its devices have certificates of the
// secondary one by then, and move on to the next.
func ExampleRotateCertificates() {
	ctx := context.Background()
	client := exampleClient()
	attestation, err := azdps.NewX509SigningAttestation(newCertificate("CA 2025", 2027), newCertificate("CA 2026", 2028))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{EnrollmentGroupID: "line-1", Attestation: attestation}, nil)
	if err != nil {
		log.Fatal(err)
	}

	next := func(yield func(fleet.Certificate, error) bool) {
		yield(fleet.Certificate{ID: "line-1", Next: newCertificate("CA 2027", 2029)}, nil)
	}
	for outcome, err := range fleet.RotateCertificates[azdps.EnrollmentGroup](ctx, client, next, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	group, err := client.EnrollmentGroups().Get(ctx, "line-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	certificates := group.Attestation.X509.SigningCertificates
	fmt.Println(certificates.Primary.Info.SubjectName, certificates.Secondary.Info.SubjectName)
	// Output:
	// line-1 updated
	// CN=CA 2026 CN=CA 2027
}

// Certificates that end soon, or have ended.
func ExampleExpiring() {
	ctx := context.Background()
	client := exampleClient()
	attestation, err := azdps.NewX509SigningAttestation(newCertificate("CA 2025", 2027), newCertificate("CA 2026", 2028))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{EnrollmentGroupID: "line-1", Attestation: attestation}, nil)
	if err != nil {
		log.Fatal(err)
	}

	before := time.Date(2027, time.July, 1, 0, 0, 0, 0, time.UTC) // in a program: time.Now().AddDate(0, 3, 0)
	for expiry, err := range fleet.Expiring[azdps.EnrollmentGroup](ctx, client, before, nil) {
		if err != nil {
			log.Fatal("the list is not complete: ", err)
		}
		fmt.Println(expiry.ID, expiry.Place, expiry.NotAfter.Format(time.DateOnly))
	}
	// Output: line-1 primary 2027-01-01
}

// newCertificate is a certificate that is valid until a year begins. A program reads one from a file: see azdps.ParseCertificate.
func newCertificate(commonName string, year int) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName},
		NotBefore: time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:  time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return certificate
}
