package azdps_test

import (
	"context"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
)

// Microsoft Entra ID is the way for every production backend that can use it.
func ExampleNewDeviceProvisioningClient() {
	server, options := exampleServer(exampleDevice1)
	endpoint := "https://my-dps.azure-devices-provisioning.net"
	credential := server.Credential() // in Azure: azidentity.NewDefaultAzureCredential(nil)

	client, err := azdps.NewDeviceProvisioningClient(endpoint, credential, options)
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

// The cloud decides for whom the tokens are made.
func ExampleNewDeviceProvisioningClient_cloud() {
	server, options := exampleServer(exampleDevice1)
	credential := server.Credential() // in Azure: from azidentity, with the same cloud in its options

	options.Cloud = cloud.AzureGovernment
	client, err := azdps.NewDeviceProvisioningClient("https://my-dps.azure-devices-provisioning.us", credential, options)
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

// In Azure this takes a managed identity, a workload identity or what the environment names; on a developer's machine it takes
// the login of the Azure CLI. No token is asked for before the first request.
func ExampleNewDeviceProvisioningClient_defaultAzureCredential() {
	endpoint := "https://my-dps.azure-devices-provisioning.net"

	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := azdps.NewDeviceProvisioningClient(endpoint, credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())
	// Output: https://my-dps.azure-devices-provisioning.net
}

// An application with a secret of its own, in the US Government cloud: the credential and the client must name the same cloud.
func ExampleNewDeviceProvisioningClient_clientSecret() {
	tenantID, clientID, secret := "my-tenant", "my-application", "a secret from a vault"

	credential, err := azidentity.NewClientSecretCredential(tenantID, clientID, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Cloud: cloud.AzureGovernment},
	})
	if err != nil {
		log.Fatal(err)
	}
	options := &azdps.ClientOptions{}
	options.Cloud = cloud.AzureGovernment
	client, err := azdps.NewDeviceProvisioningClient("https://my-dps.azure-devices-provisioning.us", credential, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Endpoint())
	// Output: https://my-dps.azure-devices-provisioning.us
}

// A cloud that this package does not know needs the audience of its tokens. So does a public one that is to have another audience.
func ExampleNewDeviceProvisioningClient_audience() {
	server, options := exampleServer(exampleDevice1)
	credential := &recordingCredential{TokenCredential: server.Credential()}

	options.Cloud = cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.example.com/",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			azdps.ServiceName: {Audience: "https://azure-devices-provisioning.net"},
		},
	}
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, credential, options)
	if err != nil {
		log.Fatal(err)
	}

	if _, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential.scopes)
	// Output: [https://azure-devices-provisioning.net/.default]
}

// recordingCredential notes what tokens are asked for.
type recordingCredential struct {
	azcore.TokenCredential
	scopes []string
}

func (c *recordingCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.scopes = options.Scopes
	return c.TokenCredential.GetToken(ctx, options)
}
