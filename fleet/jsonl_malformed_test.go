package fleet_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// TestMalformedJSONL reads what is no record, or has members of another type.
func TestMalformedJSONL(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", fleet.MaxRecordSize)
	for _, test := range []struct {
		file string
		want []string
	}{
		{`{"registrationId":"a"` + strings.Repeat(`,"attestation":{"type":1}`, 20_000) + "}", []string{ // once, and soon
			"fleet: line 1, column 500020: attestation.type: cannot be a number",
		}},
		{`{"deviceId":` + strings.Repeat(`{"attestation":`, 9000) + "1" + strings.Repeat("}", 9001), []string{ // not as deep as it goes
			"fleet: line 1, column 13: deviceId: cannot be an object",
		}},
		{"{", []string{
			"fleet: line 1, column 2: is not JSON: it ends too soon",
		}},
		{"{}", []string{
			"fleet: line 1: registrationId: is missing",
		}},
		{"nonsense", []string{
			"fleet: line 1, column 2: is not JSON",
		}},
		{`[{"registrationId":"a"}]`, []string{
			"fleet: line 1, column 1: must be a JSON object with one record, not an array",
		}},
		{"null", []string{
			"fleet: line 1, column 1: must be a JSON object with one record, not null",
		}},
		{"\"a\"", []string{
			"fleet: line 1, column 1: must be a JSON object with one record, not a string",
		}},
		{"7", []string{
			"fleet: line 1, column 1: must be a JSON object with one record, not a number",
		}},
		{"true", []string{
			"fleet: line 1, column 1: must be a JSON object with one record, not true or false",
		}},
		{`{"registrationId":"a"`, []string{
			"fleet: line 1, column 22: is not JSON: it ends too soon",
		}},
		{`{"registrationId":"a"} {"registrationId":"b"}`, []string{
			"fleet: line 1, column 24: is not JSON: something follows the first value",
		}},
		{`{"registrationId":"a",}`, []string{
			"fleet: line 1, column 23: is not JSON",
		}},
		{"{'registrationId':\"a\"}", []string{
			"fleet: line 1, column 2: is not JSON",
		}},
		{"{\"registrationId\":}", []string{
			"fleet: line 1, column 19: is not JSON",
		}},
		{`{"registrationId":"a","x":01}`, []string{
			"fleet: line 1, column 28: is not JSON",
		}},
		{"{\"registrationId\":\"a\",\"x\":\"\xff\"}", []string{
			"fleet: line 1, column 28: is not UTF-8",
		}},
		{"\xff\xfe{\x00}\x00", []string{
			"fleet: line 1, column 1: is not UTF-8",
		}},
		{"{\"registrationId\":\"a\",\"x\":\"\x01\"}", []string{
			"fleet: line 1, column 28: is not JSON",
		}},
		{`{"registrationId":"a","x":"\q"}`, []string{
			"fleet: line 1, column 28: is not JSON",
		}},
		{"{\"registrationId\":\"" + long + "\"}", []string{
			"fleet: line 1: the line has more than 1048576 bytes",
		}},
		{`{"enrollmentGroupId":"a"}`, []string{
			"fleet: line 1: registrationId: is missing; this is one of the enrollment groups, by its enrollmentGroupId",
		}},
		{`{"RegistrationId":"a"}`, []string{
			"fleet: line 1: registrationId: is missing",
		}},
		{"{\"registrationId\":null}", []string{
			"fleet: line 1, column 19: registrationId: is missing",
		}},
		{"{\"registrationId\":7}", []string{
			"fleet: line 1, column 19: registrationId: cannot be a number",
		}},
		{`{"registrationId":"a","attestation":"symmetricKey"}`, []string{
			"fleet: line 1, column 37: attestation: cannot be a string",
		}},
		{`{"registrationId":"a","attestation":{"type":7}}`, []string{
			"fleet: line 1, column 45: attestation.type: cannot be a number",
		}},
		{`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":["a"],"secondaryKey":{}}}}`, []string{
			"fleet: line 1, column 89: attestation.symmetricKey.primaryKey: cannot be an array",
			"fleet: line 1, column 110: attestation.symmetricKey.secondaryKey: cannot be an object",
		}},
		{`{"registrationId":"a","iotHubs":"hub"}`, []string{
			"fleet: line 1, column 33: iotHubs: cannot be a string",
		}},
		{`{"registrationId":"a","iotHubs":["hub",7]}`, []string{
			"fleet: line 1, column 33: iotHubs: has an element of the wrong type",
		}},
		{`{"registrationId":"a","capabilities":{"iotEdge":"yes"}}`, []string{
			"fleet: line 1, column 49: capabilities.iotEdge: cannot be a string",
		}},
		{`{"registrationId":"a","initialTwin":{"tags":[]}}`, []string{
			"fleet: line 1, column 45: initialTwin.tags: cannot be an array",
		}},
		{`{"registrationId":"a","initialTwin":{"properties":{"desired":"x"}}}`, []string{
			"fleet: line 1, column 62: initialTwin.properties.desired: cannot be a string",
		}},
		{`{"registrationId":"a","optionalDeviceInformation":3}`, []string{
			"fleet: line 1, column 51: optionalDeviceInformation: cannot be a number",
		}},
		{`{"registrationId":"a","createdDateTimeUtc":"yesterday"}`, []string{
			"fleet: line 1, column 44: createdDateTimeUtc: is not a date such as 2006-01-02T15:04:05Z",
		}},
		{`{"registrationId":"a","reprovisionPolicy":true}`, []string{
			"fleet: line 1, column 43: reprovisionPolicy: cannot be true or false",
		}},
		{`{"registrationId":"a","reprovisionPolicy":{"migrateDeviceData":"true"}}`, []string{
			"fleet: line 1, column 64: reprovisionPolicy.migrateDeviceData: cannot be a string",
		}},
		{`{"registrationId":"a","customAllocationDefinition":{"webhookUrl":false}}`, []string{
			"fleet: line 1, column 66: customAllocationDefinition.webhookUrl: cannot be true or false",
		}},
		{`{"registrationId":"a","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"version":1.5}}}}}}`, []string{
			"fleet: line 1, column 111: attestation.x509.clientCertificates.primary.info.version: is not a whole number of 32 bits",
		}},
		{"\n \n\r\n{\"deviceId\":7,\"registrationId\":\"a\",\n", []string{
			"fleet: line 4, column 36: is not JSON: it ends too soon",
		}},
		{"\ufeff{\"registrationId\":5}", []string{
			"fleet: line 1, column 19: registrationId: cannot be a number",
		}},
		{strings.Repeat("[", 20000), []string{
			"fleet: line 1, column 10001: is not JSON",
		}},
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, faults(fleet.CheckJSONL[azdps.IndividualEnrollment](strings.NewReader(test.file), "")), "%.200q", test.file)
			_, err := readFirst(fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(test.file)))
			require.EqualError(t, err, test.want[0])
		})
	}
}
