package checks_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	azcore     = "github.com/Azure/azure-sdk-for-go/sdk/azcore/..."
	azidentity = "github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	jsonV2     = "github.com/go-json-experiment/json/..."
	emulator   = module + "/internal/emulator"
)

// importable says what the packages in a folder may import beside the standard library. The client and the service of dpstest
// describe the API apart, so neither may know the other; fleet is on the exported API of the client alone.
var importable = map[string][]string{
	".":                 {azcore, jsonV2},
	"fleet":             {module, azcore, jsonV2},
	"dpstest":           {emulator, azcore},
	"internal/emulator": {},
	"internal":          {module + "/...", azcore}, // programs and checks, which nothing imports
	"examples":          {module, module + "/fleet", module + "/dpstest", module + "/examples/internal/...", azcore, azidentity},
	"examples/fleet":    {module, module + "/fleet", module + "/dpstest", azidentity, "github.com/schollz/progressbar/v3", "golang.org/x/term"},
}

// TestImports keeps the arrows between the packages, and holds down what users get with them. Only tests import package testing.
func TestImports(t *testing.T) {
	enforce(t, forbiddenImport,
		sample{"a.go", `import "testing"`, `must not import testing`},
		sample{"fleet/a.go", `import "testing/synctest"`, `must not import testing/synctest`},
		sample{"a.go", `import "github.com/stretchr/testify/assert"`, "must not import github.com/stretchr/testify/assert"},
		sample{"a_test.go", `import "testing"`, ""},
		sample{"a.go", `import "` + azidentity + `"`, "must not import " + azidentity},
		sample{"fleet/a.go", `import "` + azidentity + `"`, "must not import " + azidentity},
		sample{"internal/soak/a.go", `import "` + azidentity + `"`, "must not import " + azidentity},
		sample{"examples/quickstart/a.go", `import "` + azidentity + `"`, ""},
		sample{"dpstest/a.go", `import "` + module + `"`, "dpstest must not import " + module},
		sample{"internal/emulator/a.go", `import "` + module + `"`, "internal/emulator must not import " + module},
		sample{"a.go", `import "` + module + `/dpstest"`, "must not import " + module + "/dpstest"},
		sample{"fleet/a.go", `import "` + emulator + `"`, "must not import " + emulator},
		sample{"fleet/a.go", `import "` + module + `"`, ""},
		sample{"fleet/a.go", `import "github.com/Azure/azure-sdk-for-go/sdk/azcore"`, ""},
		sample{"fleet/a.go", `import "github.com/Azure/azure-sdk-for-go/sdk/azcorex"`, "must not import"},
		sample{"examples/a/a.go", `import "` + emulator + `"`, "must not import"},
		sample{"more/a.go", `import "fmt"`, "more is a new package: say in this test what it may import"},
	)
}

func forbiddenImport(f *folder, report reporter) {
	if f.name() == "" {
		return
	}
	row := f.path
	for importable[row] == nil && row != "." {
		row = path.Dir(row)
	}
	if row == "." && f.path != "." {
		report(f.files[0], "%s is a new package: say in this test what it may import", f.path)
		return
	}
	for file := range f.code() {
		for _, spec := range file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			isOwn := func(pattern string) bool {
				parent, below := strings.CutSuffix(pattern, "/...")
				return imported == parent || below && strings.HasPrefix(imported, parent+"/")
			}
			isStandard := !strings.Contains(imported, ".") && !strings.HasPrefix(imported+"/", "testing/")
			if !isStandard && !slices.ContainsFunc(importable[row], isOwn) {
				report(spec, "%s must not import %s", f.path, imported)
			}
		}
	}
}

// TestPackagesDoNothingByThemselves keeps a package from doing anything because it is imported: no init, and no variable whose
// first value starts something, reads a file or the environment, or registers a flag.
func TestPackagesDoNothingByThemselves(t *testing.T) {
	enforce(t, sideEffect,
		sample{"fleet/a.go", "func init() {}", "init runs for everybody who imports the package"},
		sample{"examples/a/a.go", "func init() {}", ""},
		sample{"fleet/a.go", "func (t T) init() {}", ""},
		sample{"fleet/a.go", `var home = os.Getenv("HOME")`, "the first value of home calls os.Getenv"},
		sample{"fleet/a.go", `var verbose = flag.Bool("v", false, "")`, "the first value of verbose calls flag.Bool"},
		sample{"fleet/a.go", `var greeting, _ = fmt.Println("hello")`, "the first value of greeting calls fmt.Println"},
		sample{"internal/emulator/a.go", "var log = open()\nfunc open() *os.File { return os.NewFile(3, \"log\") }", "the first value of log calls os.NewFile"},
		sample{"fleet/a.go", "var done = func() bool { go work(); return true }()", "the first value of done starts a goroutine"},
		sample{"fleet/a.go", "var input = <-queue", "the first value of input waits for a channel"},
		sample{"fleet/a.go", "var client = newThing().client()", "the first value of client calls newThing().client"},
		sample{"fleet/a.go", `var words = map[string]any{"a": regexp.MustCompile("a"), "b": func() { os.Exit(1) }}`, ""},
		sample{"fleet/a.go", "var size = double(len(names))\nfunc double(n int) int { if n > 1 { return 2 * double(n - 1) }; return 2 }", ""},
		sample{"fleet/a.go", "type kind string\nvar first = kind(\"a\")\nvar _ Reader = (*thing)(nil)", ""},
	)
}

