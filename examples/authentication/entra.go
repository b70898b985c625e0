package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

// byDefaultCredential uses the identity that the process finds around it.
func (s *sample) byDefaultCredential(ctx context.Context) error {
	s.Begin("Microsoft Entra ID: DefaultAzureCredential",
		"It takes the first identity that it finds: that of the environment, a workload, a managed identity, or the one that"+
			" is logged in to the Azure CLI. So the same program runs in Azure and on a desk. The identity needs the role"+
			" Device Provisioning Service Data Contributor, or Data Reader to read.")
	switch {
	case s.Endpoint == "":
		s.Say("left out: the environment has no DPS_ENDPOINT")
		return nil
	case isSovereign(s.Endpoint):
		s.Say("left out: the service is in a sovereign cloud, which comes last")
		return nil
	}
	client, err := withDefaultCredential(s.Endpoint)
	if err != nil {
		return err
	}
	if s.Emulator == nil {
		return s.succeed(ctx, client)
	}
	s.Say("made the credential and a client, which are not used: a service in memory knows no identity of Microsoft Entra ID")
	return s.withObserver(ctx)
}

// withDefaultCredential makes a client as a backend would.
func withDefaultCredential(endpoint string) (*azdps.DeviceProvisioningClient, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	client, err := azdps.NewDeviceProvisioningClient(endpoint, credential, nil)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// application is an app registration in a tenant, and a secret of it.
type application struct{ tenantID, clientID, clientSecret string }

// byClientSecret uses an app registration.
func (s *sample) byClientSecret(ctx context.Context) error {
	s.Begin("Microsoft Entra ID: a client secret",
		"For a backend outside of Azure: an app registration, with a secret that ends at a date. A certificate, or the identity"+
			" that the other cloud gives, is better where there is one.")
	if s.Emulator != nil {
		return s.withDirectory(ctx, s.Endpoint, s.Options)
	}
	app := application{s.Getenv("AZURE_TENANT_ID"), s.Getenv("AZURE_CLIENT_ID"), s.Getenv("AZURE_CLIENT_SECRET")}
	switch {
	case app.tenantID == "" || app.clientID == "" || app.clientSecret == "":
		s.Say("left out: the environment lacks one of AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")
		return nil
	case isSovereign(s.Client.Endpoint()):
		s.Say("left out: the service is in a sovereign cloud, which comes last")
		return nil
	}
	client, err := withClientSecret(s.Client.Endpoint(), app, nil, s.Options)
	if err != nil {
		return err
	}
	return s.succeed(ctx, client)
}

// withClientSecret makes a client as a backend would; the options may be nil.
func withClientSecret(endpoint string, app application, identity *azidentity.ClientSecretCredentialOptions, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
	credential, err := azidentity.NewClientSecretCredential(app.tenantID, app.clientID, app.clientSecret, identity)
	if err != nil {
		return nil, err
	}
	return azdps.NewDeviceProvisioningClient(endpoint, credential, options)
}

// inSovereignCloud names another cloud than the public one.
func (s *sample) inSovereignCloud(ctx context.Context) error {
	s.Begin("A sovereign cloud",
		"Azure US Government and Azure China have an Entra ID and host names of their own. Credential and client are told the"+
			" cloud, both; the scope follows from it.")
	if s.Emulator != nil {
		options := &azdps.ClientOptions{}
		options.Transport = s.Emulator.Transport() // whatever the host
		return s.withDirectory(ctx, "https://my-dps.azure-devices-provisioning.us", options)
	}
	if !isSovereign(s.Endpoint) {
		s.Say("left out: the environment has no DPS_ENDPOINT of a service in one")
		return nil
	}
	client, err := inCloud(example.CloudOf(s.Endpoint), s.Endpoint)
	if err != nil {
		return err
	}
	return s.succeed(ctx, client)
}

// inCloud makes a client as a backend would in a cloud such as cloud.AzureGovernment.
func inCloud(configuration cloud.Configuration, endpoint string) (*azdps.DeviceProvisioningClient, error) {
	identity := &azidentity.DefaultAzureCredentialOptions{}
	identity.Cloud = configuration
	credential, err := azidentity.NewDefaultAzureCredential(identity)
	if err != nil {
		return nil, err
	}
	options := &azdps.ClientOptions{}
	options.Cloud = configuration
	return azdps.NewDeviceProvisioningClient(endpoint, credential, options)
}

// isSovereign says whether a service is in another cloud than the public one.
func isSovereign(endpoint string) bool {
	return example.CloudOf(endpoint).ActiveDirectoryAuthorityHost != ""
}
