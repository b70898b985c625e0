package emulator

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMembersOnTheWire(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	sent := `{
		"allocationPolicy": "Custom", "attestation": {"tpm": {"endorsementKey": "a"}, "type": "tpm"},
		"customAllocationDefinition": {"apiVersion": "2019-03-31", "webhookUrl": "https://www.test.test?code=a&b=<c>"},
		"iotHubs": ["b.azure-devices.net", "a.azure-devices.net"], "capabilities": {"iotEdge": true},
		"initialTwin": {"properties": {"desired": {"n": 123456789012345678, "f": 1.50, "z": "<&>"}}, "tags": {"x": null}},
		"optionalDeviceInformation": {"additionalProperties": {"hello": "world"}}, "reprovisionPolicy": {"migrateDeviceData": false},
		"deviceId": "dev", "registrationId": "reg-1", "iotHubHostName": "hub", "provisioningStatus": "Disabled", "unknown": [1],
		"etag": "not an etag", "createdDateTimeUtc": 5, "registrationState": [], "lastUpdatedDateTimeUtc": "never"}`
	const want = `{"registrationId":"reg-1","deviceId":"dev",STATE"optionalDeviceInformation":{"additionalProperties":{"hello":"world"}},` +
		`"attestation":{"type":"tpm","tpm":{"endorsementKey":"a"}},"capabilities":{"iotEdge":true},"iotHubHostName":"hub",` +
		`"initialTwin":{"properties":{"desired":{"n":123456789012345678,"f":1.50,"z":"<&>"}},"tags":{"x":null}},"etag":"ETAG",` +
		`"provisioningStatus":"disabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":false},` +
		`"createdDateTimeUtc":"2023-11-14T22:13:20.1234567Z","lastUpdatedDateTimeUtc":"2023-11-14T22:13:20.1234567Z",` +
		`"allocationPolicy":"custom","iotHubs":["b.azure-devices.net","a.azure-devices.net"],` +
		`"customAllocationDefinition":{"webhookUrl":"https://www.test.test?code=a&b=<c>","apiVersion":"2019-03-31"}}`
	etags := regexp.MustCompile(`"etag":"[^"]{52}"`)
	expect := func(state, body string) {
		t.Helper()
		require.Equal(t, strings.Replace(want, "STATE", state, 1), etags.ReplaceAllString(body, `"etag":"ETAG"`))
	}
	expect("", s.do(200, "PUT", "/enrollments/reg-1", sent).Body.String())
	expect(`"registrationState":{"registrationId":"reg-1","status":"unassigned"},`, s.do(200, "GET", "/enrollments/reg-1", "").Body.String())
	page := s.do(200, "POST", "/enrollments/query", "").Body.String()
	expect("", page[1:len(page)-1])

	group := strings.Replace(sent, `{"tpm": {"endorsementKey": "a"}, "type": "tpm"}`, `{"type":"x509","x509":{"caReferences":{"primary":"ca"}}}`, 1)
	group = strings.Replace(group, `"registrationId"`, `"registrationId":"other","enrollmentGroupId"`, 1)
	got := object(t, s.do(200, "PUT", "/enrollmentGroups/reg-1", group))
	require.Equal(t, map[string]any{"type": "x509", "x509": map[string]any{"caReferences": map[string]any{"primary": "ca"}}}, got["attestation"])
	for _, member := range []string{"registrationId", "deviceId", "optionalDeviceInformation", "registrationState"} {
		require.NotContains(t, got, member)
		require.NotContains(t, s.get("/enrollmentGroups/reg-1"), member)
	}
}

