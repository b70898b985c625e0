package main

import (
	"bytes"
	"crypto/x509"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.Regexp(t, `-line-1",.*"signingCertificates":.*"subjectName":"CN=group-certificate-\w+-factory",.*"issuerName":"CN=group-certificate-\w+-root"`,
			stage.Held())
		assert.Regexp(t, `-line-1","registrationId":"group-certificate-\w+-camera-1".*"status":"assigned"`, stage.Held())
		for _, told := range []string{
			"-camera-1 is assigned to dpstest-hub.azure-devices.net",
			"the service answers 401: ",
			"deleted 2 records",
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.Empty(t, stage.Left())
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}

// Over a socket, the certificate is shown in a TLS handshake.
func TestRun_registersWithARealServiceOnlyIfItCan(t *testing.T) {
	t.Parallel()
	server := dpstest.NewServer(nil)
	defer server.Close()
	exampletest.Hurry(server)
	known, err := exampletest.Environment(server, t.TempDir())
	require.NoError(t, err)
	for missing, told := range map[string]string{
		"":                    "the service answers 401: ",
		"DPS_ID_SCOPE":        "left out: ",
		"DPS_DEVICE_ENDPOINT": "left out: ",
	} {
		environment := maps.Clone(known)
		delete(environment, missing)
		var out bytes.Buffer
		require.NoError(t, program.Run(t.Context(), &out, func(name string) string { return environment[name] }))
		assert.Contains(t, out.String(), told)
		assert.Equal(t, missing == "", strings.Contains(out.String(), "-camera-1 is assigned to "))
		assert.Empty(t, exampletest.Records(server))
	}
}

func TestAuthority_makesAChain(t *testing.T) {
	t.Parallel()
	root, err := newRoot("root")
	require.NoError(t, err)
	intermediate, err := root.newIntermediate("factory")
	require.NoError(t, err)
	device, err := intermediate.newDevice("camera-1")
	require.NoError(t, err)
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	options.Roots.AddCert(root.certificate)
	_, err = device.Leaf.Verify(options)
	require.Error(t, err, "the intermediate is missing")
	options.Intermediates.AddCert(intermediate.certificate)
	chains, err := device.Leaf.Verify(options)
	require.NoError(t, err)
	require.Len(t, chains, 1)
	assert.Len(t, chains[0], 3)

	below, err := intermediate.newIntermediate("below")
	require.NoError(t, err)
	grandchild, err := below.newDevice("camera-2")
	require.NoError(t, err)
	options.Intermediates.AddCert(below.certificate)
	_, err = grandchild.Leaf.Verify(options)
	require.Error(t, err, "the intermediate may sign no CA")
}
