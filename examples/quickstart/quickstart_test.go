package main

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

func noEnvironment(string) string { return "" }

func TestRun_tellsTheStory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, program.Run(t.Context(), &out, noEnvironment))
	for _, told := range []string{
		"1. Enroll a device with symmetric keys", "-thermostat, ETag ", "primary key ",
		"-gateway, an IoT Edge device",
		"the service read the certificate: CN=quickstart-",
		"-line-1",
		"-thermostat is disabled now",
		"412, as it should be",
		"-thermostat is enabled again",
		"the key of quickstart-",
		"-thermostat: 409201", "created the other 2",
		"(x509)", "(tpm)", "(symmetricKey)",
		"deleted 6 records",
		"Everything worked",
	} {
		assert.Contains(t, out.String(), told)
	}
	wide := regexp.MustCompile(`(?m)^.{121,}$`)
	assert.Empty(t, wide.FindAllString(out.String(), -1), "lines too long to read")
}

func TestRun_printsNoKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.GreaterOrEqual(t, len(stage.Keys()), 9, "four enrollments and a group have two keys each, but for the TPM")
		assert.Empty(t, stage.Printed())
	})
}

func TestRun_deletesWhatItMadeAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault     dpstest.Fault
		operation dpstest.Operation
		err       string
	}{
		"the group is refused": {
			dpstest.Respond(http.StatusBadRequest, 400004, "No such group today.", nil),
			dpstest.OperationEnrollmentGroupCreateOrUpdate, "No such group today.",
		},
		"the group is made but the answer is lost": {
			dpstest.DropResponse(), dpstest.OperationEnrollmentGroupCreateOrUpdate, azdps.ErrOutcomeUnknown.Error(),
		},
		"the bulk operation is refused": {
			dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil),
			dpstest.OperationIndividualEnrollmentRunBulkOperation, "401",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stage := exampletest.New(program)
				defer stage.Server.Close()
				stage.Server.Control(test.fault, &dpstest.ControlOptions{Operation: test.operation})

				err := stage.Run(t.Context())
				require.ErrorContains(t, err, test.err)
				assert.Contains(t, stage.Output(), "the story ends here")
				assert.Empty(t, stage.Left())
			})
		})
	}
}

func TestRun_deletesWhatItMadeAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		ctx, interrupt := context.WithCancel(t.Context())
		stage.Server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			interrupt()
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Operation: dpstest.OperationEnrollmentGroupCreateOrUpdate})

		require.ErrorIs(t, stage.Run(ctx), context.Canceled)
		assert.Contains(t, stage.Output(), "deleted 4 records")
		assert.Empty(t, stage.Left())
	})
}

func TestRun_saysWhatMayRemain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		stage.Server.Control(dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil),
			&dpstest.ControlOptions{Operation: dpstest.OperationEnrollmentGroupDelete})

		err := stage.Run(t.Context())
		require.ErrorContains(t, err, "-line-1 may remain in the service")
		assert.Contains(t, stage.Output(), "deleted 5 records")
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, exampletest.Sweep(t.Context(), program))
	})
}

func TestConnect_reportsAWrongEnvironment(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ variable, value, err string }{
		"not a connection string": {"DPS_CONNECTION_STRING", "my-dps", "not of the form name=value"},
		"of an IoT Hub": {
			"DPS_CONNECTION_STRING", "HostName=h.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=a2V5", "is of an IoT Hub",
		},
		"not a URL": {"DPS_ENDPOINT", "my-dps", "must be a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			err := program.Run(t.Context(), &bytes.Buffer{}, func(variable string) string {
				if variable == test.variable {
					return test.value
				}
				return ""
			})
			require.ErrorContains(t, err, test.err)
		})
	}
}
