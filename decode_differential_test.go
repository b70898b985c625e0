package azdps

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var tolerant = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// The reference reads by the same tags with the mirror module, in the ways that the models need.
var reference = json.JoinOptions(tolerant, json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(referenceTime),
	json.UnmarshalFromFunc(referenceRaw),
	json.UnmarshalFromFunc(referenceTwin),
	json.UnmarshalFromFunc(referencePolicy),
)))

// rawMembers reads what referencePolicy needs.
var rawMembers = json.JoinOptions(tolerant, json.WithUnmarshalers(json.UnmarshalFromFunc(referenceRaw)))

func referenceTime(decoder *jsontext.Decoder, t *time.Time) error {
	token, err := decoder.ReadToken()
	switch {
	case err != nil:
		return err
	case token.Kind() == 'n':
		*t = time.Time{}
		return nil
	case token.Kind() != '"':
		return errors.New("no string")
	}
	*t, err = parseTime(token.String())
	return err
}

func referenceRaw(decoder *jsontext.Decoder, raw *stdjson.RawMessage) error {
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	if value.IsValid() {
		*raw = stdjson.RawMessage(bytes.Clone(value))
		return nil
	}
	mended, err := referenceAny(jsontext.NewDecoder(bytes.NewReader(value), tolerant))
	if err == nil {
		*raw, err = writeAny(mended)
	}
	return err
}

func referenceTwin(decoder *jsontext.Decoder, twin *TwinCollection) error {
	value, err := referenceAny(decoder)
	if err != nil {
		return err
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		return errors.New("no object")
	}
	*twin = object
	return nil
}

func referenceAny(decoder *jsontext.Decoder) (any, error) {
	if kind := decoder.PeekKind(); kind != '{' && kind != '[' {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		switch token.Kind() {
		case '"':
			return token.String(), nil
		case '0':
			return stdjson.Number(token.String()), nil
		case 't', 'f':
			return token.Bool(), nil
		}
		return nil, nil
	}
	opening, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	object, list := map[string]any{}, []any{}
	for kind := decoder.PeekKind(); kind != '}' && kind != ']'; kind = decoder.PeekKind() {
		var name string
		if opening.Kind() == '{' {
			token, err := decoder.ReadToken()
			if err != nil {
				return nil, err
			}
			name = token.String()
		}
		value, err := referenceAny(decoder)
		if err != nil {
			return nil, err
		}
		object[name], list = value, append(list, value)
	}
	closing, err := decoder.ReadToken()
	if closing.Kind() == '}' {
		return object, err
	}
	return list, err
}

func referencePolicy(decoder *jsontext.Decoder, policy *ReprovisionPolicy) error {
	var members struct {
		UpdateHubAssignment  *bool                         `json:"updateHubAssignment"`
		MigrateDeviceData    *bool                         `json:"migrateDeviceData"`
		AdditionalProperties map[string]stdjson.RawMessage `json:",embed,inline"`
	}
	if err := json.UnmarshalDecode(decoder, &members, rawMembers); err != nil {
		return err
	}
	*policy = ReprovisionPolicy{
		UpdateHubAssignment:  members.UpdateHubAssignment == nil || *members.UpdateHubAssignment,
		MigrateDeviceData:    members.MigrateDeviceData == nil || *members.MigrateDeviceData,
		AdditionalProperties: members.AdditionalProperties,
	}
	return nil
}

// decoded are the types that the client reads.
var decoded = []struct {
	name      string
	decode    func([]byte) (any, error)
	reference func([]byte) (any, error)
}{
	bothWays[IndividualEnrollment, enrollment]("enrollment"),
	bothWays[EnrollmentGroup, enrollmentGroup]("group"),
	bothWays[DeviceRegistrationState, registrationState]("state"),
	bothWays[AttestationMechanism, AttestationMechanism]("attestation mechanism"),
	bothWays[BulkOperationResult, BulkOperationResult]("bulk result"),
	bothWays[TwinCollection, TwinCollection]("twin"),
	{
		name:      "page",
		decode:    func(data []byte) (any, error) { return decodePage[IndividualEnrollment](data) },
		reference: func(data []byte) (any, error) { return referencePage(data) },
	},
}

