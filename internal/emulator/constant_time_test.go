package emulator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretName finds what is named like something that must be compared in constant time.
var secretName = regexp.MustCompile(`(?i)(^|[.(])(sig|mac|signature|secret|nonce|hash|sum)(\b|$)|\b(sign|nonce|deriveKey|keysOf|deviceKeys)\(|(primary|secondary|endorsement|storageRoot|policy|device|group)Key\b|\.Keys\b`)

// variableTime are functions that stop at the first difference.
var variableTime = regexp.MustCompile(`^(bytes|strings|slices|reflect|maps)\.(Equal|EqualFold|Compare|Contains|Index|HasPrefix|DeepEqual|ContainsFunc)$`)

// variableTimeComparisons lists the comparisons of secrets in a source that take a time which depends on what they hold. To
// compare with nothing tells nothing.
func variableTimeComparisons(t *testing.T, name string, source any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	isNothing := func(e ast.Expr) bool { text := types.ExprString(e); return text == `""` || text == "nil" }
	isSecret := func(e ast.Expr) bool {
		call, ok := e.(*ast.CallExpr)
		return secretName.MatchString(types.ExprString(e)) && (!ok || types.ExprString(call.Fun) != "len" && types.ExprString(call.Fun) != "hmac.Equal" && !strings.HasPrefix(types.ExprString(call.Fun), "subtle."))
	}
	for node := range ast.Preorder(file) {
		switch e := node.(type) {
		case *ast.BinaryExpr:
			compares := e.Op == token.EQL || e.Op == token.NEQ
			if compares && !isNothing(e.X) && !isNothing(e.Y) && (isSecret(e.X) || isSecret(e.Y)) {
				found = append(found, name+": "+types.ExprString(e))
			}
		case *ast.CallExpr:
			if !variableTime.MatchString(types.ExprString(e.Fun)) {
				continue
			}
			if slices.ContainsFunc(e.Args, isSecret) {
				found = append(found, name+": "+types.ExprString(e))
			}
		case *ast.SwitchStmt:
			if e.Tag != nil && isSecret(e.Tag) {
				found = append(found, name+": switch "+types.ExprString(e.Tag))
			}
		}
	}
	return found
}

// TestSecretsAreComparedInConstantTime reads the sources: no signature and no key is compared by a way that stops at the first
// difference.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	constant := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Empty(t, variableTimeComparisons(t, name, source))
		constant += strings.Count(string(source), "hmac.Equal(") + strings.Count(string(source), "subtle.ConstantTimeCompare(")
	}
	assert.Equal(t, 3, constant, "the signature of a policy or a device, a bearer token, an endorsement key")
}

// TestComparisonsAreFound proves that the test above would find one.
func TestComparisonsAreFound(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		`string(mac) == text`:                     true,
		`s.mac != nil`:                            false,
		`len(s.mac) == 32`:                        false,
		`bytes.Equal(mac.Sum(nil), s.mac)`:        true,
		`hmac.Equal(mac.Sum(nil), s.mac) == true`: false,
		`hmac.Equal(mac.Sum(nil), s.mac)`:         false,
		`a.TPM.EndorsementKey != b`:               true,
		`k.PrimaryKey == ""`:                      false,
		`k.PrimaryKey == other`:                   true,
		`strings.EqualFold(sent, k.SecondaryKey)`: true,
		`slices.Contains(policy.Keys[:], key)`:    true,
		`reflect.DeepEqual(x, h.tokens.sign(y))`:  true,
		`deriveKey(a, b) == c`:                    true,
		`member.key == other`:                     false, // of a map
	} {
		found := variableTimeComparisons(t, source, "package p\nvar x = "+source)
		assert.Equal(t, want, len(found) > 0, source)
	}
	assert.NotEmpty(t, variableTimeComparisons(t, "switch", "package p\nfunc f() { switch s.sig { case x: } }"))
}
