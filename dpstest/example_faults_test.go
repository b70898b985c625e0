package dpstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// A fault is for the requests that the options say, and is used up after one of them unless the options say more.
func ExampleServer_Control() {
	ctx := context.Background()
	server, client := exampleServer(exampleDevice1, exampleDevice2)

	stop := server.Control(dpstest.Respond(http.StatusForbidden, 403001, "Not from here.", nil), &dpstest.ControlOptions{
		Operation: dpstest.OperationIndividualEnrollmentGet,
		ID:        "device-1",
		Times:     -1, // until stop is called
	})
	for _, id := range []string{"device-1", "device-2"} {
		_, err := client.IndividualEnrollments().Get(ctx, id, nil)
		fmt.Println(id, "is forbidden:", azdps.HasStatusCode(err, http.StatusForbidden))
	}
	stop()
	_, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	fmt.Println("afterwards:", err)
	// Output:
	// device-1 is forbidden: true
	// device-2 is forbidden: false
	// afterwards: <nil>
}

// A fault is a middleware, so it can do whatever HTTP allows. This one is a proxy that is not well, and lets the request pass then.
func ExampleFault() {
	server, client := exampleServer(exampleDevice1)

	server.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
	}, nil)
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Via", "1.1 proxy")
		next.ServeHTTP(w, r) // the fault that was added before, and then the service
	}, &dpstest.ControlOptions{Times: 2})

	var response *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &response)
	if _, err := client.IndividualEnrollments().Get(ctx, "device-1", nil); err != nil {
		log.Fatal(err)
	}
	for _, request := range server.Requests() {
		fmt.Println(request.Operation, request.StatusCode)
	}
	fmt.Println("the answer came via", response.Header.Get("Via"))
	// Output:
	// IndividualEnrollment_Get 502
	// IndividualEnrollment_Get 200
	// the answer came via 1.1 proxy
}

// Respond gives any error in the service's form; this one is retried, as its header says.
func ExampleRespond() {
	server, client := exampleServer(exampleDevice1)

	header := http.Header{"Retry-After": {"0"}}
	server.Control(dpstest.Respond(http.StatusServiceUnavailable, 503001, "Try again.", header), nil)

	enrollment, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID, "after", len(server.Requests()), "requests")
	// Output: device-1 after 2 requests
}

// Without any retries, the code under test gets the error itself.
func ExampleThrottle() {
	server, client := exampleServer(exampleDevice1)

	server.Control(dpstest.Throttle(30*time.Second), nil)

	ctx := policy.WithRetryOptions(context.Background(), policy.RetryOptions{MaxRetries: -1})
	_, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if azdps.HasCode(err, azdps.ErrorCodeThrottled) {
		details, _ := azdps.ErrorDetailsFrom(err)
		fmt.Println(details.Message)
	}
	// Output: Operations are being throttled for this tenant.
}

// A server that takes its time shows whether the code under test has a deadline.
func ExampleDelay() {
	server, client := exampleServer(exampleDevice1)

	server.Control(dpstest.Delay(time.Hour), nil)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	fmt.Println("gave up:", errors.Is(err, context.DeadlineExceeded))
	// Output: gave up: true
}

// Here the headers of the answer come at once, and the body does not. The time of a try counts until the body has been read, so the
// client tries again.
func ExampleDelayBody() {
	server, client := exampleServer(exampleDevice1)

	server.Control(dpstest.DelayBody(time.Hour), nil)

	ctx := policy.WithRetryOptions(context.Background(), policy.RetryOptions{
		TryTimeout: 250 * time.Millisecond,
		RetryDelay: time.Millisecond,
	})
	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID, "after", len(server.Requests()), "requests")
	// Output: device-1 after 2 requests
}

// The connection breaks before the service sees the request. Nothing was created, so the retry creates the enrollment.
func ExampleDropRequest() {
	server, client := exampleServer()

	server.Control(dpstest.DropRequest(), nil)

	_, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	fmt.Println("created:", err == nil, "after", len(server.Requests()), "requests")
	// Output: created: true after 2 requests
}

// The service creates the enrollment, and the answer gets lost. The retry meets what the first try made, and the error says that this
// is possible.
func ExampleDropResponse() {
	server, client := exampleServer()

	server.Control(dpstest.DropResponse(), nil)

	_, err := client.IndividualEnrollments().CreateOrUpdate(context.Background(), azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(),
	}, nil)
	fmt.Println("conflict:", azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists))
	fmt.Println("perhaps with itself:", errors.Is(err, azdps.ErrOutcomeUnknown))
	// Output:
	// conflict: true
	// perhaps with itself: true
}

// An answer that breaks off in the middle is no answer. This one is to a read, which is tried again.
func ExampleTruncate() {
	server, client := exampleServer(exampleDevice1, exampleDevice2)

	server.Control(dpstest.Truncate(20), nil)

	count := 0
	for _, err := range client.IndividualEnrollments().All(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		count++
	}
	fmt.Println(count, "enrollments after", len(server.Requests()), "requests")
	// Output: 2 enrollments after 2 requests
}

// The service may answer with a page that is empty although more follow. Code that takes an empty page for the end loses records.
func ExampleEmptyPage() {
	server, client := exampleServer(exampleDevice1, exampleDevice2)

	server.Control(dpstest.EmptyPage(), nil)

	pager := client.IndividualEnrollments().NewQueryPager(nil)
	for pager.More() {
		page, err := pager.NextPage(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Items), "enrollments")
	}
	// Output:
	// 0 enrollments
	// 2 enrollments
}

// A list whose token leads back to itself never ends. The client sees that.
func ExampleRepeatToken() {
	server, client := exampleServer(exampleDevice1, exampleDevice2, exampleDevice3)

	server.Control(dpstest.RepeatToken(), &dpstest.ControlOptions{Times: 3})

	options := &azdps.IndividualEnrollmentsClientAllOptions{PageSize: 1}
	for _, err := range client.IndividualEnrollments().All(context.Background(), options) {
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: azdps: the service repeated a continuation token, so the list would never end
}
