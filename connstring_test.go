package azdps_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

const (
	connHost   = "HostName=" + stubHost
	connPolicy = "SharedAccessKeyName=provisioningserviceowner"
	connKey    = "SharedAccessKey=" + stubKey
	connSAS    = "SharedAccessSignature=SharedAccessSignature sr=" + stubHost + "&sig=a%2Bb%3D&se=1700000000&skn=provisioningserviceowner"
)

func TestConnectionString(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, token string }{
		"as the portal shows it": {connHost + ";" + connPolicy + ";" + connKey, ""},
		"in another order":       {connKey + ";" + connHost + ";" + connPolicy, ""},
		"in lower case":          {"hostname=" + stubHost + ";sharedaccesskeyname=provisioningserviceowner;sharedaccesskey=" + stubKey, ""},
		"in upper case":          {"HOSTNAME=" + stubHost + ";SHAREDACCESSKEYNAME=provisioningserviceowner;SHAREDACCESSKEY=" + stubKey, ""},
		"a host in upper case":   {"HostName=STUB.Azure-Devices-Provisioning.NET;" + connPolicy + ";" + connKey, ""},
		"unknown names":          {"Other=1;" + connHost + ";" + connPolicy + ";Empty=;" + connKey + ";other=2;=3", ""},
		"space and lines":        {" \n" + connHost + " ; " + connPolicy + ";\r\n SharedAccessKey = " + stubKey + " ;;\n", ""},
		"a signature":            {connHost + ";" + connSAS, connSAS[len("SharedAccessSignature="):]},
		"a signature of a policy": {
			connSAS + ";" + connHost + ";" + connPolicy, connSAS[len("SharedAccessSignature="):],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &stubTransport{status: 200, answer: `{}`}
			client, err := azdps.NewDeviceProvisioningClientFromConnectionString(test.text, stubOptions(transport))
			require.NoError(t, err)
			_, err = client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.NoError(t, err)
			authorization := transport.last(t).header.Get("Authorization")
			if test.token != "" {
				assert.Equal(t, test.token, authorization)
				return
			}
			sasRequire(t, authorization, stubHost, "provisioningserviceowner", stubKey)
		})
	}
}

