package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/azdps/azdps"
)

// story is what the tour prints: numbered steps, each with a reason, and then what happened.
type story struct {
	out  io.Writer
	step int
}

// begin starts a step. The reason says what it is good for.
func (s *story) begin(title, reason string) {
	s.step++
	fmt.Fprintf(s.out, "\n%d. %s\n%s\n", s.step, title, indent(reason))
}

// tell prints what happened in a step.
func (s *story) tell(format string, args ...any) {
	fmt.Fprintf(s.out, "   -> "+format+"\n", args...)
}

// conclude prints a last sentence.
func (s *story) conclude(sentence string) { fmt.Fprintf(s.out, "\n%s\n", sentence) }

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

// tellKeys prints that there are keys without giving them away.
func (s *story) tellKeys(keys *azdps.SymmetricKeyAttestation) {
	if keys == nil {
		s.tell("the service shows no keys")
		return
	}
	s.tell("primary key %s", mask(keys.PrimaryKey))
	s.tell("secondary key %s", mask(keys.SecondaryKey))
}

// mask shows that there is a key without giving any of it away.
func mask(key string) string {
	return fmt.Sprintf("of %d characters, not shown", len(key))
}
