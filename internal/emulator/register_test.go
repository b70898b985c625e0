package emulator

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const twin = `"initialTwin":{"tags":{"a":1},"properties":{"desired":{"n":123456789012345678}}}`

func TestAssignment(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/Own", withKeys("Own", `"deviceId":"The#Device","capabilities":{"iotEdge":true},`+twin))
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", twin))

	require.Equal(t, "The#Device", s.assign("own", "", s.key("own", testKey))["deviceId"])
	device, ok := s.handler.HubDevice("OWN")
	require.True(t, ok)
	initial := strings.TrimPrefix(twin, `"initialTwin":`)
	require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "The#Device", PrimaryKey: testKey, SecondaryKey: otherKey, IotEdge: true, Twin: []byte(initial)}, device)
	device.Twin[0] = 'x'
	device, _ = s.handler.HubDevice("own")
	require.Equal(t, initial, string(device.Twin), "the twin is the caller's own")

	s.assign("Dev-1", "", s.key("Dev-1", deriveKey(testKey, "Dev-1")))
	device, _ = s.handler.HubDevice("dev-1")
	require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "Dev-1",
		PrimaryKey: deriveKey(testKey, "Dev-1"), SecondaryKey: deriveKey(otherKey, "Dev-1"), Twin: []byte(initial)}, device)

	// The device id changes only once the registration is deleted.
	s.do(200, "PUT", "/enrollments/own", withKeys("own", `"deviceId":"another"`), with("If-Match", "*"))
	require.Equal(t, "The#Device", s.assign("own", "", s.key("own", testKey))["deviceId"])
	s.do(204, "DELETE", "/registrations/own", "")
	_, ok = s.handler.HubDevice("own")
	require.False(t, ok)
	state := s.assign("own", "", s.key("own", testKey))
	require.Equal(t, "another", state["deviceId"])
	require.Equal(t, "initialAssignment", state["substatus"])
	_, ok = s.handler.HubDevice("none")
	require.False(t, ok)
}

func TestDisabledEnrollments(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/own", withKeys("own", `"provisioningStatus":"disabled"`))
	s.do(200, "PUT", "/enrollments/null", withKeys("null", `"provisioningStatus":null`))
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", `"provisioningStatus":"disabled"`))

	for id, key := range map[string]string{"own": testKey, "dev-1": deriveKey(testKey, "dev-1")} {
		status, state := s.register(id, "", s.key(id, key))
		require.Equal(t, "disabled", status)
		require.Regexp(t, `^\{"registrationId":"`+id+`","createdDateTimeUtc":"[^"]+","status":"disabled","lastUpdatedDateTimeUtc":"[^"]+","etag":"[^"]+"\}$`, string(state))
		require.JSONEq(t, string(state), s.do(200, "GET", "/registrations/"+id, "").Body.String())
		_, ok := s.handler.HubDevice(id)
		require.False(t, ok)
	}
	ids, _ := s.pages("/registrations/g/query", 0)
	require.Equal(t, []string{"dev-1"}, ids)
	s.assign("null", "", s.key("null", testKey))
	s.fail(401002, "PUT", devicePath("own")+"/register", "", s.key("own", otherKey[:8]))

	// A device that is disabled later stays in its hub, and is not new there afterwards.
	s.do(200, "PUT", "/enrollments/null", withKeys("null", `"provisioningStatus":"disabled"`), with("If-Match", "*"))
	status, _ := s.register("null", "", s.key("null", testKey))
	require.Equal(t, "disabled", status)
	_, ok := s.handler.HubDevice("null")
	require.True(t, ok)
	s.do(200, "PUT", "/enrollments/null", withKeys("null", ""), with("If-Match", "*"))
	require.Equal(t, "reprovisionedToInitialAssignment", s.assign("null", "", s.key("null", testKey))["substatus"])
}

