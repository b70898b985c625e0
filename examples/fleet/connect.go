package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// environment is the help on how to reach a service.
const environment = `
The service is, of these, the first that is given:
  -emulator                     one in memory
  -connection-string-file FILE  that of the connection string in the file
  DPS_CONNECTION_STRING         that of the connection string
  DPS_CONNECTION_STRING_FILE    that of the connection string in the file
  DPS_ENDPOINT                  https://NAME.azure-devices-provisioning.net, with the identity that azidentity finds
DPS_CA_FILE is a file of certificates in PEM to trust besides those of the system. NO_COLOR and CI turn off the progress bar.
A connection string is never a flag, because other users of the machine can see those.`

// maxConnections is how many connections to one service are kept open; a run has up to 64 calls in flight.
const maxConnections = 64

// connect makes a client of the service that the settings or the environment name.
func (j *job) connect() (*azdps.DeviceProvisioningClient, error) {
	return j.connectTo("DPS_", j.settings.connectionStringFile, j.settings.seed)
}

// connectTo makes a client of the service that variables with a prefix name.
func (j *job) connectTo(prefix, connectionStringFile, seed string) (*azdps.DeviceProvisioningClient, error) {
	if j.settings.emulator {
		return j.connectInMemory(seed)
	}
	options, err := clientOptions(j.getenv(prefix + "CA_FILE"))
	if err != nil {
		return nil, fmt.Errorf("%sCA_FILE: %w", prefix, err)
	}
	text := j.getenv(prefix + "CONNECTION_STRING")
	if connectionStringFile != "" || text == "" {
		if connectionStringFile == "" {
			connectionStringFile = j.getenv(prefix + "CONNECTION_STRING_FILE")
		}
		if text, err = readSecret(connectionStringFile); err != nil {
			return nil, fmt.Errorf("the connection string: %w", err)
		}
	}
	if text != "" {
		return azdps.NewDeviceProvisioningClientFromConnectionString(text, options)
	}
	endpoint := j.getenv(prefix + "ENDPOINT")
	if endpoint == "" {
		return nil, usagef("no service is named: set %[1]sCONNECTION_STRING, %[1]sCONNECTION_STRING_FILE or %[1]sENDPOINT, or give -emulator", prefix)
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return azdps.NewDeviceProvisioningClient(endpoint, credential, options)
}

// readSecret reads a file that holds one secret. No name means no secret.
func readSecret(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	data, err := os.ReadFile(name) //nolint:gosec // the user names the file
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return text, nil
}

// clientOptions trusts the certificates of a file; without one the client has its own transport.
func clientOptions(caFile string) (*azdps.ClientOptions, error) {
	options := &azdps.ClientOptions{}
	if caFile == "" {
		return options, nil
	}
	data, err := os.ReadFile(caFile) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = maxConnections
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	options.Transport = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return options, nil
}

// connectInMemory starts a service in memory, which ends with the job.
func (j *job) connectInMemory(seed string) (*azdps.DeviceProvisioningClient, error) {
	server := dpstest.NewUnstartedServer(nil)
	j.onClose(func() error { server.Close(); return nil })
	if seed != "" {
		file, err := os.Open(seed) //nolint:gosec // the user names the file
		if err != nil {
			return nil, fmt.Errorf("-seed: %w", err)
		}
		if err := errors.Join(server.Load(file), file.Close()); err != nil {
			return nil, fmt.Errorf("-seed %s: %w", seed, err)
		}
	}
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	return azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
}
