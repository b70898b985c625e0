package azdps

import (
	stdjson "encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// How the package writes JSON: by the tags of the structs, straight into one slice. Equal values give equal bytes.

// encode appends the JSON of what value points to.
func encode(b []byte, value any) ([]byte, error) {
	v := reflect.ValueOf(value).Elem()
	return encoderOf(v.Type())(b, v)
}

// encoder appends the JSON of a value that can be addressed.
type encoder func(b []byte, v reflect.Value) ([]byte, error)

// encoders holds the encoder of each type that has been written, so that the tags are looked at once.
var encoders sync.Map // of reflect.Type to encoder

func encoderOf(t reflect.Type) encoder {
	if known, ok := encoders.Load(t); ok {
		return known.(encoder)
	}
	known, _ := encoders.LoadOrStore(t, newEncoder(t))
	return known.(encoder)
}

// newEncoder makes the encoder of a type. A type that has none is a mistake in the models, which any test of them shows.
func newEncoder(t reflect.Type) encoder {
	switch t {
	case reflect.TypeFor[time.Time]():
		return encodeTime
	case reflect.TypeFor[stdjson.RawMessage]():
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendRaw(b, v.Bytes()) }
	case reflect.TypeFor[TwinCollection]():
		return encodeTwin
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) ([]byte, error) { return jsontext.AppendQuote(b, v.String()) }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int32:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case reflect.Pointer:
		return encodePointer(encoderOf(t.Elem()))
	case reflect.Slice:
		return encodeSlice(encoderOf(t.Elem()))
	case reflect.Struct:
		return newObjectEncoder(t).encode
	}
	panic("azdps: JSON cannot be written of " + t.String())
}

func encodeTime(b []byte, v reflect.Value) ([]byte, error) {
	b, err := v.Addr().Interface().(*time.Time).AppendText(append(b, '"'))
	return append(b, '"'), err
}

// encodeTwin writes by encoding/json, which sorts the names and writes numbers of any Go type, a [stdjson.Number] with its digits.
func encodeTwin(b []byte, v reflect.Value) ([]byte, error) {
	data, err := writeAny(map[string]any(*v.Addr().Interface().(*TwinCollection)))
	if err != nil {
		return b, err
	}
	return jsontext.AppendFormat(b, data)
}

// appendRaw appends JSON that is kept as it is, but for white space.
func appendRaw(b []byte, raw stdjson.RawMessage) ([]byte, error) {
	if raw == nil {
		return append(b, "null"...), nil
	}
	return jsontext.AppendFormat(b, raw)
}

func encodePointer(encode encoder) encoder {
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return encode(b, v.Elem())
	}
}

func encodeSlice(encode encoder) encoder {
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		b = append(b, '[')
		for i := 0; i < v.Len() && err == nil; i++ {
			if i > 0 {
				b = append(b, ',')
			}
			b, err = encode(b, v.Index(i))
		}
		return append(b, ']'), err
	}
}

// objectEncoder writes a struct as an object, by its tags.
type objectEncoder struct {
	fields  []encodedField // in the order of the struct, which is that of the service
	unknown int            // the field that keeps the members that this version does not know, or -1
}

type encodedField struct {
	name    string // in quotes, with a colon
	index   int
	encode  encoder
	isEmpty func(reflect.Value) bool // nil for a field that is always written
}

func newObjectEncoder(t reflect.Type) *objectEncoder {
	o := &objectEncoder{unknown: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			o.unknown = i
			continue
		}
		field := encodedField{name: strconv.Quote(name) + ":", index: i, encode: encoderOf(f.Type)}
		switch {
		case options != "omitzero":
		case f.Type == reflect.TypeFor[time.Time]():
			field.isEmpty = func(v reflect.Value) bool { return v.Addr().Interface().(*time.Time).IsZero() }
		default:
			field.isEmpty = reflect.Value.IsZero
		}
		o.fields = append(o.fields, field)
	}
	return o
}

func (o *objectEncoder) encode(b []byte, v reflect.Value) (_ []byte, err error) {
	b = append(b, '{')
	start := len(b)
	for i := range o.fields {
		f := &o.fields[i]
		member := v.Field(f.index)
		if f.isEmpty != nil && f.isEmpty(member) {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		if b, err = f.encode(append(b, f.name...), member); err != nil {
			return b, err
		}
	}
	if o.unknown >= 0 {
		members := *v.Field(o.unknown).Addr().Interface().(*map[string]stdjson.RawMessage)
		if len(members) > 0 {
			b, err = o.appendUnknown(b, members, len(b) == start)
		}
	}
	return append(b, '}'), err
}

// appendUnknown appends members in the order of their names. A name twice would be a matter of luck with the service.
func (o *objectEncoder) appendUnknown(b []byte, members map[string]stdjson.RawMessage, first bool) (_ []byte, err error) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !first {
			b = append(b, ',')
		}
		first = false
		start := len(b)
		if b, err = jsontext.AppendQuote(b, name); err != nil {
			return b, err
		}
		b = append(b, ':')
		if slices.ContainsFunc(o.fields, func(f encodedField) bool { return f.name == string(b[start:]) }) {
			return b, fmt.Errorf("AdditionalProperties has %q, which is a field of its own", name)
		}
		if b, err = appendRaw(b, members[name]); err != nil {
			return b, err
		}
	}
	return b, nil
}