func TestNulls(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	keys := func(w map[string]any) (names []string) {
		for name := range w {
			names = append(names, name)
		}
		return names
	}
	always := []string{"registrationId", "attestation", "etag", "provisioningStatus", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "allocationPolicy"}
	absent := object(t, s.do(200, "PUT", "/enrollments/a", symmetric("a")))
	require.ElementsMatch(t, always, keys(absent))
	require.Equal(t, "enabled", absent["provisioningStatus"])
	require.Equal(t, "hashed", absent["allocationPolicy"])

	null := object(t, s.do(200, "PUT", "/enrollments/b", `{"registrationId":"b","attestation":{"type":"symmetricKey","symmetricKey":null,"tpm":null,"x509":null},
		"deviceId":null,"capabilities":null,"reprovisionPolicy":null,"iotHubs":null,"iotHubHostName":null,"initialTwin":null,"provisioningStatus":null,
		"customAllocationDefinition":null,"optionalDeviceInformation":null,"allocationPolicy":null,"namespaceName":null,"etag":null,"registrationState":null}`))
	require.ElementsMatch(t, always, keys(null))
	require.Nil(t, null["provisioningStatus"])
	require.Equal(t, "hashed", null["allocationPolicy"])
	require.Contains(t, s.do(200, "GET", "/enrollments/b", "").Body.String(), `"provisioningStatus":null`)

	empty := object(t, s.do(200, "PUT", "/enrollments/c", `{"registrationId":"c","attestation":{"type":"symmetricKey"},"iotHubs":[],"initialTwin":{},"reprovisionPolicy":{},"capabilities":{}}`))
	require.Equal(t, []any{}, empty["iotHubs"])
	require.Equal(t, map[string]any{}, empty["initialTwin"])
	require.Equal(t, map[string]any{"updateHubAssignment": true, "migrateDeviceData": true}, empty["reprovisionPolicy"])
	require.Equal(t, map[string]any{"iotEdge": false}, empty["capabilities"])
}

func TestRefusedRecords(t *testing.T) {
	t.Parallel()
	const ok = `"attestation":{"type":"symmetricKey"}`
	for _, test := range []struct{ name, body, message string }{
		{"hubs without policy", ok + `,"iotHubs":["a"]`, "Enrollment allocationPolicy must be specified when iotHubs are specified."},
		{"hubs with null policy", ok + `,"iotHubs":["a"],"allocationPolicy":null`, "Enrollment allocationPolicy must be specified when iotHubs are specified."},
		{"unknown policy", ok + `,"allocationPolicy":"random"`, "allocationPolicy"},
		{"custom without definition", ok + `,"allocationPolicy":"custom"`, "customAllocationDefinition"},
		{"custom without webhook", ok + `,"allocationPolicy":"custom","customAllocationDefinition":{"apiVersion":"2019-03-31"}`, "webhookUrl"},
		{"custom without version", ok + `,"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://a"}`, "apiVersion"},
		{"unknown status", ok + `,"provisioningStatus":"paused"`, "provisioningStatus"},
		{"device id", ok + `,"deviceId":"a b"`, "DeviceId"},
		{"twin not an object", ok + `,"initialTwin":[]`, "initialTwin"},
		{"information not an object", ok + `,"optionalDeviceInformation":"x"`, "optionalDeviceInformation"},
		{"policy flag not a bool", ok + `,"reprovisionPolicy":{"migrateDeviceData":"yes"}`, "reprovisionPolicy"},
		{"no attestation", `"deviceId":"a"`, "TPM or X509 attestation is required."},
		{"null attestation", `"attestation":null`, "TPM or X509 attestation is required."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			require.Contains(t, s.fail(400004, "PUT", "/enrollments/a", `{"registrationId":"a",`+test.body+`}`), test.message)
			s.fail(404201, "GET", "/enrollments/a", "")
		})
	}
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/a", `{"registrationId":"a",`+ok+`,"allocationPolicy":"STATIC","iotHubs":["not-linked"]}`)
	require.Equal(t, "static", s.get("/enrollments/a")["allocationPolicy"])
}

