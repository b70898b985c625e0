package checks_test

import (
	"fmt"
	"go/ast"
	"go/types"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestParameters holds the order of parameters in every exported function and method: a context first, options last.
func TestParameters(t *testing.T) {
	enforce(t, parameterOrder,
		sample{"fleet/a.go", "func Do(ctx context.Context, id string, options *DoOptions) {}", ""},
		sample{"fleet/a.go", "func Do(id string, ctx context.Context) {}", "Do does not take its context first"},
		sample{"fleet/a.go", "func Do(options *Options, id string) {}", "Do does not take its options last"},
		sample{"fleet/a.go", "func Do(options Options) {}", "Do does not take a pointer to its options"},
		sample{"fleet/a.go", "func (r *Run) Do(ids []string, c context.Context, options *Options) {}", "Run.Do does not take its context first"},
		sample{"fleet/a.go", "func do(id string, ctx context.Context) {}", ""},
	)
}

func parameterOrder(f *folder, report reporter) {
	if !f.isPublic() {
		return
	}
	for d, name := range f.exportedFunctions() {
		parameters := typesOf(d.Type.Params)
		for i, parameter := range parameters {
			switch {
			case parameter == "context.Context" && i > 0:
				report(d, "%s does not take its context first", name)
			case strings.HasSuffix(parameter, "Options") && !strings.HasPrefix(parameter, "*"):
				report(d, "%s does not take a pointer to its options", name)
			case strings.HasSuffix(parameter, "Options") && i < len(parameters)-1:
				report(d, "%s does not take its options last", name)
			}
		}
	}
}

// typesOf lists the types of parameters or results, one for each.
func typesOf(fields *ast.FieldList) (list []string) {
	if fields == nil {
		return nil
	}
	for _, field := range fields.List {
		for range max(1, len(field.Names)) {
			list = append(list, types.ExprString(field.Type))
		}
	}
	return list
}

// TestClientMethods holds the form of the methods of the clients.
func TestClientMethods(t *testing.T) {
	const get = "(ctx context.Context, id string, options *ThingsClientGetOptions) (ThingsClientGetResponse, error)"
	method := func(signature string) string { return "func (c *ThingsClient) " + signature + " { panic(0) }" }
	enforce(t, clientMethodForm,
		sample{"a.go", method("Get" + get), ""},
		sample{"a.go", method("get()"), ""},
		sample{"a.go", "func (c *DeviceProvisioningClient) Things() *ThingsClient { return nil }", ""},
		sample{"a.go", "func (c ThingsClient) Get" + get + " { panic(0) }", "ThingsClient.Get has no pointer receiver"},
		sample{"a.go", method("Fetch" + get), "ThingsClient.Fetch does not take *ThingsClientFetchOptions last"},
		sample{"a.go", method("Get(id string, options *ThingsClientGetOptions) (ThingsClientGetResponse, error)"), "ThingsClient.Get does not take a context first"},
		sample{"a.go", method("Get(ctx context.Context, id string) (ThingsClientGetResponse, error)"), "does not take *ThingsClientGetOptions last"},
		sample{"a.go", method("Get(ctx context.Context, options *ThingsClientGetOptions) (Thing, error)"), "answers (Thing, error), not (ThingsClientGetResponse, error)"},
		sample{"a.go", method("Get(ctx context.Context, options *ThingsClientGetOptions) error"), "answers (error), not (ThingsClientGetResponse, error)"},
		sample{"a.go", method("Count() int"), "ThingsClient.Count does not take a context first"},
		sample{"a.go", method("NewQueryPager(options *ThingsClientQueryOptions) *runtime.Pager[ThingsClientQueryResponse]"), ""},
		sample{"a.go", method("NewQueryPager(ctx context.Context, options *ThingsClientQueryOptions) *runtime.Pager[ThingsClientQueryResponse]"),
			"ThingsClient.NewQueryPager takes a context"},
		sample{"a.go", method("NewQueryPager(options *ThingsClientQueryOptions) *runtime.Pager[Thing]"), "answers (*runtime.Pager[Thing]), not"},
		sample{"a.go", method("All(ctx context.Context, options *ThingsClientAllOptions) iter.Seq2[Thing, error]"), ""},
		sample{"a.go", method("All(ctx context.Context, options *ThingsClientAllOptions) []Thing"), "answers ([]Thing), not iter.Seq2[..., error]"},
		sample{"fleet/a.go", method("Count() int"), ""},
	)
}

// clientMethodForm knows three kinds of methods: those that answer with a response, pagers and iterators. The client of the whole
// service has none of them: it gives the clients.
func clientMethodForm(f *folder, report reporter) {
	if f.path != "." {
		return
	}
	for d, client := range clientMethods(f) {
		method := d.Name.Name
		name := client + "." + method
		if !strings.HasPrefix(receiverOf(d), "*") {
			report(d, "%s has no pointer receiver", name)
		}
		parameters, results := typesOf(d.Type.Params), typesOf(d.Type.Results)
		query, isPager := strings.CutPrefix(method, "New")
		query, isQuery := strings.CutSuffix(query, "Pager")
		isPager = isPager && isQuery
		if isPager {
			method = query
		}
		takesContext := slices.Contains(parameters, "context.Context")
		if isPager && takesContext {
			report(d, "%s takes a context, which is for its NextPage", name)
		}
		if !isPager && !takesContext {
			report(d, "%s does not take a context first", name)
			continue
		}
		if options := "*" + client + method + "Options"; len(parameters) == 0 || parameters[len(parameters)-1] != options {
			report(d, "%s does not take %s last", name, options)
			continue
		}
		answer := strings.Join(results, ", ")
		switch {
		case isPager:
			wantAnswer(d, name, answer, "*runtime.Pager["+client+method+"Response]", report)
		case method != "All":
			wantAnswer(d, name, answer, client+method+"Response, error", report)
		case !strings.HasPrefix(answer, "iter.Seq2[") || !strings.HasSuffix(answer, ", error]"):
			report(d, "%s answers (%s), not iter.Seq2[..., error]", name, answer)
		}
	}
}

func wantAnswer(d *ast.FuncDecl, name, got, want string, report reporter) {
	if got != want {
		report(d, "%s answers (%s), not (%s)", name, got, want)
	}
}

// clientMethods gives the exported methods of the clients, but for that of the whole service, with the names of their clients.
func clientMethods(f *folder) iter.Seq2[*ast.FuncDecl, string] {
	return func(yield func(*ast.FuncDecl, string) bool) {
		for d, name := range f.exportedFunctions() {
			client, _, _ := strings.Cut(name, ".")
			isClient := d.Recv != nil && strings.HasSuffix(client, "Client") && client != "DeviceProvisioningClient"
			if isClient && !yield(d, client) {
				return
			}
		}
	}
}

// TestOptionsAndResponsesBelongToMethods looks for those that a removed or renamed method has left behind.
func TestOptionsAndResponsesBelongToMethods(t *testing.T) {
	t.Parallel()
	for _, f := range publicFolders(t) {
		if f.path != "." {
			continue
		}
		want := map[string]bool{"ClientOptions": true}
		for d, client := range clientMethods(f) {
			name := strings.TrimSuffix(strings.TrimPrefix(d.Name.Name, "New"), "Pager")
			want[client+name+"Options"] = true
			if name != "All" {
				want[client+name+"Response"] = true
			}
		}
		var got []string
		for _, structure := range append(f.structs("Options"), f.structs("Response")...) {
			got = append(got, structure.name)
		}
		assert.Greater(t, len(got), 30)
		assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), got)
	}
}

