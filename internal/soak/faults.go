package main

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/azdps/azdps/dpstest"
)

// middleware sees a request before the service does.
type middleware = func(w http.ResponseWriter, r *http.Request, next http.Handler)

// fault is a way to spoil a request, or to let it pass.
type fault struct {
	name  string
	share int // of all, in thousandths
	make  func(*rand.Rand) dpstest.Fault
}

// tryTimeout is what a try of a worker may take; some requests are held back for longer.
const tryTimeout = time.Second

// faults are all that the proxies do. The shares are those of a very bad network: one request in six is spoilt.
var faults = []fault{
	{"none", 0, func(*rand.Rand) dpstest.Fault { return pass }}, // the rest
	{"request lost", 20, func(*rand.Rand) dpstest.Fault { return dpstest.DropRequest() }},
	{"answer lost", 25, func(*rand.Rand) dpstest.Fault { return dpstest.DropResponse() }},
	{"reset before", 10, func(*rand.Rand) dpstest.Fault { return reset(false) }},
	{"reset after", 10, func(*rand.Rand) dpstest.Fault { return reset(true) }},
	{"truncated", 20, func(r *rand.Rand) dpstest.Fault { return dpstest.Truncate(r.IntN(300)) }},
	{"500", 5, func(*rand.Rand) dpstest.Fault { return dpstest.Respond(500, 500001, "failed", nil) }},
	{"500 after", 5, func(*rand.Rand) dpstest.Fault { return after(dpstest.Respond(500, 500001, "failed", nil)) }},
	{"502 page", 5, func(*rand.Rand) dpstest.Fault { return webPage(http.StatusBadGateway) }},
	{"502 page after", 5, func(*rand.Rand) dpstest.Fault { return after(webPage(http.StatusBadGateway)) }},
	{"504 after", 5, func(*rand.Rand) dpstest.Fault { return after(webPage(http.StatusGatewayTimeout)) }},
	{"200 page", 2, func(*rand.Rand) dpstest.Fault { return webPage(http.StatusOK) }},
	{"503", 10, func(*rand.Rand) dpstest.Fault { return dpstest.Respond(503, 503001, "busy", nil) }},
	{"503 for a second", 2, func(*rand.Rand) dpstest.Fault {
		return dpstest.Respond(503, 503001, "busy", http.Header{"Retry-After": {"1"}})
	}},
	{"429", 10, func(*rand.Rand) dpstest.Fault { return dpstest.Throttle(-1) }},
	{"429 for no time", 5, func(*rand.Rand) dpstest.Fault { return dpstest.Throttle(0) }},
	{"429 for a second", 2, func(*rand.Rand) dpstest.Fault { return dpstest.Throttle(time.Second) }},
	{"late", 10, func(r *rand.Rand) dpstest.Fault { return dpstest.Delay(time.Duration(r.IntN(30_000_000))) }},
	{"late body", 10, func(r *rand.Rand) dpstest.Fault { return dpstest.DelayBody(time.Duration(r.IntN(30_000_000))) }},
	{"too late", 1, func(*rand.Rand) dpstest.Fault { return dpstest.Delay(2 * tryTimeout) }},
	{"answer too late", 1, func(*rand.Rand) dpstest.Fault { return dpstest.DelayBody(2 * tryTimeout) }},
	{"empty page", 10, func(*rand.Rand) dpstest.Fault { return dpstest.EmptyPage() }},
}

func pass(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }

// reset breaks a connection with a TCP reset, before or after the service does its work.
func reset(late bool) dpstest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if late {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if encrypted, ok := connection.(*tls.Conn); ok {
			connection = encrypted.NetConn()
		}
		if plain, ok := connection.(*net.TCPConn); ok {
			_ = plain.SetLinger(0) // Close then resets
		}
		_ = connection.Close()
	}
}

// after lets the service do its work and answers something else.
func after(fault dpstest.Fault) dpstest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		fault(w, r, next)
	}
}

// webPage answers as a proxy does that speaks to people.
func webPage(status int) dpstest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>Something is wrong.</html>")
	}
}

// faultPlan says which fault the requests of one worker meet.
type faultPlan struct {
	seed, worker uint64
}

// chosen is a fault of the plan.
type chosen struct {
	name  string
	spoil dpstest.Fault
}

// at is the fault that the nth request of the worker meets.
func (p faultPlan) at(n uint64) chosen {
	random := rand.New(rand.NewPCG(p.seed, p.worker<<48|1<<47|n))
	dice := random.IntN(1000)
	for _, f := range faults[1:] {
		if dice -= f.share; dice < 0 {
			return chosen{f.name, f.make(random)}
		}
	}
	return chosen{faults[0].name, pass}
}
