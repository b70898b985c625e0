package azdps_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every Go snippet of the README is a part of an example that is compiled and run, line by line, whatever its indentation.
func TestREADME_snippetsAreOfExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := goSnippets(string(readme))
	require.GreaterOrEqual(t, len(snippets), 9, "the README has lost its snippets, or they are not marked as Go")

	examples := exampleSources(t)
	for i, snippet := range snippets {
		t.Run(fmt.Sprintf("snippet %d", i+1), func(t *testing.T) {
			for _, source := range examples {
				if strings.Contains(source, snippet) {
					return
				}
			}
			assert.Fail(t, "this snippet is not in any example", snippet)
		})
	}
}

var goBlock = regexp.MustCompile("(?ms)^[ \t]*```go\\s*\n(.*?)^[ \t]*```")

// goSnippets returns the Go blocks of a Markdown text, without indentation.
func goSnippets(markdown string) (snippets []string) {
	for _, block := range goBlock.FindAllStringSubmatch(markdown, -1) {
		snippets = append(snippets, withoutIndentation(block[1]))
	}
	return snippets
}

// exampleSources returns the files with examples, without indentation.
func exampleSources(t *testing.T) (sources []string) {
	t.Helper()
	for _, pattern := range []string{"example*_test.go", "fleet/*example*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			sources = append(sources, withoutIndentation(string(source)))
		}
	}
	return sources
}

// withoutIndentation puts each line between line ends, so that no part of a line passes for a line.
func withoutIndentation(text string) string {
	lines := strings.Split(strings.Trim(text, "\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}

// The names of the README are those of the package.
func TestREADME_namesExist(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	declared := declaredNames(t)
	for _, name := range regexp.MustCompile("`azdps\\.([A-Z]\\w*)").FindAllStringSubmatch(string(readme), -1) {
		assert.Contains(t, declared, name[1])
	}
}

// declaredNames returns what stands after func, type, var or const at the start of a declaration of the package.
func declaredNames(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	declaration := regexp.MustCompile(`(?m)^(?:func |type |var |const |\t)([A-Z]\w*)`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range declaration.FindAllStringSubmatch(string(source), -1) {
			names = append(names, match[1])
		}
	}
	return names
}
