package checks_test

import (
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVersion compares version.go with the newest heading of the changelog.
func TestVersion(t *testing.T) {
	t.Parallel()
	version := constantOf(t, "version")
	assert.Regexp(t, `^v\d+\.\d+\.\d+(-[a-z]+\.\d+)?$`, version)
	assert.Equal(t, strings.TrimPrefix(version, "v"), newestVersion(readFile(t, "CHANGELOG.md")))

	assert.Equal(t, "0.2.0", newestVersion("# Release History\n\n## 0.2.0 (Unreleased)\n\n### Bugs Fixed\n\n## 0.1.0 (2026-01-02)\n"))
	assert.Equal(t, "0.2.0-beta.1", newestVersion("## 0.2.0-beta.1 (2026-12-31)\n"))
	assert.Empty(t, newestVersion("## 0.2.0\n"), "a heading says when the version was released")
	assert.Empty(t, newestVersion("## Next\n\n## 0.1.0 (2026-01-02)\n"))
}

// newestVersion reads the first heading of the second level, which must be a version and its date.
func newestVersion(changelog string) string {
	heading := regexp.MustCompile(`(?m)^## (.*)$`).FindStringSubmatch(changelog)
	if heading == nil {
		return ""
	}
	version := regexp.MustCompile(`^(\d+\.\d+\.\d+\S*) \((?:Unreleased|\d{4}-\d{2}-\d{2})\)$`).FindStringSubmatch(heading[1])
	if version == nil {
		return ""
	}
	return version[1]
}

// constantOf is the value of a constant of the root package.
func constantOf(t *testing.T, name string) string {
	t.Helper()
	for _, f := range readRepository(t) {
		for _, spec := range f.specs() {
			constants, ok := spec.(*ast.ValueSpec)
			if ok && f.path == "." && constants.Names[0].Name == name {
				return strings.Trim(types.ExprString(constants.Values[0]), `"`)
			}
		}
	}
	require.Fail(t, "the root package has no constant "+name)
	return ""
}

// TestDependenciesHaveReasons compares the table in CONTRIBUTING.md with what go.mod requires directly.
func TestDependenciesHaveReasons(t *testing.T) {
	t.Parallel()
	required, explained := requirements(readFile(t, "go.mod")), reasons(readFile(t, "CONTRIBUTING.md"))
	assert.NotEmpty(t, required)
	assert.ElementsMatch(t, required, explained)

	const mod = "module m\n\ngo 1.26.0\n\nrequire example.com/a v1.0.0\n\nrequire (\n\texample.com/b v1.0.0\n\texample.com/c v1.0.0 // indirect\n)\n"
	assert.Equal(t, []string{"example.com/a", "example.com/b"}, requirements(mod))
	const table = "| module | reason |\n| --- | --- |\n| `example.com/a` | It is good. |\n| `example.com/b` |  |\n\n| `client.go` | a client |\n"
	assert.Equal(t, []string{"example.com/a"}, reasons("`example.com/c` is not in a table.\n\n## Dependencies\n\n"+table))
}

// requirements are the modules that a go.mod requires directly.
func requirements(mod string) (modules []string) {
	for _, line := range regexp.MustCompile(`(?m)^(?:require |\t)(\S+\.\S+) v\S+$`).FindAllStringSubmatch(mod, -1) {
		modules = append(modules, line[1])
	}
	return modules
}

// reasons are the modules that have one in the table of dependencies.
func reasons(contributing string) (modules []string) {
	_, table, _ := strings.Cut(contributing, "\n## Dependencies\n")
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+/[^`]+)` \\| \\S.* \\|$").FindAllStringSubmatch(table, -1) {
		modules = append(modules, row[1])
	}
	return modules
}

// TestLayoutIsComplete keeps the table of files in CONTRIBUTING.md right: it names each file of the root package, and each folder,
// and nothing else.
func TestLayoutIsComplete(t *testing.T) {
	t.Parallel()
	named := layout(readFile(t, "CONTRIBUTING.md"))
	for name := range named {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
		assert.NoError(t, err, "CONTRIBUTING.md names what is not there")
	}
	for _, f := range readRepository(t) {
		assert.True(t, f.path == "." || isBelow(f.path, named), "the layout in CONTRIBUTING.md does not have %s/", f.path)
		for file := range f.code() {
			ownPurpose := file.path == "doc.go" || file.path == "version.go"
			assert.True(t, f.path != "." || named[file.path] || ownPurpose, "the layout in CONTRIBUTING.md does not have %s", file.path)
		}
	}
	assert.Equal(t, map[string]bool{"a.go": true, "b.go": true, "fleet/": true},
		layout("`x.go`\n\n## Layout\n\n| `a.go`, `b.go` | `c.go` |\n| `fleet/` | records |\n\n## Next\n\n| `d.go` | more |\n"))
	assert.True(t, isBelow("internal/a/b", map[string]bool{"internal/a/": true}))
	assert.False(t, isBelow("internal/ab", map[string]bool{"internal/a/": true}))
}

// layout reads the names in the first column of the table of the layout.
func layout(contributing string) map[string]bool {
	_, table, _ := strings.Cut(contributing, "\n## Layout\n")
	table, _, _ = strings.Cut(table, "\n## ")
	names := make(map[string]bool)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			names[name[1]] = true
		}
	}
	return names
}

// isBelow says whether a folder, or one above it, is named.
func isBelow(folder string, named map[string]bool) bool {
	for name := range named {
		if strings.HasSuffix(name, "/") && strings.HasPrefix(folder+"/", name) {
			return true
		}
	}
	return false
}
