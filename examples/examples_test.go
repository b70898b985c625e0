package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// programs are the folders that can be run.
func programs(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	for _, file := range files {
		names = append(names, filepath.Dir(file))
	}
	require.GreaterOrEqual(t, len(names), 11)
	return names
}

func TestREADME_namesEachProgram(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var named []string
	for _, row := range regexp.MustCompile(`(?m)^\| \[(\w+)\]\((\w+)\) \|`).FindAllStringSubmatch(string(readme), -1) {
		assert.Equal(t, row[1], row[2])
		named = append(named, row[1])
	}
	assert.ElementsMatch(t, programs(t), named)
}

// Every folder but the shared one is a program.
func TestFolders_arePrograms(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "internal" {
			assert.Contains(t, programs(t), entry.Name())
		}
	}
}

func TestPrograms_haveTests(t *testing.T) {
	t.Parallel()
	for _, name := range programs(t) {
		tests, err := filepath.Glob(name + "/*_test.go")
		require.NoError(t, err)
		assert.NotEmpty(t, tests, name)
	}
}

// The variables that the README explains are those that the programs read, and those that the emulator prints. The fleet program
// explains its own.
func TestREADME_explainsTheEnvironment(t *testing.T) {
	t.Parallel()
	var read []string
	for _, pattern := range []string{"*/*.go", "internal/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "fleet") {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, name := range regexp.MustCompile(`[gG]etenv\("(\w+)"\)`).FindAllStringSubmatch(string(source), -1) {
				read = append(read, name[1])
			}
			for _, name := range regexp.MustCompile(`\{"(DPS_\w+)", `).FindAllStringSubmatch(string(source), -1) {
				read = append(read, name[1])
			}
		}
	}
	slices.Sort(read)

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(readme), "\n## Environment\n")
	require.True(t, found)
	var explained []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			explained = append(explained, name[1])
		}
	}
	assert.ElementsMatch(t, slices.Compact(read), explained)
}
