package main

import (
	"net/http"
	"regexp"
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
			`-thermostat",.*"desired":\{"alarm":\{"above":28.5\},"telemetrySeconds":30\}`,
			`-thermostat",.*"optionalDeviceInformation":\{"installer":"Kim"\}`,
			`-thermostat",.*"provisioningStatus":"disabled"`,
			`-thermostat",.*"reprovisionPolicy":\{"updateHubAssignment":true,"migrateDeviceData":false\}`,
			`-gateway","deviceId":"individual-enrollments-\w+-edge-43",.*"type":"tpm"`,
			`-gateway",.*"capabilities":\{"iotEdge":true\}`,
			`-gateway",.*"allocationPolicy":"geoLatency"`,
			`-camera",.*"clientCertificates":\{"primary":\{.*"secondary":\{`,
			`-sensor-2",.*"provisioningStatus":"disabled"`,
		} {
			assert.Regexp(t, held, stage.Held())
		}
		for _, told := range []string{
			"-thermostat: symmetricKey, enabled, written ",
			"its device is unassigned",
			"primary key of 88 characters, not shown",
			"secondary certificate ",
			"-thermostat is disabled",
			"was refused with 412",
			"may be moved: true; its data goes along: false",
			"updateIfMatchETag: all 2 were taken",
			"is not found any more",
			"nothing was left to delete",
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
		assertKeysStay(t, stage.Held())
	})
}

// assertKeysStay says that no change of an enrollment gave it new keys, whose devices would be locked out.
func assertKeysStay(t *testing.T, held string) {
	t.Helper()
	keys := make(map[string]string)
	for _, match := range regexp.MustCompile(`"registrationId":"([^"]+)".*"primaryKey":"([^"]+)"`).FindAllStringSubmatch(held, -1) {
		if before, ok := keys[match[1]]; ok {
			assert.Equal(t, before, match[2], match[1])
		}
		keys[match[1]] = match[2]
	}
	assert.Len(t, keys, 3, "the thermostat and two sensors")
}

func TestRun_saysWhichItemsWereRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		stage.Server.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"errors":[{"registrationId":"sensor-1","errorCode":409201,"errorStatus":"Taken."}],"isSuccessful":false}`))
		}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
		require.ErrorContains(t, stage.Run(t.Context()), "run a bulk operation: ")
		assert.Contains(t, stage.Output(), "sensor-1 was refused: 409201 Taken.")
		assert.Empty(t, stage.Left())
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}
