package azdps_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// The listener is for the whole process. It gets requests, answers and retries, with the Authorization header redacted, and no
// bodies but those of errors.
func ExampleClientOptions_logging() {
	server, options := exampleServer(exampleDevice1)
	server.Control(dpstest.Throttle(0), nil)
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	azlog.SetEvents(azlog.EventResponse) // without this: all events
	azlog.SetListener(func(event azlog.Event, message string) {
		// In a program: slog.Debug(message, "event", event)
		for line := range strings.Lines(message) {
			if strings.Contains(line, "Authorization:") || strings.Contains(line, "Status:") {
				fmt.Println(event, strings.TrimSpace(line))
			}
		}
	})
	defer azlog.SetListener(nil)

	if _, err := client.IndividualEnrollments().Get(context.Background(), "device-1", nil); err != nil {
		fmt.Println(err)
		return
	}
	// Output:
	// Response Authorization: REDACTED
	// Response RESPONSE Status: 429 Too Many Requests
	// Response Authorization: REDACTED
	// Response RESPONSE Status: 200 OK
}

// Records, answers and credentials are logged without keys, and so are errors. The JSON of a record is complete, though: in a slice,
// JSONHandler writes the keys.
func ExampleIndividualEnrollment_LogValue() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))

	enrollment := azdps.IndividualEnrollment{RegistrationID: "device-1", ProvisioningStatus: azdps.ProvisioningStatusEnabled}
	var err error
	enrollment.Attestation, err = azdps.NewSymmetricKeyAttestation(examplePrimaryKey, exampleSecondaryKey)
	if err != nil {
		log.Fatal(err)
	}
	logger.Info("enrolling", "enrollment", enrollment)
	fmt.Println(enrollment.Attestation.SymmetricKey)
	// Output:
	// level=INFO msg=enrolling enrollment.registrationId=device-1 enrollment.deviceId="" enrollment.attestation.type=symmetricKey enrollment.attestation.symmetricKey.primaryKey=REDACTED enrollment.attestation.symmetricKey.secondaryKey=REDACTED enrollment.etag="" enrollment.provisioningStatus=enabled
	// {PrimaryKey:REDACTED SecondaryKey:REDACTED}
}

func withoutTime(groups []string, attribute slog.Attr) slog.Attr {
	if len(groups) == 0 && attribute.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attribute
}

// Each method opens a span, and each request one below it. Package azotel makes such a provider of one of OpenTelemetry; this one
// prints.
func ExampleClientOptions_tracing() {
	server, options := exampleServer(exampleDevice1)

	options.TracingProvider = tracing.NewProvider(func(module, _ string) tracing.Tracer {
		return tracing.NewTracer(func(ctx context.Context, name string, _ *tracing.SpanOptions) (context.Context, tracing.Span) {
			fmt.Println("start", name)
			return ctx, tracing.NewSpan(tracing.SpanImpl{
				End: func() { fmt.Println("end", name) },
				SetStatus: func(status tracing.SpanStatus, _ string) {
					if status == tracing.SpanStatusError {
						fmt.Println("failed", name)
					}
				},
			})
		}, nil)
	}, nil)
	client, err := azdps.NewDeviceProvisioningClient(exampleEndpoint, server.Credential(), options)
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.IndividualEnrollments().Get(context.Background(), "device-7", nil)
	fmt.Println("not found:", azdps.HasStatusCode(err, http.StatusNotFound))
	// Output:
	// start IndividualEnrollmentsClient.Get
	// start HTTP GET
	// failed HTTP GET
	// end HTTP GET
	// failed IndividualEnrollmentsClient.Get
	// end IndividualEnrollmentsClient.Get
	// not found: true
}
