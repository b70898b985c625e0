package checks_test

import (
	"encoding/json"
	"go/ast"
	"go/types"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// model is one model of the service's specification, and the types that are for it in the client and in the emulator. A type may
// be for several models, and then has the members of all of them.
type model struct {
	Model    string              `json:"model"`
	Client   string              `json:"client"`
	Emulator string              `json:"emulator"`
	Answer   bool                `json:"answer"` // the service alone writes it
	Required []string            `json:"required"`
	ReadOnly []string            `json:"readOnly"`
	Since    map[string][]string `json:"since"` // members by the API version that added them
	Members  map[string]string   `json:"members"`
}

func readModels(t *testing.T) []model {
	t.Helper()
	var models []model
	require.NoError(t, json.Unmarshal([]byte(readFile(t, "testdata/models.json")), &models))
	require.Len(t, models, 24)
	return models
}

// TestModelsOfTheClient compares the members of each model with the client: their names, in both directions, their types, which
// of them are sent when they are empty, and what the comments say of them.
func TestModelsOfTheClient(t *testing.T) {
	models := readModels(t)
	enforce(t, clientModels(models))

	things := clientModels([]model{
		{Model: "Thing", Client: "Thing", Required: []string{"id"}, ReadOnly: []string{"made"}, Since: map[string][]string{"2026-11-01": {"place"}},
			Members: map[string]string{"id": "string", "made": "date-time", "place": "string", "part": "Part", "kinds": "enum Kind[]"}},
		{Model: "Part", Client: "ThingPart", Members: map[string]string{"size": "int32"}},
		{Model: "PartOfTheEmulator", Emulator: "part", Members: map[string]string{"size": "int32"}},
	})
	const source = "type Thing struct {\n" +
		"\tID string `json:\"id\"`\n" +
		"\t// It is read-only.\n\tMade time.Time `json:\"made,omitzero\"`\n" +
		"\t// Since 2026-11-01.\n\tPlace string `json:\"place,omitzero\"`\n" +
		"\tPart *ThingPart `json:\"part,omitzero\"`\n" +
		"\tKinds []Kind `json:\"kinds,omitzero\"`\n" +
		"\tRest map[string]json.RawMessage `json:\",embed,inline\"`\n" +
		"}\ntype ThingPart struct {\n\tSize int32 `json:\"size,omitzero\"`\n}\ntype other struct {\n\tA string\n}"
	changes := []struct{ old, new, want string }{
		{"", "", ""},
		{"`json:\"id\"`", "`json:\"Id\"`", "Thing.ID is Id in JSON, which its model does not have"},
		{"\tID string `json:\"id\"`\n", "", "Thing lacks id"},
		{"ID string", "ID int", "Thing.ID is a int, not a string"},
		{"`json:\"id\"`", "`json:\"id,omitzero\"`", "Thing.ID has the tag id,omitzero, not id"},
		{"size,omitzero", "size", "ThingPart.Size has the tag size, not size,omitzero"},
		{"size,omitzero", "size,omitempty", "ThingPart.Size has the tag size,omitempty, not size,omitzero"},
		{"Part *ThingPart", "Part ThingPart", "Thing.Part is a ThingPart, not a *ThingPart"},
		{"[]Kind", "[]string", "Thing.Kinds is a []string, not a []Kind"},
		{"It is read-only.", "It is written.", "the comment of Thing.Made does not say that it is read-only"},
		{"Since 2026-11-01.", "Since 2021-10-01.", "the comment of Thing.Place does not say since which version it is there"},
		{"\tA string\n", "\tA string `json:\"a\"`\n", "other has JSON names and is no model"},
		{"type ThingPart struct {\n\tSize", "type PartOfThing struct {\n\tSize", "PartOfThing has JSON names and is no model"},
	}
	for _, change := range changes {
		require.Contains(t, source, change.old)
		found := parseSample(t, sample{path: "a.go", source: strings.Replace(source, change.old, change.new, 1)}).apply(things)
		if change.want == "" {
			assert.Empty(t, found)
			continue
		}
		assert.Contains(t, strings.Join(found, "\n"), change.want)
	}
}

func clientModels(models []model) rule {
	byClient, goTypes := make(map[string][]model), make(map[string]string)
	for _, m := range models {
		if m.Client != "" {
			byClient[m.Client] = append(byClient[m.Client], m)
			goTypes[m.Model] = m.Client
		}
	}
	return func(f *folder, report reporter) {
		if f.path != "." {
			return
		}
		found := make(map[string]bool)
		for _, spec := range f.specs() {
			declared, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			name, members := declared.Name.Name, jsonMembers(declared.Type)
			if len(members) == 0 {
				continue
			}
			found[name] = true
			if byClient[name] == nil {
				report(declared, "%s has JSON names and is no model", name)
			}
			for _, m := range byClient[name] {
				compareModel(declared, m, goTypes, members, report)
			}
			for _, member := range members {
				if byClient[name] != nil && !slices.ContainsFunc(byClient[name], func(m model) bool { return m.Members[member.name] != "" }) {
					report(member.field, "%s.%s is %s in JSON, which its model does not have", name, member.field.Names[0].Name, member.name)
				}
			}
		}
		for name := range byClient {
			if !found[name] {
				report(f.files[0], "the model %s is not there", name)
			}
		}
	}
}

// compareModel looks for the members of one model among those of a type.
func compareModel(declared *ast.TypeSpec, m model, goTypes map[string]string, members []jsonMember, report reporter) {
	for name, kind := range m.Members {
		i := slices.IndexFunc(members, func(member jsonMember) bool { return member.name == name })
		if i < 0 {
			report(declared, "%s lacks %s", declared.Name.Name, name)
			continue
		}
		field := members[i].field
		full := declared.Name.Name + "." + field.Names[0].Name
		required := slices.Contains(m.Required, name)
		if got, want := types.ExprString(field.Type), goType(kind, goTypes, required); got != want {
			report(field, "%s is a %s, not a %s", full, got, want)
		}
		want := name
		if !required {
			want += ",omitzero"
		}
		if !m.Answer && members[i].tag != want { // what only the service writes is read alike with both
			report(field, "%s has the tag %s, not %s", full, members[i].tag, want)
		}
		if slices.Contains(m.ReadOnly, name) && !strings.Contains(field.Doc.Text(), "read-only") {
			report(field, "the comment of %s does not say that it is read-only", full)
		}
		for version, added := range m.Since {
			if slices.Contains(added, name) && !regexp.MustCompile(`\sSince `+version+`\.|^Since `+version+`\.`).MatchString(field.Doc.Text()) {
				report(field, "the comment of %s does not say since which version it is there", full)
			}
		}
	}
}

// goType is the type of a member of the client. An optional object is a pointer.
func goType(kind string, goTypes map[string]string, required bool) string {
	if element, ok := strings.CutSuffix(kind, "[]"); ok {
		return "[]" + goType(element, goTypes, true)
	}
	if enum, ok := strings.CutPrefix(kind, "enum "); ok {
		return enum
	}
	if object := goTypes[kind]; object != "" {
		if required {
			return object
		}
		return "*" + object
	}
	return map[string]string{
		"boolean": "bool", "date-time": "time.Time", "etag": "azcore.ETag", "int32": "int32", "map of string": "map[string]string",
		"object": "json.RawMessage", "string": "string", "TwinCollection": "TwinCollection",
	}[kind]
}

// jsonMember is a field of a struct with a name in JSON.
type jsonMember struct {
	field     *ast.Field
	name, tag string
}

func jsonMembers(expression ast.Expr) (members []jsonMember) {
	structure, ok := expression.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range structure.Fields.List {
		if field.Tag == nil || len(field.Names) != 1 {
			continue
		}
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
		if name, _, _ := strings.Cut(tag, ","); name != "" {
			members = append(members, jsonMember{field, name, tag})
		}
	}
	return members
}

// notInTheEmulator are members that the emulator never writes, for no answer of the service is recorded to have them.
var notInTheEmulator = []string{"errorDetails.info"}

// TestModelsOfTheEmulator compares the names of the members with the emulator, in both directions.
func TestModelsOfTheEmulator(t *testing.T) {
	t.Parallel()
	want := make(map[string][]string)
	for _, m := range readModels(t) {
		for name := range m.Members {
			member := m.Emulator + "." + name
			if m.Emulator != "" && !slices.Contains(want[m.Emulator], name) && !slices.Contains(notInTheEmulator, member) {
				want[m.Emulator] = append(want[m.Emulator], name)
			}
		}
	}
	got := make(map[string][]string)
	for _, f := range readRepository(t) {
		if f.path != "internal/emulator" {
			continue
		}
		for _, spec := range f.specs() {
			declared, ok := spec.(*ast.TypeSpec)
			if !ok || want[declared.Name.Name] == nil {
				continue
			}
			for _, member := range jsonMembers(declared.Type) {
				got[declared.Name.Name] = append(got[declared.Name.Name], member.name)
			}
		}
	}
	require.Greater(t, len(want), 10)
	for name := range want {
		assert.ElementsMatch(t, want[name], got[name], name)
	}
}
