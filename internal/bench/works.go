package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
	"github.com/azdps/azdps/internal/bench/plain"
	"github.com/azdps/azdps/internal/bench/stub"
)

// work is something that the sides do, so many units of it.
type work struct {
	name  string
	title string
	unit  string
	kind  stub.Kind
	http2 bool
	count int // units of a run
	quick int // units of a quick run
	warm  int // units before the figures begin, in each process
	turns int // parts of a run, at which the sides take turns; 0 means one
	sides []string
	run   func(ctx context.Context, j job, count int) error // nil: a cold start, which is a program of its own
}

var (
	allSides = []string{raw, thin, full}
	rawFull  = []string{raw, full}
	fullOnly = []string{full}
)

// works in the order in which they are done and listed.
var works = []work{
	{name: "get", title: "get", unit: "call", count: 10_000, quick: 500, warm: 20, turns: 20, sides: allSides, run: get},
	{name: "get-http2", title: "get, HTTP/2", unit: "call", http2: true, count: 10_000, quick: 500, warm: 20, turns: 20, sides: allSides, run: get},
	{name: "create", title: "create", unit: "call", count: 10_000, quick: 500, warm: 20, turns: 20, sides: allSides, run: create},
	{name: "create-http2", title: "create, HTTP/2", unit: "call", http2: true, count: 10_000, quick: 500, warm: 20, turns: 20, sides: allSides, run: create},
	{name: "bulk", title: "bulk create, 10 a call, 16 workers", unit: "record", count: 100_000, quick: 5_000, warm: 10, sides: allSides, run: bulk},
	{name: "bulk-http2", title: "bulk create, HTTP/2", unit: "record", http2: true, count: 100_000, quick: 5_000, warm: 10, sides: rawFull, run: bulk},
	{name: "import", title: "import of 100,000", unit: "record", count: 100_000, quick: 5_000, warm: 10, sides: fullOnly, run: importAll},
	{name: "import-10k", title: "import of 10,000", unit: "record", count: 10_000, quick: 1_000, warm: 10, sides: fullOnly, run: importAll},
	{name: "import-1m", title: "import of 1,000,000", unit: "record", count: 1_000_000, quick: 10_000, warm: 10, sides: fullOnly, run: importAll},
	{name: "list", title: "list of 100,000, symmetric key", unit: "record", kind: stub.SymmetricKey, count: 100_000, quick: 10_000, warm: pageSize, sides: allSides, run: list},
	{name: "list-mixed", title: "list of 100,000, a third each", unit: "record", kind: stub.Mixed, count: 100_000, quick: 10_000, warm: pageSize, sides: allSides, run: list},
	{name: "list-10k", title: "list of 10,000, a third each", unit: "record", kind: stub.Mixed, count: 10_000, quick: 2_000, warm: pageSize, sides: rawFull, run: list},
	{name: "list-1m", title: "list of 1,000,000, a third each", unit: "record", kind: stub.Mixed, count: 1_000_000, quick: 20_000, warm: pageSize, sides: rawFull, run: list},
	{name: "page-key", title: "pages in memory, symmetric key", unit: "record", kind: stub.SymmetricKey, count: 100_000, quick: 5_000, warm: pageSize, sides: rawFull, run: pages},
	{name: "page-twin", title: "pages in memory, with a twin", unit: "record", kind: stub.Twin, count: 100_000, quick: 5_000, warm: pageSize, sides: rawFull, run: pages},
	{name: "page-x509", title: "pages in memory, X.509", unit: "record", kind: stub.X509, count: 100_000, quick: 5_000, warm: pageSize, sides: rawFull, run: pages},
	{name: "sign", title: "SAS token from a key", unit: "token", count: 200_000, quick: 5_000, warm: 1, sides: rawFull, run: sign},
	{name: coldStart, title: "cold start to the first answer", unit: "process", count: 20, quick: 2, sides: allSides},
}

const (
	coldStart = "cold"
	pageSize  = 1000
)

