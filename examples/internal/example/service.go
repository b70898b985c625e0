package example

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// Service is the Device Provisioning Service that a program works on.
type Service struct {
	// Client is the client of the service API.
	Client *azdps.DeviceProvisioningClient

	// ConnectionString and Endpoint say how the client was made; of a service in memory both are set, of a real one those that
	// the environment has.
	ConnectionString, Endpoint string

	// Options are for further clients of the service.
	Options *azdps.ClientOptions

	// Emulator is the server if the service is one in memory, and nil if it is a real one.
	Emulator *dpstest.Server

	// DeviceEndpoint is the URL at which devices register, and IDScope what they name the service by. They are empty if the
	// environment does not say.
	DeviceEndpoint, IDScope string

	// DeviceClient makes the HTTP client of a device with a certificate, or of one without.
	DeviceClient func(certificate *tls.Certificate) *http.Client

	// Getenv returns what else the environment has.
	Getenv func(string) string
}

// InMemory is a service in memory, over its socket.
func InMemory(server *dpstest.Server) (*Service, error) {
	s := &Service{
		ConnectionString: server.ConnectionString(),
		Endpoint:         server.URL(),
		Options:          &azdps.ClientOptions{},
		Emulator:         server,
		DeviceEndpoint:   server.DeviceURL(),
		IDScope:          server.IDScope(),
		DeviceClient: func(certificate *tls.Certificate) *http.Client {
			return deviceClient(server.Client().Transport.(*http.Transport), certificate)
		},
		Getenv: func(string) string { return "" },
	}
	s.Options.Transport = server.Client()
	var err error
	s.Client, err = azdps.NewDeviceProvisioningClientFromConnectionString(s.ConnectionString, s.Options)
	return s, err
}

// fromEnvironment is the service that the environment names, or nil if it names none.
func fromEnvironment(getenv func(string) string) (*Service, error) {
	s := &Service{
		ConnectionString: getenv("DPS_CONNECTION_STRING"),
		Endpoint:         getenv("DPS_ENDPOINT"),
		Options:          &azdps.ClientOptions{},
		IDScope:          getenv("DPS_ID_SCOPE"),
		Getenv:           getenv,
	}
	if s.ConnectionString == "" && s.Endpoint == "" {
		return nil, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := getenv("DPS_CA_FILE"); file != "" {
		roots, err := readRoots(file)
		if err != nil {
			return nil, fmt.Errorf("DPS_CA_FILE: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		s.Options.Transport = &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
	}
	s.DeviceClient = func(certificate *tls.Certificate) *http.Client { return deviceClient(transport, certificate) }

	var err error
	if s.ConnectionString != "" {
		s.Client, err = azdps.NewDeviceProvisioningClientFromConnectionString(s.ConnectionString, s.Options)
	} else {
		s.Client, err = connectWithEntraID(s.Endpoint, s.Options)
	}
	if err != nil {
		return nil, err
	}
	s.DeviceEndpoint = deviceEndpoint(getenv("DPS_DEVICE_ENDPOINT"), s.Client.Endpoint())
	return s, nil
}

// connectWithEntraID uses the identity of the environment: of a managed identity, a workload, or the Azure CLI.
func connectWithEntraID(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
	options.Cloud = CloudOf(endpoint)
	settings := &azidentity.DefaultAzureCredentialOptions{}
	settings.Cloud = options.Cloud
	credential, err := azidentity.NewDefaultAzureCredential(settings)
	if err != nil {
		return nil, err
	}
	return azdps.NewDeviceProvisioningClient(endpoint, credential, options)
}

// CloudOf is the cloud that the host of a service says it is in. AZURE_AUTHORITY_HOST, which package azidentity reads, stays in
// force for the public one.
func CloudOf(endpoint string) cloud.Configuration {
	host := strings.TrimSuffix(strings.ToLower(endpoint), "/")
	switch {
	case strings.HasSuffix(host, ".azure-devices-provisioning.us"):
		return cloud.AzureGovernment
	case strings.HasSuffix(host, ".azure-devices-provisioning.cn"):
		return cloud.AzureChina
	}
	return cloud.Configuration{}
}

// deviceEndpoint is what the environment says, with or without https://, or the global endpoint of the cloud that a service is
// in. It is empty if neither is known.
func deviceEndpoint(said, serviceEndpoint string) string {
	if said != "" {
		return "https://" + strings.TrimPrefix(said, "https://")
	}
	_, domain, _ := strings.Cut(serviceEndpoint, ".")
	if strings.HasPrefix(domain, "azure-devices-provisioning.") {
		return "https://global." + domain
	}
	return ""
}

// deviceClient is an HTTP client with the settings of transport. A device shows its certificate when it connects.
func deviceClient(transport *http.Transport, certificate *tls.Certificate) *http.Client {
	if certificate != nil {
		transport = transport.Clone()
		if transport.TLSClientConfig == nil {
			transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{*certificate}
	}
	return &http.Client{Transport: transport, CheckRedirect: refuseRedirect}
}

// refuseRedirect keeps credentials from going where an answer points.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// readRoots reads certificates to trust besides those of the system.
func readRoots(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, errors.New("has no certificate in PEM")
	}
	return roots, nil
}
