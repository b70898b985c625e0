package azdps_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// fullEnrollment has every member that a caller can set, and the read-only ones, which must not be sent.
func fullEnrollment() azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{
		RegistrationID:            "Device-1.a:b_c",
		DeviceID:                  "device#one",
		RegistrationState:         &azdps.DeviceRegistrationState{RegistrationID: "read-only"},
		OptionalDeviceInformation: azdps.TwinCollection{"line": 7},
		Attestation: azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, X509: &azdps.X509Attestation{
			ClientCertificates: &azdps.X509Certificates{Primary: &azdps.X509CertificateWithInfo{
				Info: &azdps.X509CertificateInfo{SubjectName: "CN=device", SHA1Thumbprint: "AA", SHA256Thumbprint: "BB", IssuerName: "CN=device",
					NotBeforeUTC: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), NotAfterUTC: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
					SerialNumber: "01", Version: 3},
			}},
		}},
		Capabilities:               &azdps.DeviceCapabilities{IoTEdge: true},
		IoTHubHostName:             "hub.azure-devices.net",
		InitialTwin:                fullTwin(),
		ETag:                       "IjEi", // sent in a bulk operation only
		ProvisioningStatus:         azdps.ProvisioningStatusDisabled,
		ReprovisionPolicy:          &azdps.ReprovisionPolicy{UpdateHubAssignment: true},
		CreatedDateTimeUTC:         time.Unix(1, 0),
		LastUpdatedDateTimeUTC:     time.Unix(2, 0),
		AllocationPolicy:           azdps.AllocationPolicyCustom,
		IoTHubs:                    []string{},
		CustomAllocationDefinition: &azdps.CustomAllocationDefinition{WebhookURL: "https://f.example.com/a?code=<1>&x", APIVersion: "2019-03-31"},
		NamespaceName:              "namespace",
		CertificateAuthorityName:   "authority",
		CertificatePolicyName:      "policy",
		AdditionalProperties:       map[string]json.RawMessage{"later": json.RawMessage(`{"a": 1}`)},
	}
}

func fullTwin() *azdps.InitialTwin {
	return &azdps.InitialTwin{
		Tags:       azdps.TwinCollection{"site": "A & B", "big": json.Number("123456789012345678")},
		Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"on": true, "none": nil}},
	}
}

func fullGroup() azdps.EnrollmentGroup {
	return azdps.EnrollmentGroup{
		EnrollmentGroupID: "Group:1",
		Attestation: azdps.AttestationMechanism{Type: azdps.AttestationTypeSymmetricKey,
			SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: wireKey, SecondaryKey: otherKey}},
		InitialTwin:            fullTwin(),
		ETag:                   "IjEi", // sent in a bulk operation only
		CreatedDateTimeUTC:     time.Unix(1, 0),
		LastUpdatedDateTimeUTC: time.Unix(2, 0),
		AllocationPolicy:       azdps.AllocationPolicyStatic,
		IoTHubs:                []string{"hub-1.azure-devices.net", "hub-2.azure-devices.net"},
	}
}

// wireCalls call each operation with everything that its request can carry.
var wireCalls = map[string]func(ctx context.Context, c *azdps.DeviceProvisioningClient){
	"IndividualEnrollment_Get": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.IndividualEnrollments().Get(ctx, "Device-1.a:b_c", nil)
	},
	"IndividualEnrollment_CreateOrUpdate": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.IndividualEnrollments().CreateOrUpdate(ctx, fullEnrollment(),
			&azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: to.Ptr(azcore.ETag("IjBhMDAi=="))})
	},
	"IndividualEnrollment_Delete": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.IndividualEnrollments().Delete(ctx, "device-1",
			&azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: to.Ptr(azcore.ETag("IjBhMDAi"))})
	},
	"IndividualEnrollment_Query": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{
			ContinuationToken: "token+/==", PageSize: 50, Query: `SELECT "*"`}).NextPage(ctx)
	},
	"IndividualEnrollment_GetAttestationMechanism": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.IndividualEnrollments().GetAttestationMechanism(ctx, "device-1", nil)
	},
	"IndividualEnrollment_RunBulkOperation": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		second := newEnrollment("device-2")
		second.ETag = "IjIi"
		_, _ = c.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeUpdateIfMatchETag,
			[]azdps.IndividualEnrollment{fullEnrollment(), second}, nil)
	},
	"EnrollmentGroup_Get": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().Get(ctx, "Group:1", nil)
	},
	"EnrollmentGroup_CreateOrUpdate": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().CreateOrUpdate(ctx, fullGroup(),
			&azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: to.Ptr(azcore.ETagAny)})
	},
	"EnrollmentGroup_Delete": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().Delete(ctx, "Group:1", &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: to.Ptr(azcore.ETag("IjBhMDAi"))})
	},
	"EnrollmentGroup_Query": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{ContinuationToken: "token", PageSize: 1}).NextPage(ctx)
	},
	"EnrollmentGroup_GetAttestationMechanism": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().GetAttestationMechanism(ctx, "Group:1", nil)
	},
	"EnrollmentGroup_RunBulkOperation": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeDelete,
			[]azdps.EnrollmentGroup{fullGroup(), {EnrollmentGroupID: "group-2"}}, nil)
	},
	"DeviceRegistrationState_Get": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.DeviceRegistrationStates().Get(ctx, "device-1", nil)
	},
	"DeviceRegistrationState_Delete": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.DeviceRegistrationStates().Delete(ctx, "device-1",
			&azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: to.Ptr(azcore.ETag("IjBhMDAi"))})
	},
	"DeviceRegistrationState_Query": func(ctx context.Context, c *azdps.DeviceProvisioningClient) {
		_, _ = c.DeviceRegistrationStates().NewQueryPager("Group:1",
			&azdps.DeviceRegistrationStatesClientQueryOptions{ContinuationToken: "token", PageSize: 1000}).NextPage(ctx)
	},
}

