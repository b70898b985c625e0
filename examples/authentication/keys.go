package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// byConnectionString uses what the Azure portal shows of a shared access policy.
func (s *sample) byConnectionString(ctx context.Context) error {
	s.Begin("A connection string",
		"It holds the host of the service, the name of a policy and a key of it. That is quick to set up, and the key is a"+
			" secret to be guarded.")
	if s.ConnectionString == "" {
		s.Say("left out: the environment has no DPS_CONNECTION_STRING")
		return nil
	}
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(s.ConnectionString, s.Options)
	if err != nil {
		return err
	}
	return s.succeed(ctx, client)
}

// byPolicyKey uses the name and the key of a policy, and replaces the key of the running client.
func (s *sample) byPolicyKey(ctx context.Context) error {
	s.Begin("A policy and its key, which is replaced while the client runs",
		"Keys are regenerated now and then. Keep the credential: its Update gives the client the new key, which the next try"+
			" is signed with, a retry too. Here the client starts with a key that is no more.")
	policy, key, err := policyAndKey(s.ConnectionString)
	if err != nil {
		s.Say("left out: %v", err)
		return nil
	}
	credential, err := azdps.NewSharedAccessKeyCredential(policy, someKey())
	if err != nil {
		return err
	}
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey(s.Client.Endpoint(), credential, s.Options)
	if err != nil {
		return err
	}
	if err := s.refused(ctx, client, "it was signed with the old key"); err != nil {
		return err
	}
	if err := credential.Update(key); err != nil {
		return err
	}
	s.Say("the credential has the new key, and the client is the same")
	return s.succeed(ctx, client)
}

// bySignature uses a token that whoever has the key made, and renews it.
func (s *sample) bySignature(ctx context.Context) error {
	s.Begin("A shared access signature, which is renewed while the client runs",
		"A process that must not have the key gets a token from one that has it, good until a date. It asks for the next one"+
			" in time, and gives it to the credential. Here the first token is an hour too old.")
	policy, key, err := policyAndKey(s.ConnectionString)
	if err != nil {
		s.Say("left out: %v", err)
		return nil
	}
	token, err := sign(s.Client.Endpoint(), policy, key, -time.Hour)
	if err != nil {
		return err
	}
	credential := azcore.NewSASCredential(token)
	client, err := azdps.NewDeviceProvisioningClientWithSAS(s.Client.Endpoint(), credential, s.Options)
	if err != nil {
		return err
	}
	if err := s.refused(ctx, client, "the token is too old"); err != nil {
		return err
	}
	token, err = sign(s.Client.Endpoint(), policy, key, time.Hour)
	if err != nil {
		return err
	}
	credential.Update(token)
	s.Say("the credential has a token that is good for an hour, and the client is the same")
	return s.succeed(ctx, client)
}

// sign makes a token. It is for the host of the service, in lower case and without a port.
func sign(endpoint, policy, key string, life time.Duration) (string, error) {
	service, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("the endpoint: %w", err)
	}
	return azdps.GenerateSASToken(strings.ToLower(service.Hostname()), policy, key, time.Now().Add(life))
}

// errNoKey is a connection string without a key, or none.
var errNoKey = errors.New("the environment has no DPS_CONNECTION_STRING with a key")

// policyAndKey takes a connection string apart. A program of its own would have both in its configuration.
func policyAndKey(connectionString string) (policy, key string, err error) {
	for property := range strings.SplitSeq(connectionString, ";") {
		switch name, value, _ := strings.Cut(property, "="); strings.ToLower(strings.TrimSpace(name)) {
		case "sharedaccesskeyname":
			policy = strings.TrimSpace(value)
		case "sharedaccesskey":
			key = strings.TrimSpace(value)
		}
	}
	if policy == "" || key == "" {
		return "", "", errNoKey
	}
	return policy, key, nil
}

// someKey makes a key that no policy has.
func someKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
