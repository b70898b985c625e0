package azdps_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func ExampleNewDeviceProvisioningClientWithSharedAccessKey() {
	_, options := exampleServer(exampleDevice1)
	endpoint, key := exampleEndpoint, examplePrimaryKey

	credential, err := azdps.NewSharedAccessKeyCredential("provisioningserviceowner", key)
	if err != nil {
		log.Fatal(err)
	}
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey(endpoint, credential, options)
	if err != nil {
		log.Fatal(err)
	}

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID)
	// Output: device-1
}

func ExampleNewSharedAccessKeyCredential() {
	credential, err := azdps.NewSharedAccessKeyCredential("provisioningserviceowner", examplePrimaryKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential) // never prints the key

	_, err = azdps.NewSharedAccessKeyCredential("provisioningserviceowner", "not base64")
	fmt.Println(err)
	// Output:
	// {PolicyName:provisioningserviceowner Key:REDACTED}
	// azdps: key: must be base64
}

// A policy has two keys. To replace the primary one, move the clients to the secondary one, make a new primary key in Azure,
// and move them back. Nothing has to be restarted. A client that was forgotten gets a 401 until its credential has a key that counts.
func ExampleSharedAccessKeyCredential_Update() {
	ctx := context.Background()
	server, options := exampleServer(exampleDevice1)
	credential, err := azdps.NewSharedAccessKeyCredential("provisioningserviceowner", examplePrimaryKey)
	if err != nil {
		log.Fatal(err)
	}
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey(exampleEndpoint, credential, options)
	if err != nil {
		log.Fatal(err)
	}

	server.SetPolicies(dpstest.AccessPolicy{ // somebody makes a new primary key
		Name:         "provisioningserviceowner",
		SecondaryKey: exampleSecondaryKey,
		Permissions:  dpstest.PossiblePermissionValues(),
	})
	_, err = client.IndividualEnrollments().Get(ctx, "device-1", nil)
	fmt.Println("the old key is refused:", azdps.HasStatusCode(err, http.StatusUnauthorized))

	if err := credential.Update(exampleSecondaryKey); err != nil {
		log.Fatal(err)
	}
	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil) // signed with the other key
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID)
	// Output:
	// the old key is refused: true
	// device-1
}

// A process that must not have the key works with a token that another one made.
func ExampleNewDeviceProvisioningClientWithSAS() {
	_, options := exampleServer(exampleDevice1)
	endpoint, key := exampleEndpoint, examplePrimaryKey

	expiry := time.Now().Add(time.Hour)
	token, err := azdps.GenerateSASToken("my-dps.azure-devices-provisioning.net", "provisioningserviceowner", key, expiry)
	if err != nil {
		log.Fatal(err)
	}

	credential := azcore.NewSASCredential(token)
	client, err := azdps.NewDeviceProvisioningClientWithSAS(endpoint, credential, options)
	if err != nil {
		log.Fatal(err)
	}
	// Before the token expires: credential.Update(newToken).

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID)
	// Output: device-1
}

func ExampleNewDeviceProvisioningClientFromConnectionString() {
	_, options := exampleServer(exampleDevice1)
	connectionString := "HostName=my-dps.azure-devices-provisioning.net;" + // in Azure: os.Getenv("DPS_CONNECTION_STRING")
		"SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=" + examplePrimaryKey

	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, options)
	if err != nil {
		log.Fatal(err)
	}

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID)
	// Output: device-1
}

// The errors name what is wrong, and never quote a key.
func ExampleNewDeviceProvisioningClientFromConnectionString_errors() {
	for _, connectionString := range []string{
		"HostName=my-dps.azure-devices-provisioning.net",
		"HostName=my-dps.azure-devices-provisioning.net;SharedAccessKeyName=owner;SharedAccessKey=not base64",
		"HostName=my-hub.azure-devices.net;SharedAccessKeyName=owner;SharedAccessKey=a2V5",
	} {
		_, err := azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, nil)
		fmt.Println(err)
	}
	// Output:
	// IoT DPS connection string has missing property: SharedAccessKeyName, SharedAccessKey
	// IoT DPS connection string: SharedAccessKey is not base64
	// IoT DPS connection string is of an IoT Hub (my-hub.azure-devices.net); use one of a shared access policy of the Device Provisioning Service, whose host ends in .azure-devices-provisioning.net
}

func ExampleGenerateSASToken() {
	expiry := time.Unix(1700000000, 0) // in a program: time.Now().Add(time.Hour)

	token, err := azdps.GenerateSASToken("my-dps.azure-devices-provisioning.net", "provisioningserviceowner", examplePrimaryKey, expiry)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
	// Output: SharedAccessSignature sr=my-dps.azure-devices-provisioning.net&sig=iteXBiVbNZsXQj%2FMEtoHRR4lUFJdJFdYI1f2E4ne1s4%3D&se=1700000000&skn=provisioningserviceowner
}

// A device signs for its own registration with its own key. This is the token of device dev-1 at a service with ID scope 0ne00000000.
func ExampleGenerateSASToken_device() {
	deviceKey, err := azdps.DeriveDeviceKey(examplePrimaryKey, "dev-1")
	if err != nil {
		log.Fatal(err)
	}

	token, err := azdps.GenerateSASToken("0ne00000000/registrations/dev-1", "registration", deviceKey, time.Unix(1700000000, 0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token)
	// Output: SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fdev-1&sig=OGZtdmDEJuj%2BSLtbPQJDHVt5O745M0jp8xRTfgqT5Ls%3D&se=1700000000&skn=registration
}
