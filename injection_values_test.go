package azdps_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// TestHostileETags gives every conditional write an ETag of somebody else.
func TestHostileETags(t *testing.T) {
	t.Parallel()
	requests := map[string]string{
		"IndividualEnrollments.CreateOrUpdate": "PUT /enrollments/a", "IndividualEnrollments.Delete": "DELETE /enrollments/a",
		"EnrollmentGroups.CreateOrUpdate": "PUT /enrollmentGroups/a", "EnrollmentGroups.Delete": "DELETE /enrollmentGroups/a",
		"DeviceRegistrationStates.Delete": "DELETE /registrations/a",
	}
	for _, method := range callsWithETag() {
		verb, path, _ := strings.Cut(requests[method.method], " ")
		for _, texts := range []map[string]string{hostileTexts, hostileBytes} {
			for name, text := range texts {
				t.Run(method.method+" "+name, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						checkHeaderText(t, verb, path, "If-Match", method.parameter, text, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
							return method.call(ctx, c, azcore.ETag(text))
						})
					})
				})
			}
		}
	}
}

// bodyTexts are methods that send a text within their body, and where it is there.
var bodyTexts = map[string]struct {
	target string
	at     []string
	call   func(context.Context, *azdps.DeviceProvisioningClient, string) error
}{
	"a query of individual enrollments": {"POST /enrollments/query", []string{"query"},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
			_, err := c.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{Query: text}).NextPage(ctx)
			return err
		}},
	"a query of groups": {"POST /enrollmentGroups/query", []string{"query"},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
			_, err := c.EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{Query: text}).NextPage(ctx)
			return err
		}},
	"a bulk mode": {"POST /enrollments", []string{"mode"},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
			_, err := c.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationMode(text), []azdps.IndividualEnrollment{newEnrollment("a")}, nil)
			return err
		}},
	"a bulk mode of groups": {"POST /enrollmentGroups", []string{"mode"},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
			_, err := c.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationMode(text), []azdps.EnrollmentGroup{newGroup("a")}, nil)
			return err
		}},
	"an ETag of a bulk item": {"POST /enrollmentGroups", []string{"enrollmentGroups", "etag"},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
			group := newGroup("a")
			group.ETag = azcore.ETag(text)
			_, err := c.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeUpdate, []azdps.EnrollmentGroup{group}, nil)
			return err
		}},
	"an IoT hub": {"PUT /enrollments/a", []string{"iotHubHostName"}, putEnrollment(func(e *azdps.IndividualEnrollment, text string) { e.IoTHubHostName = text })},
	"IoT hubs":   {"PUT /enrollments/a", []string{"iotHubs"}, putEnrollment(func(e *azdps.IndividualEnrollment, text string) { e.IoTHubs = []string{text} })},
	"a device":   {"PUT /enrollments/a", []string{"deviceId"}, putEnrollment(func(e *azdps.IndividualEnrollment, text string) { e.DeviceID = text })},
	"a webhook": {"PUT /enrollments/a", []string{"customAllocationDefinition", "webhookUrl"}, putEnrollment(func(e *azdps.IndividualEnrollment, text string) {
		e.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: text}
	})},
	"a tag": {"PUT /enrollments/a", []string{"initialTwin", "tags", "a"}, putEnrollment(func(e *azdps.IndividualEnrollment, text string) {
		e.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"a": text}}
	})},
}

func putEnrollment(edit func(*azdps.IndividualEnrollment, string)) func(context.Context, *azdps.DeviceProvisioningClient, string) error {
	return func(ctx context.Context, c *azdps.DeviceProvisioningClient, text string) error {
		enrollment := newEnrollment("a")
		edit(&enrollment, text)
		_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, nil)
		return err
	}
}

