package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// keys are what the program prints, in this order.
var keys = []string{
	"DPS_CONNECTION_STRING", "DPS_BASE_URL", "DPS_DEVICE_ENDPOINT", "DPS_ID_SCOPE", "DPS_CA_FILE", "DPS_BEARER_TOKEN",
}

func TestRun_printsHowToReachIt(t *testing.T) {
	p := start(t)
	assert.Equal(t, keys, p.keys)
	host := strings.TrimPrefix(p.env["DPS_BASE_URL"], "https://")
	assert.Regexp(t, `^127\.0\.0\.1:\d+$`, host)
	assert.True(t, strings.HasPrefix(p.env["DPS_CONNECTION_STRING"], "HostName="+host+";SharedAccessKeyName="))
	for key, value := range p.env {
		assert.NotEmpty(t, value, key)
		assert.NotContains(t, value, " ", key)
	}
	assert.Equal(t, host, p.env["DPS_DEVICE_ENDPOINT"])
	assert.Regexp(t, `^0ne[0-9A-F]{8}$`, p.env["DPS_ID_SCOPE"])
	file, err := os.Stat(p.env["DPS_CA_FILE"])
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), file.Mode())

	require.NoError(t, p.stop())
	assert.NoFileExists(t, p.env["DPS_CA_FILE"])
	assert.Empty(t, p.stderr.String(), "no log was asked for")
}

func TestRun_servesAClientWithTheConnectionString(t *testing.T) {
	p := start(t, "-v")
	enrollments := p.client(t).IndividualEnrollments()
	created, err := enrollments.CreateOrUpdate(t.Context(), azdps.IndividualEnrollment{
		RegistrationID: "pump-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	require.NoError(t, err)
	assert.NotEmpty(t, created.Attestation.SymmetricKey.PrimaryKey)
	_, err = enrollments.Get(t.Context(), "pump-1", nil)
	require.NoError(t, err)

	require.NoError(t, p.stop())
	assert.Contains(t, p.stderr.String(), "PUT /enrollments/pump-1?api-version=2021-10-01: 200 OK\n")
	assert.NotContains(t, p.stderr.String(), created.Attestation.SymmetricKey.PrimaryKey)
}

func TestRun_assignsDevicesToTheHubs(t *testing.T) {
	p := start(t, "-hub", "hub-1.azure-devices.net", "-hub", "hub-2.azure-devices.net")
	client := p.client(t)
	assigned := make(map[string]bool)
	for i := range 20 {
		id := fmt.Sprintf("pump-%d", i)
		created, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), azdps.IndividualEnrollment{
			RegistrationID: id,
			Attestation:    azdps.NewGeneratedKeyAttestation(),
		}, nil)
		require.NoError(t, err)
		p.register(t, id, created.Attestation.SymmetricKey.PrimaryKey)
		state, err := client.DeviceRegistrationStates().Get(t.Context(), id, nil)
		require.NoError(t, err)
		assigned[state.AssignedHub] = true
	}
	assert.Equal(t, map[string]bool{"hub-1.azure-devices.net": true, "hub-2.azure-devices.net": true}, assigned)
}

func TestRun_takesTheBearerToken(t *testing.T) {
	p := start(t)
	request, err := http.NewRequest(http.MethodPost, p.env["DPS_BASE_URL"]+"/enrollments/query?api-version=2021-10-01", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+p.env["DPS_BEARER_TOKEN"])
	response, err := p.http(t).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "[]", string(body))
}

func TestRun_keepsTheCAFileThatIsAskedFor(t *testing.T) {
	t.Chdir(t.TempDir())
	p := start(t, "-ca-out", "ca.pem")
	assert.True(t, filepath.IsAbs(p.env["DPS_CA_FILE"]), "clients have other working directories")
	_, err := p.client(t).EnrollmentGroups().Get(t.Context(), "none", nil)
	assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), err)
	require.NoError(t, p.stop())
	assert.FileExists(t, "ca.pem")
}

