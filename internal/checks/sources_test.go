package checks_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/azdps/azdps"

// root is the folder of the repository, as this package sees it.
var root = filepath.Join("..", "..")

// folder is a folder with Go files: a package and its tests.
type folder struct {
	path      string // from the root, with slashes; "." for the root
	positions *token.FileSet
	files     []*source
}

// source is one Go file.
type source struct {
	*ast.File
	path   string // from the root, with slashes
	test   bool
	length int // in lines
}

// code gives the files that are no tests.
func (f *folder) code() iter.Seq[*source] {
	return func(yield func(*source) bool) {
		for _, file := range f.files {
			if !file.test && !yield(file) {
				return
			}
		}
	}
}

// name is that of the package, and empty where there are tests alone.
func (f *folder) name() string {
	for file := range f.code() {
		return file.Name.Name
	}
	return ""
}

// isPublic says whether users of the module can import the package.
func (f *folder) isPublic() bool {
	return f.name() != "" && f.name() != "main" && !f.isIn("internal") && !f.isIn("examples")
}

func (f *folder) isIn(parent string) bool {
	return slices.Contains(strings.Split(f.path, "/"), parent)
}

// exportedFunctions gives the functions, and the methods of exported types, that are exported, with names such as Client.Get.
func (f *folder) exportedFunctions() iter.Seq2[*ast.FuncDecl, string] {
	return func(yield func(*ast.FuncDecl, string) bool) {
		for file := range f.code() {
			for _, declaration := range file.Decls {
				d, ok := declaration.(*ast.FuncDecl)
				if !ok || !d.Name.IsExported() {
					continue
				}
				name := d.Name.Name
				if receiver := strings.TrimPrefix(receiverOf(d), "*"); receiver != "" {
					if !ast.IsExported(receiver) {
						continue
					}
					name = receiver + "." + name
				}
				if !yield(d, name) {
					return
				}
			}
		}
	}
}

// receiverOf is the type of a method with its star, and empty for a function.
func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	return types.ExprString(d.Recv.List[0].Type)
}

// specs gives the constants, variables and types that are declared outside of functions, with their declarations.
func (f *folder) specs() iter.Seq2[*ast.GenDecl, ast.Spec] {
	return func(yield func(*ast.GenDecl, ast.Spec) bool) {
		for file := range f.code() {
			for _, declaration := range file.Decls {
				d, ok := declaration.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, spec := range d.Specs {
					if !yield(d, spec) {
						return
					}
				}
			}
		}
	}
}

// structType is an exported struct.
type structType struct {
	name   string
	fields []*ast.Field
}

// structs finds the exported structs of a package whose names end in a suffix.
func (f *folder) structs(suffix string) (found []structType) {
	for _, spec := range f.specs() {
		s, ok := spec.(*ast.TypeSpec)
		if !ok || !s.Name.IsExported() || !strings.HasSuffix(s.Name.Name, suffix) {
			continue
		}
		if structure, ok := s.Type.(*ast.StructType); ok {
			found = append(found, structType{s.Name.Name, structure.Fields.List})
		}
	}
	return found
}

// repository parses every Go file once for all tests.
var repository = sync.OnceValues(func() ([]*folder, error) {
	byPath := make(map[string]map[string]string)
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && (entry.Name() == "testdata" || entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if byPath[path.Dir(relative)] == nil {
			byPath[path.Dir(relative)] = make(map[string]string)
		}
		byPath[path.Dir(relative)][relative] = string(text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var folders []*folder
	for _, name := range slices.Sorted(maps.Keys(byPath)) {
		parsed, err := parseFolder(byPath[name])
		if err != nil {
			return nil, err
		}
		folders = append(folders, parsed)
	}
	return folders, nil
})

// parseFolder parses files of one folder, given by their paths.
func parseFolder(texts map[string]string) (*folder, error) {
	parsed := &folder{positions: token.NewFileSet()}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		file, err := parser.ParseFile(parsed.positions, name, texts[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed.path = path.Dir(name)
		parsed.files = append(parsed.files, &source{
			File: file, path: name, test: strings.HasSuffix(name, "_test.go"), length: strings.Count(texts[name], "\n"),
		})
	}
	return parsed, nil
}

func readRepository(t *testing.T) []*folder {
	t.Helper()
	folders, err := repository()
	require.NoError(t, err)
	require.Greater(t, len(folders), 5, "the root of the repository is not where it was")
	return folders
}

// publicFolders are the packages that users import.
func publicFolders(t *testing.T) []*folder {
	t.Helper()
	var public []*folder
	for _, f := range readRepository(t) {
		if f.isPublic() {
			public = append(public, f)
		}
	}
	require.GreaterOrEqual(t, len(public), 3)
	return public
}

// readFile reads a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

// rule reports each place of a folder that breaks it.
type rule func(f *folder, report reporter)

// reporter takes one finding.
type reporter func(at ast.Node, format string, arguments ...any)

// sample is a file that breaks a rule, or one that shows what the rule lets pass.
type sample struct {
	path   string // says which folder it is in, and whether it is a test
	source string // without a package clause
	want   string // a part of the only finding; empty if there is none
}

// enforce applies a rule to the repository, and to samples, for a rule that finds nothing anywhere may be broken itself.
func enforce(t *testing.T, breaks rule, samples ...sample) {
	t.Helper()
	t.Parallel()
	for _, f := range readRepository(t) {
		for _, finding := range f.apply(breaks) {
			assert.Fail(t, finding)
		}
	}
	for _, s := range samples {
		f := parseSample(t, s)
		found := f.apply(breaks)
		if s.want == "" {
			assert.Empty(t, found, s.source)
			continue
		}
		if assert.Len(t, found, 1, s.source) {
			assert.Contains(t, found[0], s.want)
		}
	}
}

func parseSample(t *testing.T, s sample) *folder {
	t.Helper()
	name := "azdps"
	if strings.HasPrefix(s.path, "examples/") {
		name = "main"
	}
	f, err := parseFolder(map[string]string{s.path: "package " + name + "\n" + s.source + "\n"})
	require.NoError(t, err, s.source)
	return f
}

func (f *folder) apply(breaks rule) (findings []string) {
	breaks(f, func(at ast.Node, format string, arguments ...any) {
		findings = append(findings, fmt.Sprintf("%s: %s", f.positions.Position(at.Pos()), fmt.Sprintf(format, arguments...)))
	})
	return findings
}
