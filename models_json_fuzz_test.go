package azdps_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/azdps/azdps"
)

// fuzzedValues are values by what a member takes; wild ones are for any.
var fuzzedValues = map[string][]string{
	"string": {
		`""`, `"a"`, `"A-1:b_c.d"`, `"symmetricKey"`, `"tpm"`, `"x509"`, `"none"`, `"enabled"`, `"` + stubKey + `"`, `"AToA"`,
		`"\ud83d\ude00<&>\u2028"`, "\"\xff\\ud800\"", `"\u0000"`, `null`,
	},
	"date": {
		`"2023-05-19T23:10:45.1256254Z"`, `"2023-05-19T23:10:45"`, `"0001-01-01T00:00:00Z"`, `""`, `null`, `"2023-05-19T23:10:45.123456789+02:00"`,
		`"9999-12-31T23:59:59.999999999-23:59"`, `"0000-01-01T00:00:00+23:59"`, `"2023-05-19T23:10:45+24:00"`, `"2023-05-19t23:10:45z"`,
	},
	"number": {`0`, `1`, `-0`, `409201`, `2147483647`, `-2147483648`, `null`},
	"flag":   {`true`, `false`, `null`},
	"wild": {
		`null`, `true`, `0`, `2147483648`, `1.50`, `1e400`, `123456789012345678901`, `"yesterday"`, ` [ 1 , 2 ] `, `{ }`, "\"\xff\\ud800\"",
		`{"y":1,"y":[2]}`, "{\"\xff\":1.50}", `[[],{},[null]]`,
	},
}

// recipe makes JSON, so that a mutation changes a member rather than the syntax.
type recipe struct {
	steps []byte
	out   strings.Builder
}

// fuzzedJSON makes an object that a model can read, for the most part.
func fuzzedJSON(model reflect.Type, steps []byte) []byte {
	r := &recipe{steps: steps}
	r.object(model, 0)
	return []byte(r.out.String())
}

func (r *recipe) next(n int) int {
	if len(r.steps) == 0 {
		return 0
	}
	step := r.steps[0]
	r.steps = r.steps[1:]
	return int(step) % n
}

// object has members of the model, in any order, again and not at all, and others. It ends with the recipe. Only members that are
// objects are there once.
func (r *recipe) object(model reflect.Type, depth int) {
	seen := make(map[string]bool)
	r.out.WriteByte('{')
	for i := range r.next(12) {
		if len(r.steps) == 0 {
			break
		}
		if i > 0 {
			r.out.WriteByte(',')
		}
		name, member := []string{"x", "", "a.b", "RegistrationId", "é", "$version", "errorCode"}[i%7], reflect.Type(nil)
		if model.Kind() == reflect.Struct {
			if field := r.next(model.NumField() + 1); field < model.NumField() && model.Field(field).Name != "AdditionalProperties" {
				name, _, _ = strings.Cut(model.Field(field).Tag.Get("json"), ",")
				member = model.Field(field).Type
			}
		}
		if seen[name] && isObject(member) {
			name, member = "again", nil
		}
		seen[name] = true
		text, _ := json.Marshal(name) // a string is always JSON
		r.out.Write(text)
		r.out.WriteByte(':')
		r.value(member, depth+1)
	}
	r.out.WriteByte('}')
}

func isObject(model reflect.Type) bool {
	return model != nil && (model.Kind() == reflect.Struct || model.Kind() == reflect.Pointer) && model != reflect.TypeFor[time.Time]()
}

func (r *recipe) value(model reflect.Type, depth int) {
	kind := "wild"
	switch {
	case model == nil || depth > 8 || r.next(32) == 31:
	case model == reflect.TypeFor[json.RawMessage]():
	case model == reflect.TypeFor[time.Time]():
		kind = "date"
	case model == reflect.TypeFor[azdps.TwinCollection]():
		r.object(model, depth)
		return
	case model.Kind() == reflect.Pointer:
		r.value(model.Elem(), depth)
		return
	case model.Kind() == reflect.Struct:
		r.object(model, depth)
		return
	case model.Kind() == reflect.Slice:
		r.out.WriteByte('[')
		for i := range r.next(4) {
			if i > 0 {
				r.out.WriteByte(',')
			}
			r.value(model.Elem(), depth+1)
		}
		r.out.WriteByte(']')
		return
	case model.Kind() == reflect.String:
		kind = "string"
	case model.Kind() == reflect.Bool:
		kind = "flag"
	case model.Kind() == reflect.Int32:
		kind = "number"
	}
	r.out.WriteString(fuzzedValues[kind][r.next(len(fuzzedValues[kind]))])
}
