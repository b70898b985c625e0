package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// against gives a server of this process to soak.
func against(t *testing.T) service {
	t.Helper()
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	return service{server.ConnectionString(), server.URL(), server.IDScope(), server.CertificatePEM()}
}

// quick is a short run with many steps.
var quick = settings{length: 2 * time.Second, seed: 7, workers: 3, fleets: 1, rate: 30_000, interval: 500 * time.Millisecond}

// Tests of this file count goroutines, so they are not parallel.

func TestSoak_findsNothingInAnHonestService(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var log bytes.Buffer
	require.NoError(t, soak(t.Context(), quick, against(t), nil, &log), log.String())
	assert.Contains(t, log.String(), "IndividualEnrollments.CreateOrUpdate")
	assert.Contains(t, log.String(), "outcome unknown")
	assert.NotContains(t, log.String(), "VIOLATION")
}

// lies are what no service may do, and what the soak must call it.
var lies = []struct {
	name string
	kind violation
	tell middleware
}{
	{"a create that was dropped is answered with 200", lost, onEvery(3, put(""), func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		record := bodyOf[map[string]any](r)
		record["etag"], record["createdDateTimeUtc"] = "ImxpZSI=", time.Now().UTC()
		answer(w, record)
	})},
	{"an update that was dropped is answered with 200", changed, onEvery(3, put("any"), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		record := bodyOf[map[string]any](r)
		stored := answerTo[map[string]any](next, httptest.NewRequest(http.MethodGet, r.URL.String(), nil), r.Header)
		record["etag"], record["createdDateTimeUtc"] = "ImxpZSI=", stored["createdDateTimeUtc"]
		answer(w, record)
	})},
	{"a deletion that was dropped is answered with 204", doubled, onEvery(2, method(http.MethodDelete), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusNoContent)
	})},
	{"a write that was done is answered with 409", falseReport, onEvery(3, put(""), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		dpstest.Respond(409, 409201, "exists", nil)(w, r, next)
	})},
	{"a write that was done is answered with 429", doubled, onAll(put(""), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		dpstest.Throttle(0)(w, r, next)
	})},
	{"a write is refused that is fine", falseReport, onEvery(3, put("any"), dpstest.Respond(412, 412001, "changed", nil))},
	{"a record is not found", falseReport, onEvery(2, method(http.MethodGet), dpstest.Respond(404, 404201, "none", nil))},
	{"a record is read with another twin", changed, onEvery(2, method(http.MethodGet), edit(`"stamp":"`, `"stamp":"not `))},
	{"keys are read as others", changed, onEvery(2, ends("/attestationmechanism"), edit(`"primaryKey":"`, `"primaryKey":"AAAA`))},
	{"an item of a list is missing", lost, onEvery(2, ends("/query"), editList(func(items []any) []any { return items[1:] }))},
	{"an item of a list comes twice", doubled, onEvery(2, ends("/query"), editList(func(items []any) []any { return append(items, items[0]) }))},
	{"items of a bulk operation are dropped", lost, onEvery(2, ends("/enrollments"), func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		answer(w, map[string]any{"errors": []any{}, "isSuccessful": true})
	})},
	{"another writes", changed, onEvery(5, put("any"), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		record := bodyOf[map[string]any](r)
		next.ServeHTTP(w, r)
		record["deviceId"] = "another"
		text, _ := json.Marshal(record)
		again := httptest.NewRequest(http.MethodPut, r.URL.String(), bytes.NewReader(text))
		again.Header = r.Header.Clone()
		again.Header.Set("If-Match", "*")
		next.ServeHTTP(httptest.NewRecorder(), again)
	})},
}

func TestSoak_findsLies(t *testing.T) {
	for _, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			log := &untilText{text: "VIOLATION, " + string(lie.kind), stop: stop}
			set := quick
			set.length, set.fleets = 20*time.Second, 0 // it ends when the lie is found
			require.Error(t, soak(ctx, set, against(t), lie.tell, log), log.String())
			assert.Contains(t, log.String(), log.text)
		})
	}
}

// untilText is a log that stops the run once it has a text.
type untilText struct {
	bytes.Buffer
	text string
	stop func()
}

func (l *untilText) Write(p []byte) (int, error) {
	if strings.Contains(string(p), l.text) {
		l.stop()
	}
	return l.Buffer.Write(p)
}

func TestDifference_namesNoKey(t *testing.T) {
	was := shape{ID: "a", PrimaryKey: "secret-1", SecondaryKey: "secret-2", ETag: "x"}
	is := shape{ID: "a", PrimaryKey: "secret-3", SecondaryKey: "secret-4", ETag: "y"}
	assert.Equal(t, "PrimaryKey differs; SecondaryKey differs; ETag is y, not x; ", was.difference(is))
	assert.Empty(t, shape{ID: "a"}.difference(is), "keys and ETag that are not known")
	assert.NotEmpty(t, is.difference(shape{ID: "a"}), "keys that are missing")
}

