package main

import (
	"context"
	"errors"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/entra"
	"github.com/azdps/azdps/examples/internal/example"
)

// withObserver makes a call with a credential of the service in memory, and says what the client asks of a credential.
func (s *sample) withObserver(ctx context.Context) error {
	credential := &observer{TokenCredential: s.Emulator.Credential()}
	client, err := azdps.NewDeviceProvisioningClient(s.Endpoint, credential, s.Options)
	if err != nil {
		return err
	}
	s.Say("made another client, with a credential of the service in memory")
	if err := s.succeed(ctx, client); err != nil {
		return err
	}
	s.Say("for that the client asked its credential for the scope %s", strings.Join(credential.scopes, " "))
	return nil
}

// observer is a credential that notes what it is asked for.
type observer struct {
	azcore.TokenCredential
	scopes []string
}

// GetToken notes the scopes and asks the credential behind it.
func (o *observer) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	o.scopes = append(o.scopes, options.Scopes...)
	return o.TokenCredential.GetToken(ctx, options)
}

// withDirectory makes a call with the token of a client secret, where a stand-in for Microsoft Entra ID hands it out.
func (s *sample) withDirectory(ctx context.Context, endpoint string, options *azdps.ClientOptions) error {
	directory := entra.New(s.Emulator.Credential())
	identity := &azidentity.ClientSecretCredentialOptions{}
	identity.Transport = directory
	identity.Cloud = example.CloudOf(endpoint)
	options = new(*options)
	options.Cloud = identity.Cloud
	app := application{"11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", someKey()}
	client, err := withClientSecret(endpoint, app, identity, options)
	if err != nil {
		return err
	}
	if err := s.succeed(ctx, client); err != nil {
		return err
	}
	for _, request := range directory.Requests() {
		s.Say("for that the credential asked %s", request.Authority)
		s.Say("for the scope %s, and a stand-in for Microsoft Entra ID answered in memory", request.Scope)
	}
	if len(directory.Requests()) == 0 {
		return errors.New("the credential asked nobody for a token")
	}
	return nil
}
