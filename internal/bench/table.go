package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// results are the figures of all runs, by work and side.
type results map[string]map[string][]figures

func (r results) add(work, side string, f figures) {
	if r[work] == nil {
		r[work] = map[string][]figures{}
	}
	r[work][side] = append(r[work][side], f)
}

// Parts of the figures.
func cpu(f figures) float64         { return f.cpu }
func wall(f figures) float64        { return f.wall }
func allocations(f figures) float64 { return f.allocations }
func memory(f figures) float64      { return f.memory }
func heap(f figures) float64        { return f.heap }
func connections(f figures) float64 { return f.connections }

// of takes a part of the figures of all runs.
func (r results) of(work, side string, part func(figures) float64) []float64 {
	var list []float64
	for _, f := range r[work][side] {
		list = append(list, part(f))
	}
	return list
}

// combined is the median of what becomes of two figures run by run, so that what disturbed a run disturbs both. It is not a number if
// one of them was not measured.
func combined(a, b []float64, combine func(a, b float64) float64) float64 {
	var list []float64
	for i := range min(len(a), len(b)) {
		list = append(list, combine(a[i], b[i]))
	}
	return median(list)
}

func quotient(a, b float64) float64   { return a / b }
func difference(a, b float64) float64 { return a - b }

func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// print writes the tables as Markdown.
func (r results) print(out io.Writer, o options) error {
	runs := fmt.Sprintf("Medians of %d alternating runs", o.runs)
	if o.quick || o.scale != 1 {
		runs += ", not of the full work"
	}
	fmt.Fprintf(out, "%s. %s, %s, %d cores, %s %s/%s.\n", runs, time.Now().UTC().Format("2 January 2006"),
		processorName(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprint(out, "CPU is that of the client process alone, in user and kernel mode.\n\n")
	t := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row(t, "work", "unit", "side", "CPU a unit", "least", "most", "to raw", "to thin", "time a unit", "allocations", "peak memory", "peak heap", "connections")
	row(t, slices.Repeat([]string{"---"}, 13)...)
	for _, w := range works {
		for _, side := range w.sides {
			used := r.of(w.name, side, cpu)
			if len(used) == 0 {
				continue
			}
			row(t, w.title, w.unit, side, duration(median(used)), duration(slices.Min(used)), duration(slices.Max(used)),
				number(combined(used, r.of(w.name, raw, cpu), quotient)), number(combined(used, r.of(w.name, thin, cpu), quotient)),
				duration(median(r.of(w.name, side, wall))), count(median(r.of(w.name, side, allocations))),
				megabytes(median(r.of(w.name, side, memory))), megabytes(median(r.of(w.name, side, heap))),
				count(median(r.of(w.name, side, connections))))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(out, "\n")
	row(t, "goal", "measured", "at most", "met")
	row(t, slices.Repeat([]string{"---"}, 4)...)
	for _, g := range goals {
		measured := g.measure(r)
		if math.IsNaN(measured) {
			continue
		}
		met := "yes"
		if measured > g.limit {
			met = "no"
		}
		row(t, g.title, number(measured), number(g.limit), met)
	}
	return t.Flush()
}

func row(t io.Writer, cells ...string) {
	fmt.Fprintln(t, "| "+strings.Join(cells, "\t| ")+"\t|")
}

func number(f float64) string {
	if math.IsNaN(f) {
		return ""
	}
	return fmt.Sprintf("%.2f", f)
}

// count is empty for what was not counted.
func count(f float64) string {
	if math.IsNaN(f) || f == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", f)
}

func megabytes(f float64) string {
	if math.IsNaN(f) || f == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f MB", f/1e6)
}

func duration(s float64) string {
	switch {
	case math.IsNaN(s):
		return ""
	case s < 1e-3:
		return fmt.Sprintf("%.2f µs", s*1e6)
	}
	return fmt.Sprintf("%.2f ms", s*1e3)
}
