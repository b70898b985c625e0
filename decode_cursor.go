package azdps

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
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

// quoted goes past a string and returns it with its quotes. A plain one is ASCII without escapes.
func (c *cursor) quoted() (text []byte, plain bool, err error) {
	plain = true
	data := c.data[c.at:]
	for i := 1; i < len(data); i++ {
		b := data[i]
		if isPlain[b] {
			continue
		}
		switch {
		case b == '"':
			c.at += i + 1
			return data[:i+1], plain, nil
		case b == '\\':
			i++ // the next byte is a part of the escape, also if it is a quote
		case b < ' ':
			c.at += i
			return nil, false, c.invalid()
		}
		plain = false
	}
	return nil, false, io.ErrUnexpectedEOF
}

// isPlain tells the bytes that stand for themselves within a string.
var isPlain = func() (plain [256]bool) {
	for b := ' '; b < utf8.RuneSelf; b++ {
		plain[b] = b != '"' && b != '\\'
	}
	return plain
}()

// unquoted reads a string. The result may be a part of the data.
func (c *cursor) unquoted() ([]byte, error) {
	start := c.at
	text, plain, err := c.quoted()
	switch {
	case err != nil:
		return nil, err
	case plain:
		return text[1 : len(text)-1], nil
	}
	if text, err := jsontext.AppendUnquote(nil, text); err == nil {
		return text, nil
	}
	token, err := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowInvalidUTF8(true)).ReadToken()
	if err != nil {
		c.at = start
		return nil, c.invalid()
	}
	return []byte(token.String()), nil
}

// stringBytes reads a value that must be a string. The result may be a part of the data.
func (c *cursor) stringBytes() ([]byte, error) {
	kind, err := c.kind()
	switch {
	case err != nil:
		return nil, err
	case kind != '"':
		return nil, c.unexpected()
	}
	return c.unquoted()
}

// number reads a value that must be a number, as it is written.
func (c *cursor) number() ([]byte, error) {
	kind, err := c.kind()
	switch {
	case err != nil:
		return nil, err
	case kind != '0':
		return nil, c.unexpected()
	}
	start := c.at
	c.one("-")
	if c.at < len(c.data) && c.data[c.at] == '0' {
		c.at++
	} else if c.digits() == 0 {
		return nil, c.cut()
	}
	if c.one(".") && c.digits() == 0 {
		return nil, c.cut()
	}
	if c.one("eE") {
		c.one("+-")
		if c.digits() == 0 {
			return nil, c.cut()
		}
	}
	return c.data[start:c.at], nil
}

// one goes past a byte if it is one of those.
func (c *cursor) one(of string) bool {
	if c.at == len(c.data) || strings.IndexByte(of, c.data[c.at]) < 0 {
		return false
	}
	c.at++
	return true
}

// digits goes past digits and counts them.
func (c *cursor) digits() int {
	start := c.at
	for c.at < len(c.data) && isDigit(c.data[c.at]) {
		c.at++
	}
	return c.at - start
}

// cut is the error of a number that stops too early.
func (c *cursor) cut() error {
	if c.at == len(c.data) {
		return io.ErrUnexpectedEOF
	}
	return c.invalid()
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

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
