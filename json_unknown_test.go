package azdps_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mirror "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// jsonUnknown is a member that no version knows; each of its digits and characters must survive.
const jsonUnknown = `{"deep":{"n":123456789012345678901,"f":1.50,"e":-1E+400},"html":"<a&b>\u2028","list":[null,true,[]],"":0}`

// jsonPath is a way through JSON by the names of members; "0" is the first item of a list.
type jsonPath []string

func (p jsonPath) String() string { return "/" + strings.Join(p, "/") }

// jsonObjects returns the ways to all objects within the JSON of a type, which are the places that may get unknown members.
// It requires each of their types to have a field for them.
func jsonObjects(t *testing.T, goType reflect.Type) []jsonPath {
	t.Helper()
	var paths []jsonPath
	jsonWalk(goType, nil, func(object reflect.Type, path jsonPath) {
		field, ok := object.FieldByName("AdditionalProperties")
		require.True(t, ok, "%v has no AdditionalProperties", object)
		require.Equal(t, reflect.StructTag(`json:",embed,inline"`), field.Tag, "%v", object)
		paths = append(paths, path)
	})
	return paths
}

// jsonMembers returns the ways to all members of all objects within the JSON of a type.
func jsonMembers(goType reflect.Type) []jsonPath {
	var paths []jsonPath
	jsonWalk(goType, nil, func(object reflect.Type, path jsonPath) {
		for field := range object.Fields() {
			if name := jsonName(field); name != "" {
				paths = append(paths, slices.Concat(path, jsonPath{name}))
			}
		}
	})
	return paths
}

// jsonWalk visits the struct types that make the objects of the JSON of a type.
func jsonWalk(goType reflect.Type, path jsonPath, visit func(reflect.Type, jsonPath)) {
	switch {
	case goType.Kind() == reflect.Pointer:
		jsonWalk(goType.Elem(), path, visit)
	case goType.Kind() == reflect.Slice:
		jsonWalk(goType.Elem(), slices.Concat(path, jsonPath{"0"}), visit)
	case goType.Kind() == reflect.Struct && goType != reflect.TypeFor[time.Time]():
		visit(goType, path)
		for field := range goType.Fields() {
			if name := jsonName(field); name != "" {
				jsonWalk(field.Type, slices.Concat(path, jsonPath{name}), visit)
			}
		}
	}
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// jsonSet decodes JSON and sets one member, which the path ends with; it reports false if the object for it is not there.
func jsonSet(t *testing.T, data string, path jsonPath, value any) (any, bool) {
	t.Helper()
	root := jsonValue(t, []byte(data))
	parent := jsonFollow(root, path[:len(path)-1])
	if parent == nil {
		return root, false
	}
	parent[path[len(path)-1]] = value
	return root, true
}

// jsonFollow returns the object at the end of a path, or nil.
func jsonFollow(value any, path jsonPath) map[string]any {
	for _, name := range path {
		switch container := value.(type) {
		case []any:
			value = container[0]
		case map[string]any:
			value = container[name]
		}
	}
	object, _ := value.(map[string]any)
	return object
}

// jsonWithUnknown returns JSON with an unknown member in the object at path.
func jsonWithUnknown(t *testing.T, data string, path jsonPath) (string, bool) {
	t.Helper()
	member := slices.Concat(path, jsonPath{"xUnknown"})
	changed, ok := jsonSet(t, data, member, jsonValue(t, []byte(jsonUnknown)))
	return string(jsonEncode(t, changed)), ok
}

// testUnknownMembers puts an unknown member into each object of a full record in turn, changes another member and looks
// whether it is still there.
func testUnknownMembers[T any](t *testing.T, full string, change func(*T), changedMember string) {
	for _, path := range jsonObjects(t, reflect.TypeFor[T]()) {
		t.Run(path.String(), func(t *testing.T) {
			t.Parallel()
			data, ok := jsonWithUnknown(t, full, path)
			require.True(t, ok, "the full record has no object there")
			var record T
			require.NoError(t, json.Unmarshal([]byte(data), &record))
			change(&record)
			want, _ := jsonSet(t, data, jsonPath{changedMember}, "changed")
			jsonSame(t, string(jsonEncode(t, want)), jsonEncode(t, record))
		})
	}
}

func TestJSONKeepsUnknownMembers(t *testing.T) {
	t.Parallel()
	t.Run("IndividualEnrollment", func(t *testing.T) {
		t.Parallel()
		testUnknownMembers(t, jsonEnrollment, func(e *azdps.IndividualEnrollment) { e.DeviceID = "changed" }, "deviceId")
	})
	t.Run("EnrollmentGroup", func(t *testing.T) {
		t.Parallel()
		testUnknownMembers(t, jsonGroup, func(g *azdps.EnrollmentGroup) { g.IoTHubHostName = "changed" }, "iotHubHostName")
	})
	t.Run("DeviceRegistrationState", func(t *testing.T) {
		t.Parallel()
		testUnknownMembers(t, jsonState, func(s *azdps.DeviceRegistrationState) { s.DeviceID = "changed" }, "deviceId")
	})
}

// TestJSONUnknownMembersOfMechanism reads by the client, since the type has no methods for encoding/json. It is written as
// the client would write it.
func TestJSONUnknownMembersOfMechanism(t *testing.T) {
	t.Parallel()
	for _, path := range jsonObjects(t, reflect.TypeFor[azdps.AttestationMechanism]()) {
		t.Run(path.String(), func(t *testing.T) {
			t.Parallel()
			data, ok := jsonWithUnknown(t, jsonAttestation, path)
			require.True(t, ok)
			client, _ := newStub(t, data)
			enrollment, err := client.IndividualEnrollments().GetAttestationMechanism(t.Context(), "a", nil)
			require.NoError(t, err)
			written, err := mirror.Marshal(enrollment.AttestationMechanism)
			require.NoError(t, err)
			jsonSame(t, data, written)
			group, err := client.EnrollmentGroups().GetAttestationMechanism(t.Context(), "a", nil)
			require.NoError(t, err)
			assert.Equal(t, enrollment.AttestationMechanism, group.AttestationMechanism)
		})
	}
}

func TestJSONUnknownMembersOfBulkResult(t *testing.T) {
	t.Parallel()
	const full = `{"errors":[{"registrationId":"a","enrollmentGroupId":"b","errorCode":29,"errorStatus":"xuopzrtp"}],"isSuccessful":true}`
	for _, path := range jsonObjects(t, reflect.TypeFor[azdps.BulkOperationResult]()) {
		t.Run(path.String(), func(t *testing.T) {
			t.Parallel()
			data, ok := jsonWithUnknown(t, full, path)
			require.True(t, ok)
			client, _ := newStub(t, data)
			items := []azdps.IndividualEnrollment{{RegistrationID: "a"}}
			result, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete, items, nil)
			var failure *azdps.BulkOperationError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, result.Errors, failure.Failures)
			written, err := mirror.Marshal(result.BulkOperationResult)
			require.NoError(t, err)
			jsonSame(t, data, written)
		})
	}
}

