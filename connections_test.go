package azdps

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestConnectionsOfManyCallers lets callers work side by side, round after round: each needs a connection, and none is closed for
// want of room. The calls of a round are answered when all have come. Without that, some more may be opened while the first ones
// are, since a call that ends meanwhile hands its connection to one whose own is on its way.
func TestConnectionsOfManyCallers(t *testing.T) {
	t.Parallel()
	const callers, rounds, most = 16, 10, 20
	var opened atomic.Int64
	var arrived [rounds]sync.WaitGroup
	for round := range arrived {
		arrived[round].Add(callers)
	}
	var requests atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		round := &arrived[(requests.Add(1)-1)/callers]
		round.Done()
		round.Wait()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"errors":[],"isSuccessful":true}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	client := clientAt(t, server.URL, trusting(t, server))

	for range rounds {
		var group sync.WaitGroup
		for caller := range callers {
			group.Go(func() {
				records := []IndividualEnrollment{{RegistrationID: "device-" + strconv.Itoa(caller), Attestation: NewGeneratedKeyAttestation()}}
				_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), BulkOperationModeCreate, records, nil)
				assert.NoError(t, err)
			})
		}
		group.Wait()
	}
	assert.LessOrEqual(t, opened.Load(), int64(most))
}
