package azdps

import (
	"context"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// EnrollmentGroupsClient manages enrollment groups; get one from [DeviceProvisioningClient.EnrollmentGroups]. It is
// safe for concurrent use.
type EnrollmentGroupsClient struct {
	records *collection[EnrollmentGroup]
}

// Get retrieves an enrollment group. The service hides symmetric keys and certificates here: for keys there is
// [EnrollmentGroupsClient.GetAttestationMechanism], of certificates only the info is known.
//
// To write a group back that came from here, use [EnrollmentGroupsClient.Update]. With CreateOrUpdate, whatever its IfMatch, the
// service would make new keys; first set Attestation to the answer of GetAttestationMechanism, read after the group. The info of a
// certificate keeps the certificate.
//
// It needs the permission EnrollmentRead. A group that does not exist gives an [*azcore.ResponseError] with status 404.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/get
func (c *EnrollmentGroupsClient) Get(ctx context.Context, enrollmentGroupID string, _ *EnrollmentGroupsClientGetOptions) (EnrollmentGroupsClientGetResponse, error) {
	record, err := c.records.get(ctx, enrollmentGroupID)
	return EnrollmentGroupsClientGetResponse{record}, err
}

// CreateOrUpdate creates an enrollment group, or with options.IfMatch replaces the one that exists. A replacement is
// whole: what group does not have is gone from the service, and empty symmetric keys are made anew. To change a
// part, use [EnrollmentGroupsClient.Update].
//
// It needs the permission EnrollmentWrite. Without IfMatch, a group that exists gives an [*azcore.ResponseError] with status
// 409 and the code [ErrorCodeEnrollmentGroupExists]; an ETag that is not current gives 412. An error that matches
// [ErrOutcomeUnknown] leaves open whether the write was applied.
//
//   - group - what to write; read-only members are not sent
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/create-or-update
func (c *EnrollmentGroupsClient) CreateOrUpdate(ctx context.Context, group EnrollmentGroup, options *EnrollmentGroupsClientCreateOrUpdateOptions) (EnrollmentGroupsClientCreateOrUpdateResponse, error) {
	if options == nil {
		options = &EnrollmentGroupsClientCreateOrUpdateOptions{}
	}
	record, err := c.records.createOrUpdate(ctx, group, options.IfMatch)
	return EnrollmentGroupsClientCreateOrUpdateResponse{record}, err
}

// Update changes an enrollment group and loses nothing of it. It reads the group with its symmetric keys, lets change
// edit it, and writes it back under the ETag that it read. If somebody else wrote in between, it starts again, up to five
// times.
//
// change may run several times, each time with the group as it is then, so it should do nothing but edit it. It may not
// change the id. An error of change ends Update, which returns that error and has written nothing.
//
// It needs the permissions EnrollmentRead and EnrollmentWrite. If the answer to the write is lost, Update reads again to see
// whether the write was applied, and does not apply change a second time; an error that matches [ErrOutcomeUnknown]
// is what remains when that cannot be told. A group that does not exist gives an [*azcore.ResponseError] with status 404;
// status 412 says that others kept writing. Update writes even if change has changed nothing.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - change - edits the group that it gets
//   - options - may be nil
func (c *EnrollmentGroupsClient) Update(ctx context.Context, enrollmentGroupID string, change func(*EnrollmentGroup) error, _ *EnrollmentGroupsClientUpdateOptions) (EnrollmentGroupsClientUpdateResponse, error) {
	record, err := c.records.update(ctx, enrollmentGroupID, change)
	return EnrollmentGroupsClientUpdateResponse{record}, err
}

// Delete removes an enrollment group, whatever its ETag unless options.IfMatch is set. The
// registrations of its devices stay, and the devices keep their hubs.
//
// It needs the permission EnrollmentWrite. A group that does not exist gives an [*azcore.ResponseError] with status 404,
// and an ETag that is not current gives 412.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/delete
func (c *EnrollmentGroupsClient) Delete(ctx context.Context, enrollmentGroupID string, options *EnrollmentGroupsClientDeleteOptions) (EnrollmentGroupsClientDeleteResponse, error) {
	if options == nil {
		options = &EnrollmentGroupsClientDeleteOptions{}
	}
	return EnrollmentGroupsClientDeleteResponse{}, c.records.delete(ctx, enrollmentGroupID, options.IfMatch)
}

// GetAttestationMechanism retrieves how the group's devices prove who they are, with the symmetric keys that
// [EnrollmentGroupsClient.Get] does not show.
//
// It needs the permission EnrollmentRead, and perhaps EnrollmentWrite: the service does not document which. A group that does not exist
// gives an [*azcore.ResponseError] with status 404.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/get-attestation-mechanism
func (c *EnrollmentGroupsClient) GetAttestationMechanism(ctx context.Context, enrollmentGroupID string, _ *EnrollmentGroupsClientGetAttestationMechanismOptions) (EnrollmentGroupsClientGetAttestationMechanismResponse, error) {
	mechanism, err := c.records.attestationMechanism(ctx, enrollmentGroupID)
	return EnrollmentGroupsClientGetAttestationMechanismResponse{mechanism}, err
}

// RunBulkOperation creates, updates or deletes up to [MaxBulkItems] groups in one request. Each stands for itself: those
// that the service refuses give a [*BulkOperationError] beside the response, which is filled, and the others are applied.
//
// It needs the permission EnrollmentWrite. A request that is retried because its answer was lost may report groups as
// existing that it made itself; the error then matches [ErrOutcomeUnknown] too.
//
//   - mode - what to do with the groups
//   - groups - at most [MaxBulkItems], and no id twice, without regard to case. The ETag of each is sent, but for a
//     create. For a delete the id is enough, and no symmetric keys are sent
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/run-bulk-operation
func (c *EnrollmentGroupsClient) RunBulkOperation(ctx context.Context, mode BulkOperationMode, groups []EnrollmentGroup, _ *EnrollmentGroupsClientRunBulkOperationOptions) (EnrollmentGroupsClientRunBulkOperationResponse, error) {
	result, err := c.records.runBulk(ctx, mode, groups)
	return EnrollmentGroupsClientRunBulkOperationResponse{result}, err
}

// NewQueryPager lists the enrollment groups page by page, in an order of the service's own. To go on in another process, keep
// the ContinuationToken of a page and give it to a new pager. For the groups alone there is
// [EnrollmentGroupsClient.All].
//
// Each page needs the permission EnrollmentRead. A page may be empty while more follow. A pager ends with its first error; a
// new one can start at the last token. A token that comes back is an error, for the list would never end.
//
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/enrollment-group/query
func (c *EnrollmentGroupsClient) NewQueryPager(options *EnrollmentGroupsClientQueryOptions) *runtime.Pager[EnrollmentGroupsClientQueryResponse] {
	if options == nil {
		options = &EnrollmentGroupsClientQueryOptions{}
	}
	return newPager(c.records.query(options.Query, options.ContinuationToken, options.PageSize),
		func(items []EnrollmentGroup, token string) EnrollmentGroupsClientQueryResponse {
			return EnrollmentGroupsClientQueryResponse{items, token}
		},
		func(page EnrollmentGroupsClientQueryResponse) string { return page.ContinuationToken },
	)
}

// All iterates over the enrollment groups in the service's order, fetching pages as it goes. It stops fetching when the loop
// ends. An error is the last thing that it yields. It can be ranged over again, from the start.
//
// It needs the permission EnrollmentRead.
//
//   - options - may be nil
func (c *EnrollmentGroupsClient) All(ctx context.Context, options *EnrollmentGroupsClientAllOptions) iter.Seq2[EnrollmentGroup, error] {
	wanted := EnrollmentGroupsClientAllOptions{}
	if options != nil {
		wanted = *options
	}
	return all(ctx, wanted.MaxItems, func() *runtime.Pager[EnrollmentGroupsClientQueryResponse] {
		return c.NewQueryPager(&EnrollmentGroupsClientQueryOptions{PageSize: pageSizeFor(wanted.PageSize, wanted.MaxItems)})
	}, func(page EnrollmentGroupsClientQueryResponse) []EnrollmentGroup { return page.Items })
}
