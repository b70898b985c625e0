package emulator

import (
	"sync"
	"time"
)

// throttle admits a number of operations a minute.
//
// Inferred: that the minute begins with the first operation in it, that a bulk counts once, and that refused requests
// do not count.
type throttle struct {
	limit int // 0 admits everything

	mu    sync.Mutex
	start time.Time
	count int
}

// admit says whether the next operation may run, and if not, how long to wait.
func (t *throttle) admit(now time.Time) (time.Duration, bool) {
	if t.limit <= 0 {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	passed := now.Sub(t.start)
	if t.count == 0 || passed >= time.Minute || passed < 0 {
		t.start, t.count, passed = now, 0, 0
	}
	if t.count >= t.limit {
		return time.Minute - passed, false
	}
	t.count++
	return 0, true
}
