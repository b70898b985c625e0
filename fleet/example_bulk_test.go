package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// An import: each record has an outcome, in the order in which they are known, and one that is refused does not stop the rest. See
// OpenJournal for an import that may be killed at any moment.
func ExampleBulk() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)
	file := strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device-2","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"too short"}}}
{"registrationId":"device-3","attestation":{"type":"symmetricKey"}}
`)

	records := fleet.ReadJSONL[azdps.IndividualEnrollment](file)
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, records, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	// Unordered output:
	// device-1 conflict
	// device-2 refused
	// device-3 created
}

// For a deletion the ids are enough. The records come from wherever the caller has them, one at a time.
func ExampleBulk_delete() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2)

	scrapped := func(yield func(azdps.IndividualEnrollment, error) bool) {
		for i := 1; i <= 3; i++ { // in a program: the rows of a query
			if !yield(azdps.IndividualEnrollment{RegistrationID: fmt.Sprintf("device-%d", i)}, nil) {
				return
			}
		}
	}
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeDelete, scrapped, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		gone := azdps.HasCode(outcome.Err, azdps.ErrorCodeEnrollmentNotFound)
		fmt.Println(outcome.ID, outcome.Result, "was gone before:", gone)
	}
	// Unordered output:
	// device-1 deleted was gone before: false
	// device-2 deleted was gone before: false
	// device-3 refused was gone before: true
}

// The service creates the records, and the answer that says so gets lost. The run finds out.
func ExampleBulk_lostAnswer() {
	server, client := exampleServer()
	server.Control(dpstest.DropResponse(), nil)

	run := fleet.Bulk(context.Background(), client, azdps.BulkOperationModeCreate, newDevices(3), nil)
	for outcome, err := range run {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	// Unordered output:
	// device-1 created
	// device-2 created
	// device-3 created
}

// newDevices are enrollments for so many devices.
func newDevices(count int) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		for i := range count {
			id := fmt.Sprintf("device-%d", i+1)
			if !yield(azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()}, nil) {
				return
			}
		}
	}
}

// A run reports where it is, at most once a second and at the end.
func ExampleOptions_progress() {
	client := exampleClient()

	options := &fleet.BulkOptions{}
	options.Total = 25
	options.Progress = func(p fleet.Progress) {
		fmt.Printf("%d of %d, %d failed, throttled for %v, %v to go\n", p.Done, p.Total, p.Failed, p.Throttled, p.Remaining)
	}
	options.ProgressEvery = time.Minute
	for _, err := range fleet.Bulk(context.Background(), client, azdps.BulkOperationModeCreate, newDevices(25), options) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
	}
	// Output: 25 of 25, 0 failed, throttled for 0s, 0s to go
}

// A run that goes wrong for too many records ends early: here, none has the ETag that the mode demands. What was under way by then
// is still reported.
func ExampleOptions_maxFailures() {
	client := exampleClient()

	options := &fleet.BulkOptions{}
	options.MaxFailures = 1
	options.MaxConcurrency = 1
	refused := 0
	for outcome, err := range fleet.Bulk(context.Background(), client, azdps.BulkOperationModeUpdateIfMatchETag, newDevices(100), options) {
		if errors.Is(err, fleet.ErrTooManyFailures) {
			fmt.Println(err)
			break
		}
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		if outcome.Result == fleet.ResultRefused {
			refused++
		}
	}
	fmt.Println("most were not even tried:", refused < 50)
	// Output:
	// fleet: too many records failed: 1 of 1
	// most were not even tried: true
}

// Everything that calls one service should share a limiter, so that together it keeps to the quota. Here that is a tenth of
// it, which leaves the rest to other programs.
func ExampleNewLimiter() {
	ctx := context.Background()
	client := exampleClient()
	limiter := fleet.NewLimiter(100) // operations a minute

	options := &fleet.BulkOptions{Options: fleet.Options{Limiter: limiter}}
	created := 0
	for _, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, newDevices(5), options) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		created++
	}
	fmt.Println("created", created)
	// Output: created 5
}

// Calls of one's own keep to the quota, too, if they wait for their turn. When something else says that the service needs a rest, all
// who share the limiter pause.
func ExampleLimiter_Wait() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)
	limiter := fleet.NewLimiter(0) // the quota of a service

	if err := limiter.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID)

	limiter.Pause(50 * time.Millisecond)
	start := time.Now()
	if err := limiter.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("waited:", time.Since(start) >= 50*time.Millisecond)
	// Output:
	// device-1
	// waited: true
}
