package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
		assert.Regexp(t, `-pump-1",.*"assignedHub":"contoso-europe.azure-devices.net".*"hubDevice":.*"tags":\{"region":"europe"\}`, stage.Held())
		assert.Regexp(t, `-pump-2",.*"status":"failed","errorCode":400207`, stage.Held())
		for _, told := range []string{
			"allocation custom",
			"-pump-1 is assigned to contoso-europe.azure-devices.net",
			`{"message":"Welcome to europe."}`,
			"-pump-2 has the status failed: 400207 Custom allocation failed with status code: 400",
			"deleted 3 records",
		} {
			assert.Contains(t, stage.Output(), told)
		}
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
		assert.Contains(t, stage.Held(), functionKey)
		assert.NotContains(t, stage.Output(), functionKey)
	})
}

func TestRun_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}

func TestRun_createsTheEnrollmentAloneInARealService(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url, told string
		requests  int
	}{
		"with a URL":    {"https://allocation.example/api?code=4711", "-line-1, allocation custom", 2},
		"without a URL": {"", "left out: the environment has no DPS_WEBHOOK_URL", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dpstest.NewServer(nil)
			defer server.Close()
			environment, err := exampletest.Environment(server, t.TempDir())
			require.NoError(t, err)
			environment["DPS_WEBHOOK_URL"] = test.url
			var out bytes.Buffer
			require.NoError(t, program.Run(t.Context(), &out, func(name string) string { return environment[name] }))
			assert.Contains(t, out.String(), test.told)
			assert.NotContains(t, out.String(), "code=")
			assert.Len(t, server.Requests(), test.requests, "a create and a delete")
			assert.Empty(t, exampletest.Records(server))
		})
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	const url = "https://allocation.example/?code=key"
	hubs := `,"linkedHubs":["` + hubAsia + `","` + hubEurope + `"]`
	for name, test := range map[string]struct {
		url, body string
		status    int
		hub       string
	}{
		"europe":              {url, `{"deviceRuntimeContext":{"registrationId":"a","payload":{"country":"UK"}}` + hubs + `}`, http.StatusOK, hubEurope},
		"asia":                {url, `{"deviceRuntimeContext":{"registrationId":"a","payload":{"country":"jp"}}` + hubs + `}`, http.StatusOK, hubAsia},
		"elsewhere":           {url, `{"deviceRuntimeContext":{"registrationId":"a","payload":{"country":"mars"}}` + hubs + `}`, http.StatusBadRequest, ""},
		"no payload":          {url, `{"deviceRuntimeContext":{"registrationId":"a"}` + hubs + `}`, http.StatusBadRequest, ""},
		"a payload of a list": {url, `{"deviceRuntimeContext":{"registrationId":"a","payload":[1]}` + hubs + `}`, http.StatusBadRequest, ""},
		"no hubs":             {url, `{"deviceRuntimeContext":{"registrationId":"a","payload":{"country":"UK"}}}`, http.StatusBadRequest, ""},
		"no JSON":             {url, `country=UK`, http.StatusBadRequest, ""},
		"too long":            {url, `"` + strings.Repeat("a", maxRequest) + `"`, http.StatusBadRequest, ""},
		"another key":         {url + "s", `{}`, http.StatusUnauthorized, ""},
		"no key":              {"https://allocation.example/", `{}`, http.StatusUnauthorized, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := httptest.NewRecorder()
			newHandler("key", chooseByRegion).ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, test.url, strings.NewReader(test.body)))
			assert.Equal(t, test.status, recorder.Code)
			var answer allocationResponse
			if test.hub == "" {
				assert.Error(t, json.Unmarshal(recorder.Body.Bytes(), &answer), recorder.Body.String())
				return
			}
			require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
			assert.Equal(t, test.hub, answer.Hub)
			assert.Contains(t, answer.InitialTwin.Tags, "region")
		})
	}
}

// What the service sends has the enrollment too, in the form of the service API.
func TestHandler_readsTheEnrollment(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		id   func(*allocationRequest) string
	}{
		"an individual one": {
			`{"individualEnrollment":{"registrationId":"a","attestation":{"type":"tpm"}},"deviceRuntimeContext":{"registrationId":"a"}}`,
			func(r *allocationRequest) string { return r.IndividualEnrollment.RegistrationID },
		},
		"a group": {
			`{"enrollmentGroup":{"enrollmentGroupId":"a","attestation":{"type":"symmetricKey"}},"deviceRuntimeContext":{"registrationId":"b"}}`,
			func(r *allocationRequest) string { return r.EnrollmentGroup.EnrollmentGroupID },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var id string
			handler := newHandler("", func(request *allocationRequest) (*allocationResponse, error) {
				id = test.id(request)
				return &allocationResponse{Hub: hubAsia}, nil
			})
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(test.body)))
			assert.Equal(t, "a", id)
			assert.JSONEq(t, `{"iotHubHostName":"`+hubAsia+`"}`, recorder.Body.String())
		})
	}
}
