package fleet

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxShown is how much of a value a text shows, in bytes.
const maxShown = 200

// WriteText writes the plan for people: a line for each change, + for what is created, ~ for what is updated, with its members
// below, and - for what is deleted; then the numbers of all. Keys are REDACTED, and values of more than 200 bytes cut off. Its
// error is that of w.
func (p *Plan[T]) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	signs := map[Action]string{ActionCreate: "+", ActionUpdate: "~", ActionDelete: "-"}
	for change := range p.Changes() {
		fmt.Fprintf(out, "%s %s %s\n", signs[change.Action], change.Action, printable(change.ID))
		for _, field := range change.Fields {
			fmt.Fprintf(out, "    %s: %s -> %s\n", printable(field.Path), shown(field.Old), shown(field.New))
		}
	}
	if p.Len() == 0 {
		fmt.Fprintln(out, "Nothing to change.")
	}
	fmt.Fprintf(out, "%d to create, %d to update, %d to delete; %d unchanged, %d not desired and left alone.\n",
		len(p.creates), len(p.updates), len(p.deletes), p.unchanged(), p.others)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("fleet: writing the plan: %w", err)
	}
	return nil
}

// unchanged is the number of desired records that the service holds as they are desired.
func (p *Plan[T]) unchanged() int { return len(p.wanted) - len(p.creates) - len(p.updates) }

// shown is a value in a text.
func shown(value string) string {
	if value == "" {
		return "(none)"
	}
	if len(value) <= maxShown {
		return printable(value)
	}
	end := maxShown
	for !utf8.RuneStart(value[end]) {
		end--
	}
	return printable(value[:end]) + "..."
}

// printable writes what a terminal could take for a command as JSON would.
func printable(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case strconv.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		}
	}
	return out.String()
}

// changeJSON is a change for programs.
type changeJSON struct {
	ID     string            `json:"id"`
	Action Action            `json:"action"`
	Fields []fieldChangeJSON `json:"fields,omitempty"`
}

type fieldChangeJSON struct {
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"` // absent if there is none
	New  json.RawMessage `json:"new,omitempty"`
}

// WriteJSON writes the plan for programs, as one JSON object: changes is a list of objects with id, action (create, update or
// delete) and for an update fields, a list of objects with path, old and new, of which one is missing if there is no value. The
// numbers of all are in creates, updates, deletes, unchanged, and others, which counts the records of the service that are
// not desired and left alone. Each change is on a line of its own. Keys are REDACTED. Its error is that of w.
func (p *Plan[T]) WriteJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `{"changes":[`)
	separator, end := "\n", ""
	for change := range p.Changes() {
		line := changeJSON{ID: change.ID, Action: change.Action}
		for _, f := range change.Fields {
			line.Fields = append(line.Fields, fieldChangeJSON{f.Path, json.RawMessage(f.Old), json.RawMessage(f.New)})
		}
		text, err := encodeJSON(line)
		if err != nil {
			return fmt.Errorf("fleet: writing the plan: %w", err)
		}
		fmt.Fprint(out, separator, string(text))
		separator, end = ",\n", "\n"
	}
	fmt.Fprintf(out, "%s],\"creates\":%d,\"updates\":%d,\"deletes\":%d,\"unchanged\":%d,\"others\":%d}\n",
		end, len(p.creates), len(p.updates), len(p.deletes), p.unchanged(), p.others)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("fleet: writing the plan: %w", err)
	}
	return nil
}
