package example

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/azdps/azdps"
)

// Story is what a program prints: numbered steps, each with a reason, and then what happened.
type Story struct {
	out  io.Writer
	step int
}

// Begin starts a step. The reason says what it is good for.
func (s *Story) Begin(title, reason string) {
	s.step++
	fmt.Fprintf(s.out, "\n%d. %s\n%s\n", s.step, title, indent(reason))
}

// Say prints what happened in a step.
func (s *Story) Say(format string, args ...any) {
	fmt.Fprintf(s.out, "   -> "+format+"\n", args...)
}

// Conclude prints a last sentence.
func (s *Story) Conclude(sentence string) { fmt.Fprintf(s.out, "\n%s\n", sentence) }

// indent breaks a text into lines of up to 100 characters below the title of a step.
func indent(text string) string {
	const width, margin = 100, "  "
	var lines []string
	line := margin
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = margin
		}
		line += " " + word
	}
	return strings.Join(append(lines, line), "\n")
}

// SayKeys prints that there are keys without giving them away.
func (s *Story) SayKeys(keys *azdps.SymmetricKeyAttestation) {
	if keys == nil {
		s.Say("the service shows no keys")
		return
	}
	s.Say("primary key %s", Mask(keys.PrimaryKey))
	s.Say("secondary key %s", Mask(keys.SecondaryKey))
}

// Mask shows that there is a key without giving any of it away.
func Mask(key string) string {
	return fmt.Sprintf("of %d characters, not shown", len(key))
}

// Count is a number of things, in words.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// OrUnexpected gives a call that should have failed an error.
func OrUnexpected(err error) error {
	if err == nil {
		return errors.New("success")
	}
	return err
}
