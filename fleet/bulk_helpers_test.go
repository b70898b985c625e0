package fleet_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// bubble runs a test in virtual time. Its end waits for every goroutine of the bubble and fails if one is stuck, so each of
// these tests shows that nothing leaks, too.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// long skips a test that takes minutes unless it is asked for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("AZDPS_LONG") == "" {
		t.Skip("takes minutes; set AZDPS_LONG=1")
	}
}

type transporter func(*http.Request) (*http.Response, error)

func (f transporter) Do(r *http.Request) (*http.Response, error) { return f(r) }

// clientOf returns a client of a server, over a transport or directly.
func clientOf(t testing.TB, server *dpstest.Server, transport policy.Transporter) *azdps.DeviceProvisioningClient {
	t.Helper()
	if transport == nil {
		transport = server.Transport()
	}
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(),
		&azdps.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport}})
	require.NoError(t, err)
	return client
}

// after makes calls take a time between the two.
func after(least, most time.Duration, next policy.Transporter) policy.Transporter {
	return transporter(func(r *http.Request) (*http.Response, error) {
		timer := time.NewTimer(least + rand.N(most-least))
		defer timer.Stop()
		select {
		case <-timer.C:
			return next.Do(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})
}

// obliging is a service that does everything and keeps nothing.
var obliging = transporter(func(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"errors":[],"isSuccessful":true}`)),
	}, nil
})

const testKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func device(id string) azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

func group(id string) azdps.EnrollmentGroup {
	return azdps.EnrollmentGroup{EnrollmentGroupID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

// devices yields so many records: device-0 and so on.
func devices(n int) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for i := range n {
			if !yield(device(fmt.Sprintf("device-%d", i)), nil) {
				return
			}
		}
	}
}

func seqOf[T any](records ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, record := range records {
			if !yield(record, nil) {
				return
			}
		}
	}
}

// collect takes all outcomes of a run, and its error.
func collect(outcomes iter.Seq2[fleet.Outcome, error]) (list []fleet.Outcome, err error) {
	for outcome, e := range outcomes {
		if e != nil {
			return list, e
		}
		list = append(list, outcome)
	}
	return list, nil
}

// results counts outcomes by their result.
func results(outcomes []fleet.Outcome) map[fleet.Result]int {
	counts := make(map[fleet.Result]int)
	for _, outcome := range outcomes {
		counts[outcome.Result]++
	}
	return counts
}

// stored is what a server holds, by id in lower case.
func stored(t testing.TB, server *dpstest.Server) map[string]map[string]any {
	t.Helper()
	var dump bytes.Buffer
	require.NoError(t, server.Dump(&dump))
	records := make(map[string]map[string]any)
	for lines := bufio.NewScanner(&dump); lines.Scan(); {
		var record map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &record))
		id, _ := record["registrationId"].(string)
		if id == "" {
			id, _ = record["enrollmentGroupId"].(string)
		}
		records[strings.ToLower(id)] = record
	}
	return records
}

// counter counts requests, and those that were throttled, by the server or before it.
type counter struct {
	mu               sync.Mutex
	calls, throttled int
}

func (c *counter) count(next policy.Transporter) policy.Transporter {
	return transporter(func(r *http.Request) (*http.Response, error) {
		resp, err := next.Do(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls++
		if err == nil && resp.StatusCode == http.StatusTooManyRequests {
			c.throttled++
		}
		return resp, err
	})
}
