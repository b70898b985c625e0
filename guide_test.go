package azdps_test

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guides are the packages whose documentation is a guide, with the least number of Go snippets in it.
var guides = map[string]int{".": 7, "dpstest": 3, "fleet": 5}

// A name in brackets is a link. One that leads nowhere is shown with its brackets.
func TestGuides_linksLead(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\[\*?[A-Za-z]\w*(\.\w+)*\]`)
	for folder := range guides {
		documented := packageOf(t, folder)
		links := 0
		for name, text := range comments(documented) {
			parsed := documented.Parser().Parse(text)
			plain := plainText(parsed.Content, &links)
			assert.Empty(t, link.FindAllString(plain, -1), "%s: links of %s that lead nowhere", folder, name)
			for _, definition := range parsed.Links {
				assert.True(t, definition.Used, "%s: the link [%s] of %s is not used", folder, definition.Text, name)
			}
		}
		assert.Greater(t, links, 40, folder)
	}
}

// The Go snippets of the guides are parts of examples or tests that run, but for empty lines. Three dots stand for what is left out.
func TestGuides_snippetsAreOfExamples(t *testing.T) {
	t.Parallel()
	sources := goSources(t, "*_test.go", "dpstest/*_test.go", "fleet/*_test.go")
	for folder, least := range guides {
		documented := packageOf(t, folder)
		count := 0
		for _, block := range documented.Parser().Parse(documented.Doc).Content {
			code, ok := block.(*comment.Code)
			if !ok || !isGo(code.Text) {
				continue
			}
			count++
			for part := range strings.SplitSeq(dense(code.Text), "\n...\n") {
				part = "\n" + strings.Trim(part, "\n") + "\n"
				found := slices.ContainsFunc(sources, func(source string) bool { return strings.Contains(source, part) })
				assert.True(t, found, "%s: this is not in any example:\n%s", folder, part)
			}
		}
		assert.GreaterOrEqual(t, count, least, "%s has lost its snippets, or they are no Go any more", folder)
	}
}

// A guide has headings, as many as it needs to be found one's way in.
func TestGuides_haveHeadings(t *testing.T) {
	t.Parallel()
	for folder := range guides {
		documented := packageOf(t, folder)
		headings := 0
		for _, block := range documented.Parser().Parse(documented.Doc).Content {
			if _, ok := block.(*comment.Heading); ok {
				headings++
			}
		}
		assert.GreaterOrEqual(t, headings, 6, folder)
	}
}

func packageOf(t *testing.T, folder string) *doc.Package {
	t.Helper()
	var files []*ast.File
	positions := token.NewFileSet()
	for name := range parseFiles(t, folder, isSource) {
		file, err := parser.ParseFile(positions, name, nil, parser.ParseComments) // go/doc changes what it gets
		require.NoError(t, err)
		files = append(files, file)
	}
	documented, err := doc.NewFromFiles(positions, files, path.Join("github.com/azdps/azdps", folder))
	require.NoError(t, err)
	return documented
}

// comments are the doc comments of a package, by what they are of.
func comments(p *doc.Package) map[string]string {
	found := map[string]string{"package " + p.Name: p.Doc}
	values := func(groups []*doc.Value) {
		for _, group := range groups {
			found[strings.Join(group.Names, ", ")] = group.Doc
		}
	}
	functions := func(list []*doc.Func) {
		for _, function := range list {
			found[strings.TrimPrefix(function.Recv+"."+function.Name, ".")] = function.Doc
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions(p.Funcs)
	for _, t := range p.Types {
		found[t.Name] = t.Doc
		values(t.Consts)
		values(t.Vars)
		functions(t.Funcs)
		functions(t.Methods)
	}
	return found
}

// plainText is the text of a comment without its links, which it counts, and its code.
func plainText(blocks []comment.Block, links *int) string {
	var text strings.Builder
	write := func(list []comment.Text) {
		for _, item := range list {
			switch item := item.(type) {
			case comment.Plain:
				text.WriteString(string(item))
			case comment.Italic:
				text.WriteString(string(item))
			case *comment.DocLink:
				*links++
			case *comment.Link:
				*links++
			}
		}
	}
	for _, block := range blocks {
		switch block := block.(type) {
		case *comment.Paragraph:
			write(block.Text)
		case *comment.Heading:
			write(block.Text)
		case *comment.List:
			for _, item := range block.Items {
				text.WriteString(plainText(item.Content, links))
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

// isGo reports whether a block of code is Go: declarations or statements, with three dots for what is left out.
func isGo(code string) bool {
	code = strings.ReplaceAll(code, "...", "{}")
	_, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+code+"\n}", 0)
	return err == nil
}

// dense is a text without indentation and empty lines.
func dense(text string) string {
	return regexp.MustCompile(`\n\s*\n`).ReplaceAllString(withoutIndentation(text), "\n")
}

// goSources are files without indentation and empty lines.
func goSources(t *testing.T, patterns ...string) (sources []string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			sources = append(sources, dense(string(source)))
		}
	}
	return sources
}