func TestIDs(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	long := strings.Repeat("x", 128)
	for _, id := range []string{"a", "A-b._:c", "-a-", ".a", long} {
		s.do(200, "PUT", "/enrollments/"+id, symmetric(id))
		s.do(200, "PUT", "/enrollmentGroups/"+id, symmetricGroup(id))
	}
	for _, id := range []string{"a.", "a_", "a:", "a%20b", "a%2Fb", "%C3%A4", long + "x", "a+b"} {
		plain := strings.NewReplacer("%20", " ", "%2F", "/", "%C3%A4", "ä").Replace(id)
		require.Equal(t, "Invalid RegistrationId", s.fail(400004, "PUT", "/enrollments/"+id, symmetric(plain)))
		require.Equal(t, "Invalid EnrollmentGroupId", s.fail(400004, "PUT", "/enrollmentGroups/"+id, symmetricGroup(plain)))
		for _, request := range [][2]string{
			{"GET", "/enrollments/" + id}, {"DELETE", "/enrollments/" + id}, {"POST", "/enrollments/" + id + "/attestationmechanism"},
			{"GET", "/registrations/" + id}, {"DELETE", "/registrations/" + id}, {"POST", "/registrations/" + id + "/query"},
		} {
			s.fail(400004, request[0], request[1], "")
		}
	}
	require.Contains(t, s.fail(400004, "PUT", "/enrollments/b", symmetric("c")), "id in the body")
	require.Contains(t, s.fail(400004, "PUT", "/enrollments/b", `{"attestation":{"type":"symmetricKey"}}`), "id in the body")

	s.do(200, "PUT", "/enrollments/MixedCase", symmetric("MixedCase"))
	s.fail(409201, "PUT", "/enrollments/mixedcase", symmetric("MIXEDCASE"))
	updated := object(t, s.do(200, "PUT", "/enrollments/mixedcase", symmetric("MIXEDCASE"), with("If-Match", "*")))
	require.Equal(t, "MixedCase", updated["registrationId"])
	require.Equal(t, "MixedCase", s.get("/enrollments/mixedCASE")["registrationId"])
	s.do(204, "DELETE", "/enrollments/MIXEDCASE", "")
	s.fail(404201, "GET", "/enrollments/MixedCase", "")
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	other := base64.StdEncoding.EncodeToString([]byte(`"00000000-0000-0000-0000-000000000000"`))
	for _, kind := range []struct {
		path, body                string
		missing, exists, mismatch int
	}{
		{"/enrollments/a", symmetric("a"), 404201, 409201, 412001},
		{"/enrollmentGroups/a", symmetricGroup("a"), 404202, 409202, 412001},
	} {
		s := newTester(t)
		for _, value := range []string{"*", other, `"` + other + `"`} {
			s.fail(kind.missing, "PUT", kind.path, kind.body, with("If-Match", value))
			s.fail(kind.missing, "DELETE", kind.path, "", with("If-Match", value))
		}
		s.fail(kind.missing, "DELETE", kind.path, "")
		s.fail(kind.missing, "GET", kind.path, "")
		s.fail(kind.missing, "POST", kind.path+"/attestationmechanism", "")
		first := s.do(200, "PUT", kind.path, kind.body)
		s.fail(kind.exists, "PUT", kind.path, kind.body)
		s.fail(kind.exists, "PUT", kind.path, first.Body.String()) // the etag in it is no If-Match
		s.fail(kind.mismatch, "PUT", kind.path, kind.body, with("If-Match", other))
		s.fail(kind.mismatch, "DELETE", kind.path, "", with("If-Match", other))
		for _, value := range []string{"", `"`, `""`, "badetag", "W/" + other, other[:51], other + ", " + other, `"*"x`, "e30="} {
			require.Equal(t, "ETag is invalid", s.fail(400004, "PUT", kind.path, kind.body, with("If-Match", value)), "%s", value)
			require.Equal(t, "ETag is invalid", s.fail(400004, "DELETE", kind.path, "", with("If-Match", value)), "%s", value)
		}
		s.fail(400004, "DELETE", kind.path, "", with("If-Match", other, other))
		require.JSONEq(t, etagOf(t, first.Body.Bytes()), etagOf(t, s.do(200, "GET", kind.path, "").Body.Bytes()), "nothing was written")

		last := first.Body.Bytes()
		for _, quote := range []string{"", `"`} {
			s.now = s.now.Add(time.Second)
			current := strings.Trim(etagOf(t, last), `"`)
			next := s.do(200, "PUT", kind.path, kind.body, with("If-Match", quote+current+quote)).Body.Bytes()
			require.NotEqual(t, etagOf(t, last), etagOf(t, next))
			s.fail(kind.mismatch, "PUT", kind.path, kind.body, with("If-Match", current))
			last = next
		}
		s.do(200, "PUT", kind.path, kind.body, with("If-Match", "*"))
		current := s.get(kind.path)["etag"].(string)
		s.do(204, "DELETE", kind.path, "", with("If-Match", current))
		s.do(200, "PUT", kind.path, kind.body)
		s.do(204, "DELETE", kind.path, "", with("If-Match", "*"))
		s.do(200, "PUT", kind.path, kind.body)
		s.do(204, "DELETE", kind.path, "")
	}
}

// etagOf is the etag of a record in JSON.
func etagOf(t *testing.T, body []byte) string {
	t.Helper()
	var record struct{ ETag json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &record))
	return string(record.ETag)
}