// TestConnectionStringRefuses gives the exact text of each error. None of them quotes a value but the host of an IoT Hub.
func TestConnectionStringRefuses(t *testing.T) {
	t.Parallel()
	const (
		service = "use one of a shared access policy of the Device Provisioning Service"
		missing = "IoT DPS connection string has missing property: "
		device  = "IoT DPS connection string is of a device (it has DeviceId); this client manages the service and needs the connection" +
			" string of a shared access policy of the Device Provisioning Service"
		hub = "IoT DPS connection string is of an IoT Hub (hub.azure-devices.net); " + service +
			", whose host ends in .azure-devices-provisioning.net"
		eventHubs = "IoT DPS connection string is of Event Hubs or Service Bus (it has Endpoint=sb:); " + service
		bareName  = "IoT DPS connection string: HostName must be a host alone, such as my-dps.azure-devices-provisioning.net"
	)
	for name, test := range map[string]struct{ text, problem string }{
		"empty":                  {"", "IoT DPS connection string is empty"},
		"space":                  {" \n", "IoT DPS connection string is empty"},
		"no host":                {connPolicy + ";" + connKey, missing + "HostName"},
		"no policy":              {connHost + ";" + connKey, missing + "SharedAccessKeyName"},
		"no key":                 {connHost + ";" + connPolicy, missing + "SharedAccessKey"},
		"no host and key":        {connPolicy, missing + "HostName, SharedAccessKey"},
		"no policy and key":      {connHost, missing + "SharedAccessKeyName, SharedAccessKey"},
		"nothing known":          {"A=b", missing + "HostName, SharedAccessKeyName, SharedAccessKey"},
		"a signature alone":      {connSAS, missing + "HostName"},
		"a storage account":      {"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + stubKey, missing + "HostName, SharedAccessKeyName, SharedAccessKey"},
		"host twice":             {connHost + ";" + connHost + ";" + connPolicy + ";" + connKey, "IoT DPS connection string has property HostName twice"},
		"key twice":              {connHost + ";" + connPolicy + ";" + connKey + ";sharedaccesskey=AAAA", "IoT DPS connection string has property SharedAccessKey twice"},
		"empty host":             {"HostName=;" + connPolicy + ";" + connKey, "IoT DPS connection string has an empty value for property HostName"},
		"empty policy":           {connHost + ";SharedAccessKeyName= ;" + connKey, "IoT DPS connection string has an empty value for property SharedAccessKeyName"},
		"empty key":              {connHost + ";" + connPolicy + ";SHAREDACCESSKEY=", "IoT DPS connection string has an empty value for property SharedAccessKey"},
		"empty signature":        {connHost + ";SharedAccessSignature=", "IoT DPS connection string has an empty value for property SharedAccessSignature"},
		"key and signature":      {connHost + ";" + connPolicy + ";" + connKey + ";" + connSAS, "IoT DPS connection string has both SharedAccessKey and SharedAccessSignature; keep one"},
		"key that is no base64":  {connHost + ";" + connPolicy + ";SharedAccessKey=hunter2-is-a-bad-password", "IoT DPS connection string: SharedAccessKey is not base64"},
		"key without its end":    {connHost + ";" + connPolicy + ";" + connKey[:len(connKey)-1], "IoT DPS connection string: SharedAccessKey is not base64"},
		"part without a name":    {connHost + ";" + stubKey[:40], "IoT DPS connection string: part 2 is not of the form name=value"},
		"the key alone":          {stubKey[:40], "IoT DPS connection string: part 1 is not of the form name=value"},
		"a device":               {"HostName=hub.azure-devices.net;DeviceId=d;" + connKey, device},
		"a module":               {"HostName=hub.azure-devices.net;DeviceId=d;ModuleId=m;" + connKey, device},
		"a device of this host":  {connHost + ";deviceid=;" + connKey, device},
		"an IoT Hub":             {"HostName=Hub.Azure-Devices.NET;SharedAccessKeyName=iothubowner;" + connKey, hub},
		"Event Hubs":             {"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=iothubowner;" + connKey + ";EntityPath=hub", eventHubs},
		"a URL for the host":     {"HostName=https://" + stubHost + ";" + connPolicy + ";" + connKey, bareName},
		"a path after the host":  {connHost + "/enrollments;" + connPolicy + ";" + connKey, bareName},
		"a user before the host": {"HostName=user@" + stubHost + ";" + connPolicy + ";" + connKey, bareName},
		"a query after the host": {connHost + "?a=b;" + connPolicy + ";" + connKey, bareName},
		"a space in the host":    {"HostName=my dps;" + connPolicy + ";" + connKey, bareName},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := azdps.NewDeviceProvisioningClientFromConnectionString(test.text, nil)
			require.EqualError(t, err, test.problem)
			requireFinal(t, err)
			assert.Nil(t, client)
			assert.NotContains(t, err.Error(), stubKey[:8])
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "sig=")
		})
	}
}

// TestConnectionStringOfTheGlobalEndpoint is refused as that endpoint is by the other constructors.
func TestConnectionStringOfTheGlobalEndpoint(t *testing.T) {
	t.Parallel()
	_, err := azdps.NewDeviceProvisioningClientFromConnectionString(
		"HostName=global.azure-devices-provisioning.net;"+connPolicy+";"+connKey, nil)
	requireInvalid(t, err, "endpoint")
	assert.ErrorContains(t, err, "is the global endpoint that devices register at")
}

// TestConnectionStringForEndpoint is a mistake that must not show the key.
func TestConnectionStringForEndpoint(t *testing.T) {
	t.Parallel()
	credential, err := azdps.NewSharedAccessKeyCredential("policy", stubKey)
	require.NoError(t, err)
	_, err = azdps.NewDeviceProvisioningClientWithSharedAccessKey(connHost+";"+connPolicy+";"+connKey, credential, nil)
	requireInvalid(t, err, "endpoint")
	assert.ErrorContains(t, err, "is a connection string; use NewDeviceProvisioningClientFromConnectionString")
	assert.NotContains(t, err.Error(), stubKey)
}
