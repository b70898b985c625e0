package azdps

import (
	stdjson "encoding/json"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// reader reads the next value into v, which can be set.
type reader func(c *cursor, v reflect.Value) error

// readers holds the reader of each type that has been read, so that the tags are looked at once.
var readers sync.Map // of reflect.Type to reader

func readerOf(t reflect.Type) reader {
	if known, ok := readers.Load(t); ok {
		return known.(reader)
	}
	known, _ := readers.LoadOrStore(t, newReader(t))
	return known.(reader)
}

// newReader makes the reader of a type. A type that has none is a mistake in the models, which any test of them shows.
func newReader(t reflect.Type) reader {
	switch t {
	case reflect.TypeFor[time.Time]():
		return readTime
	case reflect.TypeFor[stdjson.RawMessage]():
		return readInto(readRaw)
	case reflect.TypeFor[any]():
		return readInto(readAny)
	case reflect.TypeFor[[]string](): // slices by their types: reflection would allocate once more for each
		return orNull(readSlice[string]())
	case reflect.TypeFor[[]BulkOperationFailure]():
		return orNull(readSlice[BulkOperationFailure]())
	case reflect.TypeFor[TwinCollection]():
		return orNull(readTwin)
	case reflect.TypeFor[map[string]stdjson.RawMessage]():
		return orNull(readRawMembers)
	case reflect.TypeFor[AllocationPolicy]():
		return readEnum(PossibleAllocationPolicyValues())
	case reflect.TypeFor[AttestationType]():
		return readEnum(PossibleAttestationTypeValues())
	case reflect.TypeFor[ProvisioningStatus]():
		return readEnum(PossibleProvisioningStatusValues())
	case reflect.TypeFor[RegistrationStatus]():
		return readEnum(PossibleRegistrationStatusValues())
	case reflect.TypeFor[RegistrationSubstatus]():
		return readEnum(PossibleRegistrationSubstatusValues())
	case reflect.TypeFor[ReprovisionPolicy]():
		return readPolicy(newObject(t, readDefaultTrue))
	}
	switch t.Kind() {
	case reflect.String:
		return orNull(readString)
	case reflect.Bool:
		return orNull(readBool)
	case reflect.Int32:
		return orNull(readInt32)
	case reflect.Pointer:
		return orNull(readPointer(readerOf(t.Elem())))
	case reflect.Struct:
		return orNull(newObject(t, orNull(readBool)).read)
	}
	panic("azdps: JSON cannot be read into " + t.String())
}

// orNull makes null the zero value.
func orNull(read reader) reader {
	return func(c *cursor, v reflect.Value) error {
		null, err := c.null()
		switch {
		case err != nil:
			return err
		case null:
			v.SetZero()
			return nil
		}
		return read(c, v)
	}
}

// readInto makes a reader of a function that returns what it reads.
func readInto[T any](read func(*cursor) (T, error)) reader {
	return func(c *cursor, v reflect.Value) error {
		value, err := read(c)
		if err == nil {
			*v.Addr().Interface().(*T) = value
		}
		return err
	}
}

func readString(c *cursor, v reflect.Value) error {
	text, err := c.stringBytes()
	if err != nil {
		return err
	}
	v.SetString(string(text))
	return nil
}

// readEnum makes the reader of a type whose values are likely to be among the known ones, which then need no copy.
func readEnum[T ~string](known []T) reader {
	return orNull(func(c *cursor, v reflect.Value) error {
		text, err := c.stringBytes()
		if err != nil {
			return err
		}
		for _, value := range known {
			if string(value) == string(text) {
				v.SetString(string(value))
				return nil
			}
		}
		v.SetString(string(text))
		return nil
	})
}

func readBool(c *cursor, v reflect.Value) error {
	kind, err := c.kind()
	if err != nil {
		return err
	}
	switch kind {
	case 't':
		v.SetBool(true)
		return c.literal("true")
	case 'f':
		v.SetBool(false)
		return c.literal("false")
	}
	return c.unexpected()
}

func readInt32(c *cursor, v reflect.Value) error {
	if _, err := c.kind(); err != nil { // goes to where the value is, for the error
		return err
	}
	start := c.at
	digits, err := c.number()
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(string(digits), 10, 32)
	if err != nil {
		c.at = start
		return c.unexpected()
	}
	v.SetInt(number)
	return nil
}

func readTime(c *cursor, v reflect.Value) error {
	t := v.Addr().Interface().(*time.Time)
	null, err := c.null()
	if err != nil || null {
		*t = time.Time{}
		return err
	}
	start := c.at
	text, err := c.stringBytes()
	if err != nil {
		return err
	}
	if *t, err = parseTime(string(text)); err != nil {
		c.at = start
		return c.fault("no date")
	}
	return nil
}

func readTwin(c *cursor, v reflect.Value) error {
	if kind, err := c.kind(); err != nil {
		return err
	} else if kind != '{' {
		return c.unexpected()
	}
	object, err := readAny(c)
	if err == nil {
		*v.Addr().Interface().(*TwinCollection) = object.(map[string]any)
	}
	return err
}

func readRawMembers(c *cursor, v reflect.Value) error {
	return c.object(func(name []byte) error {
		return readRawMember(c, name, v)
	})
}

// readRawMember reads a value into a map of names to values.
func readRawMember(c *cursor, name []byte, v reflect.Value) error {
	key := string(name)
	value, err := readRaw(c)
	if err != nil {
		return err
	}
	members := v.Addr().Interface().(*map[string]stdjson.RawMessage)
	if *members == nil {
		*members = make(map[string]stdjson.RawMessage, 1)
	}
	(*members)[key] = value
	return nil
}

func readPointer(read reader) reader {
	return func(c *cursor, v reflect.Value) error {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return read(c, v.Elem())
	}
}

func readSlice[T any]() reader {
	read := readerOf(reflect.TypeFor[T]())
	return func(c *cursor, v reflect.Value) error {
		slice := make([]T, 0, 1)
		err := c.array(func() error {
			if len(slice) == maxPageItems {
				return c.tooMany()
			}
			slice = append(slice, *new(T))
			return read(c, reflect.ValueOf(&slice[len(slice)-1]).Elem())
		})
		*v.Addr().Interface().(*[]T) = slice
		return err
	}
}
