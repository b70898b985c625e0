package checks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const apiFile = "testdata/api.txt"

// TestAPI compares the exported names of the packages that users import with testdata/api.txt, so that no change of them goes
// unseen. Set AZDPS_UPDATE_GOLDEN=1 to write the file anew.
func TestAPI(t *testing.T) {
	t.Parallel()
	var got []string
	for _, f := range publicFolders(t) {
		lines, err := surface(f)
		require.NoError(t, err)
		got = append(got, lines...)
	}
	require.Greater(t, len(got), 100)
	if os.Getenv("AZDPS_UPDATE_GOLDEN") != "" {
		text := strings.Join(got, "\n") + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(root, filepath.FromSlash(apiFile)), []byte(text), 0o600))
	}
	want := strings.Split(strings.TrimSpace(readFile(t, apiFile)), "\n")
	assert.Empty(t, strings.Join(difference(want, got), "\n"), "the exported API is not that of %s; if it should change, run"+
		" AZDPS_UPDATE_GOLDEN=1 go test ./internal/checks, and read the difference", apiFile)
}

// difference gives the lines that went as "- ..." and those that came as "+ ...".
func difference(before, after []string) (lines []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

// TestAPIShowsChanges changes a package in each way that a user would notice.
func TestAPIShowsChanges(t *testing.T) {
	t.Parallel()
	const before = `
import "context"
const Limit = 1 << 4
type Mode string
const ModeA Mode = "a"
var ErrGone = errors.New("gone")
type Record struct {
	ID    string ` + "`json:\"id\"`" + `
	Count int
	notes string
}
func (r *Record) Name(ctx context.Context) string { return r.ID }
func Keys[T any](first, second string, rest ...T) (int, error) { return 0, nil }
type Visit func(r Record) error
type Any interface { Record | Mode }
`
	parse := func(text string) []string {
		lines, err := surface(parseSample(t, sample{path: "sample.go", source: text}))
		require.NoError(t, err)
		return lines
	}
	unchanged := parse(before)
	for _, change := range []struct{ old, new, want string }{
		{"1 << 4", "1 << 5", "- pkg azdps, const Limit = 16\n+ pkg azdps, const Limit = 32"},
		{"1 << 4", "16", ""},
		{`Mode = "a"`, `Mode = "b"`, `- pkg azdps, const ModeA Mode = "a"` + "\n" + `+ pkg azdps, const ModeA Mode = "b"`},
		{"var ErrGone", "var errGone", "- pkg azdps, var ErrGone error"},
		{"type Mode string", "type Mode int", "- pkg azdps, type Mode string\n+ pkg azdps, type Mode int"},
		{"Count int", "Count int64", "- pkg azdps, type Record struct, Count int\n+ pkg azdps, type Record struct, Count int64"},
		{"Count int", "count int", "- pkg azdps, type Record struct, Count int"},
		{"notes string", "notes int", ""},
		{`json:"id"`, `json:"Id"`, "- pkg azdps, type Record struct, ID string `json:\"id\"`\n+ pkg azdps, type Record struct, ID string `json:\"Id\"`"},
		{"Name(ctx context.Context)", "Name()", "- pkg azdps, import \"context\"\n- pkg azdps, method (*Record) Name(ctx context.Context) string\n" +
			"+ pkg azdps, method (*Record) Name() string"},
		{"(r *Record) Name", "(r Record) Name", "- pkg azdps, method (*Record) Name(ctx context.Context) string\n" +
			"+ pkg azdps, method (Record) Name(ctx context.Context) string"},
		{"Keys[T any](first, second string", "Keys[T any](second, first string",
			"- pkg azdps, func Keys[T any](first, second string, rest ...T) (int, error)\n" +
				"+ pkg azdps, func Keys[T any](second, first string, rest ...T) (int, error)"},
		{"Visit func(r Record) error", "Visit func(r Record)", "- pkg azdps, type Visit func(r Record) error\n+ pkg azdps, type Visit func(r Record)"},
		{"type Visit", "type visit", "- pkg azdps, type Visit func(r Record) error"},
		{"Record | Mode", "Record", "- pkg azdps, type Any interface{ Record | Mode }\n+ pkg azdps, type Any interface{ Record }"},
		{"{ return r.ID }", "{ return \"\" }", ""},
	} {
		assert.Contains(t, before, change.old)
		changed := parse(strings.Replace(before, change.old, change.new, 1))
		assert.Equal(t, change.want, strings.Join(difference(unchanged, changed), "\n"), change.new)
	}
	for _, unreadable := range []string{"const Limit = limit", "const (\n\tA = iota\n\tB\n)", "type T struct{ hidden }", "type T struct{ *hidden }"} {
		_, err := surface(parseSample(t, sample{path: "sample.go", source: unreadable}))
		assert.Error(t, err, unreadable)
	}
}

// TestAPIHasNoTypesOfOthers keeps the versions of other modules from becoming a matter of the users of this one.
func TestAPIHasNoTypesOfOthers(t *testing.T) {
	t.Parallel()
	for _, f := range publicFolders(t) {
		lines, err := surface(f)
		require.NoError(t, err)
		imports := 0
		for _, line := range lines {
			if _, name, ok := strings.Cut(line, ", import "); ok {
				imports++
				assert.Regexp(t, `^"([a-z0-9/]+|github\.com/Azure/azure-sdk-for-go/sdk/azcore.*|`+module+`)"$`, name)
			}
		}
		assert.Positive(t, imports)
	}
}
