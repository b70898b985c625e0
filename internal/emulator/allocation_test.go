package emulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHubs(t *testing.T) {
	t.Parallel()
	const a, b, c = "a.azure-devices.net", "b.azure-devices.net", "c.azure-devices.net"
	all := []string{a, b, c}
	for name, test := range map[string]struct {
		enrollment string
		hubs       []string // that devices are found at; none means that they are refused
	}{
		"nothing said":          {``, all},
		"hashed":                {`"allocationPolicy":"hashed"`, all},
		"hashed over some":      {`"allocationPolicy":"hashed","iotHubs":["C.azure-devices.net","` + a + `"]`, []string{a, c}},
		"geoLatency":            {`"allocationPolicy":"geoLatency","iotHubs":["` + b + `","` + a + `"]`, []string{a, b}},
		"static":                {`"allocationPolicy":"static","iotHubs":["` + b + `"]`, []string{b}},
		"static of several":     {`"allocationPolicy":"static","iotHubs":["` + c + `","` + b + `"]`, []string{c}},
		"static of all":         {`"allocationPolicy":"static"`, []string{a}},
		"host name":             {`"iotHubHostName":"` + b + `"`, []string{b}},
		"host name and hubs":    {`"allocationPolicy":"hashed","iotHubHostName":"` + b + `","iotHubs":["` + a + `","` + b + `"]`, []string{a, b}},
		"one not linked":        {`"allocationPolicy":"static","iotHubs":["x.azure-devices.net","` + b + `"]`, []string{b}},
		"none linked":           {`"allocationPolicy":"hashed","iotHubs":["x.azure-devices.net"]`, nil},
		"host name not linked":  {`"iotHubHostName":"x.azure-devices.net"`, nil},
		"static, but unlinked":  {`"allocationPolicy":"static","iotHubs":["x.azure-devices.net"]`, nil},
		"latency, but unlinked": {`"allocationPolicy":"geoLatency","iotHubs":["x.azure-devices.net"]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t, func(config *Config) { config.Hubs = all })
			s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", test.enrollment))
			found := map[string]int{}
			const devices = 60
			for i := range devices {
				id := fmt.Sprintf("dev-%d", i)
				status, raw := s.register(id, "", s.key(id, deriveKey(testKey, id)))
				var state struct {
					AssignedHub, DeviceID, ErrorMessage string
					ErrorCode                           int
				}
				require.NoError(t, json.Unmarshal(raw, &state))
				if len(test.hubs) == 0 {
					require.Equal(t, "failed", status)
					require.Equal(t, 401001, state.ErrorCode)
					require.Equal(t, "IoT hub not found", state.ErrorMessage)
					require.Empty(t, state.DeviceID+state.AssignedHub)
					require.JSONEq(t, string(raw), s.do(200, "GET", "/registrations/"+id, "").Body.String())
					continue
				}
				require.Equal(t, "assigned", status)
				found[state.AssignedHub]++
			}
			require.Len(t, found, len(test.hubs))
			for _, hub := range test.hubs {
				require.Greater(t, found[hub], devices/len(test.hubs)/3, "%v", found)
			}
		})
	}
}

func TestHashedDevicesStay(t *testing.T) {
	t.Parallel()
	hubs := []string{"a", "b", "c", "d"}
	moved := 0
	for i := range 1000 {
		id := fmt.Sprintf("dev-%d", i)
		before, after := hashed(hubs[:3], id), hashed(hubs, id)
		require.Equal(t, before, hashed([]string{"c", "a", "b"}, strings.ToUpper(id)), "order and case do not matter")
		if before != after {
			require.Equal(t, "d", after, "nobody moves but to the new hub")
			moved++
		}
	}
	require.InDelta(t, 250, moved, 80)
}

func TestFailedRegistrationKeepsTheDevice(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/own", withKeys("own", ""))
	s.assign("own", "", s.key("own", testKey))
	s.do(200, "PUT", "/enrollments/own", withKeys("own", `"iotHubHostName":"x.azure-devices.net"`), with("If-Match", "*"))
	status, _ := s.register("own", "", s.key("own", testKey))
	require.Equal(t, "failed", status)
	device, ok := s.handler.HubDevice("own")
	require.True(t, ok)
	require.Equal(t, DefaultHub, device.Hub)
}
