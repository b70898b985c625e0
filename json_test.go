package azdps_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// The examples of the service's specification. All kinds of attestation appear at once, so they test JSON only.
const (
	jsonCertificate = `{"certificate":"gkozpt","info":{"subjectName":"qqjdjgrkiqvtnshkisozut","sha1Thumbprint":"fdmftjqllzvxcd",` +
		`"sha256Thumbprint":"ei","issuerName":"pkuinyhttjlozsbtvxuizzkjlakga","notBeforeUtc":"2025-10-01T17:42:04.76Z",` +
		`"notAfterUtc":"2025-10-01T17:42:04.76Z","serialNumber":"mzoidcxayenpgyrek","version":12}}`
	jsonCertificates = `{"primary":` + jsonCertificate + `,"secondary":` + jsonCertificate + `}`
	jsonAttestation  = `{"type":"none","symmetricKey":{"primaryKey":"tdoshkmlo","secondaryKey":"lmajoyzuojahffcmdlcwjhntqzyqzk"},` +
		`"tpm":{"endorsementKey":"naoofgjbxiulcitlysusxdvagyucgn","storageRootKey":"tdgkgcvptrsw"},` +
		`"x509":{"caReferences":{"primary":"efbkbboxkvrsdl","secondary":"vckhuzqgbcinighxwyuyd"},` +
		`"clientCertificates":` + jsonCertificates + `,"signingCertificates":` + jsonCertificates + `}}`
	jsonTwin  = `{"version":9,"count":16,"metadata":{"lastUpdated":"2025-10-01T17:42:04.76Z","lastUpdatedVersion":19},"key2428":{}}`
	jsonState = `{"registrationId":"czvnrxvbka","createdDateTimeUtc":"2025-10-01T17:42:04.759Z","assignedHub":"oasugtinnefgfklhldjhibq",` +
		`"deviceId":"ttnhaugyyh","status":"unassigned","substatus":"initialAssignment","errorCode":2,` +
		`"errorMessage":"ufqpjjmbiphiynoijjbocvl","lastUpdatedDateTimeUtc":"2025-10-01T17:42:04.759Z",` +
		`"etag":"ctquvtjyhnomcmtddscxwjk","payload":{}}`
	jsonCommon = `"capabilities":{"iotEdge":true},"iotHubHostName":"vtewercilhukfboi",` +
		`"initialTwin":{"tags":` + jsonTwin + `,"properties":{"desired":` + jsonTwin + `}},"etag":"ngtrmhcikthymtknva",` +
		`"provisioningStatus":"enabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true},` +
		`"createdDateTimeUtc":"2025-10-01T17:42:04.76Z","lastUpdatedDateTimeUtc":"2025-10-01T17:42:04.76Z",` +
		`"allocationPolicy":"hashed","iotHubs":["lwgwrfdherfrbowfdbrdhvnragwrs"],` +
		`"customAllocationDefinition":{"webhookUrl":"todqbubyxeumrtvhsscedwrkz","apiVersion":"gbannxdstouqrfonxdxfurv"},` +
		`"namespaceName":"mynamespace","certificateAuthorityName":"myCa","certificatePolicyName":"myPolicy"`
	jsonDevice = `"registrationId":"kz","deviceId":"wfgzhrgpvmwddrknnmcggbae","registrationState":` + jsonState +
		`,"optionalDeviceInformation":` + jsonTwin + `,`
	jsonEnrollment = `{` + jsonDevice + `"attestation":` + jsonAttestation + `,` + jsonCommon + `}`
	jsonGroup      = `{"enrollmentGroupId":"sfsevlobqfdnqmghunj","attestation":` + jsonAttestation + `,` + jsonCommon + `}`
)

