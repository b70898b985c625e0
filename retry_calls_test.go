package azdps_test

import (
	"context"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// updateService lets an Update read a record, and meet the script when it writes it. Afterwards the record is as it was, or as it
// was sent.
type updateService struct {
	*script
	applied bool
}

// Do implements policy.Transporter.
func (s *updateService) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return s.script.Do(r)
	}
	record := strings.Replace(updatedRecord, `"enabled"`, `"disabled"`, 1)
	if s.applied && len(s.sent()) > 0 {
		record = strings.Replace(updatedRecord, "IjEi", "IjIi", 1)
	}
	return reply(http.StatusOK, record)(r)
}

// updatedRecord is what updateCalls make of a record, of either kind.
const updatedRecord = `{"registrationId":"device-1","enrollmentGroupId":"group-1","etag":"IjEi","provisioningStatus":"enabled",` +
	`"attestation":{"type":"x509","x509":{"caReferences":{"primary":"ca"}}}}`

var updateCalls = []call{
	{"IndividualEnrollment", "Update", putCall, updatedRecord, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.IndividualEnrollments().Update(ctx, "device-1", func(e *azdps.IndividualEnrollment) error {
			e.ProvisioningStatus = azdps.ProvisioningStatusEnabled
			return nil
		}, nil)
		return err
	}},
	{"EnrollmentGroup", "Update", putCall, updatedRecord, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.EnrollmentGroups().Update(ctx, "group-1", func(g *azdps.EnrollmentGroup) error {
			g.ProvisioningStatus = azdps.ProvisioningStatusEnabled
			return nil
		}, nil)
		return err
	}},
}

// conditionalCalls are the writes with an ETag.
var conditionalCalls = []call{
	{"IndividualEnrollment", "CreateOrUpdate with IfMatch", putCall, enrollmentAnswer, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, newEnrollment("device-1"), &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: new(azcore.ETag("IjEi"))})
		return err
	}},
	{"EnrollmentGroup", "CreateOrUpdate with IfMatch", putCall, groupAnswer, func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, newGroup("group-1"), &azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: new(azcore.ETagAny)})
		return err
	}},
	{"IndividualEnrollment", "Delete with IfMatch", deleteCall, "", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.IndividualEnrollments().Delete(ctx, "device-1", &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: new(azcore.ETag("IjEi"))})
		return err
	}},
	{"EnrollmentGroup", "Delete with IfMatch", deleteCall, "", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.EnrollmentGroups().Delete(ctx, "group-1", &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: new(azcore.ETag("IjEi"))})
		return err
	}},
	{"DeviceRegistrationState", "Delete with IfMatch", deleteCall, "", func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
		_, err := c.DeviceRegistrationStates().Delete(ctx, "device-9", &azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: new(azcore.ETag("IjEi"))})
		return err
	}},
}