func TestRun_startsFromASeed(t *testing.T) {
	seed := write(t, `{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"enrollmentGroupId":"line-1","attestation":{"type":"symmetricKey"},"provisioningStatus":"disabled"}
{"registrationId":"device-2","enrollmentGroupId":"line-1","deviceId":"device-2","status":"assigned"}
`)
	p := start(t, "-seed", seed)
	client := p.client(t)
	_, err := client.IndividualEnrollments().Get(t.Context(), "device-1", nil)
	require.NoError(t, err)
	group, err := client.EnrollmentGroups().Get(t.Context(), "line-1", nil)
	require.NoError(t, err)
	assert.Equal(t, azdps.ProvisioningStatusDisabled, group.ProvisioningStatus)
	state, err := client.DeviceRegistrationStates().Get(t.Context(), "device-2", nil)
	require.NoError(t, err)
	assert.Equal(t, "device-2", state.DeviceID)
}

func TestRun_throttles(t *testing.T) {
	p := start(t, "-throttle", "2")
	enrollments := p.client(t).IndividualEnrollments()
	for range 2 {
		_, err := enrollments.Get(t.Context(), "none", nil)
		assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), err)
	}
	_, err := enrollments.Get(t.Context(), "none", nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeThrottled), err)
}

func TestRun_listensWhereItIsTold(t *testing.T) {
	for _, addr := range []string{"localhost:0", "127.0.0.2:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			if strings.HasPrefix(addr, "[") && !hasIPv6() {
				t.Skip("this machine has no IPv6")
			}
			p := start(t, "-addr", addr)
			_, err := p.client(t).EnrollmentGroups().Get(t.Context(), "none", nil)
			assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), err)
		})
	}
	t.Run("everywhere", func(t *testing.T) {
		p := start(t, "-addr", "0.0.0.0:0", "-insecure-listen")
		assert.True(t, strings.HasPrefix(p.env["DPS_BASE_URL"], "https://127.0.0.1:"), p.env["DPS_BASE_URL"])
		_, err := p.client(t).EnrollmentGroups().Get(t.Context(), "none", nil)
		assert.True(t, azdps.HasStatusCode(err, http.StatusNotFound), err)
	})
}

func TestRun_refuses(t *testing.T) {
	used := strings.TrimPrefix(start(t).env["DPS_BASE_URL"], "https://")
	for name, test := range map[string]struct {
		args []string
		err  string
	}{
		"all addresses":          {[]string{"-addr", "0.0.0.0:0"}, "-insecure-listen"},
		"all IPv6 addresses":     {[]string{"-addr", "[::]:0"}, "-insecure-listen"},
		"an address without one": {[]string{"-addr", ":8443"}, "-insecure-listen"},
		"another machine's":      {[]string{"-addr", "192.0.2.1:0"}, "-insecure-listen"},
		"no address":             {[]string{"-addr", "127.0.0.1"}, "-addr"},
		"a port in use":          {[]string{"-addr", used}, "-addr"},
		"an unknown flag":        {[]string{"-x"}, "-x"},
		"an argument":            {[]string{"serve"}, `"serve"`},
		"no number":              {[]string{"-throttle", "many"}, "-throttle"},
		"a negative number":      {[]string{"-throttle", "-1"}, "-throttle"},
		"a hub without a name":   {[]string{"-hub", ""}, "-hub"},
		"a seed that is missing": {[]string{"-seed", filepath.Join(t.TempDir(), "none")}, "seed"},
		"a seed of other things": {[]string{"-seed", write(t, "\n{}\n")}, "line 2"},
		"a directory":            {[]string{"-ca-out", t.TempDir()}, "CA certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.ErrorContains(t, run(t.Context(), test.args, &stdout, &stderr), test.err)
			assert.Empty(t, stdout.String())
		})
	}
}

func TestRun_freesThePortOfAServerThatDidNotStart(t *testing.T) {
	p := start(t)
	addr := strings.TrimPrefix(p.env["DPS_BASE_URL"], "https://")
	require.NoError(t, p.stop())
	err := run(t.Context(), []string{"-addr", addr, "-seed", write(t, "{}")}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "line 1")
	again := start(t, "-addr", addr)
	assert.Equal(t, p.env["DPS_BASE_URL"], again.env["DPS_BASE_URL"])
}

func TestRun_helps(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{"-h"}, &stdout, &stderr), flag.ErrHelp)
	assert.Contains(t, stderr.String(), "-insecure-listen")
	assert.Empty(t, stdout.String())
}

