package azdps_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// sourceFiles parses the package without its tests.
func sourceFiles(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NotEmpty(t, files)
	return files
}

// sourceSpecs calls visit for each specification of the declarations of one kind, such as token.TYPE.
func sourceSpecs(t *testing.T, kind token.Token, visit func(ast.Spec)) {
	t.Helper()
	for _, file := range sourceFiles(t) {
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok && general.Tok == kind {
				for _, spec := range general.Specs {
					visit(spec)
				}
			}
		}
	}
}

// enumTypes names the exported string types of the package.
func enumTypes(t *testing.T) []string {
	t.Helper()
	var names []string
	sourceSpecs(t, token.TYPE, func(spec ast.Spec) {
		declared := spec.(*ast.TypeSpec)
		if underlying, ok := declared.Type.(*ast.Ident); ok && underlying.Name == "string" && declared.Name.IsExported() {
			names = append(names, declared.Name.Name)
		}
	})
	return names
}

// enumConstants gives the values of the constants of a type.
func enumConstants(t *testing.T, typeName string) []string {
	t.Helper()
	var values []string
	sourceSpecs(t, token.CONST, func(spec ast.Spec) {
		constant := spec.(*ast.ValueSpec)
		if declared, ok := constant.Type.(*ast.Ident); !ok || declared.Name != typeName {
			return
		}
		for i, name := range constant.Names {
			value, err := strconv.Unquote(constant.Values[i].(*ast.BasicLit).Value)
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(name.Name, typeName), "%s does not begin with the name of its type", name.Name)
			values = append(values, value)
		}
	})
	return values
}

func enumTexts[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

// possibleValues calls the Possible...Values function of each enum.
func possibleValues() map[string][]string {
	return map[string][]string{
		"AllocationPolicy":      enumTexts(azdps.PossibleAllocationPolicyValues()),
		"AttestationType":       enumTexts(azdps.PossibleAttestationTypeValues()),
		"BulkOperationMode":     enumTexts(azdps.PossibleBulkOperationModeValues()),
		"ErrorCode":             enumTexts(azdps.PossibleErrorCodeValues()),
		"ProvisioningStatus":    enumTexts(azdps.PossibleProvisioningStatusValues()),
		"RegistrationStatus":    enumTexts(azdps.PossibleRegistrationStatusValues()),
		"RegistrationSubstatus": enumTexts(azdps.PossibleRegistrationSubstatusValues()),
	}
}

func TestConstantsAreInPossibleValues(t *testing.T) {
	t.Parallel()
	possible := possibleValues()
	types := enumTypes(t)
	for name := range possible {
		assert.Contains(t, types, name, "this test calls a function of a type that is gone")
	}
	for _, name := range types {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, possible, name, "add Possible%sValues to this test", name)
			assert.ElementsMatch(t, enumConstants(t, name), possible[name])
			assert.IsIncreasing(t, possibleOrder(t, name), "the values are not in the order of their names")
		})
	}
}

// possibleOrder gives the names of the constants in the order in which the Possible...Values function lists them.
func possibleOrder(t *testing.T, typeName string) []string {
	t.Helper()
	var names []string
	for _, file := range sourceFiles(t) {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Name.Name != "Possible"+typeName+"Values" {
				continue
			}
			ast.Inspect(function.Body, func(node ast.Node) bool {
				if name, ok := node.(*ast.Ident); ok && name.Name != typeName {
					names = append(names, name.Name)
				}
				return true
			})
		}
	}
	require.NotEmpty(t, names)
	return names
}

// TestConstantsOfTheWire pins the spellings that the service's specification has.
func TestConstantsOfTheWire(t *testing.T) {
	t.Parallel()
	possible := possibleValues()
	for name, want := range map[string][]string{
		"AllocationPolicy":      {"custom", "geoLatency", "hashed", "static"},
		"AttestationType":       {"none", "symmetricKey", "tpm", "x509"},
		"BulkOperationMode":     {"create", "delete", "update", "updateIfMatchETag"},
		"ProvisioningStatus":    {"disabled", "enabled"},
		"RegistrationStatus":    {"assigned", "assigning", "disabled", "failed", "unassigned"},
		"RegistrationSubstatus": {"deviceDataMigrated", "deviceDataReset", "initialAssignment", "reprovisionedToInitialAssignment"},
	} {
		assert.Equal(t, want, possible[name], name)
	}
	assert.Equal(t, 10, azdps.MaxBulkItems)
	assert.Equal(t, "2021-10-01", azdps.APIVersion2021_10_01)
	assert.Equal(t, "2026-11-01", azdps.APIVersion2026_11_01)
}

// TestPossibleValuesAreACopy keeps a caller from changing what others get.
func TestPossibleValuesAreACopy(t *testing.T) {
	t.Parallel()
	azdps.PossibleAllocationPolicyValues()[0] = "changed"
	assert.NotContains(t, azdps.PossibleAllocationPolicyValues(), azdps.AllocationPolicy("changed"))
}
