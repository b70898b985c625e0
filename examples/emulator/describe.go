package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps/dpstest"
)

// scope is what the printed bearer token is for.
const scope = "https://azure-devices-provisioning.net/.default"

// describe prints how to reach a server, one KEY=VALUE a line and in one write, so that a reader sees all or nothing.
func describe(ctx context.Context, stdout io.Writer, server *dpstest.Server, caFile string) error {
	token, err := server.Credential().GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return fmt.Errorf("make a bearer token: %w", err)
	}
	caFile, err = filepath.Abs(caFile)
	if err != nil {
		return fmt.Errorf("name the CA certificate: %w", err)
	}
	var text strings.Builder
	for _, line := range [][2]string{
		{"DPS_CONNECTION_STRING", server.ConnectionString()},
		{"DPS_BASE_URL", server.URL()},
		{"DPS_DEVICE_ENDPOINT", strings.TrimPrefix(server.DeviceURL(), "https://")}, // devices are given a host name
		{"DPS_ID_SCOPE", server.IDScope()},
		{"DPS_CA_FILE", caFile},
		{"DPS_BEARER_TOKEN", token.Token},
	} {
		fmt.Fprintf(&text, "%s=%s\n", line[0], line[1])
	}
	if _, err := io.WriteString(stdout, text.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
