package azdps_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	mirror "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// fuzzedModels are the models that the first byte of the data chooses from.
var fuzzedModels = []reflect.Type{
	reflect.TypeFor[azdps.IndividualEnrollment](), reflect.TypeFor[azdps.EnrollmentGroup](), reflect.TypeFor[azdps.DeviceRegistrationState](),
	reflect.TypeFor[azdps.AttestationMechanism](), reflect.TypeFor[azdps.BulkOperationResult](), reflect.TypeFor[azdps.TwinCollection](),
}

// FuzzModels reads any bytes as one of the models, which the first byte chooses; the rest is JSON, or from 128 on the recipe of
// some (see fuzzedJSON).
//
//   - What encoding/json writes of a model is the tree that was read, member for member and digit for digit, at every level, but for
//     what modelTree says. What is read from that is written in the same bytes.
//   - The client reads the same from an answer as encoding/json does, alone and in a page.
//   - What the client sends of a record that it read is that tree, but for what sentTree says, to the path of its id.
func FuzzModels(f *testing.F) {
	for _, seed := range []string{
		"\x00" + jsonEnrollment, "\x01" + jsonGroup, "\x02" + jsonState, "\x03" + jsonAttestation, "\x05" + jsonTwin,
		"\x00" + jsonRecordedKey, "\x01" + jsonRecordedGroup, "\x02" + jsonRecordedState,
		"\x04" + `{"errors":[{"registrationId":"a","errorCode":409201,"errorStatus":"Exists","x":1}],"isSuccessful":false,"y":[2]}`,
		"\x00" + `{"registrationId":null,"attestation":null,"provisioningStatus":null,"capabilities":{},"reprovisionPolicy":{},"iotHubs":[],"x":null}`,
		"\x00" + `{"registrationId":"a","attestation":{"type":"symmetricKey"},"x":1,"x":{"y":2,"y":3},"deviceId":"` + "\xff" + `\ud800"}`,
		"\x00" + `{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{}},"n":[1e400,-0,1.50,123456789012345678901]}`,
		"\x02" + `{"createdDateTimeUtc":"2023-05-19T23:10:35","lastUpdatedDateTimeUtc":"0000-01-01T00:00:00+23:59","payload":null}`,
		"\x00" + `{"registrationId":"a","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"MAA=","info":{"subjectName":"a"}},` +
			`"secondary":{"info":{"version":3}}},"caReferences":{"primary":""}}},"etag":"b","createdDateTimeUtc":"2023-05-19T23:10:35Z","registrationState":{}}`,
		"\x01{\"x\":{\"a\xff\":\"b\xff\"},\"y\":[\"\\ud800\",1.50],\"attestation\":{\"z\xff\":1}}", "\x05{\"a\xff\":[\"\xff\",{}]}",
		"\x00", "\x01null", "\x02[]", "\x03{", "\x04\"\"", "\x05" + `{"a":{"b":[[],{}]}}`,
	} {
		f.Add([]byte(seed))
	}
	for i := range 24 {
		recipe := []byte{byte(128 + i)}
		for j := range 40 + 10*i {
			recipe = append(recipe, byte(j*(2*i+3)))
		}
		f.Add(recipe)
	}
	stub := &stubTransport{status: http.StatusOK}
	m := &modelFuzz{transport: stub, client: newStubClient(f, stub)} // one for all, which saves most of the time
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		model, text := int(data[0])%128%len(fuzzedModels), data[1:]
		if data[0] >= 128 {
			text = fuzzedJSON(fuzzedModels[model], text)
		} else if mayMerge(text) {
			return
		}
		switch model {
		case 0:
			modelRoundTrip[azdps.IndividualEnrollment](t, text)
			m.enrollment(t, text)
		case 1:
			modelRoundTrip[azdps.EnrollmentGroup](t, text)
			m.group(t, text)
		case 2:
			modelRoundTrip[azdps.DeviceRegistrationState](t, text)
			m.state(t, text)
		case 3:
			m.mechanism(t, text)
		case 4:
			m.bulkResult(t, text)
		case 5:
			modelRoundTrip[azdps.TwinCollection](t, text)
		}
	})
}

// mayMerge tells JSON in which an object may be there twice. The module for JSON merges the members of the two, which is as good as
// taking the last: no writer does that.
func mayMerge(text []byte) bool {
	decoder := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true))
	_, err := decoder.ReadValue()
	return errors.Is(err, jsontext.ErrDuplicateName)
}

// modelRoundTrip decodes, encodes and decodes.
func modelRoundTrip[T any](t *testing.T, text []byte) {
	t.Helper()
	var first, second T
	if json.Unmarshal(text, &first) != nil {
		return
	}
	written, err := json.Marshal(first)
	require.NoError(t, err, "what can be read can be written")
	require.Equal(t, modelTree(reflect.TypeFor[T](), jsonValue(t, text)), jsonValue(t, written))
	require.NoError(t, json.Unmarshal(written, &second))
	again, err := json.Marshal(second)
	require.NoError(t, err)
	require.Equal(t, string(written), string(again))
}