// TestHostileBodies sends every text within JSON, where it stays what it is. What is no text is refused, or mended in a twin.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	for method, test := range bodyTexts {
		t.Run(method, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				verb, path, _ := strings.Cut(test.target, " ")
				for name, text := range hostileTexts {
					w := injectionWire()
					err := test.call(t.Context(), w.client(t), text)
					require.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%s: %v", name, err)
					_, request := requireOne(t, w, verb, path+apiVersion)
					value := jsonValue(t, request.body)
					for _, member := range test.at {
						if list, ok := value.([]any); ok {
							value = list[0]
						}
						value = value.(map[string]any)[member]
					}
					if list, ok := value.([]any); ok {
						value = list[0]
					}
					assert.Equal(t, text, value, name)
					w.end(t)
				}
				for name, text := range hostileBytes {
					w := injectionWire()
					err := test.call(t.Context(), w.client(t), text)
					if method != "a tag" {
						require.ErrorContains(t, err, "cannot be written as JSON", name)
						requireFinal(t, err)
						assert.Empty(t, w.addresses())
					} else {
						requireOne(t, w, verb, path+apiVersion)
					}
					w.end(t)
				}
			})
		})
	}
}

// TestHostilePolicyNames signs with policies of any name: the header is one, and its four parts are what they are.
func TestHostilePolicyNames(t *testing.T) {
	t.Parallel()
	for _, texts := range []map[string]string{hostileTexts, hostileBytes} {
		for name, text := range texts {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					credential, err := azdps.NewSharedAccessKeyCredential(text, wireKey)
					require.NoError(t, err)
					w := injectionWire()
					defer w.end(t)
					client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+wireHost, credential, optionsOver(&http.Client{Transport: w.transport}))
					require.NoError(t, err)
					require.True(t, azdps.HasStatusCode(calls[0].do(t.Context(), client), http.StatusNotFound))
					header, _ := requireOne(t, w, http.MethodGet, "/enrollments/device-1"+apiVersion)
					require.Len(t, header["Authorization"], 1)
					token, found := strings.CutPrefix(header["Authorization"][0], "SharedAccessSignature ")
					require.True(t, found)
					parts, err := url.ParseQuery(token)
					require.NoError(t, err)
					assert.Len(t, parts, 4)
					assert.Equal(t, []string{text}, parts["skn"])
					assert.Equal(t, []string{wireHost}, parts["sr"])
				})
			})
		}
	}
}

// badToken is a credential whose token is whatever it is.
type badToken string

func (b badToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(b), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// TestHostileOptions gives texts to what else becomes a part of a request: the version of the API, the name of an application, and
// tokens that were made elsewhere.
func TestHostileOptions(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, edit func(*azdps.ClientOptions), construct func(*azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error)) []rawRequest {
		w := injectionWire()
		defer w.end(t)
		options := optionsOver(&http.Client{Transport: w.transport})
		edit(options)
		client, err := construct(options)
		require.NoError(t, err)
		err = calls[0].do(t.Context(), client)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret")
		requests := w.arrived()
		require.LessOrEqual(t, len(requests), 1)
		for _, request := range requests {
			assert.Len(t, request.header, 5)
			path, _ := queryOf(t, request.line)
			assert.Equal(t, "/enrollments/device-1", path)
		}
		return requests
	}
	withKey := func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return constructors["key"]("https://"+wireHost, options)
	}
	for _, texts := range []map[string]string{hostileTexts, hostileBytes} {
		for name, text := range texts {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					requests := run(t, func(o *azdps.ClientOptions) { o.APIVersion = text }, withKey)
					require.Len(t, requests, 1)
					_, query := queryOf(t, requests[0].line)
					assert.Equal(t, url.Values{"api-version": {text}}, query)

					run(t, func(o *azdps.ClientOptions) { o.Telemetry.ApplicationID = text }, withKey)
					for token, construct := range map[string]func(*azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error){
						"bearer": func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
							return azdps.NewDeviceProvisioningClient("https://"+wireHost, badToken("secret"+text), options)
						},
						"signature": func(options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
							return azdps.NewDeviceProvisioningClientWithSAS("https://"+wireHost, azcore.NewSASCredential("secret"+text), options)
						},
					} {
						requests := run(t, func(*azdps.ClientOptions) {}, construct)
						if strings.ContainsAny(text, "\r\n\x00") && strings.TrimSpace(text) == text {
							assert.Empty(t, requests, token)
						}
					}
				})
			})
		}
	}
}