func workOf(name string) (work, error) {
	for _, w := range works {
		if w.name == name {
			return w, nil
		}
	}
	return work{}, fmt.Errorf("no work is called %q", name)
}

// side makes the side of a job against an endpoint with so many records.
func (j job) side(count int) (side, error) { return newSide(j.Side, j.endpoint(count), nil) }

func (j job) endpoint(count int) string {
	kind := j.Kind
	if kind == "" {
		kind = stub.SymmetricKey
	}
	return fmt.Sprintf("%s/%s/%d", j.URL, kind, count)
}

func get(ctx context.Context, j job, count int) error {
	s, err := j.side(count)
	for i := 0; i < count && err == nil; i++ {
		err = s.get(ctx, i)
	}
	return err
}

func create(ctx context.Context, j job, count int) error {
	s, err := j.side(count)
	for i := 0; i < count && err == nil; i++ {
		err = s.create(ctx, i)
	}
	return err
}

func bulk(ctx context.Context, j job, count int) error {
	s, err := j.side(count)
	if err != nil {
		return err
	}
	var next atomic.Int64
	var group sync.WaitGroup
	failures := make([]error, workers)
	for worker := range workers {
		group.Go(func() {
			for failures[worker] == nil {
				first := int(next.Add(azdps.MaxBulkItems)) - azdps.MaxBulkItems
				if first >= count {
					return
				}
				failures[worker] = s.createBulk(ctx, first, min(azdps.MaxBulkItems, count-first))
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// importAll is not held back by a quota.
func importAll(ctx context.Context, j job, count int) error {
	client, err := newFullClient(j.endpoint(count), nil)
	if err != nil {
		return err
	}
	options := &fleet.BulkOptions{Options: fleet.Options{Limiter: fleet.NewLimiter(math.MaxInt32), MaxConcurrency: workers}}
	created := 0
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, allEnrollments(count), options) {
		if err != nil {
			return err
		}
		if outcome.Result == fleet.ResultCreated {
			created++
		}
	}
	return complete(created, count)
}

func list(ctx context.Context, j job, count int) error {
	s, err := j.side(count)
	if err != nil {
		return err
	}
	listed, err := s.list(ctx, pageSize)
	return errors.Join(err, complete(listed, count))
}

func complete(done, count int) error {
	if done != count {
		return fmt.Errorf("%d of %d records", done, count)
	}
	return nil
}

// pages lists from memory, so that reading the JSON is nearly all there is to do.
func pages(ctx context.Context, j job, count int) error {
	memory := &samePage{body: stub.Page(j.Kind, 0, pageSize), left: count / pageSize}
	s, err := newSide(j.Side, "https://memory.azure-devices-provisioning.net", memory)
	if err != nil {
		return err
	}
	listed, err := s.list(ctx, pageSize)
	return errors.Join(err, complete(listed, count))
}

// samePage answers each query with one page, so often.
type samePage struct {
	body []byte
	left int
}

// RoundTrip implements [http.RoundTripper].
func (p *samePage) RoundTrip(req *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	if p.left--; p.left > 0 {
		header.Set("X-Ms-Continuation", fmt.Sprint(p.left))
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Header: header, ContentLength: -1, Request: req,
		Body: io.NopCloser(bytes.NewReader(p.body)),
	}, nil
}

func sign(_ context.Context, j job, count int) error {
	u, err := url.Parse(j.URL)
	if err != nil {
		return err
	}
	expiry := time.Now().Add(time.Hour)
	for i := range count {
		var token string
		at := expiry.Add(time.Duration(i) * time.Second)
		if j.Side == raw {
			token, err = plain.SignWithKey(u.Hostname(), policyName, policyKey, at)
		} else {
			token, err = azdps.GenerateSASToken(u.Hostname(), policyName, policyKey, at)
		}
		if err != nil {
			return err
		}
		if len(token) < 100 {
			return fmt.Errorf("the token is %q", token)
		}
	}
	return nil
}
