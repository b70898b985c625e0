package checks_test

import (
	"go/ast"
	"go/types"
	"regexp"
	"strings"
	"testing"
)

// TestComments demands a comment for each exported name, field and constant: one that begins as Go comments do and says more than
// the name.
func TestComments(t *testing.T) {
	enforce(t, uncommented,
		sample{"fleet/a.go", "func Do() {}", "Do has no comment"},
		sample{"fleet/a.go", "// It does.\nfunc Do() {}", "comment of Do does not begin with its name"},
		sample{"fleet/a.go", "// Do does.\nfunc Do() {}", "comment of Do says no more than the name"},
		sample{"fleet/a.go", "// Do does what it can.\nfunc Do() {}\nfunc do() {}", ""},
		sample{"internal/a.go", "func Do() {}", ""},
		sample{"fleet/a_test.go", "func Do() {}", ""},
		sample{"fleet/a.go", "// T is a thing.\ntype T int\nfunc (T) Do() {}", "T.Do has no comment"},
		sample{"fleet/a.go", "type t int\nfunc (t) Do() {}", ""},
		sample{"fleet/a.go", "type T int", "T has no comment"},
		sample{"fleet/a.go", "type (\n\t// T is a thing.\n\tT int\n\tU int\n)", "U has no comment"},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct {\n\tA int\n\tb int\n}", "T.A has no comment"},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct {\n\t// A\n\tA int\n}", "comment of T.A says no more than the name"},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct {\n\t// A and B are numbers.\n\tA int\n\tB int\n}", ""},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct {\n\t// A is a number.\n\tA int\n\tB int\n}", "T.B has no comment"},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct {\n\t// A and B are numbers.\n\tA int\n\n\tB int\n}", "T.B has no comment"},
		sample{"fleet/a.go", "// T is a thing.\ntype T struct { U }", ""},
		sample{"fleet/a.go", "// T is a thing.\ntype T interface { A() }", "T.A has no comment"},
		sample{"fleet/a.go", "const A = 1", "A has no comment"},
		sample{"fleet/a.go", "// Values of a kind.\nconst (\n\tA = 1\n\tB = 2\n)", ""},
		sample{"fleet/a.go", "// Values of a kind.\nconst (\n\t// B is the first.\n\tA = 1\n)", "comment of A does not begin with its name"},
		sample{"fleet/a.go", "const (\n\tA = 1 // the first of them\n)", ""},
		sample{"fleet/a.go", "var ErrA = errors.New(\"a\")", "ErrA has no comment"},
	)
}

func uncommented(f *folder, report reporter) {
	if !f.isPublic() {
		return
	}
	for d, name := range f.exportedFunctions() {
		judge(d, name, true, d.Doc.Text(), report)
	}
	for d, spec := range f.specs() {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			uncommentedType(f, d, s, report)
		case *ast.ValueSpec:
			uncommentedValue(d, s, report)
		}
	}
}

func uncommentedType(f *folder, d *ast.GenDecl, s *ast.TypeSpec, report reporter) {
	if !s.Name.IsExported() {
		return
	}
	comment := s.Doc.Text()
	if !d.Lparen.IsValid() {
		comment = d.Doc.Text()
	}
	judge(s, s.Name.Name, true, comment, report)
	switch structure := s.Type.(type) {
	case *ast.StructType:
		uncommentedMembers(f, s.Name.Name, structure.Fields, report)
	case *ast.InterfaceType:
		uncommentedMembers(f, s.Name.Name, structure.Methods, report)
	}
}

// uncommentedMembers looks at the fields of a struct or the methods of an interface. A comment is for the lines below it, too, if
// it names them and no empty line is between.
func uncommentedMembers(f *folder, owner string, members *ast.FieldList, report reporter) {
	shared, lastLine := "", 0
	for _, member := range members.List {
		comment := member.Doc.Text() + member.Comment.Text()
		line := f.positions.Position(member.Pos()).Line
		switch {
		case comment != "":
			shared = comment
		case line > lastLine+1:
			shared = ""
		}
		lastLine = f.positions.Position(member.End()).Line
		for _, name := range member.Names {
			if !name.IsExported() {
				continue
			}
			text := comment
			if text == "" && regexp.MustCompile(`\b`+name.Name+`\b`).MatchString(shared) {
				text = shared
			}
			judge(name, owner+"."+name.Name, false, text, report)
		}
	}
}

