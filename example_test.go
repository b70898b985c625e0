package azdps_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// The examples run against a Device Provisioning Service in memory. What follows the first example is set-up that a program
// does not need: it has a client of its own.

func Example() {
	ctx := context.Background()
	client := exampleClient() // see the constructors of DeviceProvisioningClient

	created, err := client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("created", created.RegistrationID)

	for enrollment, err := range client.IndividualEnrollments().All(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("listed", enrollment.RegistrationID)
	}

	if _, err := client.IndividualEnrollments().Delete(ctx, "device-1", nil); err != nil {
		log.Fatal(err)
	}
	// Output:
	// created device-1
	// listed device-1
}

const (
	exampleEndpoint     = "https://my-dps.azure-devices-provisioning.net"
	examplePrimaryKey   = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	exampleSecondaryKey = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// exampleEndorsementKey is the public key of a TPM that does not exist.
const exampleEndorsementKey = "" +
	"AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA1aFHgD1wlGctghtBKpNi8HcHeUjM" +
	"bQF9jIdPY7sL4r/keW2uCqZMr9J0YN45wxFZpufZlQmQTqMNH819wOyGCE1Y87QZXX4csCx3ByRqR1gbHqIfTMux7gyTJ10SMSOnPflIntnh" +
	"xqaHSNuy6QcDA3AZAcPo7eYEcVF0Edv24+kEe3PsYcrTVrNFJbYmKVg9MW/EYYeEHdWF8vtZutg6NPDEMyQJyglRrJS2FybqVwJtL+QmNZq7" +
	"ChtaATjCNAzHFcmohvR/5pJ8LeF1VBObnnxdwXkMrPrLPjYelO5EFfIUca4Iwa7MgWJ7CQkfIBSt0eTHCD7iHM4dpcQLsINapw=="

// exampleServer is a service that holds some records, each a line of JSON, and the options with which a client reaches it.
func exampleServer(records ...string) (*dpstest.Server, *azdps.ClientOptions) {
	server := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{{
		Name:         "provisioningserviceowner",
		PrimaryKey:   examplePrimaryKey,
		SecondaryKey: exampleSecondaryKey,
		Permissions:  dpstest.PossiblePermissionValues(),
	}}})
	if err := server.Load(strings.NewReader(strings.Join(records, "\n"))); err != nil {
		log.Fatal(err)
	}
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	options.Retry.RetryDelay = time.Millisecond // an example should not take long
	return server, options
}

// exampleClient is a client of a service that holds some records.
func exampleClient(records ...string) *azdps.DeviceProvisioningClient {
	server, options := exampleServer(records...)
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// Records for exampleServer.
const (
	exampleDevice1 = `{"registrationId": "device-1", "attestation": {"type": "symmetricKey"}}`
	exampleDevice2 = `{"registrationId": "device-2", "attestation": {"type": "symmetricKey"}}`
	exampleDevice3 = `{"registrationId": "device-3", "attestation": {"type": "symmetricKey"}}`
	exampleLine1   = `{"enrollmentGroupId": "line-1", "attestation": {"type": "symmetricKey"}}`
	exampleLine2   = `{"enrollmentGroupId": "line-2", "attestation": {"type": "symmetricKey"}}`

	exampleState1 = `{"registrationId": "pump-1", "enrollmentGroupId": "line-1", "status": "assigned", "assignedHub": "my-hub.azure-devices.net", "deviceId": "pump-1"}`
	exampleState2 = `{"registrationId": "pump-2", "enrollmentGroupId": "line-1", "status": "failed", "errorCode": 400207, "errorMessage": "Custom allocation failed."}`
)

// exampleCertificate makes a certificate as PEM, as it would come from a file.
func exampleCertificate(commonName string) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
