package azdps

import (
	"fmt"
	"io"
	"strconv"
)

// cursor goes over JSON once, from value to value. Each method reads one value, or reports where it is none.
type cursor struct {
	data  []byte
	at    int
	depth int
}

const (
	whiteSpace = " \t\r\n"
	maxDepth   = 10_000 // as that of encoding/json
)

// next is the next byte that is no white space, without going past it.
func (c *cursor) next() (byte, error) {
	if c.at < len(c.data) && c.data[c.at] > ' ' { // nearly always, and small enough to be a part of the caller
		return c.data[c.at], nil
	}
	return c.afterSpace()
}

func (c *cursor) afterSpace() (byte, error) {
	for ; c.at < len(c.data); c.at++ {
		switch b := c.data[c.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b, nil
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// kind is the first byte of the next value, for a number 0.
func (c *cursor) kind() (byte, error) {
	b, err := c.next()
	switch {
	case err != nil:
		return 0, err
	case b == '"', b == '{', b == '[', b == 't', b == 'f', b == 'n':
		return b, nil
	case b == '-', isDigit(b):
		return '0', nil
	}
	return 0, c.invalid()
}

// end checks that nothing follows.
func (c *cursor) end() error {
	if _, err := c.next(); err == nil {
		return c.fault("something follows the JSON")
	}
	return nil
}

func (c *cursor) fault(problem string) error { return &jsonError{problem: problem, offset: c.at} }

func (c *cursor) tooMany() error {
	return c.fault(fmt.Sprintf("more than %d items in one array", maxPageItems))
}

func (c *cursor) invalid() error { return c.fault("invalid JSON") }

// unexpected is the error of a value of another kind than the one that belongs here.
func (c *cursor) unexpected() error {
	kind, err := c.kind()
	if err != nil {
		return err
	}
	return c.fault("unexpected " + map[byte]string{
		'{': "object", '[': "array", '"': "string", '0': "number", 't': "true", 'f': "false", 'n': "null",
	}[kind])
}

// expect goes past one byte of punctuation.
func (c *cursor) expect(want byte) error {
	b, err := c.next()
	if err != nil {
		return err
	}
	if b != want {
		return c.invalid()
	}
	c.at++
	return nil
}

// pass goes past a text and reports whether it was there.
func (c *cursor) pass(text string) bool {
	end := c.at + len(text)
	if end > len(c.data) || string(c.data[c.at:end]) != text {
		return false
	}
	c.at = end
	return true
}

// null goes past null and reports whether it was there.
func (c *cursor) null() (bool, error) {
	b, err := c.next()
	if err != nil || b != 'n' {
		return false, err
	}
	return true, c.literal("null")
}

// literal goes past null, true or false.
func (c *cursor) literal(word string) error {
	for i := range len(word) {
		switch {
		case c.at+i == len(c.data):
			return io.ErrUnexpectedEOF
		case c.data[c.at+i] != word[i]:
			return c.invalid()
		}
	}
	c.at += len(word)
	return nil
}

// object reads an object: it calls member for each name, with the cursor before the value. A name may be a part of the data.
func (c *cursor) object(member func(name []byte) error) error {
	more, err := c.open('{', '}')
	for ; more && err == nil; more, err = c.more('}') {
		name, err := c.name()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return within(string(name), err)
		}
	}
	return err
}

// name goes past the name of a member and the colon after it.
func (c *cursor) name() ([]byte, error) {
	if b, err := c.next(); err != nil {
		return nil, err
	} else if b != '"' {
		return nil, c.invalid()
	}
	name, err := c.unquoted()
	if err != nil {
		return nil, err
	}
	return name, c.expect(':')
}

// array reads an array: it calls item for each value, with the cursor before it.
func (c *cursor) array(item func() error) error {
	more, err := c.open('[', ']')
	for index := 0; more && err == nil; more, err = c.more(']') {
		if err := item(); err != nil {
			return within(strconv.Itoa(index), err)
		}
		index++
	}
	return err
}

// open goes past the bracket that begins an object or an array and reports whether it has elements.
func (c *cursor) open(opening, closing byte) (bool, error) {
	b, err := c.next()
	switch {
	case err != nil:
		return false, err
	case b != opening:
		return false, c.unexpected()
	case c.depth == maxDepth:
		return false, c.fault("too many levels of JSON")
	}
	c.depth++
	c.at++
	b, err = c.next()
	if err != nil {
		return false, err
	}
	if b == closing {
		c.close()
		return false, nil
	}
	return true, nil
}

// more goes past what follows an element, and reports whether that is another one.
func (c *cursor) more(closing byte) (bool, error) {
	b, err := c.next()
	switch {
	case err != nil:
		return false, err
	case b == ',':
		c.at++
		return true, nil
	case b == closing:
		c.close()
		return false, nil
	}
	return false, c.invalid()
}

// close goes past the bracket that ends an object or an array.
func (c *cursor) close() {
	c.depth--
	c.at++
}

// skip goes past a value of any kind.
func (c *cursor) skip() error {
	kind, err := c.kind()
	if err != nil {
		return err
	}
	switch kind {
	case '{':
		return c.object(func([]byte) error { return c.skip() })
	case '[':
		return c.array(c.skip)
	case '"':
		_, err := c.unquoted()
		return err
	case '0':
		_, err := c.number()
		return err
	case 'n':
		return c.literal("null")
	case 't':
		return c.literal("true")
	default:
		return c.literal("false")
	}
}
