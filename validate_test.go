package azdps_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// validateCall is a method with a parameter to be tried; the other parameters are good ones.
type validateCall[T any] struct {
	method, parameter string
	call              func(context.Context, *azdps.DeviceProvisioningClient, T) error
}

func validateEnrollment(id string) azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

func validateGroup(id string) azdps.EnrollmentGroup {
	return azdps.EnrollmentGroup{EnrollmentGroupID: id, Attestation: azdps.NewGeneratedKeyAttestation()}
}

// callsWithEnrollmentID are all methods that take the id of an individual enrollment.
func callsWithEnrollmentID() []validateCall[string] {
	calls := []validateCall[string]{
		{"IndividualEnrollments.Get", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.IndividualEnrollments().Get(ctx, id, nil)
			return err
		}},
		{"IndividualEnrollments.CreateOrUpdate", "enrollment.RegistrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, validateEnrollment(id), nil)
			return err
		}},
		{"IndividualEnrollments.Update", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.IndividualEnrollments().Update(ctx, id, func(*azdps.IndividualEnrollment) error { return nil }, nil)
			return err
		}},
		{"IndividualEnrollments.Delete", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.IndividualEnrollments().Delete(ctx, id, nil)
			return err
		}},
		{"IndividualEnrollments.GetAttestationMechanism", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.IndividualEnrollments().GetAttestationMechanism(ctx, id, nil)
			return err
		}},
	}
	for _, mode := range azdps.PossibleBulkOperationModeValues() {
		calls = append(calls, validateCall[string]{
			"IndividualEnrollments.RunBulkOperation " + string(mode), "enrollments[1].RegistrationID",
			func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
				_, err := c.IndividualEnrollments().RunBulkOperation(ctx, mode,
					[]azdps.IndividualEnrollment{validateEnrollment("good"), validateEnrollment(id)}, nil)
				return err
			},
		})
	}
	return calls
}

// callsWithGroupID are all methods that take the id of an enrollment group.
func callsWithGroupID() []validateCall[string] {
	calls := []validateCall[string]{
		{"EnrollmentGroups.Get", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.EnrollmentGroups().Get(ctx, id, nil)
			return err
		}},
		{"EnrollmentGroups.CreateOrUpdate", "group.EnrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, validateGroup(id), nil)
			return err
		}},
		{"EnrollmentGroups.Update", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.EnrollmentGroups().Update(ctx, id, func(*azdps.EnrollmentGroup) error { return nil }, nil)
			return err
		}},
		{"EnrollmentGroups.Delete", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.EnrollmentGroups().Delete(ctx, id, nil)
			return err
		}},
		{"EnrollmentGroups.GetAttestationMechanism", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.EnrollmentGroups().GetAttestationMechanism(ctx, id, nil)
			return err
		}},
		{"DeviceRegistrationStates.NewQueryPager", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.DeviceRegistrationStates().NewQueryPager(id, nil).NextPage(ctx)
			return err
		}},
		{"DeviceRegistrationStates.All", "enrollmentGroupID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (err error) {
			for _, err = range c.DeviceRegistrationStates().All(ctx, id, nil) {
			}
			return err
		}},
	}
	for _, mode := range azdps.PossibleBulkOperationModeValues() {
		calls = append(calls, validateCall[string]{
			"EnrollmentGroups.RunBulkOperation " + string(mode), "groups[1].EnrollmentGroupID",
			func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
				_, err := c.EnrollmentGroups().RunBulkOperation(ctx, mode, []azdps.EnrollmentGroup{validateGroup("good"), validateGroup(id)}, nil)
				return err
			},
		})
	}
	return calls
}

// callsWithID are all methods that take an id.
func callsWithID() []validateCall[string] {
	calls := []validateCall[string]{
		{"DeviceRegistrationStates.Get", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.DeviceRegistrationStates().Get(ctx, id, nil)
			return err
		}},
		{"DeviceRegistrationStates.Delete", "registrationID", func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) error {
			_, err := c.DeviceRegistrationStates().Delete(ctx, id, nil)
			return err
		}},
	}
	return append(append(calls, callsWithEnrollmentID()...), callsWithGroupID()...)
}

