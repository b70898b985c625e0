package exampletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/example"
)

// Sweep runs a program once for each of its requests and each thing that can happen to it: it is refused, its answer is lost, the
// user interrupts the program, or the service is gone from then on. It returns an error for each run after which the service
// held what the program's error did not name, and for each kind of fault but the lost answers that never made the program fail.
func Sweep(ctx context.Context, program example.Program) error {
	requests, err := count(ctx, program)
	if err != nil {
		return err
	}
	var errs []error
	for _, trouble := range troubles {
		failed := 0
		for n := range requests {
			ctx, cancel := context.WithCancel(ctx)
			fails, err := suffer(ctx, program, n, trouble.times, trouble.fault(cancel))
			cancel()
			if err != nil {
				errs = append(errs, fmt.Errorf("request %d, %s: %w", n+1, trouble.name, err))
			}
			if fails {
				failed++
			}
		}
		if failed == 0 && trouble.name != answerLost {
			errs = append(errs, fmt.Errorf("%s: the program never failed in %d runs", trouble.name, requests))
		}
	}
	return errors.Join(errs...)
}

// answerLost is what a good program gets over.
const answerLost = "answer lost"

// troubles are what may happen to a request, once or from then on. Each fault is good for one run.
var troubles = []struct {
	name  string
	times int
	fault func(interrupt context.CancelFunc) dpstest.Fault
}{
	{"refused", 1, func(context.CancelFunc) dpstest.Fault {
		return dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil)
	}},
	{answerLost, 1, func(context.CancelFunc) dpstest.Fault { return dpstest.DropResponse() }},
	{"interrupted", 1, func(interrupt context.CancelFunc) dpstest.Fault {
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			interrupt()
			next.ServeHTTP(w, r)
		}
	}},
	{"service gone", -1, func(context.CancelFunc) dpstest.Fault {
		return dpstest.Respond(http.StatusForbidden, 403000, "Forbidden", nil)
	}},
}

// count runs a program without faults.
func count(ctx context.Context, program example.Program) (int, error) {
	server := dpstest.NewUnstartedServer(program.EmulatorOptions())
	defer server.Close()
	if err := perform(ctx, program, server); err != nil {
		return 0, err
	}
	return len(server.Requests()), nil
}

// suffer runs a program on a service with a fault at one request, and says whether the program failed.
func suffer(ctx context.Context, program example.Program, request, times int, fault dpstest.Fault) (failed bool, err error) {
	server := dpstest.NewUnstartedServer(program.EmulatorOptions())
	defer server.Close()
	var seen atomic.Int32
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if n := int(seen.Add(1)) - 1; n == request || (times < 0 && n > request) {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Times: -1})
	result := perform(ctx, program, server)
	return result != nil, unnamed(Records(server), result)
}

func perform(ctx context.Context, program example.Program, server *dpstest.Server) error {
	service, err := Service(server)
	if err != nil {
		return err
	}
	return program.RunOn(ctx, io.Discard, service)
}

// unnamed is an error if records are left that result does not name.
func unnamed(records string, result error) error {
	for line := range strings.Lines(records) {
		var record struct{ RegistrationID, EnrollmentGroupID string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			return err
		}
		id := record.RegistrationID
		if id == "" {
			id = record.EnrollmentGroupID
		}
		if result == nil || !strings.Contains(result.Error(), id+" may remain") {
			return fmt.Errorf("%s is left, and the program's error is: %w", id, example.OrUnexpected(result))
		}
	}
	return nil
}