func TestPlan_followsTheSeed(t *testing.T) {
	plan := func(seed uint64, worker int) (text []string) {
		for n := range uint64(20_000) {
			s, r := planned(steps, seed, worker, n)
			text = append(text, s.name, faultPlan{seed, uint64(worker)}.at(n).name, string(rune(r.IntN(1000))))
		}
		return text
	}
	assert.Equal(t, plan(1, 1), plan(1, 1))
	assert.NotEqual(t, plan(1, 1), plan(2, 1))
	assert.NotEqual(t, plan(1, 1), plan(1, 2))
	for _, f := range faults {
		assert.Contains(t, plan(1, 1), f.name)
	}
	for _, s := range steps {
		assert.Contains(t, plan(1, 1), s.name)
	}
}

// TestProxy_forgetsWhatWasGivenUp has a write that is held back for longer than its worker waits: it must not arrive after its
// repetition.
func TestProxy_forgetsWhatWasGivenUp(t *testing.T) {
	seed := uint64(0)
	for at := func(n uint64) string { return (faultPlan{seed, 0}).at(n).name }; at(0) != "too late" || at(1) != "none"; seed++ {
	}
	var arrived atomic.Int64
	count := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		arrived.Add(1)
	}
	var log bytes.Buffer
	s := &soaker{settings: settings{seed: seed, workers: 1}, service: against(t), tamper: count, tally: newTally(&log, func() {})}
	require.NoError(t, s.start(t.Context()))
	w := s.workers[0]
	_, err := w.through.IndividualEnrollments().CreateOrUpdate(t.Context(), azdps.IndividualEnrollment{
		RegistrationID: "a", Attestation: azdps.NewGeneratedKeyAttestation(),
	}, nil)
	require.NoError(t, err)
	w.proxy.close()
	assert.EqualValues(t, 1, arrived.Load())
	assert.Empty(t, log.String())
}

func TestParse_refuses(t *testing.T) {
	for _, args := range []string{"-for 0s", "-for -1s", "-workers 0", "-rate 0", "-checkpoint 0s", "-fleets -1", "more", "-none"} {
		_, err := parse(strings.Fields(args))
		require.Error(t, err, args)
	}
}

// TestRun_soaksTheEmulator builds and runs the program of the emulator.
func TestRun_soaksTheEmulator(t *testing.T) {
	var log bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-for", "2s", "-seed", "1", "-checkpoint", "500ms"}, &log), log.String())
	assert.Contains(t, log.String(), "with seed 1: ")
}

// match says whether a lie is for a request.
type match func(*http.Request) bool

// put matches the PUT of records of workers with an If-Match, or without if ifMatch is empty.
func put(ifMatch string) match {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPut && (r.Header.Get("If-Match") == "") == (ifMatch == "")
	}
}

func method(method string) match { return func(r *http.Request) bool { return r.Method == method } }

func ends(suffix string) match {
	return func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(path.Clean(r.URL.Path), suffix)
	}
}

// onEvery tells a lie to every nth request that matches.
func onEvery(n int64, matches match, lie middleware) middleware {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !matches(r) || count.Add(1)%n != 0 {
			next.ServeHTTP(w, r)
			return
		}
		lie(w, r, next)
	}
}

func onAll(matches match, lie middleware) middleware { return onEvery(1, matches, lie) }

// edit replaces text in an answer.
func edit(from, to string) middleware {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answered := httptest.NewRecorder()
		next.ServeHTTP(answered, r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answered.Code)
		_, _ = io.WriteString(w, strings.ReplaceAll(answered.Body.String(), from, to))
	}
}

// editList changes a page.
func editList(change func([]any) []any) middleware {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answered := httptest.NewRecorder()
		next.ServeHTTP(answered, r)
		var items []any
		if json.Unmarshal(answered.Body.Bytes(), &items) != nil || len(items) == 0 {
			items = []any{}
		} else {
			items = change(items)
		}
		if token := answered.Header().Get("X-Ms-Continuation"); token != "" {
			w.Header().Set("X-Ms-Continuation", token)
		}
		answer(w, items)
	}
}

func bodyOf[T any](r *http.Request) (body T) {
	text, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	_ = json.Unmarshal(text, &body)
	return body
}

func answerTo[T any](handler http.Handler, r *http.Request, header http.Header) (body T) {
	r.Header = header.Clone()
	r.Header.Del("If-Match")
	answered := httptest.NewRecorder()
	handler.ServeHTTP(answered, r)
	_ = json.Unmarshal(answered.Body.Bytes(), &body)
	return body
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
