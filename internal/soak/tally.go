package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// violation is what must not happen.
type violation string

const (
	lost        violation = "lost"          // a record that must be there is not
	doubled     violation = "doubled"       // a record is there that must not be, or twice
	changed     violation = "changed"       // a record, or its keys, differ from what was written
	falseReport violation = "false reports" // an outcome is not what became of the write
	leak        violation = "leaks"
	broken      violation = "broken" // the soak itself cannot go on
)

// enough is after how many violations there is no sense in going on.
const enough = 10

// tally counts what was done and what went wrong. It is safe for concurrent use.
type tally struct {
	mu         sync.Mutex
	log        io.Writer
	start      time.Time
	operations map[string]int // by name
	results    map[string]int // by name and what came of it
	faults     map[string]int
	records    int // compared at checkpoints
	violations map[violation]int
	stop       func()
	trail      func(text string) string // what happened to the record that a text names
}

func newTally(log io.Writer, stop func()) *tally {
	return &tally{
		log: log, start: time.Now(), stop: stop, trail: func(string) string { return "" },
		operations: make(map[string]int), results: make(map[string]int), faults: make(map[string]int),
		violations: make(map[violation]int),
	}
}

// done counts an operation and what came of it.
func (t *tally) done(operation, result string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.operations[operation]++
	t.results[result]++
}

func (t *tally) fault(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[name]++
}

// compared counts records that were compared with the model.
func (t *tally) compared(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.records += n
}

// violate tells of a violation, and ends the run if there are enough.
func (t *tally) violate(kind violation, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.violations[kind]++
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(t.log, "%s VIOLATION, %s: %s%s\n", t.elapsed(), kind, text, t.trail(text))
	if total(t.violations) == enough {
		t.stop()
	}
}

// note writes a line to the log.
func (t *tally) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.log, "%s %s\n", t.elapsed(), fmt.Sprintf(format, args...))
}

func (t *tally) elapsed() time.Duration { return time.Since(t.start).Round(time.Second) }

// summary is a line for the log.
func (t *tally) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d operations, %d requests of which %d were spoilt, %d records compared, %d violations",
		total(t.operations), total(t.faults), total(t.faults)-t.faults[faults[0].name], t.records, total(t.violations))
}

// report writes everything, and returns an error if there was any violation.
func (t *tally) report(seed uint64) error {
	line := t.summary()
	t.mu.Lock()
	defer t.mu.Unlock()
	table(t.log, "operations", t.operations)
	table(t.log, "results", t.results)
	table(t.log, "requests by fault", t.faults)
	for _, kind := range []violation{lost, doubled, changed, falseReport, leak, broken} {
		t.violations[kind] += 0 // shows that there were none
	}
	table(t.log, "violations", t.violations)
	fmt.Fprintf(t.log, "%s with seed %d: %s\n", t.elapsed(), seed, line)
	if n := total(t.violations); n > 0 {
		return fmt.Errorf("%d violations with seed %d", n, seed)
	}
	return nil
}

func table[K ~string](w io.Writer, title string, counts map[K]int) {
	fmt.Fprintf(w, "\n%-50s %9d\n", title, total(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "  %-48s %9d\n", name, counts[name])
	}
}

func total[K comparable](counts map[K]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}