// Answers of the live service, as recorded.
const (
	jsonRecordedKey = `{"registrationId":"device-4dfe3739","registrationState":{"registrationId":"device-4dfe3739","status":"unassigned"},` +
		`"optionalDeviceInformation":{"additionalProperties":{"hello":"world"}},"attestation":{"type":"symmetricKey"},` +
		`"initialTwin":{"properties":{"desired":{"key":"value"}}},` +
		`"etag":"IjBhMDBlZDQyLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWY4MDAwMCI=","provisioningStatus":"disabled",` +
		`"reprovisionPolicy":{"updateHubAssignment":false,"migrateDeviceData":true},` +
		`"createdDateTimeUtc":"2023-05-19T23:10:45.1256254Z","lastUpdatedDateTimeUtc":"2023-05-19T23:10:51.766621Z",` +
		`"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://www.test.test","apiVersion":"2019-03-31"}}`
	jsonRecordedGroup = `{"enrollmentGroupId":"group-1","attestation":{"type":"x509","x509":{"signingCertificates":{"primary":{"info":` +
		`{"subjectName":"CN=group","sha1Thumbprint":"AA","sha256Thumbprint":"BB","issuerName":"CN=group",` +
		`"notBeforeUtc":"2023-05-19T23:10:35Z","notAfterUtc":"2023-05-20T23:10:35Z","serialNumber":"1F","version":3}}}}},` +
		`"capabilities":{"iotEdge":false},"etag":"IjBhMDBiNzQyLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWY1MDAwMCI=","provisioningStatus":"enabled",` +
		`"createdDateTimeUtc":"2023-05-19T23:10:45.1256254Z","lastUpdatedDateTimeUtc":"2023-05-19T23:10:45.1256254Z","allocationPolicy":"static","iotHubs":[]}`
	jsonRecordedState = `{"registrationId":"device-4dfe3739","createdDateTimeUtc":"2023-05-19T23:10:28.8800437Z",` +
		`"assignedHub":"rk-cli-test-hub.azure-devices.net","deviceId":"device-4dfe3739","status":"assigned",` +
		`"substatus":"initialAssignment","lastUpdatedDateTimeUtc":"2023-05-19T23:10:29.1734179Z",` +
		`"etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="}`
)

// jsonReencode decodes a record by encoding/json and encodes it again.
func jsonReencode[T any](t *testing.T, data string) []byte {
	t.Helper()
	var record T
	require.NoError(t, json.Unmarshal([]byte(data), &record))
	return jsonEncode(t, record)
}

