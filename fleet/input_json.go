package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// decodeRecord reads a record from an object that is known to be JSON. Its faults are all members that are not of their type.
func decodeRecord[T Record](data []byte) (record T, faults []fault) {
	if err := json.Unmarshal(data, &record); err != nil {
		if faults = mistakes[T](data, nil); len(faults) == 0 {
			faults = []fault{{"", "cannot be read: " + err.Error()}}
		}
		return record, faults
	}
	k := kindOf[T](nil)
	if k.id(&record) != "" {
		return record, nil
	}
	reason := "is missing"
	if other := otherKind[T](); hasMember(data, other.idName) {
		reason += "; this is one of the " + other.name + ", by its " + other.idName
	}
	return record, []fault{{k.idName, reason}}
}

// idKind is how a file tells a kind of record.
type idKind struct{ name, idName string }

func otherKind[T Record]() idKind {
	if group := groups(nil); kindOf[T](nil).idName != group.idName {
		return idKind{"enrollment groups", group.idName}
	}
	return idKind{"individual enrollments", enrollments(nil).idName}
}

// jsonMember is a member of a JSON object and the offset of its value there.
type jsonMember struct {
	name   string
	value  json.RawMessage
	offset int
}

// membersOf lists the members of a JSON object.
func membersOf(data []byte) (list []jsonMember) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return list
		}
		m := jsonMember{}
		m.name, _ = token.(string)
		if err := decoder.Decode(&m.value); err != nil {
			return list
		}
		m.offset = int(decoder.InputOffset()) - len(m.value)
		list = append(list, m)
	}
	return list
}

// findMember returns a member of a JSON object, the last of those with the name: that is the one that counts.
func findMember(data []byte, name string) (found jsonMember, ok bool) {
	for _, m := range membersOf(data) {
		if m.name == name {
			found, ok = m, true
		}
	}
	return found, ok
}

func hasMember(data []byte, name string) bool {
	_, ok := findMember(data, name)
	return ok
}

// offsetOf returns the offset of the value at a path of a JSON object, or of as much of the path as there is; false if there is
// nothing of it.
func offsetOf(data []byte, path string) (offset int, ok bool) {
	for name := range strings.SplitSeq(path, ".") {
		m, found := findMember(data, name)
		if !found {
			return offset, ok
		}
		data, offset, ok = m.value, offset+m.offset, true
	}
	return offset, ok
}

// mistakes finds the members of a record that are not of their type by reading each alone, and tells those of one name once, however
// often they are there. path is that of data in the record. It goes no deeper than a record does.
func mistakes[T Record](data []byte, path []string) (faults []fault) {
	told := make(map[string]bool)
	for _, m := range membersOf(data) {
		inner := slices.Concat(path, []string{m.name})
		if told[m.name] || fits[T](inner, m.value) {
			continue
		}
		told[m.name] = true
		var below []fault
		if fits[T](inner, json.RawMessage("{}")) {
			below = mistakes[T](m.value, inner)
		}
		if len(below) == 0 {
			below = []fault{{strings.Join(inner, "."), misfit[T](inner, m.value)}}
		}
		faults = append(faults, below...)
	}
	return faults
}

// fits tells whether a record can have a value at a path.
func fits[T Record](path []string, value json.RawMessage) bool {
	for _, part := range slices.Backward(path) {
		name, _ := json.Marshal(part) // a string is always JSON
		value = fmt.Appendf(nil, "{%s:%s}", name, value)
	}
	return json.Unmarshal(value, new(T)) == nil
}

// misfit says why a value does not fit.
func misfit[T Record](path []string, value json.RawMessage) string {
	switch kind := kindOfJSON(value); {
	case kind == "a string" && fits[T](path, json.RawMessage(`"2006-01-02T15:04:05Z"`)):
		return "is not a date such as 2006-01-02T15:04:05Z"
	case kind == "an array" && fits[T](path, json.RawMessage(`[]`)):
		return "has an element of the wrong type"
	case kind == "a number" && fits[T](path, json.RawMessage(`0`)):
		return "is not a whole number of 32 bits"
	default:
		return "cannot be " + kind
	}
}

// jsonProblem tells why data is not one JSON value, and from which byte on, counted from 1.
func jsonProblem(data []byte) (position int, reason string) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := decoder.ReadValue()
	if err == nil {
		end := int(decoder.InputOffset())
		if _, err = decoder.ReadToken(); errors.Is(err, io.EOF) {
			return 0, ""
		}
		return len(data) - len(bytes.TrimLeft(data[end:], " \t\r\n")) + 1, "is not JSON: something follows the first value"
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return len(data) + 1, "is not JSON: it ends too soon"
	}
	return int(syntax.ByteOffset) + 1, "is not JSON"
}

func kindOfJSON(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
