package fleet

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// kind is all that differs between individual enrollments and enrollment groups. Its functions send one request each, which
// the caller paces.
type kind[T Record] struct {
	name    string // as in the path of the service
	idName  string // the member of the JSON with the id
	members func(*T) members

	get       func(ctx context.Context, id string) (T, error)
	mechanism func(ctx context.Context, id string) (azdps.AttestationMechanism, error) // with symmetric keys
	put       func(ctx context.Context, record T, ifMatch *azcore.ETag) (T, error)
	delete    func(ctx context.Context, id string, ifMatch *azcore.ETag) error
	bulk      func(ctx context.Context, mode azdps.BulkOperationMode, records []T) (azdps.BulkOperationResult, error)

	// page reads the page that a token leads to, and the token of the next; both tokens are empty at the ends.
	page func(ctx context.Context, token string) (records []T, next string, err error)
}

// members are those of a record that code for both kinds needs.
type members struct {
	id          *string
	attestation *azdps.AttestationMechanism
	etag        *azcore.ETag
	created     *time.Time
	updated     *time.Time
	state       **azdps.DeviceRegistrationState // nil for a group
}

// kindOf returns the kind of T. The client may be nil for what sends nothing.
func kindOf[T Record](client *azdps.DeviceProvisioningClient) kind[T] {
	var k any
	switch any(*new(T)).(type) {
	case azdps.IndividualEnrollment:
		k = enrollments(client)
	default:
		k = groups(client)
	}
	return k.(kind[T])
}

func enrollments(client *azdps.DeviceProvisioningClient) kind[azdps.IndividualEnrollment] {
	k := kind[azdps.IndividualEnrollment]{
		name: "enrollments", idName: "registrationId",
		members: func(e *azdps.IndividualEnrollment) members {
			return members{
				&e.RegistrationID, &e.Attestation, &e.ETag,
				&e.CreatedDateTimeUTC, &e.LastUpdatedDateTimeUTC, &e.RegistrationState,
			}
		},
	}
	if client == nil {
		return k
	}
	c := client.IndividualEnrollments()
	k.get = func(ctx context.Context, id string) (azdps.IndividualEnrollment, error) {
		r, err := c.Get(ctx, id, nil)
		return r.IndividualEnrollment, err
	}
	k.mechanism = func(ctx context.Context, id string) (azdps.AttestationMechanism, error) {
		r, err := c.GetAttestationMechanism(ctx, id, nil)
		return r.AttestationMechanism, err
	}
	k.put = func(ctx context.Context, record azdps.IndividualEnrollment, ifMatch *azcore.ETag) (azdps.IndividualEnrollment, error) {
		r, err := c.CreateOrUpdate(ctx, record, &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: ifMatch})
		return r.IndividualEnrollment, err
	}
	k.delete = func(ctx context.Context, id string, ifMatch *azcore.ETag) error {
		_, err := c.Delete(ctx, id, &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: ifMatch})
		return err
	}
	k.bulk = func(ctx context.Context, mode azdps.BulkOperationMode, records []azdps.IndividualEnrollment) (azdps.BulkOperationResult, error) {
		r, err := c.RunBulkOperation(ctx, mode, records, nil)
		return r.BulkOperationResult, err
	}
	k.page = func(ctx context.Context, token string) ([]azdps.IndividualEnrollment, string, error) {
		r, err := c.NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: token}).NextPage(ctx)
		return r.Items, r.ContinuationToken, err
	}
	return k
}

func groups(client *azdps.DeviceProvisioningClient) kind[azdps.EnrollmentGroup] {
	k := kind[azdps.EnrollmentGroup]{
		name: "enrollmentGroups", idName: "enrollmentGroupId",
		members: func(g *azdps.EnrollmentGroup) members {
			return members{
				&g.EnrollmentGroupID, &g.Attestation, &g.ETag,
				&g.CreatedDateTimeUTC, &g.LastUpdatedDateTimeUTC, nil,
			}
		},
	}
	if client == nil {
		return k
	}
	c := client.EnrollmentGroups()
	k.get = func(ctx context.Context, id string) (azdps.EnrollmentGroup, error) {
		r, err := c.Get(ctx, id, nil)
		return r.EnrollmentGroup, err
	}
	k.mechanism = func(ctx context.Context, id string) (azdps.AttestationMechanism, error) {
		r, err := c.GetAttestationMechanism(ctx, id, nil)
		return r.AttestationMechanism, err
	}
	k.put = func(ctx context.Context, record azdps.EnrollmentGroup, ifMatch *azcore.ETag) (azdps.EnrollmentGroup, error) {
		r, err := c.CreateOrUpdate(ctx, record, &azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: ifMatch})
		return r.EnrollmentGroup, err
	}
	k.delete = func(ctx context.Context, id string, ifMatch *azcore.ETag) error {
		_, err := c.Delete(ctx, id, &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: ifMatch})
		return err
	}
	k.bulk = func(ctx context.Context, mode azdps.BulkOperationMode, records []azdps.EnrollmentGroup) (azdps.BulkOperationResult, error) {
		r, err := c.RunBulkOperation(ctx, mode, records, nil)
		return r.BulkOperationResult, err
	}
	k.page = func(ctx context.Context, token string) ([]azdps.EnrollmentGroup, string, error) {
		r, err := c.NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{ContinuationToken: token}).NextPage(ctx)
		return r.Items, r.ContinuationToken, err
	}
	return k
}

// id of a record, as it is written.
func (k kind[T]) id(record *T) string { return *k.members(record).id }

// key of an id: ids compare without case, and are ASCII.
func key(id string) string { return strings.ToLower(id) }

// failedID is the id that a failure of a bulk operation is about.
func failedID(failure azdps.BulkOperationFailure) string {
	return failure.RegistrationID + failure.EnrollmentGroupID
}
