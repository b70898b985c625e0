package checks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// ExportedTypes lists the types that the package in a folder exports, by its sources, so that a test of all of them forgets none.
func ExportedTypes(folder string) ([]string, error) {
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var exported []string
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for node := range ast.Preorder(file) {
			if spec, ok := node.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				exported = append(exported, spec.Name.Name)
			}
		}
	}
	return exported, nil
}
