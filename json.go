package azdps

import (
	"bytes"
	stdjson "encoding/json"
)

// The methods for who hands records to encoding/json; encode.go and decode.go do the work.

// MarshalJSON implements [encoding/json.Marshaler], so that encoding/json writes what the client would, unknown members and all.
// Nothing is left out: read-only members and keys are in the JSON.
func (e IndividualEnrollment) MarshalJSON() ([]byte, error) {
	return encode(make([]byte, 0, recordRoom), &e)
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]; it keeps the members that this version does not know. Null makes the
// record empty.
func (e *IndividualEnrollment) UnmarshalJSON(data []byte) error {
	return decode(data, e)
}

// MarshalJSON implements [encoding/json.Marshaler], so that encoding/json writes what the client would, unknown members and all.
// Nothing is left out: read-only members and keys are in the JSON.
func (g EnrollmentGroup) MarshalJSON() ([]byte, error) {
	return encode(make([]byte, 0, recordRoom), &g)
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]; it keeps the members that this version does not know. Null makes the
// record empty.
func (g *EnrollmentGroup) UnmarshalJSON(data []byte) error {
	return decode(data, g)
}

// MarshalJSON implements [encoding/json.Marshaler], so that encoding/json writes the unknown members too.
func (s DeviceRegistrationState) MarshalJSON() ([]byte, error) {
	return encode(make([]byte, 0, recordRoom), &s)
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]; it keeps the members that this version does not know. Null makes the
// record empty.
func (s *DeviceRegistrationState) UnmarshalJSON(data []byte) error {
	return decode(data, s)
}

// MarshalJSON implements [encoding/json.Marshaler], so that encoding/json writes the unknown members too.
func (p ReprovisionPolicy) MarshalJSON() ([]byte, error) { return encode(nil, &p) }

// UnmarshalJSON implements [encoding/json.Unmarshaler]; a member that is missing or null reads as true, the service's default.
func (p *ReprovisionPolicy) UnmarshalJSON(data []byte) error { return decode(data, p) }

// MarshalJSON implements [encoding/json.Marshaler]; it sorts the names and writes numbers with the digits they have.
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

// UnmarshalJSON implements [encoding/json.Unmarshaler]; numbers become [encoding/json.Number], null a nil collection.
func (t *TwinCollection) UnmarshalJSON(data []byte) error { return decode(data, t) }