func TestUpdateReplaces(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/a", `{"registrationId":"a","attestation":{"type":"tpm","tpm":{"endorsementKey":"ek","storageRootKey":""}},"deviceId":"d",
		"allocationPolicy":"static","iotHubs":["h"],"initialTwin":{"tags":{}}}`)
	s.now = s.now.Add(time.Hour)
	updated := object(t, s.do(200, "PUT", "/enrollments/a", symmetric("a"), with("If-Match", "*")))
	require.Equal(t, "2023-11-14T22:13:20.1234567Z", updated["createdDateTimeUtc"])
	require.Equal(t, "2023-11-14T23:13:20.1234567Z", updated["lastUpdatedDateTimeUtc"])
	for _, member := range []string{"deviceId", "iotHubs", "initialTwin"} {
		require.NotContains(t, updated, member)
	}
	require.Equal(t, "hashed", updated["allocationPolicy"])
	require.Equal(t, "symmetricKey", updated["attestation"].(map[string]any)["type"])
}

func TestETags(t *testing.T) {
	t.Parallel()
	e := newETag(0x01_0a00b742, ticksOf(time.Unix(0x646801f5, 0)))
	require.Equal(t, `"0a00b742-0000-0800-0000-646801f50001"`, e.quoted())
	require.Equal(t, uint64(0x01_0a00b742), e.number())
	require.Len(t, e.String(), 52)
	var read etag
	require.NoError(t, read.UnmarshalText([]byte(e.String())))
	require.Equal(t, e, read)
	recorded := "IjBhMDBiNzQyLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWY1MDAwMCI="
	require.NoError(t, read.UnmarshalText([]byte(recorded)))
	require.Equal(t, recorded, read.String())
	for _, text := range []string{"", "x", base64.StdEncoding.EncodeToString([]byte(`"a"`)), base64.StdEncoding.EncodeToString([]byte(strings.Repeat("g", 38)))} {
		require.ErrorIs(t, read.UnmarshalText([]byte(text)), errInvalidETag)
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		nanoseconds int64
		want        string
	}{
		{123456789, "2023-11-14T22:13:20.1234567Z"}, {686968000, "2023-11-14T22:13:20.686968Z"}, {99, "2023-11-14T22:13:20Z"}, {100, "2023-11-14T22:13:20.0000001Z"},
	} {
		text, err := ticksOf(time.Unix(1700000000, test.nanoseconds)).MarshalText()
		require.NoError(t, err)
		require.Equal(t, test.want, string(text))
		var read ticks
		require.NoError(t, read.UnmarshalText(text))
		require.Equal(t, ticksOf(time.Unix(1700000000, test.nanoseconds)), read)
	}
	require.Error(t, new(ticks).UnmarshalText([]byte("yesterday")))
	require.Equal(t, time.Unix(-1, 0).UTC(), ticksOf(time.Unix(-1, 0)).time())
}

func TestCertificatePolicies(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	const names = `,"namespaceName":"my-namespace","certificateAuthorityName":"myCa","certificatePolicyName":"0Policy"`
	body := strings.Replace(symmetric("a"), `,"attestation"`, names+`,"attestation"`, 1)
	require.NotContains(t, s.do(200, "PUT", "/enrollments/a", body).Body.String(), "namespaceName", "older versions ignore it")
	s.version = versionOfPolicies
	require.NotContains(t, s.do(200, "GET", "/enrollments/a", "").Body.String(), "namespaceName")
	require.Contains(t, s.do(200, "PUT", "/enrollments/a", body, with("If-Match", "*")).Body.String(), `{"registrationId":"a"`+names)
	require.Contains(t, s.do(200, "POST", "/enrollments/query", "").Body.String(), names)
	s.version = "2021-10-01"
	require.NotContains(t, s.do(200, "GET", "/enrollments/a", "").Body.String(), "certificate")
	s.version = versionOfPolicies
	require.Contains(t, s.do(200, "GET", "/enrollments/a", "").Body.String(), names)
	for _, bad := range []string{`"namespaceName":"Ab1"`, `"namespaceName":"ab"`, `"namespaceName":"abc-"`, `"certificateAuthorityName":"-ab"`, `"certificatePolicyName":"a_b"`} {
		s.fail(400004, "PUT", "/enrollments/b", strings.Replace(symmetric("b"), `"attestation"`, bad+`,"attestation"`, 1))
	}
}