// modelFuzz is a client and the transport that answers it.
type modelFuzz struct {
	transport *stubTransport
	client    *azdps.DeviceProvisioningClient
}

// answer makes the answer of all requests from now on.
func (m *modelFuzz) answer(text []byte) *azdps.DeviceProvisioningClient {
	m.transport.answer, m.transport.requests = string(text), nil
	return m.client
}

// page answers with two of the same.
func (m *modelFuzz) page(text []byte) *azdps.DeviceProvisioningClient {
	return m.answer(fmt.Appendf(nil, "[%s,%s]", text, text))
}

func (m *modelFuzz) enrollment(t *testing.T, text []byte) {
	var want azdps.IndividualEnrollment
	wantErr := json.Unmarshal(text, &want)
	got, err := m.answer(text).IndividualEnrollments().Get(t.Context(), idOf(want.RegistrationID, wantErr), nil)
	requireReads(t, text, wantErr, want, err, got.IndividualEnrollment)
	if wantErr != nil {
		return
	}
	items, err := m.page(text).IndividualEnrollments().NewQueryPager(nil).NextPage(t.Context())
	requireReads(t, text, nil, []azdps.IndividualEnrollment{want, want}, err, items.Items)
	if _, err := m.answer([]byte("{}")).IndividualEnrollments().CreateOrUpdate(t.Context(), want, nil); err == nil {
		m.requireSent(t, "/enrollments/"+want.RegistrationID, reflect.TypeFor[azdps.IndividualEnrollment](), text)
	}
}

func (m *modelFuzz) group(t *testing.T, text []byte) {
	var want azdps.EnrollmentGroup
	wantErr := json.Unmarshal(text, &want)
	got, err := m.answer(text).EnrollmentGroups().Get(t.Context(), idOf(want.EnrollmentGroupID, wantErr), nil)
	requireReads(t, text, wantErr, want, err, got.EnrollmentGroup)
	if wantErr != nil {
		return
	}
	items, err := m.page(text).EnrollmentGroups().NewQueryPager(nil).NextPage(t.Context())
	requireReads(t, text, nil, []azdps.EnrollmentGroup{want, want}, err, items.Items)
	if _, err := m.answer([]byte("{}")).EnrollmentGroups().CreateOrUpdate(t.Context(), want, nil); err == nil {
		m.requireSent(t, "/enrollmentGroups/"+want.EnrollmentGroupID, reflect.TypeFor[azdps.EnrollmentGroup](), text)
	}
}

func (m *modelFuzz) state(t *testing.T, text []byte) {
	var want azdps.DeviceRegistrationState
	wantErr := json.Unmarshal(text, &want)
	got, err := m.answer(text).DeviceRegistrationStates().Get(t.Context(), idOf(want.RegistrationID, wantErr), nil)
	requireReads(t, text, wantErr, want, err, got.DeviceRegistrationState)
	if wantErr != nil {
		return
	}
	items, err := m.page(text).DeviceRegistrationStates().NewQueryPager("a", nil).NextPage(t.Context())
	requireReads(t, text, nil, []azdps.DeviceRegistrationState{want, want}, err, items.Items)
}

// mechanism reads an attestation alone, and as a part of a record.
func (m *modelFuzz) mechanism(t *testing.T, text []byte) {
	got, err := m.answer(text).EnrollmentGroups().GetAttestationMechanism(t.Context(), "a", nil)
	if err != nil {
		return
	}
	written, err := json.Marshal(azdps.EnrollmentGroup{Attestation: got.AttestationMechanism})
	require.NoError(t, err)
	want := modelTree(reflect.TypeFor[azdps.AttestationMechanism](), leniently(t, text))
	require.Equal(t, map[string]any{"enrollmentGroupId": "", "attestation": want}, jsonValue(t, written))
	var again azdps.EnrollmentGroup
	require.NoError(t, json.Unmarshal(written, &again))
	second, err := json.Marshal(again)
	require.NoError(t, err)
	require.Equal(t, string(written), string(second))
}

// bulkResult reads the answer to a bulk operation, which is written by the module that reads it: encoding/json would not write
// its unknown members.
func (m *modelFuzz) bulkResult(t *testing.T, text []byte) {
	items := []azdps.EnrollmentGroup{newGroup("a")}
	got, err := m.answer(text).EnrollmentGroups().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate, items, nil)
	if _, refused := errors.AsType[*azdps.BulkOperationError](err); err != nil && !refused {
		return
	}
	require.Equal(t, got.IsSuccessful && len(got.Errors) == 0, err == nil, "a refused item does not pass as a success")
	written, err := mirror.Marshal(got.BulkOperationResult)
	require.NoError(t, err)
	require.Equal(t, modelTree(reflect.TypeFor[azdps.BulkOperationResult](), leniently(t, text)), jsonValue(t, written))
}

// noID is the error of an id with which nothing can be asked for.
var noID = regexp.MustCompile(`^azdps: (registrationID|enrollmentGroupID): `)

