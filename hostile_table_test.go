package azdps_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// hostileBody is the MaxResponseBody of the hostile table.
const hostileBody = 64 << 10

// hostile is something that a server does to every connection, and what comes of it.
type hostile struct {
	serve  func(*peer)
	dial   func(context.Context, string) error
	answer func(call) string // to each request, in place of serve

	tries   int
	arrive  int           // requests that the server sees whole, if not tries; -1 for none
	try     time.Duration // that each try takes
	pause   time.Duration // between tries; 0 for the growing delays of azcore
	unknown bool          // a write may have been applied
	status  int           // of the ResponseError, or 0 for none
	is      error
	text    string // is in the error
	ok      bool   // there is no error

	but map[callKind]func(*hostile) // what differs for a kind of operation
}

// of is what comes of it for one operation.
func (h hostile) of(operation call) hostile {
	if edit := h.but[operation.kind]; edit != nil {
		edit(&h)
	}
	if h.arrive == 0 {
		h.arrive = h.tries
	}
	h.arrive = max(h.arrive, 0)
	h.unknown = h.unknown && operation.kind != readCall
	return h
}

// once is for bulk operations, which are not sent again after an answer that breaks off.
var once = map[callKind]func(*hostile){bulkCall: func(h *hostile) { h.tries = 1 }}

// deleted is for what is a good answer to a delete, whose body does not count.
var deleted = map[callKind]func(*hostile){deleteCall: func(h *hostile) { h.ok, h.unknown = true, false }}

// notEmpty is for what does not get as far as the reader of JSON after a delete, whose answer is empty.
var notEmpty = map[callKind]func(*hostile){deleteCall: func(h *hostile) { h.is = nil }}

// ofNoItem is for an object that says nothing of the items of a bulk operation.
var ofNoItem = map[callKind]func(*hostile){bulkCall: func(h *hostile) { h.text = "the service reports a failure, but of no item" }}

// TestHostileServers sends every operation to servers that do all they can to keep, mislead or exhaust a client.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, table := range []map[string]hostile{hostileConnections, hostileHeaders, hostileBodies, hostileAnswers} {
		for name, row := range table {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				forEachCall(t, func(t *testing.T, operation call) { row.of(operation).run(t, operation) })
			})
		}
	}
}

func (h hostile) run(t *testing.T, operation call) {
	t.Helper()
	if h.answer != nil {
		h.serve = says(h.answer(operation))
	}
	w := newWire(h.serve)
	defer w.end(t)
	w.dial = h.dial
	client := w.client(t, func(o *azdps.ClientOptions) { o.MaxResponseBody = hostileBody })
	start := time.Now()
	err := operation.do(t.Context(), client)
	h.check(t, w, err, time.Since(start))
}

func (h hostile) check(t *testing.T, w *wire, err error, took time.Duration) {
	t.Helper()
	t.Logf("%d tries, %v: %v", w.tried(), took, err)
	assert.Equal(t, h.tries, w.tried(), "tries")
	assert.Len(t, w.arrived(), h.arrive, "requests")
	least, most := h.time()
	assert.GreaterOrEqual(t, took, least)
	assert.LessOrEqual(t, took, most)
	assert.Equal(t, h.unknown, isUnknown(err), "the outcome is unknown")
	if h.ok {
		require.NoError(t, err)
		return
	}
	require.Error(t, err)
	response, answered := errors.AsType[*azcore.ResponseError](err)
	assert.Equal(t, h.status != 0, answered, "%v", err)
	if answered {
		assert.Equal(t, h.status, response.StatusCode)
	}
	if h.is != nil {
		require.ErrorIs(t, err, h.is)
	}
	assert.Contains(t, err.Error(), h.text)
	assert.NotContains(t, err.Error(), wireKey)
	assert.NotContains(t, err.Error(), "sig=")
	assert.Less(t, len(err.Error()), 2*hostileBody, "the error holds no more than the answer")
}

// time is how long the call may take, by the tries and the pauses between them.
func (h hostile) time() (least, most time.Duration) {
	least = time.Duration(h.tries) * h.try
	most = least
	for retry := range max(0, h.tries-1) {
		if h.pause != 0 {
			least, most = least+h.pause, most+h.pause
			continue
		}
		delay := 800 * time.Millisecond * time.Duration(1<<(retry+1)-1) // azcore takes 0.8 to 1.3 times this
		least, most = least+delay*8/10, most+delay*13/10
	}
	return least, most
}
