package checks_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

// api writes the exported names of a package.
type api struct {
	folder  *folder
	imports map[string]string // paths by name
	lines   []string
}

// surface describes what a package exports, a line for each name, in the form of Go's own api files. Parameters have their
// names: two of one type that change places are another API.
func surface(f *folder) ([]string, error) {
	a := api{folder: f, imports: make(map[string]string)}
	for file := range f.code() {
		for _, declaration := range file.Decls {
			var err error
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				err = a.function(file, d)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						err = a.values(file, d.Tok, s)
					case *ast.TypeSpec:
						err = a.typeSpec(file, s)
					}
					if err != nil {
						break
					}
				}
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.positions.Position(declaration.Pos()), err)
			}
		}
	}
	for _, imported := range a.imports {
		a.add("import %q", imported)
	}
	slices.Sort(a.lines)
	return slices.Compact(a.lines), nil
}

func (a *api) add(form string, arguments ...any) {
	a.lines = append(a.lines, "pkg "+a.folder.name()+", "+fmt.Sprintf(form, arguments...))
}

func (a *api) function(file *source, d *ast.FuncDecl) error {
	receiver := receiverOf(d)
	if !d.Name.IsExported() || !ast.IsExported(strings.TrimPrefix(receiver, "*")) && receiver != "" {
		return nil
	}
	text, err := a.print(file, &ast.FuncDecl{Name: d.Name, Type: d.Type})
	if err != nil {
		return err
	}
	if receiver != "" {
		text = "method (" + receiver + ") " + strings.TrimPrefix(text, "func ")
	}
	a.add("%s", text)
	return nil
}

func (a *api) values(file *source, kind token.Token, spec *ast.ValueSpec) error {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		text := kind.String() + " " + name.Name
		if spec.Type != nil {
			declared, err := a.print(file, spec.Type)
			if err != nil {
				return err
			}
			text += " " + declared
		} else if kind == token.VAR && i < len(spec.Values) && isErrorValue(spec.Values[i]) {
			text += " error"
		}
		if kind == token.CONST {
			if i >= len(spec.Values) {
				return fmt.Errorf("the value of %s is not written out", name.Name)
			}
			value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(spec.Values[i]))
			if err != nil {
				return fmt.Errorf("the value of %s depends on another name: %w", name.Name, err)
			}
			text += " = " + value.Value.ExactString()
		}
		a.add("%s", text)
	}
	return nil
}

func isErrorValue(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf"}, types.ExprString(call.Fun))
}

func (a *api) typeSpec(file *source, spec *ast.TypeSpec) error {
	if !spec.Name.IsExported() {
		return nil
	}
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		text, err := a.print(file, &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{
			&ast.TypeSpec{Name: spec.Name, TypeParams: spec.TypeParams, Assign: spec.Assign, Type: spec.Type},
		}})
		a.add("%s", text)
		return err
	}
	head, err := a.print(file, &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{
		&ast.TypeSpec{Name: spec.Name, TypeParams: spec.TypeParams, Type: &ast.StructType{Fields: &ast.FieldList{}}},
	}})
	if err != nil {
		return err
	}
	head = strings.TrimRight(head, "{ }")
	a.add("%s", head)
	for _, field := range structure.Fields.List {
		if err := a.field(file, head, field); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) field(file *source, head string, field *ast.Field) error {
	names := make([]string, 0, len(field.Names))
	for _, name := range field.Names {
		if name.IsExported() {
			names = append(names, name.Name)
		}
	}
	if len(field.Names) == 0 {
		embedded := types.ExprString(field.Type)
		if !ast.IsExported(strings.TrimPrefix(path.Ext("."+strings.TrimPrefix(embedded, "*")), ".")) {
			return fmt.Errorf("%s embeds %s, so its members are exported in a way that this file would not show", head, embedded)
		}
		names = append(names, "embedded")
	}
	if len(names) == 0 {
		return nil
	}
	text, err := a.print(file, field.Type)
	if err != nil {
		return err
	}
	if field.Tag != nil {
		text += " " + field.Tag.Value
	}
	for _, name := range names {
		a.add("%s, %s %s", head, name, text)
	}
	return nil
}

// print writes a node on one line, and notes which packages its types are from.
func (a *api) print(file *source, node ast.Node) (string, error) {
	var text bytes.Buffer
	if err := format.Node(&text, token.NewFileSet(), node); err != nil {
		return "", err
	}
	for part := range ast.Preorder(node) {
		selector, ok := part.(*ast.SelectorExpr)
		if !ok {
			continue
		}
		name := types.ExprString(selector.X)
		imported := importNamed(file.File, name)
		if before, ok := a.imports[name]; ok && before != imported {
			return "", fmt.Errorf("%s is the name of two packages, %s and %s", name, before, imported)
		}
		a.imports[name] = imported
	}
	return strings.Join(strings.Fields(text.String()), " "), nil
}

// importNamed finds the path that a file imports under a name.
func importNamed(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		if spec.Name == nil && path.Base(imported) == name || spec.Name != nil && spec.Name.Name == name {
			return imported
		}
	}
	return ""
}