// idOf is the id to ask for a record with.
func idOf(id string, err error) string {
	if err != nil {
		return "a"
	}
	return id
}

// requireReads compares what the client read with what encoding/json did. The client also takes a byte order mark, and refuses null.
func requireReads(t *testing.T, text []byte, wantErr error, want any, err error, got any) {
	t.Helper()
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return
	}
	if string(bytes.TrimSpace(text)) == "null" { // no record, but an item of a page
		return
	}
	if err != nil && wantErr == nil && noID.MatchString(err.Error()) {
		return
	}
	require.Equal(t, wantErr == nil, err == nil, "encoding/json: %v, the client: %v", wantErr, err)
	if err == nil {
		require.Equal(t, want, got)
	}
}

// requireSent looks at the record that was sent last.
func (m *modelFuzz) requireSent(t *testing.T, path string, model reflect.Type, text []byte) {
	t.Helper()
	sent := m.transport.last(t)
	require.Equal(t, http.MethodPut, sent.method)
	require.Equal(t, path, sent.url.EscapedPath())
	want := modelTree(model, jsonValue(t, text))
	require.Equal(t, sentTree(want.(map[string]any)), jsonValue(t, sent.body))
}

// leniently reads JSON as the client does, which takes a byte order mark.
func leniently(t *testing.T, text []byte) any {
	t.Helper()
	return jsonValue(t, bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
}

// modelTree is the tree that is written of one that was read into a model: all members are kept, known or not, but for these.
//
//   - A known member that is null, or has the zero value of an optional one, is absent; one that is always written has its zero
//     value if it was absent or null. The members of a ReprovisionPolicy have true then.
//   - A number of 32 bits and a date are written in one form.
func modelTree(model reflect.Type, tree any) any {
	switch {
	case model == reflect.TypeFor[time.Time]():
		return dateTree(tree)
	case model == reflect.TypeFor[json.RawMessage](), model == reflect.TypeFor[azdps.TwinCollection]():
		return tree
	case model.Kind() == reflect.Pointer:
		return modelTree(model.Elem(), tree)
	case model.Kind() == reflect.Slice:
		list := []any{}
		elements, _ := tree.([]any)
		for _, element := range elements {
			list = append(list, modelTree(model.Elem(), element))
		}
		return list
	case model.Kind() == reflect.Struct:
		return objectTree(model, tree)
	case model.Kind() == reflect.Int32 && tree != nil:
		number, _ := strconv.ParseInt(string(tree.(json.Number)), 10, 32)
		return json.Number(strconv.FormatInt(number, 10))
	case tree != nil:
		return tree
	}
	return map[reflect.Kind]any{reflect.String: "", reflect.Bool: false, reflect.Int32: json.Number("0")}[model.Kind()]
}

func objectTree(model reflect.Type, tree any) any {
	object := make(map[string]any)
	members, _ := tree.(map[string]any)
	maps.Copy(object, members)
	for field := range model.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		field, value := field.Type, members[name]
		delete(object, name)
		_, present := members[name]
		_, isPolicy := reflect.TypeAssert[*azdps.ReprovisionPolicy](reflect.New(model))
		optional := options == "omitzero"
		switch written := modelTree(field, value); {
		case isPolicy && value == nil:
			object[name] = true
		case field == reflect.TypeFor[json.RawMessage]() && present:
			object[name] = value // null is a payload, too
		case optional && (value == nil || field.Kind() == reflect.String && written == "" ||
			field.Kind() == reflect.Int32 && written == json.Number("0") || field == reflect.TypeFor[time.Time]() && written == nil):
		default:
			object[name] = written
		}
	}
	return object
}

// dateTree is a date as it is written, or nil for none.
func dateTree(tree any) any {
	text, _ := tree.(string)
	date, err := time.Parse(time.RFC3339, text)
	if err != nil {
		date, _ = time.Parse("2006-01-02T15:04:05", text)
	}
	if date.IsZero() {
		return nil
	}
	return date.Format(time.RFC3339Nano)
}

// sentTree is what of a record is sent: not what only the service writes, nor a reference to nothing, nor the info beside a
// certificate.
func sentTree(record map[string]any) map[string]any {
	for _, name := range []string{"etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
		delete(record, name)
	}
	if record["enrollmentGroupId"] == nil {
		delete(record, "registrationState")
	}
	x509, _ := record["attestation"].(map[string]any)["x509"].(map[string]any)
	if references, ok := x509["caReferences"].(map[string]any); ok && (len(references) == 0 || len(references) == 1 && references["primary"] == "") {
		delete(x509, "caReferences")
	}
	for _, kind := range []string{"clientCertificates", "signingCertificates"} {
		certificates, _ := x509[kind].(map[string]any)
		for _, place := range []string{"primary", "secondary"} {
			if certificate, _ := certificates[place].(map[string]any); certificate["certificate"] != nil {
				delete(certificate, "info")
			}
		}
	}
	return record
}
