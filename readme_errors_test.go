package azdps_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// The errors that the README quotes, and how to get them. Three dots stand for what is left out.
var readmeErrors = map[string]func(*testing.T) error{
	"IoT DPS connection string is empty":                       connectWith(""),
	"IoT DPS connection string begins with a quotation mark":   connectWith(`"HostName=my-dps.azure-devices-provisioning.net"`),
	"IoT DPS connection string: SharedAccessKey is not base64": connectWith("HostName=h;SharedAccessKeyName=owner;SharedAccessKey=a"),
	"IoT DPS connection string has missing property: SharedAccessKeyName, SharedAccessKey": connectWith(
		"HostName=my-dps.azure-devices-provisioning.net"),
	"IoT DPS connection string is of an IoT Hub (...)": connectWith(
		"HostName=my-hub.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey=" + wireKey),
	"is of a device": connectWith("HostName=my-hub.azure-devices.net;DeviceId=device-1;SharedAccessKey=" + wireKey),
	"is of Event Hubs": connectWith(
		"Endpoint=sb://my-hubs.servicebus.windows.net/;SharedAccessKeyName=owner;SharedAccessKey=" + wireKey),
	"azdps: endpoint: must be a URL with a scheme and a host": connectAt("my-dps.azure-devices-provisioning.net"),
	"azdps: endpoint: is the global endpoint that devices register at": connectAt(
		"https://global.azure-devices-provisioning.net"),
	"azdps: registrationID: has ... at byte ...; the service takes ASCII letters, digits and the characters -._:": func(t *testing.T) error {
		_, err := exampleClient().IndividualEnrollments().Get(t.Context(), "device 1", nil)
		return err
	},
	"azdps: the write may have been applied": func(t *testing.T) error {
		server, options := exampleServer()
		server.Control(dpstest.DropResponse(), nil)
		return createOne(t, server, options)
	},
	"Unsupported API version": func(t *testing.T) error {
		server, options := exampleServer()
		options.APIVersion = "2019-04-15"
		return createOne(t, server, options)
	},
	"Unknown api version": func(t *testing.T) error { // which an IoT Hub answers
		server, options := exampleServer()
		server.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"Message":"ErrorCode:ArgumentInvalid;Unknown api version; 2021-10-01"}`)
		}, nil)
		return createOne(t, server, options)
	},
}

func connectWith(connectionString string) func(*testing.T) error {
	return func(*testing.T) error {
		_, err := azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, nil)
		return err
	}
}

func connectAt(endpoint string) func(*testing.T) error {
	return func(*testing.T) error {
		_, err := azdps.NewDeviceProvisioningClient(endpoint, dpstest.NewUnstartedServer(nil).Credential(), nil)
		return err
	}
}

func createOne(t *testing.T, server *dpstest.Server, options *azdps.ClientOptions) error {
	t.Helper()
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	require.NoError(t, err)
	_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), azdps.IndividualEnrollment{
		RegistrationID: "device-1", Attestation: azdps.NewGeneratedKeyAttestation(),
	}, nil)
	return err
}

// Each error text that the README quotes is one that the code gives.
func TestREADME_errorTextsAreReal(t *testing.T) {
	t.Parallel()
	var quoted []string
	for _, cell := range firstCells(t, "| error text |", "| status |") {
		for _, quote := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			quoted = append(quoted, quote[1])
		}
	}
	for _, text := range quoted {
		if assert.Contains(t, readmeErrors, text, "no test gives this error") {
			err := readmeErrors[text](t)
			require.Error(t, err, text)
			pattern := strings.ReplaceAll(regexp.QuoteMeta(text), `\.\.\.`, `.+`)
			assert.Regexp(t, pattern, err.Error())
		}
	}
	assert.Len(t, quoted, len(readmeErrors), "an error of this test is not in the README any more")
}

// firstCells are the first cells of the rows of tables of the README, found by the start of their headers.
func firstCells(t *testing.T, headers ...string) (cells []string) {
	t.Helper()
	readme := readText(t, "README.md")
	for _, header := range headers {
		_, table, found := strings.Cut(readme, "\n"+header)
		require.True(t, found, "the README has no table %s", header)
		table, _, _ = strings.Cut(table, "\n\n")
		for _, row := range strings.Split(table, "\n")[2:] {
			cells = append(cells, strings.Split(row, "|")[1])
		}
	}
	return cells
}

// The table of statuses of the package's documentation has the rows of the README's.
func TestREADME_statusesAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	var readme, documented []string
	for _, cell := range firstCells(t, "| status |") {
		readme = append(readme, strings.Trim(strings.Fields(cell)[0], ","))
	}
	_, table, found := strings.Cut(readText(t, "doc.go"), "\n\tstatus  here it means")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	for _, row := range regexp.MustCompile(`(?m)^\t(\d\w\w) `).FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	require.Greater(t, len(readme), 8)
	assert.Equal(t, readme, documented)
}

// The table of statuses names each code that the package knows, in the row of its status, and no other.
func TestREADME_codesAreKnown(t *testing.T) {
	t.Parallel()
	var named []azdps.ErrorCode
	for _, row := range regexp.MustCompile(`(?m)^\| (\d{3})\b.*$`).FindAllStringSubmatch(readText(t, "README.md"), -1) {
		for _, code := range regexp.MustCompile(`\b\d{6}\b`).FindAllString(row[0], -1) {
			assert.Equal(t, row[1], code[:3], row[0])
			named = append(named, azdps.ErrorCode(code))
		}
	}
	known := azdps.PossibleErrorCodeValues()
	slices.Sort(known)
	slices.Sort(named)
	assert.Equal(t, known, slices.Compact(named))
}
