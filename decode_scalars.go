package azdps

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

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
