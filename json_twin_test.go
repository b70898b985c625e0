package azdps_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// jsonInTwins puts one JSON object into each of the three twin collections of an enrollment.
func jsonInTwins(collection string) string {
	return `{"registrationId":"a","optionalDeviceInformation":` + collection + `,` +
		`"attestation":{"type":"symmetricKey"},` +
		`"initialTwin":{"tags":` + collection + `,"properties":{"desired":` + collection + `}}}`
}

// TestJSONTwinRoundTrip goes through encoding/json and through the client, for the collection alone and within a record.
func TestJSONTwinRoundTrip(t *testing.T) {
	t.Parallel()
	for name, collection := range map[string]string{
		"empty":              `{}`,
		"nested":             `{"a":{"b":[{"c":{}},[],[[null]]],"":""},"d":true,"e":false,"f":null}`,
		"18 digits":          `{"n":123456789012345678,"m":-987654321098765432}`,
		"30 digits":          `{"n":123456789012345678901234567890}`,
		"forms of a number":  `{"a":0,"b":-0,"c":1.0,"d":1.50,"e":1e3,"f":1E+3,"g":-2.5e-400,"h":0.1}`,
		"numbers in lists":   `{"a":[123456789012345678,[0.10]]}`,
		"texts of numbers":   `{"a":"123456789012345678","b":"1.0"}`,
		"HTML characters":    `{"<a>":"<b&c>'\"","u":"\u2028\u2029"}`,
		"escapes":            `{"a":"\t\n\\\"\u0000\u001f\u007f","\u00e9":"\ud83d\ude00"}`,
		"names of the twin":  `{"$version":1,"$metadata":{"$lastUpdated":"2025-10-01T17:42:04.76Z"}}`,
		"names of the model": `{"version":9,"count":16,"metadata":{"lastUpdated":"2025-10-01T17:42:04.7600Z"}}`,
		"recorded":           `{"additionalProperties":{"hello":"world"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jsonSame(t, collection, jsonReencode[azdps.TwinCollection](t, collection))
			record := jsonInTwins(collection)
			jsonSame(t, record, jsonReencode[azdps.IndividualEnrollment](t, record))
			client, transport := newStub(t, record)
			response, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.NoError(t, err)
			_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), response.IndividualEnrollment, nil)
			require.NoError(t, err)
			jsonSame(t, record, transport.last(t).body)
		})
	}
}

func TestJSONTwinReadsNumbersAsTheyAre(t *testing.T) {
	t.Parallel()
	var twin azdps.TwinCollection
	require.NoError(t, json.Unmarshal([]byte(`{"n":123456789012345678,"f":1.50,"l":[2],"o":{"m":3},"s":"4","t":true,"z":null}`), &twin))
	assert.Equal(t, azdps.TwinCollection{
		"n": json.Number("123456789012345678"), "f": json.Number("1.50"), "l": []any{json.Number("2")},
		"o": map[string]any{"m": json.Number("3")}, "s": "4", "t": true, "z": nil,
	}, twin)
}

// TestJSONTwinOfGoValues writes what callers put into a collection.
func TestJSONTwinOfGoValues(t *testing.T) {
	t.Parallel()
	twin := azdps.TwinCollection{
		"int64": int64(123456789012345678), "uint64": uint64(math.MaxUint64), "float": 0.5, "number": json.Number("1.50"),
		"struct": struct {
			A int `json:"a"`
		}{1},
		"collection": azdps.TwinCollection{"b": int8(2)}, "nil": azdps.TwinCollection(nil), "strings": []string{"<c>"},
		"raw": json.RawMessage(`{"d": 3.0}`),
	}
	const want = `{"int64":123456789012345678,"uint64":18446744073709551615,"float":0.5,"number":1.50,"struct":{"a":1},` +
		`"collection":{"b":2},"nil":null,"strings":["<c>"],"raw":{"d":3.0}}`
	jsonSame(t, want, jsonEncode(t, twin))
	enrollment := azdps.IndividualEnrollment{
		RegistrationID: "a", Attestation: azdps.AttestationMechanism{Type: azdps.AttestationTypeSymmetricKey},
		OptionalDeviceInformation: twin,
		InitialTwin:               &azdps.InitialTwin{Tags: twin, Properties: &azdps.InitialTwinProperties{Desired: twin}},
	}
	jsonSame(t, jsonInTwins(want), jsonEncode(t, enrollment))
	client, transport := newStub(t, `{}`)
	_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), enrollment, nil)
	require.NoError(t, err)
	jsonSame(t, jsonInTwins(want), transport.last(t).body)
	assert.Contains(t, string(transport.last(t).body), `"<c>"`, "the client escapes HTML characters")
}

func TestJSONTwinTellsNilFromEmpty(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ data, want string }{
		"null":    {`{"initialTwin":{"tags":null,"properties":{"desired":null}},"optionalDeviceInformation":null}`, `{"initialTwin":{"properties":{}}}`},
		"absent":  {`{"initialTwin":{}}`, `{"initialTwin":{}}`},
		"empty":   {`{"initialTwin":{"tags":{},"properties":{"desired":{}}},"optionalDeviceInformation":{}}`, `{"initialTwin":{"tags":{},"properties":{"desired":{}}},"optionalDeviceInformation":{}}`},
		"no twin": {`{"initialTwin":null}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := jsonValue(t, jsonReencode[azdps.IndividualEnrollment](t, test.data)).(map[string]any)
			delete(changed, "registrationId")
			delete(changed, "attestation")
			assert.Equal(t, jsonValue(t, []byte(test.want)), any(changed))
		})
	}
	assert.JSONEq(t, `null`, string(jsonEncode(t, azdps.TwinCollection(nil))))
	twin := azdps.TwinCollection{"a": 1}
	require.NoError(t, json.Unmarshal([]byte(`null`), &twin))
	assert.Nil(t, twin)
}

