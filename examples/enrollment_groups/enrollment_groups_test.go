package main

import (
	"bytes"
	"regexp"
	"slices"
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
		for _, held := range []string{
			`-pumps",.*"type":"symmetricKey",.*"tags":\{"line":1\}`,
			`-pumps",.*"provisioningStatus":"disabled",.*"updateHubAssignment":true,"migrateDeviceData":true.*"allocationPolicy":"geoLatency"`,
			`-cameras",.*"signingCertificates":\{"primary":\{.*CN=Intermediate CA 1.*"secondary":\{.*CN=Intermediate CA 2`,
			`-cameras",.*"signingCertificates":\{"primary":\{.*CN=Intermediate CA 1.*"secondary":\{.*CN=Intermediate CA 3`,
			`-meters",.*"caReferences":\{"primary":"contoso-root"\}`,
			`-line-2",.*"provisioningStatus":"disabled"`,
		} {
			assert.Regexp(t, held, stage.Held())
		}
		for _, told := range []string{
			"-pumps: symmetricKey, enabled, written ",
			"-cameras: x509, enabled, written ",
			"secondary certificate of CN=Intermediate CA 3, until ",
			"the CA certificate contoso-root",
			"hubs are chosen by geoLatency",
			"updateIfMatchETag: all 2 were taken",
			"is not found any more",
			"nothing was left to delete",
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
		keys := stage.Keys()
		slices.Sort(keys)
		assert.Len(t, slices.Compact(keys), 6, "three groups have two keys each, and no change gave them others")
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}

func TestRun_refersOnlyToACAThatARealServiceHas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ ca, sent, told string }{
		"with a name":    {"our-root", `"caReferences":\{"primary":"our-root"\}`, `deleted enrollment-groups-\w+-meters\n`},
		"without a name": {"", "", "left out: the environment has no DPS_CA_NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewServer(nil)
			defer server.Close()
			environment, err := exampletest.Environment(server, t.TempDir())
			require.NoError(t, err)
			environment["DPS_CA_NAME"] = test.ca

			var out bytes.Buffer
			require.NoError(t, program.Run(t.Context(), &out, func(name string) string { return environment[name] }))
			assert.Regexp(t, test.told, out.String())
			assert.Equal(t, test.sent != "", sent(server, `"caReferences":`))
			assert.True(t, sent(server, test.sent))
			assert.Empty(t, exampletest.Records(server))
		})
	}
}

// sent says whether a request had a body that matches.
func sent(server *dpstest.Server, pattern string) bool {
	return slices.ContainsFunc(server.Requests(), func(request dpstest.Request) bool {
		return regexp.MustCompile(pattern).Match(request.Body)
	})
}
