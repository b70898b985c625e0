package azdps

import (
	"reflect"
	"strings"
)

// object reads a JSON object into a struct, by its tags.
type object struct {
	fields  []field // in the order of the struct, which is that of the service
	unknown int     // the field that keeps the members that no other field has, or -1
}

type field struct {
	name   string
	quoted string // as it stands before a value
	index  int
	read   reader
}

func newObject(t reflect.Type, readBool reader) *object {
	o := &object{unknown: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		quoted := `"` + name + `":`
		switch {
		case name == "":
			o.unknown = i
		case f.Type.Kind() == reflect.Bool:
			o.fields = append(o.fields, field{name, quoted, i, readBool})
		default:
			o.fields = append(o.fields, field{name, quoted, i, readerOf(f.Type)})
		}
	}
	return o
}

// read takes the members in any order, and with the least work in that of the fields.
func (o *object) read(c *cursor, v reflect.Value) error {
	likely := 0
	more, err := c.open('{', '}')
	for ; more && err == nil; more, err = c.more('}') {
		if likely < len(o.fields) && c.pass(o.fields[likely].quoted) {
			f := &o.fields[likely]
			if err := f.read(c, v.Field(f.index)); err != nil {
				return within(f.name, err)
			}
			likely++
			continue
		}
		name, err := c.name()
		if err != nil {
			return err
		}
		if likely, err = o.readMember(c, v, name, likely); err != nil {
			return within(string(name), err)
		}
	}
	return err
}

// readMember reads the value of a name, and returns the field that is likely to be the next.
func (o *object) readMember(c *cursor, v reflect.Value, name []byte, likely int) (int, error) {
	i := o.find(name, likely)
	switch {
	case i >= 0:
		return i + 1, o.fields[i].read(c, v.Field(o.fields[i].index))
	case o.unknown >= 0:
		return likely, readRawMember(c, name, v.Field(o.unknown))
	}
	return likely, c.skip()
}

// find looks for a field by its name, first where it is likely to be, and returns -1 if there is none.
func (o *object) find(name []byte, likely int) int {
	for i := likely; i < len(o.fields); i++ {
		if o.fields[i].name == string(name) {
			return i
		}
	}
	for i := range min(likely, len(o.fields)) {
		if o.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// readPolicy gives the members that are missing the service's default.
func readPolicy(o *object) reader {
	return func(c *cursor, v reflect.Value) error {
		*v.Addr().Interface().(*ReprovisionPolicy) = ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true}
		null, err := c.null()
		if err != nil || null {
			return err
		}
		return o.read(c, v)
	}
}

func readDefaultTrue(c *cursor, v reflect.Value) error {
	null, err := c.null()
	switch {
	case err != nil:
		return err
	case null:
		v.SetBool(true)
		return nil
	}
	return readBool(c, v)
}
