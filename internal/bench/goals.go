package main

import "fmt"

// goal is a figure that should not be above a limit.
type goal struct {
	title   string
	limit   float64
	measure func(results) float64
}

var goals = []goal{
	ratio("get: CPU to thin", "get", thin, 1.05),
	ratio("get: CPU to raw", "get", raw, 1.15),
	ratio("get, HTTP/2: CPU to thin", "get-http2", thin, 1.05),
	ratio("create: CPU to thin", "create", thin, 1.05),
	ratio("create: CPU to raw", "create", raw, 1.15),
	ratio("create, HTTP/2: CPU to thin", "create-http2", thin, 1.05),
	{"get: allocations above raw", 40, func(r results) float64 {
		return combined(r.of("get", full, allocations), r.of("get", raw, allocations), difference)
	}},
	ratio("bulk create: CPU to raw", "bulk", raw, 1.20),
	{"bulk create: connections", maxConnections, func(r results) float64 { return median(r.of("bulk", full, connections)) }},
	ratio("list, symmetric key: CPU to raw", "list", raw, 0.45),
	ratio("list, a third each: CPU to raw", "list-mixed", raw, 0.55),
	{"list: peak memory of 1,000,000 above that of 10,000, MB", 5, func(r results) float64 {
		return combined(r.of("list-1m", full, memory), r.of("list-10k", full, memory), difference) / 1e6
	}},
	{"list: peak heap of 1,000,000 above that of 10,000, MB", 5, func(r results) float64 {
		return combined(r.of("list-1m", full, heap), r.of("list-10k", full, heap), difference) / 1e6
	}},
	growth("list: CPU of a record of 1,000,000 to one of 10,000", "list-1m", "list-10k"),
	growth("import: CPU of a record of 1,000,000 to one of 10,000", "import-1m", "import-10k"),
	ratio("page, symmetric key: CPU to raw", "page-key", raw, 0.50),
	allocationsOf("page, symmetric key: allocations of a record", "page-key", 8),
	ratio("page, with a twin: CPU to raw", "page-twin", raw, 0.60),
	allocationsOf("page, with a twin: allocations of a record", "page-twin", 34),
	ratio("page, X.509: CPU to raw", "page-x509", raw, 0.50),
	allocationsOf("page, X.509: allocations of a record", "page-x509", 18),
	ratio("SAS token: CPU to raw", "sign", raw, 1.1),
	{"SAS token: allocations to raw", 1.1, func(r results) float64 {
		return combined(r.of("sign", full, allocations), r.of("sign", raw, allocations), quotient)
	}},
	{"import: CPU to that of bulk create", 1.5, func(r results) float64 {
		return combined(r.of("import", full, cpu), r.of("bulk", full, cpu), quotient)
	}},
	{"cold start: time to raw", 1.1, func(r results) float64 {
		return combined(r.of(coldStart, full, wall), r.of(coldStart, raw, wall), quotient)
	}},
	ratio("cold start: CPU to raw", coldStart, raw, 1.1),
}

// maxConnections is what 16 workers should open at most.
const maxConnections = 20

func ratio(title, work, other string, limit float64) goal {
	return goal{title, limit, func(r results) float64 {
		return combined(r.of(work, full, cpu), r.of(work, other, cpu), quotient)
	}}
}

func growth(title, large, small string) goal {
	return goal{title, 1.10, func(r results) float64 {
		return combined(r.of(large, full, cpu), r.of(small, full, cpu), quotient)
	}}
}

func allocationsOf(title, work string, limit float64) goal {
	return goal{title, limit, func(r results) float64 { return median(r.of(work, full, allocations)) }}
}

// check fails on a row without figures, which should never be, however busy the machine is.
func (r results) check(o options) error {
	for _, w := range works {
		if !o.works.MatchString(w.name) {
			continue
		}
		for _, side := range w.sides {
			for _, f := range r[w.name][side] {
				if f.cpu <= 0 || f.wall <= 0 {
					return fmt.Errorf("%s by %s has no figures: %+v", w.name, side, f)
				}
			}
			if len(r[w.name][side]) != o.runs {
				return fmt.Errorf("%s by %s has no figures", w.name, side)
			}
		}
	}
	return nil
}
