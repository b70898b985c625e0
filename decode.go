package azdps

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// How the package reads JSON: in one pass, by the tags of the structs. A list of the service has up to a million records, and
// most of what it costs is to read them; see internal/bench. It takes what servers of other languages write: duplicate names, of
// which the last counts, though objects are merged, and invalid UTF-8, which is replaced. Null is the zero value.

// decode reads one JSON value into what out points to.
func decode(data []byte, out any) error {
	c := cursor{data: data}
	v := reflect.ValueOf(out).Elem()
	if err := readerOf(v.Type())(&c, v); err != nil {
		return err
	}
	return c.end()
}

const (
	sampleItems = 8      // after so many items of a page the number of all is estimated
	maxEstimate = 10_000 // bounds what is allocated before the items have been seen

	// maxPageItems is far above what the service returns at once. A record takes hundreds of bytes in memory and may take two in an
	// answer.
	maxPageItems = 100_000
)

// decodePage reads a JSON array of records.
func decodePage[T any](data []byte) ([]T, error) {
	c := cursor{data: data}
	items := []T{}
	read := readerOf(reflect.TypeFor[T]())
	err := c.array(func() error {
		if len(items) == maxPageItems {
			return c.tooMany()
		}
		if len(items) == sampleItems { // the others will be about as long
			items = slices.Grow(items, min(len(data)*sampleItems/c.at, maxEstimate))
		}
		items = append(items, *new(T))
		return read(&c, reflect.ValueOf(&items[len(items)-1]).Elem())
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return nil, err
	}
	return items, nil
}

// jsonError is a fault of JSON without the values around it, which may be keys.
type jsonError struct {
	problem string
	pointer jsontext.Pointer
	offset  int
}

func (e *jsonError) Error() string {
	return fmt.Sprintf("%s at %q, byte %d of the JSON", e.problem, e.pointer, e.offset)
}

// maxPointer is how much of the way to a fault its error tells: JSON of ten thousand levels has long ways.
const maxPointer = 500

// within adds to an error where in an object or array it is.
func within(token string, err error) error {
	if fault, ok := err.(*jsonError); ok && len(token)+len(fault.pointer) <= maxPointer { //nolint:errorlint // never wrapped on its way up
		fault.pointer = jsontext.Pointer("").AppendToken(token) + fault.pointer
	}
	return err
}

// readAny reads a value of any kind, with its numbers as they are written.
func readAny(c *cursor) (any, error) {
	kind, err := c.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case '{':
		object := make(map[string]any)
		err := c.object(func(name []byte) (err error) {
			object[string(name)], err = readAny(c)
			return err
		})
		return object, err
	case '[':
		list := []any{}
		err := c.array(func() error {
			item, err := readAny(c)
			list = append(list, item)
			return err
		})
		return list, err
	case '"':
		text, err := c.unquoted()
		return string(text), err
	case '0':
		number, err := c.number()
		return stdjson.Number(number), err
	case 'n':
		return nil, c.literal("null")
	case 't':
		return true, c.literal("true")
	default:
		return false, c.literal("false")
	}
}

// readRaw reads a value that is kept as it is, such as an unknown member. One with duplicate names or invalid UTF-8, which could
// be read but not written again, is mended as the rest of a record is.
func readRaw(c *cursor) (stdjson.RawMessage, error) {
	start := c.at
	if err := c.skip(); err != nil {
		return nil, err
	}
	value := bytes.TrimLeft(c.data[start:c.at], whiteSpace)
	if jsontext.Value(value).IsValid() {
		return bytes.Clone(value), nil
	}
	c.at = start
	mended, err := readAny(c)
	if err != nil {
		return nil, err
	}
	return writeAny(mended)
}

const daySeconds = 24 * 60 * 60

// parseTime reads a date of the service: up to nine fraction digits, and no zone means UTC. An empty text is the zero time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text) // takes fractions too
	if err == nil {
		if _, offset := t.Zone(); offset <= -daySeconds || daySeconds <= offset {
			return time.Time{}, errors.New("the zone of a date must be less than a day") // it could not be written again
		}
		return t, nil
	}
	if t, zoneless := time.Parse("2006-01-02T15:04:05", text); zoneless == nil {
		return t, nil
	}
	return time.Time{}, err
}
