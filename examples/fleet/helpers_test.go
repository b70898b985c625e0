package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// bench is a service, a folder, and the environment that leads the program to the service.
type bench struct {
	t      *testing.T
	server *dpstest.Server
	dir    string
	env    map[string]string
}

// result is what a run of the program left.
type result struct {
	code           int
	stdout, stderr string
}

func newBench(t *testing.T, seed ...string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.server, b.env = b.serve("DPS_", seed...)
	return b
}

// serve starts a service and returns the environment that leads to it.
func (b *bench) serve(prefix string, seed ...string) (*dpstest.Server, map[string]string) {
	b.t.Helper()
	server := dpstest.NewServer(nil)
	b.t.Cleanup(server.Close)
	require.NoError(b.t, server.Load(strings.NewReader(strings.Join(seed, "\n"))))
	ca := b.write(prefix+"ca.pem", string(server.CertificatePEM()))
	return server, map[string]string{prefix + "CONNECTION_STRING": server.ConnectionString(), prefix + "CA_FILE": ca}
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) string {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(b.path(name), []byte(text), 0o600))
	return b.path(name)
}

func (b *bench) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	require.NoError(b.t, err)
	return string(data)
}

// run runs the program with a command line whose words have no spaces; a word that begins with @ is a file in the folder.
func (b *bench) run(line string) result { b.t.Helper(); return b.runUntil(b.t.Context(), line) }

func (b *bench) runUntil(ctx context.Context, line string) result {
	b.t.Helper()
	args := strings.Fields(line)
	for i, arg := range args {
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			args[i] = b.path(name)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, &stdout, &stderr, func(name string) string { return b.env[name] })
	r := result{code, stdout.String(), stderr.String()}
	b.assertNoKeys(r)
	return r
}

// must runs the program, which must do all that it is told.
func (b *bench) must(line string) result {
	b.t.Helper()
	r := b.run(line)
	require.Equal(b.t, exitDone, r.code, "%s\n%s%s", line, r.stdout, r.stderr)
	return r
}

var keyPattern = regexp.MustCompile(`Key":"([^"]+)"`)

// assertNoKeys looks for the keys of the service in what the program printed and in its journals.
func (b *bench) assertNoKeys(r result) {
	b.t.Helper()
	text := r.stdout + r.stderr
	journals, err := filepath.Glob(b.path("*.journal"))
	require.NoError(b.t, err)
	for _, journal := range journals {
		text += b.read(filepath.Base(journal))
	}
	for _, key := range keysOf(b.dump()) {
		if strings.Contains(text, key) {
			assert.Fail(b.t, "a key is in the output or in a journal")
		}
	}
	_, secret, _ := strings.Cut(b.env["DPS_CONNECTION_STRING"], "SharedAccessKey=")
	if secret != "" {
		assert.NotContains(b.t, text, secret)
	}
}

// dump is what the service holds.
func (b *bench) dump() string { return dumpOf(b.t, b.server) }

func dumpOf(t *testing.T, server *dpstest.Server) string {
	t.Helper()
	var state strings.Builder
	require.NoError(t, server.Dump(&state))
	return state.String()
}

// held is the number of records in the service.
func (b *bench) held() int { return strings.Count(b.dump(), "\n") }

// assertPrivate checks that only the owner can read a file.
func (b *bench) assertPrivate(name string) {
	b.t.Helper()
	info, err := os.Stat(b.path(name))
	require.NoError(b.t, err)
	assert.Equal(b.t, os.FileMode(0o600), info.Mode(), name)
}

// objects reads output of -json.
func (b *bench) objects(r result) (list []map[string]any) {
	b.t.Helper()
	for line := range strings.Lines(r.stdout) {
		var object map[string]any
		require.NoError(b.t, json.Unmarshal([]byte(line), &object), line)
		assert.NotEmpty(b.t, object["type"], line)
		list = append(list, object)
	}
	return list
}

// summary is the last object of -json.
func (b *bench) summary(r result) map[string]any {
	b.t.Helper()
	list := b.objects(r)
	require.NotEmpty(b.t, list)
	last := list[len(list)-1]
	require.Equal(b.t, "summary", last["type"])
	return last
}

// enrollments are lines of records with symmetric keys.
func enrollments(from, to int) string {
	var text strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&text, `{"registrationId":"device-%d","attestation":{"type":"symmetricKey"}}`+"\n", i)
	}
	return text.String()
}

// device is a line of a record with keys of its own.
func device(id string) string {
	return fmt.Sprintf(`{"registrationId":"%s","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"%s","secondaryKey":"%s"}}}`,
		id, testKey("p"+id), testKey("s"+id))
}
