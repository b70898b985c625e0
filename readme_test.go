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

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// Every Go snippet of the README is a part of an example that is compiled and run, line by line, whatever its indentation.
func TestREADME_snippetsAreOfExamples(t *testing.T) {
	snippets := goSnippets(readText(t, "README.md"))
	require.GreaterOrEqual(t, len(snippets), 10, "the README has lost its snippets, or they are not marked as Go")

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
	for _, pattern := range []string{"example*_test.go", "*/example*_test.go", "examples/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			sources = append(sources, withoutIndentation(readText(t, file)))
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

// The commands of the README are those of a program that is there, of all tests, or of this module. .ci/run runs them.
func TestREADME_commandsExist(t *testing.T) {
	commands := shellCommands(readText(t, "README.md"))
	recipe := readText(t, "examples/emulator/main.go") // which a test there runs
	require.GreaterOrEqual(t, len(commands), 5)
	for _, command := range commands {
		words := strings.Fields(command)
		require.GreaterOrEqual(t, len(words), 2, command)
		for _, word := range words[2:] {
			if strings.HasPrefix(word, "examples/") {
				assert.FileExists(t, word, command)
			}
		}
		switch strings.Join(words[:2], " ") {
		case "go run":
			assert.FileExists(t, filepath.Join(words[2], "main.go"), command)
		case "go test":
			if folder, all := strings.CutSuffix(words[2], "/..."); assert.True(t, all, command) {
				assert.DirExists(t, folder, command)
			}
		case "go get":
			assert.Contains(t, readText(t, "go.mod"), "module "+words[2]+"\n", command)
		default:
			assert.Contains(t, recipe, "//\t"+command+"\n", "this command is not known")
		}
	}
}

// shellCommands are the lines of the blocks of a Markdown text that are of no language.
func shellCommands(markdown string) (commands []string) {
	for _, block := range regexp.MustCompile("(?ms)^```\n(.*?)^```$").FindAllStringSubmatch(withoutLanguages(markdown), -1) {
		commands = append(commands, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return commands
}

func withoutLanguages(markdown string) string {
	return regexp.MustCompile("(?ms)^```\\w+\n.*?^```$").ReplaceAllString(markdown, "")
}

// The names of the README are those of the package.
func TestREADME_namesExist(t *testing.T) {
	declared := declaredNames(t)
	for _, name := range regexp.MustCompile("`azdps\\.([A-Z]\\w*)").FindAllStringSubmatch(readText(t, "README.md"), -1) {
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
		for _, match := range declaration.FindAllStringSubmatch(readText(t, file), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// The README's table of the calls of other SDKs has all methods of the clients, which are operations.
func TestREADME_mapsAllOperations(t *testing.T) {
	readme := readText(t, "README.md")
	for client, name := range map[string]string{
		"IndividualEnrollmentsClient": "individuals", "EnrollmentGroupsClient": "groups", "DeviceRegistrationStatesClient": "states",
	} {
		for _, function := range exportedFunctions(parseFiles(t, ".", isSource)) {
			method, ok := strings.CutPrefix(function, client+".")
			if ok && method != "Update" && method != "NewQueryPager" {
				assert.Contains(t, readme, "\n| `"+name+"."+method+"`", function)
			}
		}
	}
	assert.Equal(t, 3, strings.Count(readme, ".All`, `NewQueryPager`"))
}
