package fleet_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// crash is what a process that is to be killed is told, in a variable of its environment.
type crash struct {
	ConnectionString, CertificatePEM, Journal, Report string
	Records                                           int
}

const crashVariable = "AZDPS_TEST_CRASH"

// TestCrashImport is the process that is killed.
func TestCrashImport(t *testing.T) {
	told := os.Getenv(crashVariable)
	if told == "" {
		t.Skip("is run by TestCrash")
	}
	var c crash
	require.NoError(t, json.Unmarshal([]byte(told), &c))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(c.CertificatePEM)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64}
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(c.ConnectionString,
		&azdps.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}})
	require.NoError(t, err)
	journal, err := fleet.OpenJournal(c.Journal)
	require.NoError(t, err)
	defer journal.Close()
	options := &fleet.BulkOptions{Journal: journal, Options: fleet.Options{Limiter: fleet.NewLimiter(10_000_000), MaxConcurrency: 8}}
	outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", devices(c.Records), options))
	require.NoError(t, err)
	report, err := json.Marshal(results(outcomes))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.Report, report, 0o600))
}

// TestCrash kills a process that imports records again and again, at random moments, and lets it go on.
func TestCrash(t *testing.T) {
	t.Parallel()
	kills, records := 3, 2000
	if os.Getenv("AZDPS_LONG") != "" {
		kills, records = 20, 50_000
	}
	server := dpstest.NewServer(nil)
	defer server.Close()
	var operations atomic.Int64
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		operations.Add(1)
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
	directory := t.TempDir()
	c := crash{
		ConnectionString: server.ConnectionString(), CertificatePEM: string(server.CertificatePEM()),
		Journal: filepath.Join(directory, "journal"), Report: filepath.Join(directory, "report"), Records: records,
	}
	told, err := json.Marshal(c)
	require.NoError(t, err)
	start := func() *exec.Cmd {
		child := exec.Command(os.Args[0], "-test.run=^TestCrashImport$", "-test.v")
		child.Env = append(os.Environ(), crashVariable+"="+string(told))
		child.Stdout, child.Stderr = os.Stderr, os.Stderr
		if !testing.Verbose() {
			child.Stdout, child.Stderr = nil, nil
		}
		require.NoError(t, child.Start())
		return child
	}
	killed := 0
	for kill := range kills {
		child := start()
		goal := int64((kill + 1) * records / azdps.MaxBulkItems / (kills + 1))
		for deadline := time.Now().Add(time.Minute); operations.Load() < goal && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // the child is a process of its own
		}
		time.Sleep(rand.N(5 * time.Millisecond)) // so that the kill finds it at any work
		require.NoError(t, child.Process.Kill())
		if child.Wait() != nil {
			killed++
		}
	}
	require.NoError(t, start().Wait())
	assert.Positive(t, killed)
	report, err := os.ReadFile(c.Report)
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(`{"created":%d}`, records), string(report))
	held := stored(t, server)
	require.Len(t, held, records)
	for i := range records {
		require.NotNil(t, held[fmt.Sprintf("device-%d", i)], i)
	}
	t.Logf("killed %d times, %d operations for %d records", killed, operations.Load(), records)
}
