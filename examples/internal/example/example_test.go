package example

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// environment is one for tests.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

// realService starts a service in memory and makes an environment that names it as if it were a real one.
func realService(t *testing.T) (*dpstest.Server, map[string]string) {
	t.Helper()
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, server.CertificatePEM(), 0o600))
	return server, map[string]string{"DPS_CONNECTION_STRING": server.ConnectionString(), "DPS_CA_FILE": file}
}

func TestProgram_runsOnTheServiceOfTheEnvironment(t *testing.T) {
	t.Parallel()
	server, variables := realService(t)
	variables["DPS_DEVICE_ENDPOINT"] = strings.TrimPrefix(server.DeviceURL(), "https://")
	variables["DPS_ID_SCOPE"] = server.IDScope()
	variables["ANOTHER"] = "one"
	var out bytes.Buffer
	err := Program{Name: "two_words", Introduction: "Once upon a time", Tell: func(ctx context.Context, r *Run) error {
		assert.Nil(t, r.Emulator)
		assert.Equal(t, server.DeviceURL(), r.DeviceEndpoint)
		assert.Equal(t, server.IDScope(), r.IDScope)
		assert.Equal(t, "one", r.Getenv("ANOTHER"))
		assert.Regexp(t, `^two-words-[a-z2-7]{8}-a$`, r.ID("a"))
		assert.True(t, r.Owns(r.ID("a")))
		assert.False(t, r.Owns("two-words-a"))
		group := azdps.EnrollmentGroup{EnrollmentGroupID: r.WillGroup("a"), Attestation: azdps.NewGeneratedKeyAttestation()}
		_, err := r.Client.EnrollmentGroups().CreateOrUpdate(ctx, group, nil)
		return err
	}}.Run(t.Context(), &out, environment(variables))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(out.String(), "The service is "+server.URL()+".\n\nOnce upon a time\n"), out.String())
	assert.Contains(t, out.String(), "deleted 1 record\n")
	assert.NotContains(t, out.String(), "in memory")
	requests := server.Requests()
	require.Len(t, requests, 2)
	assert.Equal(t, dpstest.OperationEnrollmentGroupDelete, requests[1].Operation)
}

func TestProgram_thatMakesNothingCleansNothingUp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := Program{Tell: func(_ context.Context, r *Run) error {
		assert.NotNil(t, r.Emulator)
		return nil
	}}.Run(t.Context(), &out, environment(nil))
	require.NoError(t, err)
	assert.Contains(t, out.String(), "in memory")
	assert.True(t, strings.HasSuffix(out.String(), "\nDone. Everything worked.\n"), out.String())
	assert.NotContains(t, out.String(), "deleted")
}

func TestFromEnvironment_refusesAFileWithoutCertificates(t *testing.T) {
	t.Parallel()
	_, variables := realService(t)
	variables["DPS_CA_FILE"] = filepath.Join(t.TempDir(), "none")
	_, err := fromEnvironment(environment(variables))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(variables["DPS_CA_FILE"], []byte("none"), 0o600))
	_, err = fromEnvironment(environment(variables))
	require.ErrorContains(t, err, "DPS_CA_FILE: has no certificate in PEM")
}

func TestFromEnvironment_asksNoIdentityUntilItIsUsed(t *testing.T) {
	t.Parallel()
	service, err := fromEnvironment(environment(map[string]string{"DPS_ENDPOINT": "https://my-dps.azure-devices-provisioning.us"}))
	require.NoError(t, err)
	assert.Equal(t, "https://my-dps.azure-devices-provisioning.us", service.Client.Endpoint())
	assert.Equal(t, "https://global.azure-devices-provisioning.us", service.DeviceEndpoint)
	assert.Equal(t, cloud.AzureGovernment, service.Options.Cloud)
}

func TestDeviceEndpoint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ said, service, want string }{
		{"", "https://my-dps.azure-devices-provisioning.net", "https://global.azure-devices-provisioning.net"},
		{"", "https://127.0.0.1:8443", ""},
		{"127.0.0.1:8443", "https://my-dps.azure-devices-provisioning.net", "https://127.0.0.1:8443"},
		{"https://127.0.0.1:8443", "", "https://127.0.0.1:8443"},
	} {
		assert.Equal(t, test.want, deviceEndpoint(test.said, test.service))
	}
}

func TestCloudOf(t *testing.T) {
	t.Parallel()
	assert.Equal(t, cloud.Configuration{}, CloudOf("https://my-dps.azure-devices-provisioning.net"))
	assert.Equal(t, cloud.AzureGovernment, CloudOf("https://My-DPS.azure-devices-provisioning.US/"))
	assert.Equal(t, cloud.AzureChina, CloudOf("https://my-dps.azure-devices-provisioning.cn"))
}

func TestDeviceClient_showsItsCertificateOnly(t *testing.T) {
	t.Parallel()
	shared := &http.Transport{}
	certificate := tls.Certificate{Certificate: [][]byte{{1}}}
	own := deviceClient(shared, &certificate)
	assert.Equal(t, []tls.Certificate{certificate}, own.Transport.(*http.Transport).TLSClientConfig.Certificates)
	if shared.TLSClientConfig != nil { // cloning sets it up
		assert.Empty(t, shared.TLSClientConfig.Certificates, "other devices share it")
	}
	require.ErrorIs(t, own.CheckRedirect(nil, nil), http.ErrUseLastResponse)
}

func TestStory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	story := Story{out: &out}
	story.Begin("First", strings.Repeat("word ", 30))
	story.Say("%d %%", 5)
	story.SayKeys(&azdps.SymmetricKeyAttestation{PrimaryKey: "cGVuY2ls", SecondaryKey: "cGVu"})
	story.Begin("Second", "short")
	story.SayKeys(nil)
	story.Conclude("The end.")
	assert.Equal(t, "\n1. First\n"+
		"   "+strings.TrimSpace(strings.Repeat("word ", 19))+"\n"+
		"   "+strings.TrimSpace(strings.Repeat("word ", 11))+"\n"+
		"   -> 5 %\n"+
		"   -> primary key of 8 characters, not shown\n"+
		"   -> secondary key of 4 characters, not shown\n"+
		"\n2. Second\n   short\n"+
		"   -> the service shows no keys\n"+
		"\nThe end.\n", out.String())
}
