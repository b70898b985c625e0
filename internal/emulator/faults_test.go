package emulator

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sourceFault is a mistake that somebody could make in the emulator, as an edit of its source.
type sourceFault struct {
	Name    string `json:"name"`
	File    string `json:"file"` // from the root of the module
	Find    string `json:"find"` // occurs once
	Replace string `json:"replace"`
}

const moduleRoot = "../.."

func readFaults(t *testing.T) (faults []sourceFault) {
	t.Helper()
	text, err := os.ReadFile("testdata/faults.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &faults))
	return faults
}

func (f *sourceFault) source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot, f.File))
	require.NoError(t, err)
	return string(text)
}

// TestFaultsFitTheSource keeps the list from rotting as the source changes.
func TestFaultsFitTheSource(t *testing.T) {
	t.Parallel()
	faults := readFaults(t)
	require.Len(t, faults, 50)
	names := map[string]bool{}
	for _, fault := range faults {
		require.False(t, names[fault.Name], "%s is there twice", fault.Name)
		names[fault.Name] = true
		require.Regexp(t, `^(internal/emulator|dpstest)/\w+\.go$`, fault.File)
		require.NotContains(t, fault.File, "_test.go")
		require.Equal(t, 1, strings.Count(fault.source(t), fault.Find), "%s: %q in %s", fault.Name, fault.Find, fault.File)
		require.NotEqual(t, fault.Find, fault.Replace, fault.Name)
	}
}

// TestFaultsAreCaught puts faults into the source, one at a time, and requires that the tests of the emulator and of
// dpstest see each. The source itself is not touched: the compiler reads the changed file in place of it. It takes some
// minutes, so it runs only when it is asked for:
//
//	AZDPS_LONG=1 go test -v -timeout 1h -run TestFaultsAreCaught ./internal/emulator
//
// It draws twenty faults by a seed, which AZDPS_FAULTS_SEED sets; AZDPS_FAULTS=all takes all of them.
func TestFaultsAreCaught(t *testing.T) {
	t.Parallel()
	if os.Getenv("AZDPS_LONG") == "" {
		t.Skip("AZDPS_LONG is not set")
	}
	faults := readFaults(t)
	if os.Getenv("AZDPS_FAULTS") != "all" {
		seed := uint64(time.Now().UnixNano())
		if text := os.Getenv("AZDPS_FAULTS_SEED"); text != "" {
			var err error
			seed, err = strconv.ParseUint(text, 10, 64)
			require.NoError(t, err)
		}
		t.Logf("AZDPS_FAULTS_SEED=%d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		faults = faults[:20]
	}
	output, err := goCommand(t, "test", "./internal/emulator", "./dpstest")
	require.NoError(t, err, "the tests fail without a fault: %s", output)
	for _, fault := range faults {
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			fault.mustBeCaught(t)
		})
	}
}

var failedTests = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// mustBeCaught runs the tests with the fault in the source. A fault that does not compile is not caught by that.
func (f *sourceFault) mustBeCaught(t *testing.T) {
	t.Helper()
	overlay := f.overlay(t)
	output, err := goCommand(t, "build", "-overlay="+overlay, "./internal/emulator", "./dpstest")
	require.NoError(t, err, "the fault does not compile: %s", output)
	output, err = goCommand(t, "test", "-overlay="+overlay, "-vet=off", "-timeout=3m", "./internal/emulator", "./dpstest")
	require.Error(t, err, "no test sees the fault")
	failed := failedTests.FindAllStringSubmatch(output, -1)
	require.NotEmpty(t, failed, "the tests ended without a verdict: %s", output)
	t.Logf("%d tests see it, one is %s", len(failed), failed[len(failed)-1][1])
}

// overlay writes the changed file, and the file that tells the compiler of it.
func (f *sourceFault) overlay(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	original, err := filepath.Abs(filepath.Join(moduleRoot, f.File))
	require.NoError(t, err)
	changed := filepath.Join(folder, "changed.go")
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(f.source(t), f.Find, f.Replace, 1)), 0o600))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	require.NoError(t, err)
	overlay := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, text, 0o600))
	return overlay
}

// goCommand runs the go command in the module. The tests that it runs are the short ones.
func goCommand(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = moduleRoot
	command.Env = append(os.Environ(), "AZDPS_LONG=")
	text, err := command.CombinedOutput()
	return string(text), err
}
