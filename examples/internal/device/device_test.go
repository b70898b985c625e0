package device_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/device"
)

const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// enrolled is a device, and the service that lets it in.
func enrolled(t *testing.T, members string) (*dpstest.Server, *device.Device) {
	t.Helper()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	require.NoError(t, server.Load(strings.NewReader(`{"registrationId":"pump-1","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"`+
		key+`","secondaryKey":"`+key+`"}}`+members+`}`)))
	return server, &device.Device{
		Endpoint: server.DeviceURL(), IDScope: server.IDScope(), RegistrationID: "pump-1", Key: key, Client: server.Transport(),
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, pump := enrolled(t, "")
		pump.Payload = map[string]int{"floor": 3}
		start := time.Now()
		state, err := pump.Register(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 3*time.Second, time.Since(start), "it waits as it is told")
		assert.Equal(t, azdps.RegistrationStatusAssigned, state.Status)
		assert.Equal(t, "dpstest-hub.azure-devices.net", state.AssignedHub)
		assert.Equal(t, "pump-1", state.DeviceID)
		requests := server.Requests()
		require.Len(t, requests, 2)
		assert.JSONEq(t, `{"registrationId":"pump-1","payload":{"floor":3}}`, string(requests[0].Body))
		assert.Equal(t, dpstest.OperationRuntimeRegistrationOperationStatusLookup, requests[1].Operation)
	})
}

func TestRegister_failsWithoutError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, pump := enrolled(t, `,"provisioningStatus":"disabled"`)
		state, err := pump.Register(t.Context())
		require.NoError(t, err)
		assert.Equal(t, azdps.RegistrationStatusDisabled, state.Status)
	})
}

func TestRegister_comesBackWhenTheServiceHasTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, pump := enrolled(t, "")
		server.Control(dpstest.Respond(http.StatusServiceUnavailable, 503000, "Later.", nil), nil)
		server.Control(dpstest.Throttle(10*time.Second), nil)
		start := time.Now()
		state, err := pump.Register(t.Context())
		require.NoError(t, err)
		assert.Equal(t, azdps.RegistrationStatusAssigned, state.Status)
		assert.Equal(t, (10+2+3)*time.Second, time.Since(start), "as told, the default, as told")
	})
}

func TestRegister_errors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  dpstest.Fault
		change func(*device.Device)
		err    string
	}{
		"a wrong key":       {change: func(d *device.Device) { d.Key = "AAAA" + key[4:] }, err: "answers 401: Unauthorized (401002)"},
		"a key that is not": {change: func(d *device.Device) { d.Key = "?" }, err: "key"},
		"another service":   {change: func(d *device.Device) { d.IDScope = "0ne00000000" }, err: "answers 401"},
		"a payload that is no JSON": {
			change: func(d *device.Device) { d.Payload = func() {} }, err: "device: payload: ",
		},
		"an answer of a proxy":     {fault: text(http.StatusNotFound, "<html>"), err: "device: register pump-1: the service answers 404"},
		"an answer that is broken": {fault: text(http.StatusOK, "<html>"), err: "cannot be read"},
		"an answer that is empty":  {fault: text(http.StatusAccepted, "{}"), err: "names no operation"},
		"no answer":                {fault: dpstest.DropResponse(), err: "EOF"},
		"half an answer":           {fault: dpstest.Truncate(5), err: "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, pump := enrolled(t, "")
				if test.fault != nil {
					server.Control(test.fault, nil)
				}
				if test.change != nil {
					test.change(pump)
				}
				_, err := pump.Register(t.Context())
				require.ErrorContains(t, err, test.err)
				assert.NotContains(t, err.Error(), key[:8])
			})
		})
	}
}

func TestRegister_endsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]dpstest.Fault{
		"while the service chooses":  text(http.StatusAccepted, `{"operationId":"1","status":"assigning"}`),
		"while the service is down":  dpstest.Respond(http.StatusInternalServerError, 500000, "No.", nil),
		"while the service is busy":  dpstest.Throttle(7 * time.Second),
		"while there is no answer":   dpstest.Delay(time.Hour),
		"while the answer is coming": dpstest.DelayBody(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, pump := enrolled(t, "")
				server.Control(fault, &dpstest.ControlOptions{Times: -1})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				_, err := pump.Register(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Minute, time.Since(start))
			})
		})
	}
}

// text is an answer.
func text(status int, body string) dpstest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestRegister_stateHasWhatTheDeviceIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, pump := enrolled(t, "")
		state, err := pump.Register(t.Context())
		require.NoError(t, err)
		assert.Equal(t, json.RawMessage("{}"), state.AdditionalProperties["symmetricKey"])
	})
}
