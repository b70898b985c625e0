package fleet_test

import (
	"log"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// exampleServer is a service in memory that holds some records, each a line of JSON, and a client of it. A program has a client of
// the real service: see the constructors of azdps.DeviceProvisioningClient.
func exampleServer(records ...string) (*dpstest.Server, *azdps.DeviceProvisioningClient) {
	server := dpstest.NewUnstartedServer(nil)
	if err := server.Load(strings.NewReader(strings.Join(records, "\n"))); err != nil {
		log.Fatal(err)
	}
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	if err != nil {
		log.Fatal(err)
	}
	return server, client
}

func exampleClient(records ...string) *azdps.DeviceProvisioningClient {
	_, client := exampleServer(records...)
	return client
}

// Records for exampleServer.
const (
	exampleDevice1 = `{"registrationId": "device-1", "attestation": {"type": "symmetricKey"}}`
	exampleDevice2 = `{"registrationId": "device-2", "attestation": {"type": "symmetricKey"}}`
	exampleDevice3 = `{"registrationId": "device-3", "attestation": {"type": "symmetricKey"}}`

	exampleState1 = `{"registrationId": "device-1", "status": "assigned", "assignedHub": "my-hub.azure-devices.net", "deviceId": "device-1"}`
)