// testNulls sets each member of a full record to null in turn: that must not harm the others, by either way of reading.
func testNulls[T any](t *testing.T, full string, readPage func(t *testing.T, page string) []T) {
	var page, want []string
	paths := jsonMembers(reflect.TypeFor[T]())
	for _, path := range paths {
		changed, ok := jsonSet(t, full, path, nil)
		require.True(t, ok, path)
		data := string(jsonEncode(t, changed))
		written := jsonReencode[T](t, data)
		assert.Equal(t, jsonWithout(t, data, path), jsonWithout(t, string(written), path), "null at %v", path)
		page, want = append(page, data), append(want, string(written))
	}
	items := readPage(t, "["+strings.Join(page, ",")+"]")
	require.Len(t, items, len(paths))
	for i, item := range items {
		assert.Equal(t, want[i], string(jsonEncode(t, item)), "null at %v in a page", paths[i])
	}
}

// jsonWithout decodes JSON and leaves out one member.
func jsonWithout(t *testing.T, data string, path jsonPath) any {
	t.Helper()
	root := jsonValue(t, []byte(data))
	if parent := jsonFollow(root, path[:len(path)-1]); parent != nil {
		delete(parent, path[len(path)-1])
	}
	return root
}

func TestJSONReadsNulls(t *testing.T) {
	t.Parallel()
	t.Run("IndividualEnrollment", func(t *testing.T) {
		t.Parallel()
		testNulls(t, jsonEnrollment, func(t *testing.T, page string) (items []azdps.IndividualEnrollment) {
			client, _ := newStub(t, page)
			for item, err := range client.IndividualEnrollments().All(t.Context(), nil) {
				require.NoError(t, err)
				items = append(items, item)
			}
			return items
		})
	})
	t.Run("EnrollmentGroup", func(t *testing.T) {
		t.Parallel()
		testNulls(t, jsonGroup, func(t *testing.T, page string) (items []azdps.EnrollmentGroup) {
			client, _ := newStub(t, page)
			for item, err := range client.EnrollmentGroups().All(t.Context(), nil) {
				require.NoError(t, err)
				items = append(items, item)
			}
			return items
		})
	})
	t.Run("DeviceRegistrationState", func(t *testing.T) {
		t.Parallel()
		testNulls(t, jsonState, func(t *testing.T, page string) (items []azdps.DeviceRegistrationState) {
			client, _ := newStub(t, page)
			for item, err := range client.DeviceRegistrationStates().All(t.Context(), "g", nil) {
				require.NoError(t, err)
				items = append(items, item)
			}
			return items
		})
	})
}
