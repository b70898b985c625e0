package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// etag is the version of a record. On the wire it is the base64 of the store's own etag in double quotes, which looks
// like a UUID that ends in the second of the write: 52 characters in all. It is new at each write of any record.
type etag [16]byte

// newETag makes the etag of the write that has a number, which takes 48 bits.
func newETag(number uint64, at ticks) (e etag) {
	binary.BigEndian.PutUint32(e[0:], uint32(number)) //nolint:gosec // the low 32 bits
	e[6] = 0x08
	binary.BigEndian.PutUint32(e[10:], uint32(at.time().Unix())) //nolint:gosec // good until 2106
	binary.BigEndian.PutUint16(e[14:], uint16(number>>32))       //nolint:gosec // the next 16 bits
	return e
}

// number is the number that the etag was made of.
func (e etag) number() uint64 {
	return uint64(binary.BigEndian.Uint16(e[14:]))<<32 | uint64(binary.BigEndian.Uint32(e[0:]))
}

// quoted is the etag of the store, with its quotes.
func (e etag) quoted() string {
	digits := hex.EncodeToString(e[:])
	return `"` + digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:] + `"`
}

func (e etag) String() string { return base64.StdEncoding.EncodeToString([]byte(e.quoted())) }

// MarshalText makes the etag a string in JSON.
func (e etag) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (e *etag) UnmarshalText(text []byte) error {
	quoted, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return errInvalidETag
	}
	digits, err := hex.DecodeString(strings.NewReplacer(`"`, "", "-", "").Replace(string(quoted)))
	if err != nil || len(digits) != len(e) {
		return errInvalidETag
	}
	copy(e[:], digits)
	if e.quoted() != string(quoted) {
		return errInvalidETag
	}
	return nil
}

// condition is what the sender of a write asks of the record: nothing if empty, that there is one for "*", else that it
// has this etag.
type condition string

// parseCondition reads If-Match values: an etag as it stands in the body, bare or in quotes, or "*".
//
// Inferred: that an empty value, a weak etag and a list are malformed; and what makes an etag well-formed, which is that
// it decodes to something in quotes.
func parseCondition(values []string) (condition, error) {
	if len(values) == 0 {
		return "", nil
	}
	value := strings.TrimSpace(values[0])
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if len(values) == 1 && value == "*" {
		return "*", nil
	}
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(values) > 1 || len(decoded) < 3 || decoded[0] != '"' || decoded[len(decoded)-1] != '"' {
		return "", errInvalidETag
	}
	return condition(value), nil
}

// accepts says whether a record with this etag may be written.
func (c condition) accepts(current etag) bool {
	return c == "" || c == "*" || string(c) == current.String()
}