func TestJSONTwinIsAnObject(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`[]`, `"text"`, `1`, `true`} {
		t.Run(data, func(t *testing.T) {
			t.Parallel()
			var twin azdps.TwinCollection
			require.Error(t, json.Unmarshal([]byte(data), &twin))
			var enrollment azdps.IndividualEnrollment
			err := json.Unmarshal([]byte(jsonInTwins(data)), &enrollment)
			require.ErrorContains(t, err, `"/optionalDeviceInformation"`)
		})
	}
	for _, data := range []string{``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":[`, `{"a":[1`, `{"a":tru}`, `{"a" 1}`, `{1:2}`, `{"a":{"b":}}`} {
		t.Run("broken "+data, func(t *testing.T) {
			t.Parallel()
			var twin azdps.TwinCollection
			require.Error(t, twin.UnmarshalJSON([]byte(data)))
		})
	}
}

func TestJSONDates(t *testing.T) {
	t.Parallel()
	const second = "2023-05-19T23:10:35"
	for digits := range 10 {
		fraction := strings.TrimSuffix("."+"123456789"[:digits], ".")
		for _, zone := range []string{"Z", "", "+00:00"} {
			want := second + fraction + "Z"
			assert.Equal(t, want, jsonDateAfter(t, second+fraction+zone), "%d digits, zone %q", digits, zone)
		}
		assert.Equal(t, second+fraction+"+02:00", jsonDateAfter(t, second+fraction+"+02:00"), "%d digits", digits)
	}
	assert.Equal(t, second+".1Z", jsonDateAfter(t, second+".1000000Z"), "zeros at the end")
	assert.Equal(t, second+"Z", jsonDateAfter(t, second+".0000000Z"), "zeros alone")
	for _, none := range []string{`""`, `null`} {
		var state azdps.DeviceRegistrationState
		require.NoError(t, json.Unmarshal([]byte(`{"createdDateTimeUtc":`+none+`}`), &state))
		assert.Zero(t, state.CreatedDateTimeUTC, none)
	}
	for _, wrong := range []string{`"yesterday"`, `1684537835`, `true`, `{}`, `[]`, `"2023-05-19"`, `"2023-13-19T23:10:35Z"`, `"2023-05-19T23:10:35-24:00"`, `"2023-05-19T23:10:35+24:59"`} {
		var state azdps.DeviceRegistrationState
		err := json.Unmarshal([]byte(`{"createdDateTimeUtc":`+wrong+`}`), &state)
		require.ErrorContains(t, err, `"/createdDateTimeUtc"`, wrong)
		assert.NotContains(t, err.Error(), "invalid at", wrong)
	}
}

