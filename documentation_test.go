package azdps_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// calledByOthers are the methods that users do not call by name: packages of the standard library do.
var calledByOthers = map[string]string{
	"As":            "package errors",
	"Error":         "whoever prints an error",
	"Format":        "package fmt",
	"LogValue":      "package log/slog",
	"MarshalJSON":   "package encoding/json",
	"UnmarshalJSON": "package encoding/json",
	"Unwrap":        "package errors",
}

// shownBy names the example of what has none of its own, because it is dull alone.
var shownBy = map[string]string{
	"DeviceProvisioningClient.DeviceRegistrationStates": "DeviceProvisioningClient",
	"DeviceProvisioningClient.Endpoint":                 "DeviceProvisioningClient",
	"DeviceProvisioningClient.EnrollmentGroups":         "DeviceProvisioningClient",
	"DeviceProvisioningClient.IndividualEnrollments":    "DeviceProvisioningClient",

	"dpstest.Server.Client":           "NewServer",
	"dpstest.Server.Close":            "NewServer",
	"dpstest.Server.ConnectionString": "NewServer",
	"dpstest.Server.URL":              "NewServer",
	"dpstest.Server.DeviceURL":        "Server_HubDevice",
	"dpstest.Server.IDScope":          "Server_HubDevice",

	"fleet.Journal.Close":  "OpenJournal",
	"fleet.Limiter.Pause":  "Limiter_Wait",
	"fleet.Plan.Changes":   "Plan",
	"fleet.Plan.Len":       "Plan",
	"fleet.Plan.WriteJSON": "Plan",
	"fleet.Plan.WriteText": "NewPlan",
}

// Every exported function and method of the three packages has an example that runs, for it says what it prints.
func TestExamples_areComplete(t *testing.T) {
	t.Parallel()
	unused := make(map[string]bool)
	for name := range shownBy {
		unused[name] = true
	}
	for folder, prefix := range map[string]string{".": "", "dpstest": "dpstest.", "fleet": "fleet."} {
		examples := examplesOf(t, folder)
		exported := exportedFunctions(parseFiles(t, folder, isSource))
		require.Greater(t, len(exported), 20, "%s: where are the functions?", folder)
		for _, name := range exported {
			example, listed := shownBy[prefix+name]
			delete(unused, prefix+name)
			own := strings.ReplaceAll(name, ".", "_")
			_, method, _ := strings.Cut(name, ".")
			switch {
			case listed:
				assert.False(t, examples.has(own), "%s has an example of its own; take it off the list", prefix+name)
				assert.Contains(t, examples[example], "."+method+"(", "the example %s does not show %s", example, prefix+name)
			case calledByOthers[method] != "", strings.HasPrefix(name, "Possible"):
			default:
				assert.True(t, examples.has(own), "%s has no example", prefix+name)
			}
		}
	}
	assert.Empty(t, unused, "these are listed, and do not exist")
}

// examples are the sources of the examples of a package, by name: of the file, since an example may have helpers there.
type examples map[string]string

// has reports whether there is an example of a name, or one with a suffix.
func (e examples) has(name string) bool {
	for example := range e {
		if rest, ok := strings.CutPrefix(example, name); ok && (rest == "" || rest[0] == '_' && !isExported(rest[1:])) {
			return true
		}
	}
	return false
}

func isExported(name string) bool {
	first, _, _ := strings.Cut(name, "_")
	return ast.IsExported(first)
}

func examplesOf(t *testing.T, folder string) examples {
	t.Helper()
	found := make(examples)
	for name, file := range parseFiles(t, folder, isTest) {
		for _, example := range doc.Examples(file) {
			assert.NotEmpty(t, example.Output, "Example%s of %s has no output, so it does not run", example.Name, name)
			assert.Contains(t, filepath.Base(name), "example", "Example%s is in a file that is not for examples", example.Name)
			source, err := os.ReadFile(name)
			require.NoError(t, err)
			found[example.Name] = string(source)
		}
	}
	return found
}

func isTest(name string) bool   { return strings.HasSuffix(name, "_test.go") }
func isSource(name string) bool { return !isTest(name) }

// parseFiles parses the Go files of a folder that a filter takes.
func parseFiles(t *testing.T, folder string, filter func(name string) bool) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	files := make(map[string]*ast.File)
	for _, name := range names {
		if filter(name) {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
			files[name] = file
		}
	}
	return files
}

// exportedFunctions are the names of functions, and those of methods of exported types, with the type before a dot.
func exportedFunctions(files map[string]*ast.File) (names []string) {
	for _, file := range files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || !function.Name.IsExported() {
				continue
			}
			name := function.Name.Name
			if receiver := receiverName(function); ast.IsExported(receiver) {
				names = append(names, receiver+"."+name)
			} else if receiver == "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// receiverName is the type of a method, without the star and parameters; a function has none.
func receiverName(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return ""
	}
	receiver := function.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	name, ok := receiver.(*ast.Ident)
	if !ok {
		return "Unknown" // and exported, so that this form does not go unseen
	}
	return name.Name
}
