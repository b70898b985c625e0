package azdps

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	mirror "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The records without their methods, which the mirror module would call.
type (
	enrollment        IndividualEnrollment
	enrollmentGroup   EnrollmentGroup
	registrationState DeviceRegistrationState
)

// FuzzEncode fills records with all sorts of values: the JSON, or whether there is any, must be that of the mirror module, which
// reads the tags on its own.
func FuzzEncode(f *testing.F) {
	for seed := range 40 {
		f.Add(int64(seed), "text", `{"a":[1,"<b>\u2028"]}`)
		f.Add(int64(seed), "bro\xffken \"<\u2028", ` {"n": 1.50, "e":-1E+400}`)
		f.Add(int64(seed), "", `{"a":1,"a":2}`)
		f.Add(int64(seed), "attestation", "null")
	}
	f.Fuzz(func(t *testing.T, seed int64, text, raw string) {
		for _, record := range []any{new(enrollment), new(enrollmentGroup), new(registrationState), new(BulkOperationResult)} {
			(&filler{seed: uint64(seed), text: text, raw: json.RawMessage(raw)}).fill(reflect.ValueOf(record).Elem())
			want, wantError := mirror.Marshal(record, mirror.Deterministic(true))
			got, err := encode(nil, record)
			if wantError != nil {
				assert.Error(t, err, "want %v", wantError)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		}
	})
}

// filler sets about half of the fields of a value, by the bits of a random number.
type filler struct {
	seed uint64
	text string
	raw  json.RawMessage
}

func (f *filler) next() uint64 {
	f.seed = f.seed*6364136223846793005 + 1442695040888963407
	return f.seed >> 33
}

func (f *filler) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(int64(f.next()%math.MaxUint32), int64(f.next()%1e9)).UTC()))
		return
	case TwinCollection:
		v.Set(reflect.ValueOf(TwinCollection{f.text: f.text, "n": json.Number("1.50"), "i": f.next()}))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(f.raw))
		return
	case map[string]json.RawMessage:
		v.Set(reflect.ValueOf(map[string]json.RawMessage{f.text: f.raw, "x": nil, "y": json.RawMessage("1")}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(f.text)
	case reflect.Bool:
		v.SetBool(f.next()%2 == 0)
	case reflect.Int32:
		v.SetInt(int64(int32(f.next())))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), int(f.next()%3), 3))
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if f.next()%2 == 0 {
				f.fill(field)
			}
		}
	}
}