// bothWays reads a T by decode and by the reference, which reads the type without methods.
func bothWays[T, Bare any](name string) (way struct {
	name      string
	decode    func([]byte) (any, error)
	reference func([]byte) (any, error)
}) {
	way.name = name
	way.decode = func(data []byte) (any, error) {
		value := new(T)
		err := decode(data, value)
		return *value, err
	}
	way.reference = func(data []byte) (any, error) {
		value := new(Bare)
		err := json.Unmarshal(data, value, reference)
		return reflect.ValueOf(*value).Convert(reflect.TypeFor[T]()).Interface(), err
	}
	return way
}

func referencePage(data []byte) ([]IndividualEnrollment, error) {
	var bare []enrollment
	err := json.Unmarshal(data, &bare, reference)
	if err == nil && bare == nil {
		err = errors.New("null is no page")
	}
	page := make([]IndividualEnrollment, len(bare))
	for i := range bare {
		page[i] = IndividualEnrollment(bare[i])
	}
	return page, err
}

// requireEquivalent reads data in both ways: both take it, and with the same result, or neither does.
func requireEquivalent(t *testing.T, data []byte) {
	t.Helper()
	requireEquivalentTypes(t, data, len(decoded))
}

// requireEquivalentTypes is for long tests, which leave out some types.
func requireEquivalentTypes(t *testing.T, data []byte, types int) {
	t.Helper()
	for _, way := range decoded[:types] {
		got, err := way.decode(data)
		want, wantError := way.reference(data)
		if wantError != nil {
			require.Error(t, err, "%s: the reference says: %v", way.name, wantError)
			continue
		}
		require.NoError(t, err, way.name)
		require.Equal(t, want, got, way.name)
	}
}

// fullRecord has each member of an enrollment, and unknown ones in each object.
const fullRecord = `{"registrationId":"a","deviceId":"b\u00e9\n","registrationState":{"registrationId":"a","createdDateTimeUtc":"2023-05-19T23:10:28.88Z",` +
	`"assignedHub":"h","deviceId":"d","status":"assigned","substatus":"initialAssignment","errorCode":-7,"errorMessage":"m",` +
	`"lastUpdatedDateTimeUtc":"2023-05-19T23:10:28","etag":"e","payload":[1.50,{"x":null}],"y":1},"optionalDeviceInformation":{"n":1e400,"l":[true,false,null,"s"]},` +
	`"attestation":{"type":"x509","tpm":{"endorsementKey":"k","storageRootKey":"s","y":1},"symmetricKey":{"primaryKey":"p","secondaryKey":"s","y":{}},` +
	`"x509":{"clientCertificates":{"primary":{"certificate":"c","info":{"subjectName":"s","sha1Thumbprint":"1","sha256Thumbprint":"2","issuerName":"i",` +
	`"notBeforeUtc":"2023-05-19T23:10:35Z","notAfterUtc":"","serialNumber":"n","version":3,"y":1},"y":1},"secondary":null,"y":1},` +
	`"signingCertificates":{},"caReferences":{"primary":"p","secondary":null,"y":1},"y":1},"y":1},"capabilities":{"iotEdge":true,"y":1},` +
	`"iotHubHostName":"h","initialTwin":{"tags":{"t":{"u":[]}},"properties":{"desired":{},"y":1},"y":1},"etag":"e","provisioningStatus":null,` +
	`"reprovisionPolicy":{"updateHubAssignment":false,"y":1},"createdDateTimeUtc":null,"lastUpdatedDateTimeUtc":"2023-05-19T23:10:28.1234567+02:00",` +
	`"allocationPolicy":"hashed","iotHubs":["a","b",null],"customAllocationDefinition":{"webhookUrl":"w","apiVersion":"v","y":1},"namespaceName":"n",` +
	`"certificateAuthorityName":"c","certificatePolicyName":"p","y":[ 1 , 2 ]}`

