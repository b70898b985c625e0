package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun_refusesACommandLineThatMakesNoSense(t *testing.T) {
	t.Parallel()
	for line, reason := range map[string]string{
		"":                                  "a command is missing",
		"improt":                            `there is no command "improt"`,
		"import -journal @j":                "-in is missing",
		"import -in @a.jsonl":               "-journal is missing",
		"import -in @a.xml -journal @j":     "must end in .jsonl or .csv",
		"import -in @a.csv -journal @j x":   "unexpected argument",
		"import -in @a.csv -journal @a.csv": "one file cannot be two",
		"import -in @a.csv -journal @j -failed @a.csv":           "one file cannot be two",
		"import -in @a.csv -journal @j -rate x":                  "invalid value",
		"import -in @a.csv -journal @j -rate -1":                 "must not be negative",
		"import -in @a.csv -journal @j -keys":                    "flag provided but not defined: -keys",
		"import -in @a.csv -journal @j -seed @s":                 "-seed is for -emulator",
		"import -emulator -connection-string-file @c -in @a.csv": "-emulator has no connection string",
		"export":                          "-out is missing",
		"export -out @a":                  "must end in .jsonl or .csv",
		"plan":                            "-in is missing",
		"plan -in @a.csv -delete":         "go together",
		"apply -in @a.csv -max-deletes 3": "go together",
		"rotate -in @a.txt":               "-journal is missing",
		"rotate -in @a.doc -journal @j":   ".txt, .jsonl or .csv",
		"rotate -in @a.txt -journal @j -certificates":                 "must end in .jsonl or .csv",
		"rotate -in @a.csv -journal @j -certificates -secret-file @s": "is for keys",
		"derive-keys -in @a.txt -out @b.csv":                          "either -group or -key-file",
		"derive-keys -in @a.txt -out @b.csv -group g -key-file @k":    "either -group or -key-file",
		"derive-keys -in @a.txt -group g":                             "-out must name",
		"derive-keys -in @a.csv -out @a.csv -group g":                 "one file cannot be two",
		"copy":                            "-journal is missing",
		"copy -journal @j -failed @f.txt": ".jsonl or .csv",
		"decommission":                    ".txt, .jsonl or .csv",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			b := &bench{t: t, dir: t.TempDir(), env: map[string]string{}}
			b.server = newBench(t).server
			r := b.run(line)
			assert.Equal(t, exitUsage, r.code)
			assert.Empty(t, r.stdout)
			assert.Contains(t, r.stderr, reason)
			files, err := os.ReadDir(b.dir)
			require.NoError(t, err)
			assert.Empty(t, files)
		})
	}
}

func TestRun_takesNoSecretFromTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	secret := b.env["DPS_CONNECTION_STRING"]
	for _, line := range []string{
		secret,
		"export -out @a.csv " + secret,
		"export -out @a.csv -connection-string " + secret,
		"export -out @a.csv -connection-string=" + secret,
		"export -out @a.csv -" + secret,
		"export -out @a.csv -rate " + secret,
		"export -out @a.csv -keys=" + secret,
	} {
		assert.Equal(t, exitUsage, b.run(line).code) // and run looks for the secret in the output
	}
	assert.Empty(t, b.server.Requests())
}

func TestRun_givesHelp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.must("-h")
	for _, c := range commands() {
		assert.Contains(t, r.stderr, "  "+c.name+" ")
		help := b.must(c.name + " -h").stderr
		assert.Contains(t, help, "Usage: fleet "+c.name+" ")
		assert.Contains(t, help, "DPS_CONNECTION_STRING_FILE")
		assert.Contains(t, help, "-json")
		for flag := range strings.FieldsSeq(c.synopsis) {
			if flag = strings.Trim(flag, "[]()|"); strings.HasPrefix(flag, "-") {
				assert.Contains(t, help, "\n  "+flag, c.name)
			}
		}
	}
}

func TestConnect_findsTheService(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"))
	connectionString := b.env["DPS_CONNECTION_STRING"]
	file := b.write("connection", connectionString+"\n")
	b.write("seed.jsonl", enrollments(0, 3))
	ca := b.env["DPS_CA_FILE"]
	for name, test := range map[string]struct {
		env    map[string]string
		flags  string
		code   int
		output string
	}{
		"connection string":  {map[string]string{"DPS_CONNECTION_STRING": connectionString, "DPS_CA_FILE": ca}, "", exitDone, "1 record is in"},
		"file, by variable":  {map[string]string{"DPS_CONNECTION_STRING_FILE": file, "DPS_CA_FILE": ca}, "", exitDone, "1 record is in"},
		"file, by flag":      {map[string]string{"DPS_CONNECTION_STRING": "other", "DPS_CA_FILE": ca}, "-connection-string-file @connection", exitDone, "1 record is in"},
		"emulator":           {nil, "-emulator", exitDone, "0 records"},
		"emulator with seed": {nil, "-emulator -seed @seed.jsonl", exitDone, "3 records"},
		"none":               {nil, "", exitUsage, "no service is named"},
		"no such file":       {nil, "-connection-string-file @none", exitFailed, "no such file"},
		"no such seed":       {nil, "-emulator -seed @none", exitFailed, "no such file"},
		"wrong seed":         {nil, "-emulator -seed @connection", exitFailed, "-seed"},
		"not https":          {map[string]string{"DPS_ENDPOINT": "my-dps"}, "", exitFailed, "must be a URL"},
		"no certificate":     {map[string]string{"DPS_CONNECTION_STRING": connectionString, "DPS_CA_FILE": file}, "", exitFailed, "no certificate in PEM"},
		"an IoT hub": {
			map[string]string{"DPS_CONNECTION_STRING": "HostName=h.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=a2V5"}, "",
			exitFailed, "is of an IoT Hub",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &bench{t: t, server: b.server, dir: b.dir, env: test.env}
			r := c.run("export " + test.flags + " -out @" + strings.ReplaceAll(name, " ", "-") + ".jsonl")
			assert.Equal(t, test.code, r.code)
			assert.Contains(t, r.stdout+r.stderr, test.output)
		})
	}
}
