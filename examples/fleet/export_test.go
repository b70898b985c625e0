package main

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

func TestExport_writesWhatImportReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, flags string }{
		{"all.jsonl", ""}, {"all.csv", ""}, {"all.jsonl", " -groups"}, {"all.csv", " -groups"},
	} {
		t.Run(test.file+test.flags, func(t *testing.T) {
			t.Parallel()
			seed := device("device-1") + "\n" + device("device-2") + "\n" + enrollments(3, 30)
			if test.flags != "" {
				seed = strings.ReplaceAll(seed, "registrationId", "enrollmentGroupId")
			}
			b := newBench(t, seed)
			r := b.must("export -keys -out @" + test.file + test.flags + fast)
			assert.Contains(t, r.stdout, "29 records are in "+b.path(test.file))
			b.assertPrivate(test.file)
			assert.Contains(t, b.read(test.file), testKey("pdevice-1"))
			assert.NoFileExists(t, b.path(test.file+".resume"))

			other := newBench(t)
			other.write(test.file, b.read(test.file))
			other.must("import -in @" + test.file + " -journal @a.journal" + test.flags + fast)
			assert.ElementsMatch(t, keysOf(b.dump()), keysOf(other.dump()))
			r = b.must("plan -in @" + test.file + test.flags + fast)
			assert.Contains(t, r.stdout, "Nothing to change.")
		})
	}
}

// keysOf lists all keys in a dump.
func keysOf(dump string) (keys []string) {
	for _, match := range keyPattern.FindAllStringSubmatch(dump, -1) {
		keys = append(keys, match[1])
	}
	return keys
}

func TestExport_leavesKeysOutUnlessAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"))
	r := b.must("export -json -out @all.jsonl" + fast)
	assert.InDelta(t, 1, b.summary(r)["exported"], 0)
	assert.NotContains(t, b.read("all.jsonl"), testKey("pdevice-1"))
}

func TestExport_takesRightsFromAFileThatExists(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"))
	b.write("all.jsonl", strings.Repeat("old\n", 1000))
	require.NoError(t, os.Chmod(b.path("all.jsonl"), 0o644)) //nolint:gosec // what -out has to mend
	b.must("export -keys -out @all.jsonl" + fast)
	b.assertPrivate("all.jsonl")
	assert.Equal(t, 1, strings.Count(b.read("all.jsonl"), "\n"))
}

func TestExport_goesOnAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"all.jsonl", "all.csv"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, enrollments(0, 350))
			ctx, interrupt := context.WithCancel(t.Context())
			var keys atomic.Int32
			b.server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if keys.Add(1) == 250 {
					interrupt()
				}
				next.ServeHTTP(w, r)
			}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGetAttestationMechanism, Times: -1})

			line := "export -keys -out @" + file + fast
			r := b.runUntil(ctx, line)
			require.Equal(t, exitInterrupted, r.code, r.stderr)
			assert.Contains(t, r.stderr, "with -resume to go on")
			b.assertPrivate(file + ".resume")
			appendTo(t, b.path(file), "half a rec") // as a kill would leave it

			assert.Equal(t, exitFailed, b.run("export -resume -out @"+file).code, "it was with keys")
			assert.Contains(t, b.must(line+" -resume").stdout, "150 records")
			b.assertPrivate(file)
			assert.NoFileExists(t, b.path(file+".resume"))
			assert.Contains(t, b.must("plan -in @"+file+fast).stdout, "350 unchanged")

			assert.Equal(t, exitFailed, b.run(line+" -resume").code, "there is nothing to go on with")
		})
	}
}

func TestExport_refusesToGoOnWithAnotherFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, enrollments(0, 5))
	place := `{"service":"` + b.server.URL() + `","token":"abc","size":100}`
	for name, test := range map[string]struct{ place, reason string }{
		"short":   {place, "is shorter than"},
		"damaged": {"{", "is not what an interrupted export leaves"},
		"other":   {`{"service":"https://other","token":"abc"}`, "from another service"},
	} {
		t.Run(name, func(t *testing.T) {
			b.write(name+".jsonl", "{}\n")
			b.write(name+".jsonl.resume", test.place)
			r := b.run("export -resume -out @" + name + ".jsonl")
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stderr, test.reason)
			assert.Equal(t, "{}\n", b.read(name+".jsonl"))
		})
	}
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
