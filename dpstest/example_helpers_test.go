package dpstest_test

import (
	"log"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// exampleServer is a server without a socket that holds some records, each a line of JSON, and a client of it that does not wait
// long before it tries again.
func exampleServer(records ...string) (*dpstest.Server, *azdps.DeviceProvisioningClient) {
	server := dpstest.NewUnstartedServer(nil)
	if err := server.Load(strings.NewReader(strings.Join(records, "\n"))); err != nil {
		log.Fatal(err)
	}
	return server, exampleClient(server)
}

func exampleClient(server *dpstest.Server) *azdps.DeviceProvisioningClient {
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	options.Retry.RetryDelay = time.Millisecond
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
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
)