func jsonEncode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return data
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reencode func(*testing.T, string) []byte
		data     string
	}{
		"enrollment":                {jsonReencode[azdps.IndividualEnrollment], jsonEnrollment},
		"smallest enrollment":       {jsonReencode[azdps.IndividualEnrollment], `{"registrationId":"kz","attestation":{"type":"none"}}`},
		"recorded enrollment":       {jsonReencode[azdps.IndividualEnrollment], jsonRecordedKey},
		"pointer to an enrollment":  {jsonReencode[*azdps.IndividualEnrollment], jsonEnrollment},
		"list of enrollments":       {jsonReencode[[]azdps.IndividualEnrollment], `[` + jsonEnrollment + `,` + jsonRecordedKey + `]`},
		"enrollment in a map":       {jsonReencode[map[string]azdps.IndividualEnrollment], `{"a":` + jsonEnrollment + `}`},
		"enrollment of a response":  {jsonReencode[azdps.IndividualEnrollmentsClientGetResponse], jsonEnrollment},
		"group":                     {jsonReencode[azdps.EnrollmentGroup], jsonGroup},
		"smallest group":            {jsonReencode[azdps.EnrollmentGroup], `{"enrollmentGroupId":"g","attestation":{"type":"none"}}`},
		"recorded group":            {jsonReencode[azdps.EnrollmentGroup], jsonRecordedGroup},
		"list of groups":            {jsonReencode[[]azdps.EnrollmentGroup], `[` + jsonGroup + `]`},
		"group of a response":       {jsonReencode[azdps.EnrollmentGroupsClientGetResponse], jsonGroup},
		"registration state":        {jsonReencode[azdps.DeviceRegistrationState], jsonState},
		"recorded state":            {jsonReencode[azdps.DeviceRegistrationState], jsonRecordedState},
		"empty state":               {jsonReencode[azdps.DeviceRegistrationState], `{}`},
		"list of states":            {jsonReencode[[]azdps.DeviceRegistrationState], `[` + jsonState + `,{}]`},
		"state of a response":       {jsonReencode[azdps.DeviceRegistrationStatesClientGetResponse], jsonState},
		"payload that is no object": {jsonReencode[azdps.DeviceRegistrationState], `{"payload":[1.50,"a",null,123456789012345678]}`},
		"payload null":              {jsonReencode[azdps.DeviceRegistrationState], `{"payload":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jsonSame(t, test.data, test.reencode(t, test.data))
		})
	}
}

func TestJSONOfResponseIsThatOfRecord(t *testing.T) {
	t.Parallel()
	var enrollment azdps.IndividualEnrollment
	require.NoError(t, json.Unmarshal([]byte(jsonEnrollment), &enrollment))
	for _, response := range []any{
		azdps.IndividualEnrollmentsClientGetResponse{IndividualEnrollment: enrollment},
		&azdps.IndividualEnrollmentsClientCreateOrUpdateResponse{IndividualEnrollment: enrollment},
		azdps.IndividualEnrollmentsClientUpdateResponse{IndividualEnrollment: enrollment},
	} {
		assert.Equal(t, string(jsonEncode(t, enrollment)), string(jsonEncode(t, response)), "%T", response)
	}
	var group azdps.EnrollmentGroup
	require.NoError(t, json.Unmarshal([]byte(jsonGroup), &group))
	for _, response := range []any{
		azdps.EnrollmentGroupsClientGetResponse{EnrollmentGroup: group},
		&azdps.EnrollmentGroupsClientCreateOrUpdateResponse{EnrollmentGroup: group},
		azdps.EnrollmentGroupsClientUpdateResponse{EnrollmentGroup: group},
	} {
		assert.Equal(t, string(jsonEncode(t, group)), string(jsonEncode(t, response)), "%T", response)
	}
	var state azdps.DeviceRegistrationState
	require.NoError(t, json.Unmarshal([]byte(jsonState), &state))
	response := azdps.DeviceRegistrationStatesClientGetResponse{DeviceRegistrationState: state}
	assert.Equal(t, string(jsonEncode(t, state)), string(jsonEncode(t, response)))
}

// TestJSONIsDeterministic compares many encodings of one record, whose maps Go iterates in a random order.
func TestJSONIsDeterministic(t *testing.T) {
	t.Parallel()
	var members []string
	for i := range 30 {
		members = append(members, fmt.Sprintf(`"x%02d":{"b":%d,"a":[]}`, (i*7)%30, i))
	}
	unknown := strings.Join(members, ",")
	data := `{"registrationId":"a","attestation":{"type":"tpm",` + unknown + `},"initialTwin":{"tags":{` + unknown + `}},` + unknown + `}`
	want := string(jsonReencode[azdps.IndividualEnrollment](t, data))
	for range 20 {
		require.Equal(t, want, string(jsonReencode[azdps.IndividualEnrollment](t, data)))
	}
	assert.Less(t, strings.Index(want, `"x01"`), strings.Index(want, `"x02"`))
}

// TestJSONKeepsUnknownEnumValues reads values that a later version of the service may send.
func TestJSONKeepsUnknownEnumValues(t *testing.T) {
	t.Parallel()
	enrollment := `{"registrationId":"a","attestation":{"type":"passkey"},"provisioningStatus":"paused","allocationPolicy":"Hashed",` +
		`"registrationState":{"status":"thinking","substatus":"moved"}}`
	jsonSame(t, enrollment, jsonReencode[azdps.IndividualEnrollment](t, enrollment))
	var read azdps.IndividualEnrollment
	require.NoError(t, json.Unmarshal([]byte(enrollment), &read))
	assert.Equal(t, azdps.ProvisioningStatus("paused"), read.ProvisioningStatus)
	assert.Equal(t, azdps.AllocationPolicy("Hashed"), read.AllocationPolicy)
	assert.Equal(t, azdps.AttestationType("passkey"), read.Attestation.Type)
	assert.Equal(t, azdps.RegistrationStatus("thinking"), read.RegistrationState.Status)
	assert.Equal(t, azdps.RegistrationSubstatus("moved"), read.RegistrationState.Substatus)
}

func TestJSONTellsListsApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data, want string
		hubs       []string
	}{
		"absent":       {`{"registrationId":"a","attestation":{"type":"tpm"}}`, `{"registrationId":"a","attestation":{"type":"tpm"}}`, nil},
		"null":         {`{"registrationId":"a","attestation":{"type":"tpm"},"iotHubs":null}`, `{"registrationId":"a","attestation":{"type":"tpm"}}`, nil},
		"empty":        {`{"registrationId":"a","attestation":{"type":"tpm"},"iotHubs":[]}`, `{"registrationId":"a","attestation":{"type":"tpm"},"iotHubs":[]}`, []string{}},
		"in its order": {`{"registrationId":"a","attestation":{"type":"tpm"},"iotHubs":["b","a"]}`, `{"registrationId":"a","attestation":{"type":"tpm"},"iotHubs":["b","a"]}`, []string{"b", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var enrollment azdps.IndividualEnrollment
			require.NoError(t, json.Unmarshal([]byte(test.data), &enrollment))
			assert.Equal(t, test.hubs, enrollment.IoTHubs)
			jsonSame(t, test.want, jsonEncode(t, enrollment))
		})
	}
}

// TestJSONReadsDefaultsOfReprovisionPolicy holds for encoding/json of the policy alone, too.
func TestJSONReadsDefaultsOfReprovisionPolicy(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]azdps.ReprovisionPolicy{
		`{}`:                            {UpdateHubAssignment: true, MigrateDeviceData: true},
		`{"updateHubAssignment":null}`:  {UpdateHubAssignment: true, MigrateDeviceData: true},
		`{"updateHubAssignment":false}`: {MigrateDeviceData: true},
		`{"migrateDeviceData":false}`:   {UpdateHubAssignment: true},
		`{"migrateDeviceData":true}`:    {UpdateHubAssignment: true, MigrateDeviceData: true},
		`{"updateHubAssignment":false,"migrateDeviceData":false}`: {},
	} {
		t.Run(data, func(t *testing.T) {
			t.Parallel()
			var alone azdps.ReprovisionPolicy
			require.NoError(t, json.Unmarshal([]byte(data), &alone))
			assert.Equal(t, want, alone)
			var group azdps.EnrollmentGroup
			require.NoError(t, json.Unmarshal([]byte(`{"reprovisionPolicy":`+data+`}`), &group))
			require.NotNil(t, group.ReprovisionPolicy)
			assert.Equal(t, want, *group.ReprovisionPolicy)
			var again azdps.ReprovisionPolicy
			require.NoError(t, json.Unmarshal(jsonEncode(t, alone), &again))
			assert.Equal(t, want, again)
			both := fmt.Sprintf(`{"updateHubAssignment":%v,"migrateDeviceData":%v}`, want.UpdateHubAssignment, want.MigrateDeviceData)
			jsonSame(t, `{"enrollmentGroupId":"","attestation":{"type":""},"reprovisionPolicy":`+both+`}`, jsonEncode(t, group))
		})
	}
	const unknown = `{"updateHubAssignment":true,"migrateDeviceData":false,"more":{"a":[1]}}`
	var policy azdps.ReprovisionPolicy
	require.NoError(t, json.Unmarshal([]byte(unknown), &policy))
	jsonSame(t, unknown, jsonEncode(t, policy))
	var group azdps.EnrollmentGroup
	require.NoError(t, json.Unmarshal([]byte(`{"reprovisionPolicy":null}`), &group))
	assert.Nil(t, group.ReprovisionPolicy)
}