// TestDecodeIsThatOfTheReference takes odd and broken JSON of every kind.
func TestDecodeIsThatOfTheReference(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " ", "null", " null ", "nul", "nulll", "true", "false", "0", "{}", "[]", "[{}]", "[null]", "[{},]", "[,{}]", "[{}{}]", "{}{}", "{},", "{}\x00", "\ufeff{}",
		`{"registrationId":}`, `{"registrationId"}`, `{"registrationId" : "a" , }`, `{,}`, `{"a":1,,"b":2}`, `{a:1}`, `{'a':1}`, `{"registrationId":"a"`, `{"registrationId":"a`, `{"registrationId":"a\`,
		`{"registrationId":"a","registrationId":"b"}`, `{"initialTwin":{"tags":{"a":1}},"initialTwin":{"properties":{}}}`, `{"iotHubs":["a"],"iotHubs":["b","c"]}`,
		`{"REGISTRATIONID":"a"}`, `{"registrationId\u0000":"a"}`, `{"registr\u0061tionId":"a"}`, `{"":1}`, `{"iotHubs":{}}`, `{"iotHubs":[1]}`, `{"iotHubs":[[]]}`,
		`{"type":"tpm","tpm":[]}`, `{"errors":[{"errorCode":1},null,{}],"isSuccessful":1}`, `{"isSuccessful":null,"errors":null}`, `{"errors":[]}`,
		`{"reprovisionPolicy":null}`, `{"reprovisionPolicy":{}}`, `{"reprovisionPolicy":[]}`, `{"reprovisionPolicy":{"migrateDeviceData":null,"migrateDeviceData":false}}`,
		"{\"x\":\"\xff\"}", "{\"\xff\":1}", "{\"x\":\"\xed\xa0\x80\"}", "\xff", "{\"registrationId\":\"\xff\xfe\"}", "{\"x\":{\"\xff\":1,\"\xfe\":2}}",
	}
	for _, number := range []string{
		"0", "-0", "00", "01", "-", "-a", "+1", "1.", ".5", "1.5", "1e", "1e+", "1e5", "1E-5", "1.5e+05", "0x1", "1_0", "2147483647", "2147483648", "-2147483649",
		"99999999999999999999", "1e999999999", "NaN", "Infinity", "-Infinity", "1 2", strings.Repeat("9", 1000),
	} {
		texts = append(texts, `{"errorCode":`+number+`}`, `{"x":`+number+`}`, `{"optionalDeviceInformation":{"x":`+number+`}}`, number, "["+number+"]")
	}
	for _, text := range []string{
		`\u0041`, `\u00`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83dx`, `\ud83d\u0041`, `\x41`, `\u00zz`, `\"`, `\/`, `\\`, `\b\f\n\r\t`, `\a`, "\t", "\n", "\x00", "\x1f", "\x7f", "é", "\u2028", "😀", `\`,
	} {
		quoted := `"` + text + `"`
		texts = append(texts, quoted, `{"registrationId":`+quoted+`}`, `{"x":`+quoted+`}`, `{`+quoted+`:1}`, `{"tags":[`+quoted+`]}`, `{"allocationPolicy":`+quoted+`}`, `{"createdDateTimeUtc":`+quoted+`}`)
	}
	for _, date := range []string{"2023-05-19T23:10:35", "2023-05-19T23:10:35.123456789Z", "2023-05-19T23:10:35.1234567891Z", "2023-05-19t23:10:35z", "2023-05-19T23:10:35+24:00", "2023-02-30T00:00:00Z", "x"} {
		texts = append(texts, `{"createdDateTimeUtc":"`+date+`"}`)
	}
	for _, text := range texts {
		t.Run(fmt.Sprintf("%.60q", text), func(t *testing.T) {
			t.Parallel()
			requireEquivalent(t, []byte(text))
			requireEquivalent(t, []byte("["+text+"]"))
		})
	}
}

// TestDecodeOfParts cuts a full record at every byte, and takes every byte away.
func TestDecodeOfParts(t *testing.T) {
	t.Parallel()
	spaced := strings.NewReplacer(":", " :\t", ",", "\r\n,\n", "{", "{ ", "]", " ]").Replace(strings.ReplaceAll(fullRecord, "T23:10:", "T23@10@"))
	spaced = strings.ReplaceAll(strings.ReplaceAll(spaced, "T23@10@", "T23:10:"), "+02 :\t00", "+02:00")
	requireEquivalent(t, []byte(fullRecord))
	requireEquivalent(t, []byte(spaced))
	var whole IndividualEnrollment
	require.NoError(t, decode([]byte(spaced), &whole), "the test means to read it")
	for i := range len(fullRecord) {
		requireEquivalentTypes(t, []byte(fullRecord[:i]), 1)
		requireEquivalentTypes(t, []byte(fullRecord[:i]+fullRecord[i+1:]), 1)
	}
}

func TestDecodeOfDeepJSON(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{10, maxDepth - 2} {
		for _, frame := range []string{`{"x":%s}`, `{"optionalDeviceInformation":{"x":%s}}`} {
			text := fmt.Sprintf(frame, strings.Repeat("[", levels)+strings.Repeat("]", levels))
			requireEquivalentTypes(t, []byte(text), 1)
		}
	}
	for _, opening := range []string{"[", `{"a":`, `{"` + strings.Repeat("a", maxPointer) + `":`} {
		err := decode([]byte(strings.Repeat(opening, 20_000)), new(any))
		require.ErrorContains(t, err, "too many levels")
		assert.Less(t, len(err.Error()), 2*maxPointer)
	}
}

// TestDecodeErrors says where, and what.
func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"etag":1}]`:                 `unexpected number at "/0/etag", byte 9 of the JSON`,
		`[{},{"a":tru}]`:               `invalid JSON at "/1/a", byte 9 of the JSON`,
		`[{}] x`:                       `something follows the JSON at "", byte 5 of the JSON`,
		`{"a":1}`:                      `unexpected object at "", byte 0 of the JSON`,
		`<html>`:                       `invalid JSON at "", byte 0 of the JSON`,
		`[{"a/b~":[0,01]}]`:            `invalid JSON at "/0/a~1b~0", byte 13 of the JSON`,
		`[{"createdDateTimeUtc":"x"}]`: `no date at "/0/createdDateTimeUtc", byte 23 of the JSON`,
		`[{"iotHubs":["a",{}]}]`:       `unexpected object at "/0/iotHubs/1", byte 17 of the JSON`,
		`[{"registrationId":"a`:        `unexpected EOF`,
		`[{"registrationState":{"errorCode":1.5}}]`: `unexpected number at "/0/registrationState/errorCode", byte 35 of the JSON`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := decodePage[IndividualEnrollment]([]byte(text))
			assert.EqualError(t, err, want)
		})
	}
}

// FuzzDecode reads anything in both ways: whatever the bytes, both take them with the same result, or neither does.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(fullRecord))
	f.Add([]byte(`{"errors":[{"registrationId":"a","errorCode":409201,"errorStatus":"s"}],"isSuccessful":false}`))
	for name := range benchRecords() {
		data, err := os.ReadFile("testdata/bench/" + name + ".json")
		require.NoError(f, err)
		f.Add(data)
		f.Add([]byte("[" + string(data) + "," + string(data) + "]"))
	}
	f.Fuzz(func(t *testing.T, data []byte) { requireEquivalent(t, data) })
}