// uncommentedValue lets the comment of a group stand for those in it that have none.
func uncommentedValue(d *ast.GenDecl, s *ast.ValueSpec, report reporter) {
	for _, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		switch {
		case s.Doc != nil:
			judge(name, name.Name, true, s.Doc.Text(), report)
		case d.Lparen.IsValid():
			judge(name, name.Name, false, d.Doc.Text()+s.Comment.Text(), report)
		default:
			judge(name, name.Name, true, d.Doc.Text(), report)
		}
	}
}

// judge reports a comment that is missing, or says nothing. A short comment that repeats the name is worth as much as none.
func judge(at ast.Node, name string, declaration bool, comment string, report reporter) {
	own := name[strings.LastIndexByte(name, '.')+1:]
	words := strings.Fields(comment)
	switch {
	case len(words) == 0:
		report(at, "%s has no comment", name)
	case declaration && strings.TrimRight(words[0], ",:;") != own:
		report(at, "the comment of %s does not begin with its name", name)
	case len(words) < 3:
		report(at, "the comment of %s says no more than the name", name)
	}
}

// TestOptionsHaveDefaults demands of the comment of each option what its zero value means. That of a bool needs no words: what the
// comment says is not so.
func TestOptionsHaveDefaults(t *testing.T) {
	enforce(t, optionWithoutDefault,
		sample{"fleet/a.go", "type Options struct {\n\t// Max is a limit.\n\tMax int\n}", "Options.Max does not say what 0 means"},
		sample{"fleet/a.go", "type Options struct {\n\t// Max is a limit; 0 means 10.\n\tMax int\n}", ""},
		sample{"fleet/a.go", "type Options struct {\n\t// Max is a limit of 100.\n\tMax int\n}", "Options.Max does not say what 0 means"},
		sample{"fleet/a.go", "type DoOptions struct {\n\t// Log is called.\n\tLog func()\n}", "DoOptions.Log does not say what nil means"},
		sample{"fleet/a.go", "type DoOptions struct {\n\t// Log, if set, is called.\n\tLog func()\n}", ""},
		sample{"fleet/a.go", "type DoOptions struct {\n\t// Name is a name.\n\tName string\n}", "DoOptions.Name does not say what empty means"},
		sample{"fleet/a.go", "type DoOptions struct {\n\t// Hubs are names.\n\tHubs []string\n}", "DoOptions.Hubs does not say what none means"},
		sample{"fleet/a.go", "type DoOptions struct {\n\t// Keys reads keys too.\n\tKeys bool\n\tBulkOptions\n\tname string\n}", ""},
		sample{"fleet/a.go", "type Settings struct {\n\t// Max is a limit.\n\tMax int\n}", ""},
	)
}

// zeroWords are how a comment may name the zero value of a type.
var zeroWords = map[string]*regexp.Regexp{
	"0":     regexp.MustCompile(`\b0\b`),
	"empty": regexp.MustCompile(`(?i)\bempty\b|\bwithout one\b`),
	"nil":   regexp.MustCompile(`(?i)\bnil\b|, if set,`),
	"none":  regexp.MustCompile(`(?i)\bnone\b|\bnil\b|\bwithout any\b`),
}

func optionWithoutDefault(f *folder, report reporter) {
	if !f.isPublic() {
		return
	}
	for _, options := range f.structs("Options") {
		for _, field := range options.fields {
			for _, name := range field.Names {
				zero := zeroOf(field.Type)
				if name.IsExported() && zero != "" && !zeroWords[zero].MatchString(field.Doc.Text()) {
					report(name, "the comment of %s.%s does not say what %s means", options.name, name.Name, zero)
				}
			}
		}
	}
}

// zeroOf is the word for the zero value of a type. A named type counts as text, as the enums are.
func zeroOf(expression ast.Expr) string {
	switch t := expression.(type) {
	case *ast.StarExpr, *ast.FuncType:
		return "nil"
	case *ast.ArrayType, *ast.MapType:
		return "none"
	default:
		switch name := types.ExprString(t); name {
		case "bool":
			return ""
		case "int", "int32", "int64", "float64", "time.Duration":
			return "0"
		case "net.Listener":
			return "nil"
		default:
			return "empty"
		}
	}
}
