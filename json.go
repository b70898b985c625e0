package azdps

import (
	"bytes"
	stdjson "encoding/json"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How the package writes JSON; decode.go reads it. Equal values give equal bytes. Only what the mirror module, Go 1.26 built with
// GOEXPERIMENT=jsonv2 and Go 1.27 spell alike is used.
var (
	tolerant = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	stable   = json.Deterministic(true)
)

// The records without their methods: what the client itself writes. A method costs a copy of the record's JSON, so only the types
// that callers hand to encoding/json themselves have one.
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
	return decode(data, e)
}

// MarshalJSON implements [json.Marshaler], so that encoding/json writes what the client would, unknown members and all.
// Nothing is left out: read-only members and keys are in the JSON.
func (g EnrollmentGroup) MarshalJSON() ([]byte, error) {
	return json.Marshal(enrollmentGroup(g), stable)
}

// UnmarshalJSON implements [json.Unmarshaler]; it keeps the members that this version does not know.
func (g *EnrollmentGroup) UnmarshalJSON(data []byte) error {
	return decode(data, g)
}

// MarshalJSON implements [json.Marshaler], so that encoding/json writes the unknown members too.
func (s DeviceRegistrationState) MarshalJSON() ([]byte, error) {
	return json.Marshal(registrationState(s), stable)
}

// UnmarshalJSON implements [json.Unmarshaler]; it keeps the members that this version does not know.
func (s *DeviceRegistrationState) UnmarshalJSON(data []byte) error {
	return decode(data, s)
}

// UnmarshalJSON implements [json.Unmarshaler]; a member that is missing or null reads as true, the service's default.
func (p *ReprovisionPolicy) UnmarshalJSON(data []byte) error { return decode(data, p) }

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
func (t *TwinCollection) UnmarshalJSON(data []byte) error { return decode(data, t) }
