package main

import (
	"bytes"
	"maps"
	"net/http"
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
		assert.Regexp(t, `"enrollmentGroupId":"registration-states-\w+-line-1","registrationId":"registration-states-\w+-pump-7".*"status":"assigned"`, stage.Held())
		for _, told := range []string{
			"-pump-7 is one of 44 characters, not shown",
			"-pump-7 is assigned to dpstest-hub.azure-devices.net, as device registration-states-",
			"-pump-7: assigned at dpstest-hub.azure-devices.net (initialAssignment)",
			"and it is not found any more",
			"deleted 1 record\n", // the group
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}

func TestRun_failsWithADeviceThatGetsNoHub(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		stage.Server.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte(`{"status":"failed","registrationState":{"status":"failed","errorCode":401001,"errorMessage":"IoT hub not found"}}`))
		}, &dpstest.ControlOptions{Operation: dpstest.OperationRuntimeRegistrationOperationStatusLookup})
		err := stage.Run(t.Context())
		require.ErrorContains(t, err, "-pump-7 has the status failed: 401001 IoT hub not found")
		assert.Contains(t, stage.Output(), "deleted 2 records", "the group and the state")
		assert.Empty(t, stage.Left())
	})
}

func TestRun_registersWithARealServiceOnlyIfItCan(t *testing.T) {
	t.Parallel()
	server := dpstest.NewServer(nil)
	defer server.Close()
	exampletest.Hurry(server)
	known, err := exampletest.Environment(server, t.TempDir())
	require.NoError(t, err)
	for missing, told := range map[string]string{
		"":                    "-pump-7 is assigned to ",
		"DPS_ID_SCOPE":        "left out, and the rest with it",
		"DPS_DEVICE_ENDPOINT": "left out, and the rest with it",
	} {
		environment := maps.Clone(known)
		delete(environment, missing)
		var out bytes.Buffer
		require.NoError(t, program.Run(t.Context(), &out, func(name string) string { return environment[name] }))
		assert.Contains(t, out.String(), told)
		assert.Equal(t, missing == "", strings.Contains(out.String(), "not found any more"))
		assert.Empty(t, exampletest.Records(server))
	}
}
