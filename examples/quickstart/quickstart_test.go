package main

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func noEnvironment(string) string { return "" }

func TestRun_tellsTheStory(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, noEnvironment))
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
	var out, state bytes.Buffer
	server := dpstest.NewServer(nil)
	defer server.Close()
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		assert.NoError(t, server.Dump(&state)) // before anything is deleted
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentDelete})
	require.NoError(t, tourOf(t, server, &out).run(t.Context()))

	keys := regexp.MustCompile(`Key":"([^"]+)"`).FindAllStringSubmatch(state.String(), -1)
	assert.GreaterOrEqual(t, len(keys), 9, "four enrollments and a group have two keys each, but for the TPM")
	for _, key := range keys {
		assert.NotContains(t, out.String(), key[1][:8])
	}
}

func TestRun_deletesWhatItMadeAfterAFailure(t *testing.T) {
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
			server := dpstest.NewServer(nil)
			defer server.Close()
			server.Control(test.fault, &dpstest.ControlOptions{Operation: test.operation})

			var out bytes.Buffer
			err := tourOf(t, server, &out).run(t.Context())
			require.ErrorContains(t, err, test.err)
			assert.Contains(t, out.String(), "the story ends here")
			assertEmpty(t, server)
		})
	}
}

func TestRun_deletesWhatItMadeAfterAnInterrupt(t *testing.T) {
	server := dpstest.NewServer(nil)
	defer server.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		interrupt()
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationEnrollmentGroupCreateOrUpdate})

	var out bytes.Buffer
	require.ErrorIs(t, tourOf(t, server, &out).run(ctx), context.Canceled)
	assert.Contains(t, out.String(), "deleted ")
	assertEmpty(t, server)
}

func TestRun_saysWhatMayRemain(t *testing.T) {
	server := dpstest.NewServer(nil)
	defer server.Close()
	server.Control(dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil),
		&dpstest.ControlOptions{Operation: dpstest.OperationEnrollmentGroupDelete})

	var out bytes.Buffer
	err := tourOf(t, server, &out).run(t.Context())
	require.ErrorContains(t, err, "-line-1 may remain in the service")
	assert.Contains(t, out.String(), "deleted 5 records")
}

func TestConnect_reportsAWrongEnvironment(t *testing.T) {
	for name, test := range map[string]struct{ variable, value, err string }{
		"not a connection string": {"DPS_CONNECTION_STRING", "my-dps", "not of the form name=value"},
		"of an IoT Hub": {
			"DPS_CONNECTION_STRING", "HostName=h.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=a2V5", "is of an IoT Hub",
		},
		"not a URL": {"DPS_ENDPOINT", "my-dps", "must be a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), &bytes.Buffer{}, func(variable string) string {
				if variable == test.variable {
					return test.value
				}
				return ""
			})
			require.ErrorContains(t, err, test.err)
		})
	}
}

// tourOf is a tour of a server, with retries that do not make the test wait.
func tourOf(t *testing.T, server *dpstest.Server, out *bytes.Buffer) *tour {
	t.Helper()
	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	options.Retry.RetryDelay = time.Millisecond
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)
	return newTour(client, out)
}

func assertEmpty(t *testing.T, server *dpstest.Server) {
	t.Helper()
	var state strings.Builder
	require.NoError(t, server.Dump(&state))
	assert.Empty(t, state.String())
}
