// Command quickstart is a tour of package azdps: it makes enrollments of each kind, changes and lists them, and deletes what it
// made.
//
// Without any environment it runs against a Device Provisioning Service in memory. With DPS_CONNECTION_STRING, or with
// DPS_ENDPOINT and whatever azidentity.NewDefaultAzureCredential finds, it runs against a real one. There it only touches
// records whose ids begin with a random prefix of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Stdout, os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run connects to the service that the environment names, or to one in memory, and tells the story of the tour to out.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	client, err := connect(getenv)
	switch {
	case err != nil:
		return err
	case client != nil:
		return newTour(client, out).run(ctx)
	}
	server := dpstest.NewServer(nil)
	defer server.Close()
	client, err = connectInMemory(server)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "There is neither DPS_CONNECTION_STRING nor DPS_ENDPOINT, so this runs against a DPS in memory.")
	return newTour(client, out).run(ctx)
}

// connect returns a client of the service that the environment names, or nil if it names none.
func connect(getenv func(string) string) (*azdps.DeviceProvisioningClient, error) {
	if connectionString := getenv("DPS_CONNECTION_STRING"); connectionString != "" {
		return azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, nil)
	}
	if endpoint := getenv("DPS_ENDPOINT"); endpoint != "" {
		return connectWithEntraID(endpoint)
	}
	return nil, nil
}

// connectWithEntraID uses the identity of the environment: of a managed identity, a workload, or the Azure CLI.
func connectWithEntraID(endpoint string) (*azdps.DeviceProvisioningClient, error) {
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

// connectInMemory is like connect but for the transport, which trusts the certificate of the server.
func connectInMemory(server *dpstest.Server) (*azdps.DeviceProvisioningClient, error) {
	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	return azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
}
