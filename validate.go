package azdps

import (
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

const maxIDLength = 128

// checkID refuses an id that would change the path of the request, or that no record can have.
func checkID(parameter, id string) error {
	if problem := idProblem(id); problem != "" {
		return invalid(parameter, "%s", problem)
	}
	return nil
}

// idProblem says what is wrong with an id. See
// https://learn.microsoft.com/azure/iot-dps/concepts-service#registration-id.
func idProblem(id string) string {
	switch id {
	case "":
		return "must not be empty"
	case ".", "..":
		return fmt.Sprintf("must not be %q", id)
	}
	for i := range len(id) {
		if c := id[i]; !isAlphanumeric(c) && !strings.ContainsRune("-._:", rune(c)) {
			// The id is not quoted: where ids and keys are parameters side by side, it may be a key by mistake.
			return fmt.Sprintf("has %q at byte %d; the service takes ASCII letters, digits and the characters -._:", nextRune(id[i:]), i)
		}
	}
	if len(id) > maxIDLength {
		return fmt.Sprintf("has %d characters; the service takes up to %d", len(id), maxIDLength)
	}
	return ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// nextRune is the first character of text.
func nextRune(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}

// checkETag refuses an ETag that would make a conditional request unconditional, or break its header.
func checkETag(etag *azcore.ETag) error {
	const parameter = "options.IfMatch"
	if etag == nil {
		return nil
	}
	if *etag == "" {
		return invalid(parameter, "must not be an empty ETag; use nil for a request without a condition, or azcore.ETagAny")
	}
	return checkHeader(parameter, string(*etag))
}

// checkHeader refuses what cannot be the value of a header, or would not arrive as it is.
func checkHeader(parameter, value string) error {
	if value != strings.TrimSpace(value) {
		return invalid(parameter, "must not begin or end with white space")
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' {
			return invalid(parameter, "has a character at byte %d that no HTTP header can carry", i)
		}
	}
	return nil
}

// checkBulk refuses a bulk operation that the service would refuse as a whole.
func checkBulk(parameter string, mode BulkOperationMode, items int, id func(int) string) error {
	switch {
	case mode == "":
		return invalid("mode", "must not be empty")
	case items == 0:
		return invalid(parameter, "must not be empty")
	case items > MaxBulkItems:
		return invalid(parameter, "has %d items; the service takes up to %d in one operation", items, MaxBulkItems)
	}
	for i := range items {
		for earlier := range i {
			if strings.EqualFold(id(earlier), id(i)) {
				return invalid(parameter, "items %d and %d have the same id; ids compare without case", earlier, i)
			}
		}
	}
	return nil
}

// finalError is not retried by azcore, which looks for the method NonRetriable.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// NonRetriable marks the error for azcore.
func (*finalError) NonRetriable() {}

// invalid refuses a parameter before anything is sent. The reason must not quote a secret.
func invalid(parameter, reason string, args ...any) error {
	return &finalError{fmt.Errorf("azdps: "+parameter+": "+reason, args...)}
}