// TestPossibleValues demands of each exported string type with constants a function that lists them, in the order of their
// names, which begin with that of the type.
func TestPossibleValues(t *testing.T) {
	const kind = "type Kind string\nconst (\n\tKindA Kind = \"a\"\n\tKindB Kind = \"b\"\n)\n"
	list := func(values string) string {
		return kind + "func PossibleKindValues() []Kind { return []Kind{" + values + "} }"
	}
	enforce(t, possibleValues,
		sample{"fleet/a.go", list("KindA, KindB"), ""},
		sample{"fleet/a.go", list("KindA"), "PossibleKindValues returns [KindA], not [KindA KindB]"},
		sample{"fleet/a.go", list("KindB, KindA"), "PossibleKindValues returns [KindB KindA], not [KindA KindB]"},
		sample{"fleet/a.go", kind, "Kind has no PossibleKindValues"},
		sample{"fleet/a.go", kind + "func PossibleKindValues() []Kind { return kinds }", "PossibleKindValues returns [], not [KindA KindB]"},
		sample{"fleet/a.go", list("KindA, KindB") + "\nconst C Kind = \"c\"", "C does not begin with the name of its type, Kind"},
		sample{"fleet/a.go", "type Name string", ""},
	)
}

func possibleValues(f *folder, report reporter) {
	if !f.isPublic() {
		return
	}
	constants, lists := make(map[string][]string), make(map[string]*ast.FuncDecl)
	var enums []*ast.TypeSpec
	for _, spec := range f.specs() {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && types.ExprString(s.Type) == "string" {
				enums = append(enums, s)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if declared, ok := s.Type.(*ast.Ident); ok && name.IsExported() {
					constants[declared.Name] = append(constants[declared.Name], name.Name)
				}
			}
		}
	}
	for d, name := range f.exportedFunctions() {
		lists[name] = d
	}
	for _, enum := range enums {
		name := enum.Name.Name
		var want []string
		for _, constant := range slices.Sorted(slices.Values(constants[name])) {
			if !strings.HasPrefix(constant, name) {
				report(enum, "%s does not begin with the name of its type, %s", constant, name)
				continue
			}
			want = append(want, constant)
		}
		list := lists["Possible"+name+"Values"]
		switch {
		case len(want) == 0: // any text, such as a name
		case list == nil:
			report(enum, "%s has no Possible%sValues", name, name)
		case fmt.Sprint(listed(list)) != fmt.Sprint(want):
			report(list, "Possible%sValues returns %v, not %v", name, listed(list), want)
		}
	}
}

// listed are the elements of the list that a function returns.
func listed(function *ast.FuncDecl) (names []string) {
	for node := range ast.Preorder(function.Body) {
		if literal, ok := node.(*ast.CompositeLit); ok {
			for _, element := range literal.Elts {
				names = append(names, types.ExprString(element))
			}
		}
	}
	return names
}