func TestReprovisioning(t *testing.T) {
	t.Parallel()
	const first, second = "first.azure-devices.net", "second.azure-devices.net"
	hub := func(name string) string { return `"allocationPolicy":"static","iotHubs":["` + name + `"]` }
	policy := func(update, migrate bool) string {
		return fmt.Sprintf(`,"reprovisionPolicy":{"updateHubAssignment":%t,"migrateDeviceData":%t}`, update, migrate)
	}
	const before, after = `,"initialTwin":{"tags":{"v":1}}`, `,"initialTwin":{"tags":{"v":2}}`
	for name, test := range map[string]struct {
		change         string
		hub, substatus string
		twin           string
	}{
		"same hub":           {hub(first), first, "reprovisionedToInitialAssignment", `{"tags":{"v":1}}`},
		"same hub, reset":    {hub(first) + policy(true, false), first, "reprovisionedToInitialAssignment", `{"tags":{"v":1}}`},
		"moved by default":   {hub(second), second, "deviceDataMigrated", `{"tags":{"v":1}}`},
		"moved with data":    {hub(second) + policy(true, true), second, "deviceDataMigrated", `{"tags":{"v":1}}`},
		"moved without data": {hub(second) + policy(true, false), second, "deviceDataReset", `{"tags":{"v":2}}`},
		"never":              {hub(second) + policy(false, false), first, "reprovisionedToInitialAssignment", `{"tags":{"v":1}}`},
		"never, but migrate": {hub(second) + policy(false, true), first, "reprovisionedToInitialAssignment", `{"tags":{"v":1}}`},
		"half a policy":      {hub(second) + `,"reprovisionPolicy":{"migrateDeviceData":false}`, second, "deviceDataReset", `{"tags":{"v":2}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t, func(c *Config) { c.Hubs = []string{first, second} })
			s.do(200, "PUT", "/enrollments/own", withKeys("own", hub(first)+before))
			old := s.assign("own", "", s.key("own", testKey))
			require.Equal(t, first, old["assignedHub"])
			require.Equal(t, "initialAssignment", old["substatus"])

			s.now = s.now.Add(time.Hour)
			s.do(200, "PUT", "/enrollments/own", strings.ReplaceAll(withKeys("own", test.change+after), otherKey, testKey), with("If-Match", "*"))
			state := s.assign("own", "", s.key("own", testKey))
			require.Equal(t, test.hub, state["assignedHub"])
			require.Equal(t, test.substatus, state["substatus"])
			require.Equal(t, old["createdDateTimeUtc"], state["createdDateTimeUtc"])
			require.Equal(t, "2023-11-14T23:13:20.1234567Z", state["lastUpdatedDateTimeUtc"])
			require.NotEqual(t, old["etag"], state["etag"])
			device, _ := s.handler.HubDevice("own")
			require.Equal(t, HubDevice{Hub: test.hub, DeviceID: "own", PrimaryKey: testKey, SecondaryKey: testKey, Twin: []byte(test.twin)}, device,
				"its keys are the enrollment's")

			s.version = "2019-03-31"
			want := strings.ReplaceAll(test.substatus, "reprovisionedToInitialAssignment", "initialAssignment")
			require.Equal(t, want, s.get("/registrations/own")["substatus"])
			require.Equal(t, want, s.get("/enrollments/own")["registrationState"].(map[string]any)["substatus"])
			require.Equal(t, want, object(t, s.do(200, "POST", devicePath("own"), "", s.key("own", testKey)))["substatus"])
		})
	}
}

func TestRegistrationsAndTheirEnrollments(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", ""))
	derived := deriveKey(testKey, "dev-1")
	s.assign("dev-1", "", s.key("dev-1", derived))
	s.do(204, "DELETE", "/enrollmentGroups/g", "")
	s.do(200, "GET", "/registrations/dev-1", "")
	s.fail(401002, "PUT", devicePath("dev-1")+"/register", "", s.key("dev-1", derived))

	// The device comes back through another enrollment: it leaves the group, and stays in its hub.
	s.do(200, "PUT", "/enrollments/dev-1", withKeys("dev-1", ""))
	require.Equal(t, "reprovisionedToInitialAssignment", s.assign("dev-1", "", s.key("dev-1", testKey))["substatus"])
	ids, _ := s.pages("/registrations/g/query", 0)
	require.Empty(t, ids)
	s.do(204, "DELETE", "/enrollments/dev-1", "")
	s.fail(404203, "GET", "/registrations/dev-1", "")
}

func TestRegistrationQuota(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.handler.store.quotas.registrations = 1
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", ""))
	for range 2 {
		s.assign("dev-1", "", s.key("dev-1", deriveKey(testKey, "dev-1")))
	}
	s.fail(403002, "PUT", devicePath("dev-2")+"/register", "", s.key("dev-2", deriveKey(testKey, "dev-2")))
	s.do(204, "DELETE", "/registrations/dev-1", "")
	s.assign("dev-2", "", s.key("dev-2", deriveKey(testKey, "dev-2")))
}

func TestRegistrationsAfterARestart(t *testing.T) {
	t.Parallel()
	s := newTester(t, func(c *Config) { c.Hubs = []string{"first.azure-devices.net"} })
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", twin))
	proof := s.key("dev-1", deriveKey(testKey, "dev-1"))
	operation := object(t, s.do(202, "PUT", devicePath("dev-1")+"/register", "", proof))["operationId"].(string)
	polled := s.do(200, "GET", devicePath("dev-1")+"/operations/"+operation, "", proof).Body.String()
	device, _ := s.handler.HubDevice("dev-1")

	restarted := newTester(t, func(c *Config) { c.Hubs = []string{"first.azure-devices.net", "second.azure-devices.net"} })
	restarted.load(strings.Split(s.dump(), "\n")...)
	require.Equal(t, s.dump(), restarted.dump())
	require.Equal(t, polled, restarted.do(200, "GET", devicePath("dev-1")+"/operations/"+operation, "", proof).Body.String())
	loaded, ok := restarted.handler.HubDevice("dev-1")
	require.True(t, ok)
	require.Equal(t, device, loaded)

	// A state that was loaded alone tells where the device is, so that it stays there.
	restarted.load(`{"registrationId":"dev-2","enrollmentGroupId":"g","assignedHub":"second.azure-devices.net","deviceId":"second","status":"assigned","substatus":"initialAssignment"}`)
	loaded, ok = restarted.handler.HubDevice("dev-2")
	require.True(t, ok)
	require.Equal(t, HubDevice{Hub: "second.azure-devices.net", DeviceID: "second"}, loaded)
	restarted.fail(404203, "GET", devicePath("dev-2")+"/operations/x", "", s.key("dev-2", deriveKey(testKey, "dev-2")))
	restarted.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", `"reprovisionPolicy":{"updateHubAssignment":false}`), with("If-Match", "*"))
	state := restarted.assign("dev-2", "", s.key("dev-2", deriveKey(testKey, "dev-2")))
	require.Equal(t, "second.azure-devices.net", state["assignedHub"])
	require.Equal(t, "second", state["deviceId"])
}

func TestDevicesRegisterAtOnce(t *testing.T) {
	t.Parallel()
	const devices, times = 4, 10
	s := newTester(t)
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", ""))
	var group sync.WaitGroup
	var accepted atomic.Int64
	for i := range devices * times {
		id := fmt.Sprintf("dev-%d", i%devices)
		request := s.request("PUT", devicePath(id)+"/register", "", s.key(id, deriveKey(testKey, id)))
		group.Go(func() {
			if send(s, request).Code == 202 {
				accepted.Add(1)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, devices*times, accepted.Load())
	require.EqualValues(t, 1+devices*times, s.handler.store.writes, "each registration is one write, the group was another")
	ids, _ := s.pages("/registrations/g/query", 0)
	require.Len(t, ids, devices)
	for _, id := range ids {
		require.Equal(t, "reprovisionedToInitialAssignment", s.get("/registrations/" + id)["substatus"], "only the first was the first")
	}
}
