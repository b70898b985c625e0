package azdps_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// secretAnswer is a record, an attestation and an answer to a bulk operation in one, with secrets in all members that have some.
var secretAnswer = `{"registrationId":"a","enrollmentGroupId":"a","etag":"IjEi","type":"symmetricKey",` + secretKeys + `,` +
	`"attestation":{"type":"symmetricKey",` + secretKeys + `},` +
	`"customAllocationDefinition":{"webhookUrl":"` + secretWebhook + `","apiVersion":"2019-03-31"},"errors":[],"isSuccessful":true}`

var secretKeys = `"symmetricKey":{"primaryKey":"` + secretPrimary + `","secondaryKey":"` + secretSecondary + `"}`

// secretExchanges are what becomes of requests, by name.
func secretExchanges() map[string][]answer {
	record := reply(http.StatusOK, secretAnswer)
	return map[string][]answer{
		"success":                    {record},
		"success after a 429":        {serviceError(http.StatusTooManyRequests, "429001", "Retry-After", "0"), record},
		"success after a lost one":   {fails(errReset), record},
		"400":                        {serviceError(http.StatusBadRequest, "400004")},
		"401":                        {serviceError(http.StatusUnauthorized, "401002")},
		"409":                        {serviceError(http.StatusConflict, "409201")},
		"412":                        {serviceError(http.StatusPreconditionFailed, "412001")},
		"500":                        {serviceError(http.StatusInternalServerError, "500001")},
		"a page":                     {reply(http.StatusOK, "<html>", "Content-Type", "text/html")},
		"a success of another kind":  {reply(http.StatusNonAuthoritativeInfo, secretAnswer)},
		"accepted":                   {reply(http.StatusAccepted, secretAnswer)},
		"a part":                     {reply(http.StatusPartialContent, secretAnswer)},
		"a redirect":                 {reply(http.StatusTemporaryRedirect, "", "Location", "https://other.example/")},
		"no answer":                  {fails(errReset)},
		"an answer that breaks off":  {breaksOff(secretAnswer[:len(secretAnswer)-20])},
		"an answer that ends early":  {reply(http.StatusOK, secretAnswer[:len(secretAnswer)-90])},
		"an answer that goes on":     {reply(http.StatusOK, secretAnswer+secretPrimary)},
		"keys of another type":       {reply(http.StatusOK, `{"attestation":{"symmetricKey":{"primaryKey":{"x":"`+secretPrimary+`"}}},"errors":"`+secretPrimary+`","symmetricKey":"`+secretPrimary+`"}`)},
		"a key without quotes":       {reply(http.StatusOK, `{"symmetricKey":`+secretPrimary+`}`)},
		"a key as the whole answer":  {reply(http.StatusOK, `"`+secretPrimary+`"`)},
		"refused items of a bulk":    {reply(http.StatusOK, `{"isSuccessful":false,"errors":[{"registrationId":"a","errorCode":409201,"errorStatus":"exists"}],`+secretKeys+`}`)},
		"a date that is none":        {reply(http.StatusOK, `{"createdDateTimeUtc":"`+secretPrimary+`","errors":[{"errorCode":"`+secretPrimary+`"}]}`)},
		"a number that is too large": {reply(http.StatusOK, `{"capabilities":{"iotEdge":"`+secretPrimary+`"},"isSuccessful":"`+secretPrimary+`"}`)},
	}
}

// secretRecords are records with secrets.
func secretRecords() (azdps.IndividualEnrollment, azdps.EnrollmentGroup) {
	attestation := azdps.AttestationMechanism{
		Type:         azdps.AttestationTypeSymmetricKey,
		SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: secretPrimary, SecondaryKey: secretSecondary},
	}
	definition := &azdps.CustomAllocationDefinition{WebhookURL: secretWebhook, APIVersion: "2019-03-31"}
	return azdps.IndividualEnrollment{RegistrationID: "a", Attestation: attestation, CustomAllocationDefinition: definition},
		azdps.EnrollmentGroup{EnrollmentGroupID: "a", Attestation: attestation, CustomAllocationDefinition: definition}
}