// jsonDateAfter reads a date in each of the places that have one and returns it as it is written again.
func jsonDateAfter(t *testing.T, date string) string {
	t.Helper()
	members := `"createdDateTimeUtc":"` + date + `","lastUpdatedDateTimeUtc":"` + date + `"`
	data := `{"registrationId":"a",` + members + `,"registrationState":{` + members + `},"attestation":{"type":"x509","x509":` +
		`{"clientCertificates":{"primary":{"info":{"notBeforeUtc":"` + date + `","notAfterUtc":"` + date + `"}}}}}}`
	var enrollment azdps.IndividualEnrollment
	require.NoError(t, json.Unmarshal([]byte(data), &enrollment))
	info := enrollment.Attestation.X509.ClientCertificates.Primary.Info
	written := func(member string) string {
		return jsonValue(t, jsonEncode(t, enrollment)).(map[string]any)[member].(string)
	}
	assert.Equal(t, enrollment.CreatedDateTimeUTC, enrollment.LastUpdatedDateTimeUTC)
	assert.Equal(t, enrollment.CreatedDateTimeUTC, enrollment.RegistrationState.CreatedDateTimeUTC)
	assert.Equal(t, enrollment.CreatedDateTimeUTC, info.NotBeforeUTC)
	assert.Equal(t, enrollment.CreatedDateTimeUTC, info.NotAfterUTC)
	return written("createdDateTimeUtc")
}

// TestJSONOfOtherWriters reads duplicate names, of which the last counts, and invalid UTF-8, and can write the record again.
func TestJSONOfOtherWriters(t *testing.T) {
	t.Parallel()
	const replaced = "\ufffd"
	for name, test := range map[string]struct{ member, want string }{
		"known name twice":                     {`"deviceId":"b","deviceId":"c"`, `"deviceId":"c"`},
		"unknown name twice":                   {`"x":1,"x":2`, `"x":2`},
		"name twice in an unknown member":      {`"x":[{"a":{"y":1},"a":123456789012345678}]`, `"x":[{"a":123456789012345678}]`},
		"name twice in a twin":                 {`"optionalDeviceInformation":{"a":1,"a":2}`, `"optionalDeviceInformation":{"a":2}`},
		"invalid UTF-8 in a known member":      {"\"deviceId\":\"b\xff\"", `"deviceId":"b` + replaced + `"`},
		"invalid UTF-8 in an unknown member":   {"\"x\":{\"a\xff\":\"b\xff\"}", `"x":{"a` + replaced + `":"b` + replaced + `"}`},
		"invalid UTF-8 in the name of one":     {"\"x\xff\":1", `"x` + replaced + `":1`},
		"invalid UTF-8 in a twin":              {"\"optionalDeviceInformation\":{\"a\":\"\xff\"}", `"optionalDeviceInformation":{"a":"` + replaced + `"}`},
		"half a surrogate in an unknown one":   {`"x":"\ud83d"`, `"x":"` + replaced + `"`},
		"space in an unknown member":           {`"x": { "a" : [ 1 , 2 ] } `, `"x":{"a":[1,2]}`},
		"digits beside what has to be changed": {`"x":{"a":1.50,"b":"\ud83d","c":"<&>"}`, `"x":{"a":1.50,"b":"` + replaced + `","c":"<&>"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const frame = `{"registrationId":"a","attestation":{"type":"symmetricKey"},`
			client, transport := newStub(t, frame+test.member+"}")
			record, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.NoError(t, err)
			_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), record.IndividualEnrollment, nil)
			require.NoError(t, err)
			jsonSame(t, frame+test.want+"}", transport.last(t).body)
		})
	}
}
