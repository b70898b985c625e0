package azdps_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
)

const reference = "https://pkg.go.dev/github.com/azdps/azdps"

// The links of the README lead somewhere: to a file, to a heading of one, or to a name or an example of the reference.
func TestREADME_linksLead(t *testing.T) {
	t.Parallel()
	links := markdownLink.FindAllStringSubmatch(withoutCode(readText(t, "README.md")), -1)
	require.Greater(t, len(links), 30)
	anchors := make(map[string][]string)
	for folder := range guides {
		anchors[folder] = anchorsOfReference(t, folder)
	}
	for _, link := range links {
		target := link[1]
		switch rest, ours := strings.CutPrefix(target, reference); {
		case ours:
			folder, anchor, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "#")
			if assert.Contains(t, anchors, path.Clean(folder), target) && anchor != "" {
				assert.Contains(t, anchors[path.Clean(folder)], anchor, target)
			}
		case strings.Contains(target, "://"):
			assert.True(t, strings.HasPrefix(target, "https://"), target)
		default:
			file, anchor, hasAnchor := strings.Cut(target, "#")
			if file == "" {
				file = "README.md"
			}
			_, err := os.Stat(filepath.FromSlash(file))
			assert.NoError(t, err, target)
			if hasAnchor {
				assert.Contains(t, anchorsOfMarkdown(readText(t, file)), anchor, target)
			}
		}
	}
}

func withoutCode(markdown string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(markdown, "")
}

// anchorsOfMarkdown are those that GitHub makes of the headings: in lower case, with dashes for spaces and without punctuation.
func anchorsOfMarkdown(markdown string) (anchors []string) {
	for _, heading := range markdownHeading.FindAllStringSubmatch(withoutCode(markdown), -1) {
		anchor := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
	}
	return anchors
}

// anchorsOfReference are those of pkg.go.dev: the names of a package, methods with their types, and examples.
func anchorsOfReference(t *testing.T, folder string) (anchors []string) {
	t.Helper()
	documented := packageOf(t, folder)
	for name := range comments(documented) {
		anchors = append(anchors, strings.TrimPrefix(name, "*"))
	}
	for name := range examplesOf(t, folder) {
		anchors = append(anchors, anchorOfExample(name))
	}
	return anchors
}

// anchorOfExample spells Type_Method_suffix as pkg.go.dev does.
func anchorOfExample(name string) string {
	words := strings.Split(name, "_")
	suffix := ""
	if last := words[len(words)-1]; last != "" && !isExported(last) {
		suffix = "-" + strings.ToUpper(last[:1]) + last[1:]
		words = words[:len(words)-1]
	}
	if words[0] == "" {
		words[0] = "package"
	}
	return "example-" + strings.Join(words, ".") + suffix
}

// The headings in the table at the top of the README are there, and lead to all sections that are long.
func TestREADME_hasItsSections(t *testing.T) {
	t.Parallel()
	anchors := anchorsOfMarkdown(readText(t, "README.md"))
	for _, section := range []string{
		"install", "authenticate", "five-tasks", "key-concepts", "test-without-azure", "fleets", "troubleshooting",
		"limits-and-quotas", "versions", "calls-of-other-sdks",
	} {
		assert.Contains(t, anchors, section)
		assert.Contains(t, readText(t, "README.md"), "(#"+section+")", "nothing leads to it")
	}
}
