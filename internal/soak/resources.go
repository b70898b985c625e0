package main

import (
	"fmt"
	"runtime"
	"time"
)

const (
	// settled is how long goroutines may take to end.
	settled = 10 * time.Second

	// growth is how much memory may be in use at the end above what was in use at the first checkpoint, in bytes.
	growth = 16 << 20
)

// heap is the memory in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func used() string {
	return fmt.Sprintf("%d goroutines, %.1f MB in use", runtime.NumGoroutine(), float64(heap())/(1<<20))
}

// end closes what the run opened, and finds what was left behind: goroutines, connections and memory.
func (s *soaker) end(goroutines int) {
	for _, w := range s.workers {
		w.proxy.close()
	}
	s.upstream.CloseIdleConnections()
	left := 0
	for deadline := time.Now().Add(settled); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left = runtime.NumGoroutine(); left <= goroutines {
			break
		}
	}
	if left > goroutines {
		stacks := make([]byte, 64<<10)
		s.tally.violate(leak, "%d goroutines at the start and %d at the end:\n%s", goroutines, left, stacks[:runtime.Stack(stacks, true)])
	}
	now := heap()
	if s.early > 0 && now > s.early+growth {
		s.tally.violate(leak, "%d bytes in use at the first checkpoint and %d at the end", s.early, now)
	}
	s.tally.note("goroutines: %d at the start, %d at the end; memory: %.1f MB at the first checkpoint, %.1f MB at the end",
		goroutines, left, float64(s.early)/(1<<20), float64(now)/(1<<20))
}