func TestRun_fails_withoutAReader(t *testing.T) {
	reader, writer := io.Pipe()
	require.NoError(t, reader.Close())
	t.Setenv("TMPDIR", t.TempDir())
	require.ErrorIs(t, run(t.Context(), nil, writer, io.Discard), io.ErrClosedPipe)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left, "the CA file is gone")
}

// TestMain_endsWellWhenItIsInterrupted runs the program itself, which is this test's binary.
func TestMain_endsWellWhenItIsInterrupted(t *testing.T) {
	for name, signal := range map[string]os.Signal{"SIGINT": os.Interrupt, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, os.Args[0], "-addr", "localhost:0")
			command.Env = append(os.Environ(), asProgram+"=1")
			command.Stderr = os.Stderr
			stdout, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			_, env := read(t, stdout)
			assert.FileExists(t, env["DPS_CA_FILE"])
			require.NoError(t, command.Process.Signal(signal))
			assert.NoError(t, command.Wait())
			assert.NoFileExists(t, env["DPS_CA_FILE"])
		})
	}
}

// TestRecipe runs what the documentation of the program tells to do in a shell.
func TestRecipe(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("this machine has no sh")
	}
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	recipe := strings.Join(regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllString(string(source), -1), "\n")
	recipe = strings.ReplaceAll(recipe, "//\t", "")
	require.Contains(t, recipe, "go run ./examples/emulator >")
	recipe = strings.Replace(recipe, "go run ./examples/emulator", `"$PROGRAM"`, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, shell, "-c", recipe+"\nkill $!\nwait\ncat emulator.env\necho; env")
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), asProgram+"=1", "PROGRAM="+os.Args[0])
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	printed, environment, found := strings.Cut(string(out), "\n\n")
	require.True(t, found)
	lines := strings.Split(printed, "\n")
	assert.Len(t, lines, len(keys))
	assert.Subset(t, strings.Split(environment, "\n"), lines)
}

// asProgram makes the binary of the test the program that it tests.
const asProgram = "EMULATOR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	m.Run()
}

// program is a run of the program.
type program struct {
	keys   []string
	env    map[string]string
	stderr bytes.Buffer // to be read after stop
	stop   func() error
}

// start runs the program until the test ends or calls stop.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	p := &program{}
	var result error
	done := make(chan struct{})
	go func() {
		defer close(done)
		result = run(ctx, args, writer, &p.stderr)
		_ = writer.CloseWithError(result)
	}()
	p.stop = func() error {
		cancel()
		<-done
		return result
	}
	t.Cleanup(func() { assert.NoError(t, p.stop()) })
	p.keys, p.env = read(t, reader)
	return p
}

// read takes in what the program prints, up to the last of the keys.
func read(t *testing.T, stdout io.Reader) (names []string, env map[string]string) {
	t.Helper()
	env = make(map[string]string)
	lines := bufio.NewScanner(stdout)
	for len(names) < len(keys) && lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), "=")
		require.True(t, found, lines.Text())
		names = append(names, name)
		env[name] = value
	}
	require.NoError(t, lines.Err())
	require.Len(t, names, len(keys))
	return names, env
}

// http is a client that trusts the CA file and nothing else.
func (p *program) http(t *testing.T) *http.Client {
	t.Helper()
	certificate, err := os.ReadFile(p.env["DPS_CA_FILE"])
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(certificate))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// register registers a device by its key.
func (p *program) register(t *testing.T, id, key string) {
	t.Helper()
	resource := p.env["DPS_ID_SCOPE"] + "/registrations/" + id
	token, err := azdps.GenerateSASToken(resource, "registration", key, time.Now().Add(time.Hour))
	require.NoError(t, err)
	url := "https://" + p.env["DPS_DEVICE_ENDPOINT"] + "/" + resource + "/register?api-version=2021-10-01"
	request, err := http.NewRequest(http.MethodPut, url, strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http(t).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, http.StatusAccepted, response.StatusCode)
}

// client is a client of the service that does not retry.
func (p *program) client(t *testing.T) *azdps.DeviceProvisioningClient {
	t.Helper()
	options := &azdps.ClientOptions{}
	options.Transport = p.http(t)
	options.Retry.MaxRetries = -1
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(p.env["DPS_CONNECTION_STRING"], options)
	require.NoError(t, err)
	return client
}

// write makes a file.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seed.jsonl")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func hasIPv6() bool {
	listener, err := (&settings{addr: "[::1]:0"}).listen(context.Background())
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}
