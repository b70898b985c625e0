package azdps_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log"

	"github.com/azdps/azdps"
)

func ExampleNewGeneratedKeyAttestation() {
	client := exampleClient()

	created, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	keys := created.Attestation.SymmetricKey
	fmt.Println(len(keys.PrimaryKey), len(keys.SecondaryKey), "characters of base64")
	fmt.Println(keys) // never prints the keys
	// Output:
	// 88 88 characters of base64
	// {PrimaryKey:REDACTED SecondaryKey:REDACTED}
}

func ExampleNewSymmetricKeyAttestation() {
	client := exampleClient()
	newKey := func() string {
		key := make([]byte, 32)
		rand.Read(key) // never fails
		return base64.StdEncoding.EncodeToString(key)
	}

	attestation, err := azdps.NewSymmetricKeyAttestation(newKey(), newKey())
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    attestation,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.RegistrationID, created.Attestation.Type)
	// Output: device-1 symmetricKey
}

// The endorsement key is what the maker of the module reads out of it: the base64 of a TPM2B_PUBLIC.
func ExampleNewTPMAttestation() {
	client := exampleClient()

	attestation, err := azdps.NewTPMAttestation(exampleEndorsementKey, "")
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "gateway-1",
		Attestation:    attestation,
		Capabilities:   &azdps.DeviceCapabilities{IoTEdge: true},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.RegistrationID, created.Attestation.Type)
	// Output: gateway-1 tpm
}

func ExampleNewX509ClientAttestation() {
	client := exampleClient()
	data := exampleCertificate("device-1") // in a program: os.ReadFile("device-1.pem")

	certificate, err := azdps.ParseCertificate(data)
	if err != nil {
		log.Fatal(err)
	}
	attestation, err := azdps.NewX509ClientAttestation(certificate, nil)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    attestation,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.Attestation.X509.ClientCertificates.Primary.Info.SubjectName)
	// Output: CN=device-1
}

// The devices of the group have certificates that the signing certificate issued. The second one is ready to take over.
func ExampleNewX509SigningAttestation() {
	client := exampleClient()
	current, err := azdps.ParseCertificate(exampleCertificate("Factory CA 2026"))
	if err != nil {
		log.Fatal(err)
	}
	next, err := azdps.ParseCertificate(exampleCertificate("Factory CA 2027"))
	if err != nil {
		log.Fatal(err)
	}

	attestation, err := azdps.NewX509SigningAttestation(current, next)
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.EnrollmentGroups().CreateOrUpdate(context.Background(), azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       attestation,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	certificates := created.Attestation.X509.SigningCertificates
	fmt.Println(certificates.Primary.Info.SubjectName)
	fmt.Println(certificates.Secondary.Info.SubjectName)
	// Output:
	// CN=Factory CA 2026
	// CN=Factory CA 2027
}

// A CA certificate that was uploaded to the service and verified there goes by its name.
func ExampleNewX509CAReferenceAttestation() {
	client := exampleClient()

	attestation, err := azdps.NewX509CAReferenceAttestation("factory-ca-2026", "factory-ca-2027")
	if err != nil {
		log.Fatal(err)
	}
	created, err := client.EnrollmentGroups().CreateOrUpdate(context.Background(), azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       attestation,
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.Attestation.X509.CAReferences.Primary)
	// Output: factory-ca-2026
}

func ExampleParseCertificate() {
	certificate, err := azdps.ParseCertificate(exampleCertificate("device-1")) // PEM, DER, or base64 of either
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(certificate.Subject)

	_, err = azdps.ParseCertificate([]byte("-----BEGIN PRIVATE KEY-----\n"))
	fmt.Println(err)
	// Output:
	// CN=device-1
	// azdps: data: holds a private key; only the certificate belongs here
}

// A factory derives the key of each device of a group, offline.
func ExampleDeriveDeviceKey() {
	ctx := context.Background()
	client := exampleClient(exampleLine1)

	mechanism, err := client.EnrollmentGroups().GetAttestationMechanism(ctx, "line-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	deviceKey, err := azdps.DeriveDeviceKey(mechanism.SymmetricKey.PrimaryKey, "pump-7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(deviceKey), "characters of base64")
	// Output: 44 characters of base64
}
