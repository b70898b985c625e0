package azdps_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// Attestations that can be written, which have every object of an attestation between them.
const (
	jsonInfo = `{"subjectName":"CN=a","sha1Thumbprint":"A1","sha256Thumbprint":"B2","issuerName":"CN=b",` +
		`"notBeforeUtc":"2023-05-19T23:10:35Z","notAfterUtc":"2024-05-19T23:10:35.5Z","serialNumber":"0F","version":3}`
	jsonInfos = `{"primary":{"info":` + jsonInfo + `},"secondary":{"info":` + jsonInfo + `}}`
)

func jsonAttestations() map[string]string {
	return map[string]string{
		"symmetric key":        `{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + stubKey + `","secondaryKey":"` + stubKey + `"}}`,
		"tpm":                  `{"type":"tpm","tpm":{"endorsementKey":"AToA","storageRootKey":"AToB"}}`,
		"client certificates":  `{"type":"x509","x509":{"clientCertificates":` + jsonInfos + `}}`,
		"signing certificates": `{"type":"x509","x509":{"signingCertificates":` + jsonInfos + `}}`,
		"CA references":        `{"type":"x509","x509":{"caReferences":{"primary":"ca1","secondary":"ca2"}}}`,
	}
}

// jsonKind is one kind of record with the methods of its client.
type jsonKind[T any] struct {
	full   string // the JSON of a record whose attestation is to be replaced
	bulk   string // the member of a bulk operation
	change func(*T)
	member string // what change sets to "changed"
	get    func(context.Context, *azdps.DeviceProvisioningClient) (T, error)
	put    func(context.Context, *azdps.DeviceProvisioningClient, T) error
	page   func(context.Context, *azdps.DeviceProvisioningClient) ([]T, error)
	run    func(context.Context, *azdps.DeviceProvisioningClient, azdps.BulkOperationMode, []T) error
}

func jsonEnrollmentKind() jsonKind[azdps.IndividualEnrollment] {
	return jsonKind[azdps.IndividualEnrollment]{
		full: jsonEnrollment, bulk: "enrollments",
		change: func(e *azdps.IndividualEnrollment) { e.DeviceID = "changed" }, member: "deviceId",
		get: func(ctx context.Context, c *azdps.DeviceProvisioningClient) (azdps.IndividualEnrollment, error) {
			response, err := c.IndividualEnrollments().Get(ctx, "kz", nil)
			return response.IndividualEnrollment, err
		},
		put: func(ctx context.Context, c *azdps.DeviceProvisioningClient, e azdps.IndividualEnrollment) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, e,
				&azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: new(e.ETag)})
			return err
		},
		page: func(ctx context.Context, c *azdps.DeviceProvisioningClient) ([]azdps.IndividualEnrollment, error) {
			page, err := c.IndividualEnrollments().NewQueryPager(nil).NextPage(ctx)
			return page.Items, err
		},
		run: func(ctx context.Context, c *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, items []azdps.IndividualEnrollment) error {
			_, err := c.IndividualEnrollments().RunBulkOperation(ctx, mode, items, nil)
			return err
		},
	}
}

func jsonGroupKind() jsonKind[azdps.EnrollmentGroup] {
	return jsonKind[azdps.EnrollmentGroup]{
		full: jsonGroup, bulk: "enrollmentGroups",
		change: func(g *azdps.EnrollmentGroup) { g.IoTHubHostName = "changed" }, member: "iotHubHostName",
		get: func(ctx context.Context, c *azdps.DeviceProvisioningClient) (azdps.EnrollmentGroup, error) {
			response, err := c.EnrollmentGroups().Get(ctx, "sfsevlobqfdnqmghunj", nil)
			return response.EnrollmentGroup, err
		},
		put: func(ctx context.Context, c *azdps.DeviceProvisioningClient, g azdps.EnrollmentGroup) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, g,
				&azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: new(g.ETag)})
			return err
		},
		page: func(ctx context.Context, c *azdps.DeviceProvisioningClient) ([]azdps.EnrollmentGroup, error) {
			page, err := c.EnrollmentGroups().NewQueryPager(nil).NextPage(ctx)
			return page.Items, err
		},
		run: func(ctx context.Context, c *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, items []azdps.EnrollmentGroup) error {
			_, err := c.EnrollmentGroups().RunBulkOperation(ctx, mode, items, nil)
			return err
		},
	}
}

