package azdps_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// operationRow is one operation of the service's specification.
type operationRow struct {
	OperationID string `json:"operationId"`
	Method      string `json:"method"`
	Path        string `json:"path"`
	APIVersion  string `json:"apiVersion"`
	Client      string `json:"client"`
	GoMethod    string `json:"goMethod"`
	Success     int    `json:"success"`
}

func readOperations(t *testing.T) []operationRow {
	t.Helper()
	data, err := os.ReadFile("testdata/operations.json")
	require.NoError(t, err)
	var rows []operationRow
	require.NoError(t, json.Unmarshal(data, &rows))
	require.Len(t, rows, 15)
	return rows
}

// TestOperationsAreCovered sends each operation of the specification with the client to the emulator.
func TestOperationsAreCovered(t *testing.T) {
	t.Parallel()
	for _, row := range readOperations(t) {
		t.Run(row.OperationID, func(t *testing.T) {
			t.Parallel()
			server, client := startService(t)
			operation := callOf(t, row.OperationID)
			require.Equal(t, row.Client+"."+row.GoMethod, operation.method)
			require.NoError(t, operation.do(t.Context(), client))

			requests := server.Requests()
			require.Len(t, requests, 1)
			got := requests[0]
			assert.Equal(t, row.OperationID, string(got.Operation))
			assert.Equal(t, row.Method, got.Method)
			path := regexp.QuoteMeta(row.Path)
			path = "^" + strings.ReplaceAll(path, `\{id\}`, "[a-z]+-[0-9]") + "$"
			assert.Regexp(t, path, got.URL.EscapedPath())
			assert.Equal(t, url.Values{"api-version": {row.APIVersion}}, got.URL.Query())
			assert.Equal(t, row.Success, got.StatusCode)
		})
	}
}

// TestClientHasNoOtherOperations compares the methods of the clients with the specification.
func TestClientHasNoOtherOperations(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, row := range readOperations(t) {
		want = append(want, row.Client+"."+row.GoMethod)
	}
	for accessor := range reflect.TypeFor[*azdps.DeviceProvisioningClient]().Methods() {
		if accessor.Type.Out(0).Kind() != reflect.Pointer {
			continue // it gives no client
		}
		client := accessor.Type.Out(0)
		for method := range client.Methods() {
			if method.Name != "All" && method.Name != "Update" { // made of other operations
				got = append(got, client.Elem().Name()+"."+method.Name)
			}
		}
	}
	assert.ElementsMatch(t, want, got)
}

// TestEmulatorHasNoOtherOperations compares the constants of dpstest with the specification of the service API.
func TestEmulatorHasNoOtherOperations(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, row := range readOperations(t) {
		want = append(want, "Operation"+strings.ReplaceAll(row.OperationID, "_", ""))
	}
	file, err := parser.ParseFile(token.NewFileSet(), "dpstest/operations.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for node := range ast.Preorder(file) {
		constants, ok := node.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if !strings.HasPrefix(name.Name, "OperationRuntimeRegistration") { // those are of the device API
					got = append(got, name.Name)
				}
			}
		}
	}
	assert.ElementsMatch(t, want, got)
}