func TestValidateIDRefuses(t *testing.T) {
	t.Parallel()
	for _, method := range callsWithID() {
		t.Run(method.method, func(t *testing.T) {
			t.Parallel()
			for id, problem := range map[string]string{
				"":                         "must not be empty",
				".":                        `must not be "."`,
				"..":                       `must not be ".."`,
				strings.Repeat("a", 129):   "has 129 characters; the service takes up to 128",
				"a/b":                      `has '/' at byte 1; the service takes ASCII letters, digits and the characters -._:`,
				"../enrollmentGroups/a":    `has '/' at byte 2`,
				"a?b":                      `has '?' at byte 1`,
				"a#b":                      `has '#' at byte 1`,
				"a%2Fb":                    `has '%' at byte 1`,
				`a\b`:                      `has '\\' at byte 1`,
				"a b":                      `has ' ' at byte 1`,
				" a":                       `has ' ' at byte 0`,
				"a\n":                      `has '\n' at byte 1`,
				"a\x00":                    `has '\x00' at byte 1`,
				"device-\u00fc":            `has 'ü' at byte 7`,
				"device-\u212a":            "has '\u212a' at byte 7", // the sign for Kelvin, which is k without case
				"device-\xff":              `has '�' at byte 7`,
				stubKey:                    `has '=' at byte 43`,
				"a@b":                      `has '@' at byte 1`,
				"a;SharedAccessKey=hunter": `has ';' at byte 1`,
			} {
				err := method.call(t.Context(), newSilentStub(t), id)
				requireInvalid(t, err, method.parameter)
				require.ErrorContains(t, err, problem, "%q", id)
				if len(id) > 5 {
					assert.NotContains(t, err.Error(), id)
				}
			}
		})
	}
}

func TestValidateIDTakes(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"a", "9", "Device-1", "a.b_c:d-e", "-", "_", ":", "...", "a..b", "query", strings.Repeat("a", 128),
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for _, method := range callsWithID() {
				transport := &stubTransport{status: 404, answer: `{}`}
				err := method.call(t.Context(), newStubClient(t, transport), id)
				require.True(t, azdps.HasStatusCode(err, 404), "%s: %v", method.method, err)
				sent := transport.last(t)
				if strings.Contains(method.method, "RunBulkOperation") {
					assert.Contains(t, string(sent.body), `"`+id+`"`, method.method)
					continue
				}
				assert.Contains(t, strings.Split(sent.path, "/"), id, method.method)
			}
		})
	}
}

// callsWithETag are all methods that take an ETag.
func callsWithETag() []validateCall[azcore.ETag] {
	return []validateCall[azcore.ETag]{
		{"IndividualEnrollments.CreateOrUpdate", "options.IfMatch", func(ctx context.Context, c *azdps.DeviceProvisioningClient, etag azcore.ETag) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, validateEnrollment("a"),
				&azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &etag})
			return err
		}},
		{"IndividualEnrollments.Delete", "options.IfMatch", func(ctx context.Context, c *azdps.DeviceProvisioningClient, etag azcore.ETag) error {
			_, err := c.IndividualEnrollments().Delete(ctx, "a", &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: &etag})
			return err
		}},
		{"EnrollmentGroups.CreateOrUpdate", "options.IfMatch", func(ctx context.Context, c *azdps.DeviceProvisioningClient, etag azcore.ETag) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, validateGroup("a"),
				&azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: &etag})
			return err
		}},
		{"EnrollmentGroups.Delete", "options.IfMatch", func(ctx context.Context, c *azdps.DeviceProvisioningClient, etag azcore.ETag) error {
			_, err := c.EnrollmentGroups().Delete(ctx, "a", &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: &etag})
			return err
		}},
		{"DeviceRegistrationStates.Delete", "options.IfMatch", func(ctx context.Context, c *azdps.DeviceProvisioningClient, etag azcore.ETag) error {
			_, err := c.DeviceRegistrationStates().Delete(ctx, "a", &azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: &etag})
			return err
		}},
	}
}

