package azdps

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How the package reads and writes JSON. Reading takes what servers of other languages write; writing gives equal bytes for
// equal values. Only what the mirror module, Go 1.26 built with GOEXPERIMENT=jsonv2 and Go 1.27 spell alike is used.
var (
	tolerant = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	lenient  = json.JoinOptions(tolerant, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(readTime),
		json.UnmarshalFromFunc(readRaw),
	)))
	stable = json.Deterministic(true)
)

// The records without their methods: what the client itself reads and writes. A method costs a copy of the record's JSON,
// so only the types that callers hand to encoding/json themselves have one.
type (
	enrollment        IndividualEnrollment
	enrollmentGroup   EnrollmentGroup
	registrationState DeviceRegistrationState
)

// MarshalJSON implements [json.Marshaler], so that encoding/json writes what the client would, unknown members and all.
// Nothing is left out: read-only members and keys are in the JSON.
func (e IndividualEnrollment) MarshalJSON() ([]byte, error) {
	return json.Marshal(enrollment(e), stable)
}

// UnmarshalJSON implements [json.Unmarshaler]; it keeps the members that this version does not know.
func (e *IndividualEnrollment) UnmarshalJSON(data []byte) error {
	return decode(data, (*enrollment)(e))
}

// MarshalJSON implements [json.Marshaler], so that encoding/json writes what the client would, unknown members and all.
// Nothing is left out: read-only members and keys are in the JSON.
func (g EnrollmentGroup) MarshalJSON() ([]byte, error) {
	return json.Marshal(enrollmentGroup(g), stable)
}

// UnmarshalJSON implements [json.Unmarshaler]; it keeps the members that this version does not know.
func (g *EnrollmentGroup) UnmarshalJSON(data []byte) error {
	return decode(data, (*enrollmentGroup)(g))
}

// MarshalJSON implements [json.Marshaler], so that encoding/json writes the unknown members too.
func (s DeviceRegistrationState) MarshalJSON() ([]byte, error) {
	return json.Marshal(registrationState(s), stable)
}

// UnmarshalJSON implements [json.Unmarshaler]; it keeps the members that this version does not know.
func (s *DeviceRegistrationState) UnmarshalJSON(data []byte) error {
	return decode(data, (*registrationState)(s))
}

// UnmarshalJSON implements [json.Unmarshaler]; a member that is missing or null reads as true, the service's default.
func (p *ReprovisionPolicy) UnmarshalJSON(data []byte) error {
	var members struct {
		UpdateHubAssignment  *bool                         `json:"updateHubAssignment"`
		MigrateDeviceData    *bool                         `json:"migrateDeviceData"`
		AdditionalProperties map[string]stdjson.RawMessage `json:",embed,inline"`
	}
	if err := decode(data, &members); err != nil {
		return err
	}
	*p = ReprovisionPolicy{
		UpdateHubAssignment:  members.UpdateHubAssignment == nil || *members.UpdateHubAssignment,
		MigrateDeviceData:    members.MigrateDeviceData == nil || *members.MigrateDeviceData,
		AdditionalProperties: members.AdditionalProperties,
	}
	return nil
}

// MarshalJSON implements [json.Marshaler]; it sorts the names and writes numbers with the digits they have.
func (t TwinCollection) MarshalJSON() ([]byte, error) { return writeAny(map[string]any(t)) }

// writeAny writes by encoding/json, because the mirror module writes a json.Number as a string.
func writeAny(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := stdjson.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON implements [json.Unmarshaler]; numbers become [json.Number], null a nil collection.
func (t *TwinCollection) UnmarshalJSON(data []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data), lenient)
	value, err := readAny(decoder)
	if err != nil {
		return readableError(err)
	}
	switch value := value.(type) {
	case nil:
		*t = nil
	case map[string]any:
		*t = value
	default:
		return fmt.Errorf("azdps: a twin collection must be a JSON object, not %T", value)
	}
	return nil
}

// readAny reads one JSON value with its numbers as they are written.
func readAny(decoder *jsontext.Decoder) (any, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		object := make(map[string]any)
		for decoder.PeekKind() != '}' {
			name, err := decoder.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // before the next read, which overwrites the token
			if object[key], err = readAny(decoder); err != nil {
				return nil, err
			}
		}
		_, err = decoder.ReadToken()
		return object, err
	case '[':
		list := []any{}
		for decoder.PeekKind() != ']' {
			value, err := readAny(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		return stdjson.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

// readRaw reads a value that is kept as it is, such as an unknown member. One with duplicate names or invalid UTF-8, which could
// be read but not written again, is mended as the rest of a record is: the last of the names counts.
func readRaw(decoder *jsontext.Decoder, raw *stdjson.RawMessage) error {
	value, err := decoder.ReadValue()
	if err != nil {
		return err
	}
	if value.IsValid() {
		*raw = stdjson.RawMessage(bytes.Clone(value))
		return nil
	}
	mended, err := readAny(jsontext.NewDecoder(bytes.NewReader(value), tolerant))
	if err == nil {
		*raw, err = writeAny(mended)
	}
	return err
}

// readTime reads a date of the service: up to nine fraction digits, and no zone means UTC. Null and an empty text read as the zero
// time.
func readTime(decoder *jsontext.Decoder, t *time.Time) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		*t = time.Time{}
		return nil
	case '"':
		text := token.String()
		if text == "" {
			*t = time.Time{}
			return nil
		}
		*t, err = parseTime(text)
		return err
	}
	return errors.New("a date must be a JSON string")
}

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text) // takes fractions too
	if err == nil {
		return t, nil
	}
	if t, zoneless := time.Parse("2006-01-02T15:04:05", text); zoneless == nil {
		return t, nil
	}
	return time.Time{}, err
}

// decode reads one JSON value into out.
func decode(data []byte, out any) error {
	return readableError(json.Unmarshal(data, out, lenient))
}

// decodePage reads a JSON array item by item, each into the type without methods that body gives.
func decodePage[T any](data []byte, body func(*T) any) ([]T, error) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data), lenient)
	if kind := decoder.PeekKind(); kind != '[' && kind != 0 {
		return nil, fmt.Errorf("a JSON array was expected, not %v", kind)
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, readableError(err)
	}
	items := []T{}
	for decoder.PeekKind() != ']' {
		items = append(items, *new(T))
		if err := json.UnmarshalDecode(decoder, body(&items[len(items)-1]), lenient); err != nil {
			return nil, readableError(err)
		}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, readableError(err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON array")
	}
	return items, nil
}

// readableError says where JSON is wrong without its values, which may be keys.
func readableError(err error) error {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		kind := "value" // of a date, whose token has been read
		if semantic.JSONKind != 0 {
			kind = semantic.JSONKind.String()
		}
		return fmt.Errorf("unexpected %s at %q, byte %d of the JSON", kind, semantic.JSONPointer, semantic.ByteOffset)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
