package fleet

import (
	"slices"

	"github.com/azdps/azdps"
)

// maxHeld is how many records may wait for earlier ones of their id before no more are read.
const maxHeld = 256

// queue holds the records that were read and not sent. An id is busy from the time its first record is queued until that is done;
// its later records are held back and follow in order. They do not follow one of which it is unknown whether it was written: the
// answer to it may still be to come, and a run that is started again would send it after them.
type queue[T Record] struct {
	pending []*task[T]            // may be sent; no two of one id
	busy    map[string][]*task[T] // by key of the id, with the records held back
	held    int
	unknown map[string]bool // keys of the ids of which no more are sent
}

func newQueue[T Record]() *queue[T] {
	return &queue[T]{busy: make(map[string][]*task[T]), unknown: make(map[string]bool)}
}

// ready is the number of records that may be sent.
func (q *queue[T]) ready() int { return len(q.pending) }

// full says whether no more records should be added for now.
func (q *queue[T]) full() bool { return q.held >= maxHeld }

// add takes a record in. It returns false if the record must not be sent.
func (q *queue[T]) add(t *task[T]) bool {
	if q.unknown[t.key] {
		return false
	}
	later, busy := q.busy[t.key]
	if busy {
		q.busy[t.key] = append(later, t)
		q.held++
		return true
	}
	q.busy[t.key] = nil
	q.pending = append(q.pending, t)
	return true
}

// take takes the records of a bulk operation out.
func (q *queue[T]) take() []*task[T] {
	n := min(len(q.pending), azdps.MaxBulkItems)
	taken := slices.Clone(q.pending[:n])
	q.pending = slices.Delete(q.pending, 0, n)
	return taken
}

// release tells that a record that was taken is done. It returns those that were held back for it and must not be sent.
func (q *queue[T]) release(t *task[T]) (unsent []*task[T]) {
	later := q.busy[t.key]
	if t.result == ResultUnknown {
		q.unknown[t.key] = true
		q.held -= len(later)
		delete(q.busy, t.key)
		return later
	}
	if len(later) == 0 {
		delete(q.busy, t.key)
		return nil
	}
	q.pending = append(q.pending, later[0])
	q.busy[t.key] = later[1:]
	q.held--
	return nil
}