func TestValidateETag(t *testing.T) {
	t.Parallel()
	for _, method := range callsWithETag() {
		t.Run(method.method, func(t *testing.T) {
			t.Parallel()
			for etag, problem := range map[azcore.ETag]string{
				"":             "must not be an empty ETag; use nil for a request without a condition, or azcore.ETagAny",
				" ":            "must not begin or end with white space",
				"IjBh ":        "must not begin or end with white space",
				"a\r\nEvil: 1": "has a character at byte 1 that no HTTP header can carry",
				"a\x00":        "has a character at byte 1",
				"etag-\u00fc":  "has a character at byte 5",
			} {
				err := method.call(t.Context(), newSilentStub(t), etag)
				requireInvalid(t, err, method.parameter)
				require.ErrorContains(t, err, problem, "%q", etag)
			}
			for _, etag := range []azcore.ETag{"IjBhMDBlZDQyLTAwMDA=", `"IjBhMDBlZDQyLTAwMDA="`, azcore.ETagAny} {
				client, transport := newStub(t, `{}`)
				if strings.HasSuffix(method.method, ".Delete") {
					transport.answer = ""
				}
				require.NoError(t, method.call(t.Context(), client, etag))
				assert.Equal(t, []string{string(etag)}, transport.last(t).header["If-Match"])
			}
		})
	}
}

func TestValidateBulk(t *testing.T) {
	t.Parallel()
	const create = azdps.BulkOperationModeCreate
	ids := func(count int) (ids []string) {
		for i := range count {
			ids = append(ids, fmt.Sprintf("device-%d", i))
		}
		return ids
	}
	for name, test := range map[string]struct {
		mode      azdps.BulkOperationMode
		ids       []string
		parameter string // "" stands for that of the items
		problem   string
	}{
		"no mode":            {"", ids(1), "mode", "must not be empty"},
		"no items":           {create, nil, "", "must not be empty"},
		"11 items":           {create, ids(11), "", "has 11 items; the service takes up to 10 in one operation"},
		"an id twice":        {create, []string{"a", "b", "a"}, "", "items 0 and 2 have the same id; ids compare without case"},
		"an id in two cases": {azdps.BulkOperationModeDelete, []string{"x", "Device-1", "dEVICE-1"}, "", "items 1 and 2 have the same id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var enrollments []azdps.IndividualEnrollment
			var groups []azdps.EnrollmentGroup
			for _, id := range test.ids {
				enrollments, groups = append(enrollments, validateEnrollment(id)), append(groups, validateGroup(id))
			}
			client := newSilentStub(t)
			_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), test.mode, enrollments, nil)
			requireInvalid(t, err, validateOr(test.parameter, "enrollments"))
			assert.ErrorContains(t, err, test.problem)
			_, err = client.EnrollmentGroups().RunBulkOperation(t.Context(), test.mode, groups, nil)
			requireInvalid(t, err, validateOr(test.parameter, "groups"))
			assert.ErrorContains(t, err, test.problem)
		})
	}
	client, transport := newStub(t, `{"isSuccessful":true}`)
	var enrollments []azdps.IndividualEnrollment
	for _, id := range ids(azdps.MaxBulkItems) {
		enrollments = append(enrollments, validateEnrollment(id))
	}
	_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), "later", enrollments, nil)
	require.NoError(t, err, "a mode of a later version is the service's matter")
	assert.Len(t, jsonValue(t, transport.last(t).body).(map[string]any)["enrollments"], azdps.MaxBulkItems)
}

func validateOr(parameter, otherwise string) string {
	if parameter == "" {
		return otherwise
	}
	return parameter
}

func TestValidateQueries(t *testing.T) {
	t.Parallel()
	client := newSilentStub(t)
	for parameter, values := range map[string]struct {
		token string
		size  int32
	}{
		"options.ContinuationToken": {"a\nb", 0},
		"options.PageSize":          {"", -1},
	} {
		_, err := client.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{
			ContinuationToken: values.token, PageSize: values.size,
		}).NextPage(t.Context())
		requireInvalid(t, err, parameter)
		_, err = client.EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{
			ContinuationToken: values.token, PageSize: values.size,
		}).NextPage(t.Context())
		requireInvalid(t, err, parameter)
		_, err = client.DeviceRegistrationStates().NewQueryPager("g", &azdps.DeviceRegistrationStatesClientQueryOptions{
			ContinuationToken: values.token, PageSize: values.size,
		}).NextPage(t.Context())
		requireInvalid(t, err, parameter)
	}
	for _, err := range client.IndividualEnrollments().All(t.Context(), &azdps.IndividualEnrollmentsClientAllOptions{MaxItems: -1}) {
		requireInvalid(t, err, "options.MaxItems")
	}
	_, err := client.EnrollmentGroups().Update(t.Context(), "a", nil, nil)
	requireInvalid(t, err, "change")
}
