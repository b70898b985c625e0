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

// null goes past null and reports whether it was there.
func (c *cursor) null() (bool, error) {
	kind, err := c.kind()
	if err != nil || kind != 'n' {
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
	return c.container('{', '}', func() error {
		if b, err := c.next(); err != nil {
			return err
		} else if b != '"' {
			return c.invalid()
		}
		name, err := c.unquoted()
		if err != nil {
			return err
		}
		if err := c.expect(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return within(string(name), err)
		}
		return nil
	})
}

// array reads an array: it calls item for each value, with the cursor before it.
func (c *cursor) array(item func() error) error {
	index := -1
	return c.container('[', ']', func() error {
		index++
		if err := item(); err != nil {
			return within(strconv.Itoa(index), err)
		}
		return nil
	})
}

// container reads what stands between two brackets, with commas between the elements.
func (c *cursor) container(opening, closing byte, element func() error) error {
	b, err := c.next()
	switch {
	case err != nil:
		return err
	case b != opening:
		return c.unexpected()
	case c.depth == maxDepth:
		return c.fault("too many levels of JSON")
	}
	c.depth++
	c.at++
	if b, err = c.next(); err != nil {
		return err
	}
	for b != closing {
		if err := element(); err != nil {
			return err
		}
		if b, err = c.next(); err != nil {
			return err
		}
		switch b {
		case ',':
			c.at++
		case closing:
		default:
			return c.invalid()
		}
	}
	c.depth--
	c.at++
	return nil
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