// TestRequestsOnTheWire compares each request, byte by byte but for what changes, with the one in testdata/golden. Set
// AZDPS_UPDATE_GOLDEN=1 to write the files anew.
func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	require.Len(t, wireCalls, len(calls))
	for operation, do := range wireCalls {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			transport := newScript(reply(http.StatusTeapot, "")) // the answers are not of interest here
			do(t.Context(), clientOver(t, transport))
			require.Len(t, transport.sent(), 1)
			got := dump(transport.sent()[0])

			golden := filepath.Join("testdata", "golden", operation+".http")
			if os.Getenv("AZDPS_UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

var (
	changing  = regexp.MustCompile(`(sig|se)=[^&\n]+`)
	userAgent = regexp.MustCompile(`(azsdk-go-azdps/v)[^\n]+`)
)

// dump writes a request as text, without what differs from run to run.
func dump(r sentRequest) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\nHost: %s\n", r.Method, r.URL.RequestURI(), r.URL.Host)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&text, "%s: %s\n", name, value)
		}
	}
	head := changing.ReplaceAllString(text.String(), "$1=...")
	head = userAgent.ReplaceAllString(head, "$1...")
	if len(r.body) == 0 {
		return head
	}
	return head + "\n" + string(r.body) + "\n"
}

// TestHeadersWithoutOptions sends no header that nobody asked for.
func TestHeadersWithoutOptions(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			transport := newScript(operation.ok())
			require.NoError(t, operation.do(t.Context(), clientOver(t, transport)))
			require.Len(t, transport.sent(), 1)
			request := transport.sent()[0]

			want := []string{"Accept", "Authorization", "User-Agent"}
			if len(request.body) > 0 {
				want = append(want, "Content-Length", "Content-Type")
				assert.Equal(t, []string{"application/json"}, request.Header["Content-Type"])
			}
			var got []string
			for name, values := range request.Header {
				got = append(got, name)
				assert.Len(t, values, 1, name)
			}
			assert.ElementsMatch(t, want, got)
			assert.Equal(t, []string{"application/json"}, request.Header["Accept"])
			assert.Regexp(t, `^azsdk-go-azdps/v\d+\.\d+\.\d+ \(go1.*\)$`, request.Header.Get("User-Agent"))
			assert.Equal(t, int64(len(request.body)), request.ContentLength)
			hasBody := strings.Contains(operation.operation, "_RunBulk") || strings.Contains(operation.operation, "_CreateOrUpdate") ||
				strings.HasSuffix(operation.operation, "_Query") && operation.operation != "DeviceRegistrationState_Query"
			assert.Equal(t, hasBody, len(request.body) > 0)
		})
	}
}

// TestAPIVersion sends the version of the options with every operation, and only that.
func TestAPIVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", azdps.APIVersion2021_10_01, azdps.APIVersion2026_11_01, "2099-01-01-preview"} {
		for _, operation := range calls {
			t.Run(version+operation.operation, func(t *testing.T) {
				t.Parallel()
				transport := newScript(operation.ok())
				client := clientOver(t, transport, func(o *azdps.ClientOptions) { o.APIVersion = version })
				require.NoError(t, operation.do(t.Context(), client))
				want := version
				if want == "" {
					want = "2021-10-01"
				}
				assert.Equal(t, "api-version="+want, transport.sent()[0].URL.RawQuery)
			})
		}
	}
}

// TestApplicationIDInUserAgent keeps what azcore promises of the telemetry options.
func TestApplicationIDInUserAgent(t *testing.T) {
	t.Parallel()
	transport := newScript(calls[0].ok())
	client := clientOver(t, transport, func(o *azdps.ClientOptions) { o.Telemetry.ApplicationID = "factory" })
	require.NoError(t, calls[0].do(t.Context(), client))
	assert.Regexp(t, `^factory azsdk-go-azdps/v`, transport.sent()[0].Header.Get("User-Agent"))
}

// TestCallerKeepsItsRecord writes records that share pointers with the caller's, which must not change.
func TestCallerKeepsItsRecord(t *testing.T) {
	t.Parallel()
	transport := newScript(reply(http.StatusOK, "{}"), reply(http.StatusOK, bulkAnswer))
	client := clientOver(t, transport)
	certificate := &azdps.X509CertificateWithInfo{Certificate: pemCertificate(t, "device-1"), Info: &azdps.X509CertificateInfo{SubjectName: "CN=old"}}
	record := fullEnrollment()
	record.Attestation.X509 = &azdps.X509Attestation{
		ClientCertificates: &azdps.X509Certificates{Primary: certificate}, CAReferences: &azdps.X509CAReferences{},
	}
	before, err := json.Marshal(record)
	require.NoError(t, err)

	_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), record, nil)
	require.NoError(t, err)
	items := []azdps.IndividualEnrollment{record}
	_, err = client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeUpdate, items, nil)
	require.NoError(t, err)

	for _, unchanged := range append(slices.Clone(items), record) {
		after, err := json.Marshal(unchanged)
		require.NoError(t, err)
		assert.JSONEq(t, string(before), string(after))
	}
	for _, request := range transport.sent() {
		assert.NotContains(t, string(request.body), "CN=old", "the info beside a certificate is not sent")
		assert.NotContains(t, string(request.body), "caReferences", "nor is an empty reference")
	}
}