// jsonReadOnly names the members that only the service writes; etag is sent in bulk.
func jsonReadOnly() []string {
	return []string{"registrationState", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"}
}

// expected is the JSON that is sent for a record that was read and changed.
func (k jsonKind[T]) expected(t *testing.T, data string, readOnly ...string) map[string]any {
	t.Helper()
	changed, _ := jsonSet(t, data, jsonPath{k.member}, "changed")
	object := changed.(map[string]any)
	for _, name := range append(jsonReadOnly(), readOnly...) {
		delete(object, name)
	}
	return object
}

// testClient reads a record, changes a member and writes it, one by one and in bulk, with an unknown member in each of its
// objects in turn.
func (k jsonKind[T]) testClient(t *testing.T) {
	tested := make(map[string]bool)
	for name, attestation := range jsonAttestations() {
		changed, _ := jsonSet(t, k.full, jsonPath{"attestation"}, jsonValue(t, []byte(attestation)))
		full := string(jsonEncode(t, changed))
		for _, path := range jsonObjects(t, reflect.TypeFor[T]()) {
			data, ok := jsonWithUnknown(t, full, path)
			if !ok {
				continue // an attestation of another kind has it
			}
			tested[path.String()] = true
			t.Run(name+path.String(), func(t *testing.T) {
				t.Parallel()
				k.testGetAndPut(t, data)
				k.testPageAndBulk(t, data)
			})
		}
	}
	for _, path := range jsonObjects(t, reflect.TypeFor[T]()) {
		assert.True(t, tested[path.String()], "no attestation has the object at %v", path)
	}
}

func (k jsonKind[T]) testGetAndPut(t *testing.T, data string) {
	client, transport := newStub(t, data)
	record, err := k.get(t.Context(), client)
	require.NoError(t, err)
	k.change(&record)
	before := jsonEncode(t, record)
	require.NoError(t, k.put(t.Context(), client, record))
	assert.Equal(t, any(k.expected(t, data, "etag")), jsonValue(t, transport.last(t).body))
	assert.Equal(t, []string{"ngtrmhcikthymtknva"}, transport.last(t).header["If-Match"])
	assert.Equal(t, string(before), string(jsonEncode(t, record)), "the caller's record was changed")
}

// withoutKeys takes the symmetric keys out of a record, which a delete does not send.
func withoutKeys(record map[string]any) map[string]any {
	delete(record["attestation"].(map[string]any), "symmetricKey")
	return record
}

func (k jsonKind[T]) testPageAndBulk(t *testing.T, data string) {
	client, transport := newStub(t, "["+data+"]")
	items, err := k.page(t.Context(), client)
	require.NoError(t, err)
	require.Len(t, items, 1)
	k.change(&items[0])
	before := jsonEncode(t, items)
	transport.answer = `{"errors":[],"isSuccessful":true}`
	for mode, item := range map[azdps.BulkOperationMode]any{
		azdps.BulkOperationModeUpdate:            k.expected(t, data),
		azdps.BulkOperationModeUpdateIfMatchETag: k.expected(t, data),
		azdps.BulkOperationModeDelete:            withoutKeys(k.expected(t, data)),
		azdps.BulkOperationModeCreate:            k.expected(t, data, "etag"),
	} {
		require.NoError(t, k.run(t.Context(), client, mode, items))
		assert.Equal(t, any(map[string]any{k.bulk: []any{item}, "mode": string(mode)}), jsonValue(t, transport.last(t).body), mode)
		assert.Equal(t, string(before), string(jsonEncode(t, items)), "%s has changed the caller's records", mode)
	}
}

func TestJSONThroughTheClient(t *testing.T) {
	t.Parallel()
	t.Run("IndividualEnrollment", func(t *testing.T) { t.Parallel(); jsonEnrollmentKind().testClient(t) })
	t.Run("EnrollmentGroup", func(t *testing.T) { t.Parallel(); jsonGroupKind().testClient(t) })
}

// TestJSONOfStatesThroughTheClient compares the two ways to read a registration state with that of encoding/json.
func TestJSONOfStatesThroughTheClient(t *testing.T) {
	t.Parallel()
	data, _ := jsonWithUnknown(t, jsonState, nil)
	client, transport := newStub(t, data)
	response, err := client.DeviceRegistrationStates().Get(t.Context(), "czvnrxvbka", nil)
	require.NoError(t, err)
	jsonSame(t, data, jsonEncode(t, response))
	transport.answer = "[" + data + ",{}]"
	page, err := client.DeviceRegistrationStates().NewQueryPager("g", nil).NextPage(t.Context())
	require.NoError(t, err)
	jsonSame(t, transport.answer, jsonEncode(t, page.Items))
}

// TestJSONSentForX509 looks at what is sent of an attestation by certificates.
func TestJSONSentForX509(t *testing.T) {
	t.Parallel()
	const pemText = `"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"`
	for name, test := range map[string]struct{ read, sent string }{
		"info alone is kept": {
			`{"clientCertificates":{"primary":{"info":` + jsonInfo + `}}}`,
			`{"clientCertificates":{"primary":{"info":` + jsonInfo + `}}}`,
		},
		"info beside a certificate is left out": {
			`{"clientCertificates":{"primary":{"certificate":` + pemText + `,"info":` + jsonInfo + `,"x":1},"secondary":{"info":` + jsonInfo + `}}}`,
			`{"clientCertificates":{"primary":{"certificate":` + pemText + `,"x":1},"secondary":{"info":` + jsonInfo + `}}}`,
		},
		"the same for signing certificates": {
			`{"signingCertificates":{"primary":{"info":` + jsonInfo + `},"secondary":{"certificate":` + pemText + `,"info":` + jsonInfo + `}}}`,
			`{"signingCertificates":{"primary":{"info":` + jsonInfo + `},"secondary":{"certificate":` + pemText + `}}}`,
		},
		"CA references of nulls beside certificates": {
			`{"signingCertificates":{"primary":{"info":` + jsonInfo + `}},"caReferences":{"primary":null,"secondary":null}}`,
			`{"signingCertificates":{"primary":{"info":` + jsonInfo + `}}}`,
		},
		"CA references of empty texts beside certificates": {
			`{"clientCertificates":{"primary":{"info":` + jsonInfo + `}},"caReferences":{"primary":"","secondary":""}}`,
			`{"clientCertificates":{"primary":{"info":` + jsonInfo + `}}}`,
		},
		"a CA reference and its null": {
			`{"caReferences":{"primary":"ca1","secondary":null}}`,
			`{"caReferences":{"primary":"ca1"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, transport := newStub(t, `{"registrationId":"a","attestation":{"type":"x509","x509":`+test.read+`}}`)
			record, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.NoError(t, err)
			before := jsonEncode(t, record)
			_, err = client.IndividualEnrollments().CreateOrUpdate(t.Context(), record.IndividualEnrollment, nil)
			require.NoError(t, err)
			jsonSame(t, `{"registrationId":"a","attestation":{"type":"x509","x509":`+test.sent+`}}`, transport.last(t).body)
			assert.Equal(t, string(before), string(jsonEncode(t, record)), "the caller's record was changed")
		})
	}
}

// TestJSONOfBulkDelete needs an id only; the specification demands an attestation.
func TestJSONOfBulkDelete(t *testing.T) {
	t.Parallel()
	client, transport := newStub(t, `{"isSuccessful":true}`)
	enrollments := []azdps.IndividualEnrollment{{RegistrationID: "a", ETag: "e"}}
	result, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete, enrollments, nil)
	require.NoError(t, err)
	assert.True(t, result.IsSuccessful)
	assert.Empty(t, result.Errors)
	jsonSame(t, `{"enrollments":[{"registrationId":"a","attestation":{"type":"none"},"etag":"e"}],"mode":"delete"}`, transport.last(t).body)
	assert.Equal(t, []azdps.IndividualEnrollment{{RegistrationID: "a", ETag: "e"}}, enrollments)

	groups := []azdps.EnrollmentGroup{{EnrollmentGroupID: "g"}}
	_, err = client.EnrollmentGroups().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete, groups, nil)
	require.NoError(t, err)
	jsonSame(t, `{"enrollmentGroups":[{"enrollmentGroupId":"g","attestation":{"type":"none"}}],"mode":"delete"}`, transport.last(t).body)
	assert.Equal(t, []azdps.EnrollmentGroup{{EnrollmentGroupID: "g"}}, groups)
}

// TestJSONOfUnwritableRecord refuses what has no JSON, without its value, and sends nothing.
func TestJSONOfUnwritableRecord(t *testing.T) {
	t.Parallel()
	const secret = "SecretOfTheWebhook"
	for name, spoil := range map[string]func(*azdps.IndividualEnrollment){
		"a channel in a twin": func(e *azdps.IndividualEnrollment) {
			e.OptionalDeviceInformation = azdps.TwinCollection{"a": make(chan int)}
		},
		"an unknown member that is no JSON": func(e *azdps.IndividualEnrollment) {
			e.AdditionalProperties = map[string]json.RawMessage{"a": json.RawMessage(secret)}
		},
		"an unknown member with the name of a known one": func(e *azdps.IndividualEnrollment) {
			e.DeviceID = "device"
			e.AdditionalProperties = map[string]json.RawMessage{"deviceId": json.RawMessage(`"` + secret + `"`)}
		},
		"a text that is no UTF-8": func(e *azdps.IndividualEnrollment) {
			e.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: "https://a.example/?code=" + secret + "\xff"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			enrollment := azdps.IndividualEnrollment{RegistrationID: "a", Attestation: azdps.NewGeneratedKeyAttestation()}
			spoil(&enrollment)
			client := newSilentStub(t)
			_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), enrollment, nil)
			requireInvalid(t, err, "enrollment")
			assert.NotContains(t, err.Error(), secret)
			_, err = client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate,
				[]azdps.IndividualEnrollment{enrollment}, nil)
			requireInvalid(t, err, "enrollments")
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

// TestJSONErrorsHoldNoValues answers with JSON that is wrong somewhere, beside or within a secret.
func TestJSONErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	const secret = "SecretOfTheService"
	for _, body := range []string{
		secret,
		`"` + secret + `"`,
		`{"registrationId":"a","deviceId":"` + secret,
		`{"registrationId":{"` + secret + `":1}}`,
		`{"attestation":{"type":"symmetricKey","symmetricKey":"` + secret + `"}}`,
		`{"attestation":{"symmetricKey":{"primaryKey":["` + secret + `"]}}}`,
		`{"attestation":{"symmetricKey":{"primaryKey":"` + secret + `"}},"iotHubs":"` + secret + `"}`,
		`{"createdDateTimeUtc":"` + secret + `"}`,
		`{"attestation":{"x509":{"clientCertificates":{"primary":{"info":{"notBeforeUtc":"` + secret + `"}}}}}}`,
		`{"registrationState":{"errorCode":"` + secret + `"}}`,
		`{"registrationState":{"errorCode":12345678901234567890}}`,
		`{"initialTwin":{"tags":"` + secret + `"}}`,
		`{"initialTwin":{"tags":["` + secret + `"]}}`,
		`{"initialTwin":{"tags":{"a":` + secret + `}}}`,
		`{"reprovisionPolicy":{"migrateDeviceData":"` + secret + `"}}`,
		`{"capabilities":{"iotEdge":"` + secret + `"}}`,
		`{"unknown":"` + secret + `",}`,
		`{"deviceId":"` + secret + `"} ` + secret,
	} {
		t.Run(strings.ReplaceAll(body, secret, "..."), func(t *testing.T) {
			t.Parallel()
			client, transport := newStub(t, body)
			_, getError := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			_, putError := client.EnrollmentGroups().CreateOrUpdate(t.Context(),
				azdps.EnrollmentGroup{EnrollmentGroupID: "a", Attestation: azdps.NewGeneratedKeyAttestation()}, nil)
			transport.answer = "[" + body + "]"
			_, pageError := client.IndividualEnrollments().NewQueryPager(nil).NextPage(t.Context())
			var enrollment azdps.IndividualEnrollment
			directError := enrollment.UnmarshalJSON([]byte(body))
			for _, err := range []error{getError, pageError, directError} {
				require.Error(t, err)
				assert.NotContains(t, err.Error(), secret)
				assert.NotContains(t, err.Error(), "12345678901234567890")
			}
			if putError != nil { // a group has fewer members
				assert.ErrorIs(t, putError, azdps.ErrOutcomeUnknown)
				assert.NotContains(t, putError.Error(), secret)
			}
			var response *azcore.ResponseError
			assert.NotErrorAs(t, getError, &response)
		})
	}
}
