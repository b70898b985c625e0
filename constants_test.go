package azdps_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
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

func enumTexts[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

// TestConstantsOfTheWire pins the spellings that the service's specification has.
func TestConstantsOfTheWire(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"custom", "geoLatency", "hashed", "static"}, enumTexts(azdps.PossibleAllocationPolicyValues()))
	assert.Equal(t, []string{"none", "symmetricKey", "tpm", "x509"}, enumTexts(azdps.PossibleAttestationTypeValues()))
	assert.Equal(t, []string{"create", "delete", "update", "updateIfMatchETag"}, enumTexts(azdps.PossibleBulkOperationModeValues()))
	assert.Equal(t, []string{"disabled", "enabled"}, enumTexts(azdps.PossibleProvisioningStatusValues()))
	assert.Equal(t, []string{"assigned", "assigning", "disabled", "failed", "unassigned"}, enumTexts(azdps.PossibleRegistrationStatusValues()))
	assert.Equal(t, []string{"deviceDataMigrated", "deviceDataReset", "initialAssignment", "reprovisionedToInitialAssignment"},
		enumTexts(azdps.PossibleRegistrationSubstatusValues()))
	assert.Equal(t, []string{"409201", "409202", "404202", "404201", "400004", "429001", "401002"}, enumTexts(azdps.PossibleErrorCodeValues()))
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