// harmless are functions, and packages of functions, that make a value of their arguments and do nothing else.
var harmless = []string{
	"append", "len", "make", "max", "min", "new", "string", "fmt.Errorf", "fmt.Sprintf", "sync.OnceValue", "sync.OnceValues",
	"base64", "crc32", "errors", "json", "jsontext", "maphash", "maps", "regexp", "slices", "strconv", "strings",
}

func sideEffect(f *folder, report reporter) {
	if f.name() == "main" {
		return
	}
	functions, declaredTypes := make(map[string]*ast.FuncDecl), make(map[string]bool)
	for file := range f.code() {
		for _, declaration := range file.Decls {
			if d, ok := declaration.(*ast.FuncDecl); ok && d.Recv == nil {
				functions[d.Name.Name] = d
				if d.Name.Name == "init" {
					report(d, "init runs for everybody who imports the package")
				}
			}
		}
	}
	for _, spec := range f.specs() {
		if s, ok := spec.(*ast.TypeSpec); ok {
			declaredTypes[s.Name.Name] = true
		}
	}
	for d, spec := range f.specs() {
		variable, ok := spec.(*ast.ValueSpec)
		if !ok || d.Tok != token.VAR {
			continue
		}
		first := firstValue{functions: functions, types: declaredTypes, seen: make(map[string]bool), report: func(node ast.Node, does string) {
			report(node, "the first value of %s %s", variable.Names[0].Name, does)
		}}
		for _, value := range variable.Values {
			first.look(value)
		}
	}
}

// firstValue looks at what runs to make the first value of a variable, into the functions of the package, too.
type firstValue struct {
	functions map[string]*ast.FuncDecl
	types     map[string]bool
	seen      map[string]bool
	report    func(node ast.Node, does string)
}

func (v *firstValue) look(root ast.Node) {
	ast.Inspect(root, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			return false // made, and not called
		case *ast.GoStmt:
			v.report(n, "starts a goroutine")
			return false
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				v.report(n, "waits for a channel")
			}
		case *ast.CallExpr:
			return v.call(n)
		}
		return true
	})
}

// call says whether the arguments are still to be looked at.
func (v *firstValue) call(n *ast.CallExpr) bool {
	if function, ok := n.Fun.(*ast.FuncLit); ok {
		v.look(function.Body)
		return true
	}
	called := types.ExprString(n.Fun)
	group, _, _ := strings.Cut(called, ".")
	switch {
	case v.types[called] || strings.HasPrefix(called, "(*") || strings.HasPrefix(called, "[]"): // a conversion
	case slices.Contains(harmless, called) || slices.Contains(harmless, group):
	case v.functions[called] != nil:
		if !v.seen[called] {
			v.seen[called] = true
			v.look(v.functions[called].Body)
		}
	default:
		v.report(n, "calls "+called)
		return false
	}
	return true
}

// TestNoExportedVariables allows errors to compare with, and nothing that a user could change for all others.
func TestNoExportedVariables(t *testing.T) {
	enforce(t, exportedVariable,
		sample{"a.go", "var Default = 1", "Default is an exported variable that is no error"},
		sample{"a.go", "var ErrGone = 1", "ErrGone is an exported variable that is no error"},
		sample{"a.go", "var Gone = errors.New(\"gone\")", "Gone is an exported variable that is no error"},
		sample{"a.go", "var (\n\tErrGone = errors.New(\"gone\")\n\tdefault_ = 1\n)", ""},
		sample{"internal/a.go", "var Default = 1", ""},
	)
}

func exportedVariable(f *folder, report reporter) {
	if !f.isPublic() {
		return
	}
	for d, spec := range f.specs() {
		if d.Tok != token.VAR {
			continue
		}
		variable := spec.(*ast.ValueSpec)
		for i, name := range variable.Names {
			isError := strings.HasPrefix(name.Name, "Err") && i < len(variable.Values) && isErrorValue(variable.Values[i])
			if name.IsExported() && !isError {
				report(name, "%s is an exported variable that is no error", name.Name)
			}
		}
	}
}