// secretCalls are the operations with secrets in what they send, where they can have some.
func secretCalls() []call {
	individual, group := secretRecords()
	with := func(operation string, do func(context.Context, *azdps.DeviceProvisioningClient) error) call {
		return call{operation: operation, do: do}
	}
	return append([]call{
		with("CreateOrUpdate of an enrollment with secrets", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, individual, &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: new(azcore.ETagAny)})
			return err
		}),
		with("CreateOrUpdate of a group with secrets", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, group, nil)
			return err
		}),
		with("RunBulkOperation of enrollments with secrets", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, []azdps.IndividualEnrollment{individual}, nil)
			return err
		}),
		with("RunBulkOperation of groups with secrets", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeUpdate, []azdps.EnrollmentGroup{group}, nil)
			return err
		}),
		with("Update of an enrollment", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().Update(ctx, "a", func(e *azdps.IndividualEnrollment) error {
				e.CustomAllocationDefinition = individual.CustomAllocationDefinition
				return nil
			}, nil)
			return err
		}),
		with("Update of a group", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().Update(ctx, "a", func(*azdps.EnrollmentGroup) error { return nil }, nil)
			return err
		}),
		with("All enrollments", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			for _, err := range c.IndividualEnrollments().All(ctx, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}, calls...)
}

// secretWays are the ways to authenticate, each with a secret.
var secretWays = map[string]func(*azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error){
	"connection string": func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return azdps.NewDeviceProvisioningClientFromConnectionString("HostName="+stubHost+";SharedAccessKeyName=policy;SharedAccessKey="+secretPolicyKey, options)
	},
	"signature": func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return azdps.NewDeviceProvisioningClientWithSAS("https://"+stubHost, azcore.NewSASCredential(secretSignature), options)
	},
	"bearer token": func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return azdps.NewDeviceProvisioningClient("https://"+stubHost, misplacedToken{}, options)
	},
}

// logged collects what azcore logs. Its listener is one for the process.
func logged(t *testing.T) func() string {
	t.Helper()
	var mu sync.Mutex
	var text strings.Builder
	log.SetListener(func(event log.Event, message string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&text, event, message)
	})
	t.Cleanup(func() { log.SetListener(nil) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		defer text.Reset()
		return text.String()
	}
}

// TestSecretsOnTheirWay sends every operation with every way to authenticate and looks at its error, at what azcore logs and
// at its spans. It is not parallel, because azcore has one log.
func TestSecretsOnTheirWay(t *testing.T) {
	takeLog := logged(t)
	spans := 0
	for way, connect := range secretWays {
		for name, answers := range secretExchanges() {
			for _, operation := range secretCalls() {
				what := []any{way, name, operation.operation}
				traced := &tracer{}
				options := &azdps.ClientOptions{}
				options.Transport = newScript(answers...)
				options.TracingProvider = traced.provider()
				options.Retry = policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Microsecond, MaxRetryDelay: time.Microsecond}
				client, err := connect(options)
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				err = operation.do(ctx, client)
				cancel()
				for ; err != nil; err = errors.Unwrap(err) {
					requireNoSecret(t, fmt.Sprintf("%v %+v %#v %q %x %d", err, err, err, err, err, err), what...)
					requireNoSecret(t, secretLogged(t, true, err)+secretLogged(t, false, err), what...)
				}
				text := takeLog()
				require.NotEmpty(t, text, what...)
				requireNoSecret(t, text, what...)
				require.NotContains(t, text, "sig=", what...)
				for _, s := range traced.spans {
					requireNoSecret(t, fmt.Sprintf("%s %s %v", s.name, s.why, s.attributes), what...)
					spans++
				}
			}
		}
	}
	require.Positive(t, spans)
}

// TestSecretsInLoggedBodies shows the exception that ClientOptions warns of, and so that the log is looked at.
func TestSecretsInLoggedBodies(t *testing.T) {
	takeLog := logged(t)
	options := stubOptions(&stubTransport{status: http.StatusOK, answer: secretAnswer})
	options.Logging.IncludeBody = true
	client, err := secretWays["connection string"](options)
	require.NoError(t, err)
	individual, _ := secretRecords()
	_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), individual, nil)
	require.NoError(t, err)
	text := takeLog()
	require.Equal(t, 3, strings.Count(text, secretPrimary), "once in the request, twice in the answer")
	require.NotContains(t, text, secretPolicyKey)
	require.NotContains(t, text, "sig=")
}
