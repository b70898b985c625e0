package azdps

import (
	"context"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// IndividualEnrollmentsClient manages individual enrollments; get one from [DeviceProvisioningClient.IndividualEnrollments]. It is
// safe for concurrent use.
type IndividualEnrollmentsClient struct {
	records *collection[IndividualEnrollment]
}

// Get retrieves an individual enrollment. The service hides symmetric keys and certificates here: for keys there is
// [IndividualEnrollmentsClient.GetAttestationMechanism], of certificates only the info is known. The
// RegistrationState of the answer is what became of the device.
//
// To write a record back that came from here, use [IndividualEnrollmentsClient.Update]. With CreateOrUpdate, whatever its IfMatch, the
// service would make new keys; first set Attestation to the answer of GetAttestationMechanism, read after the record. The info of a
// certificate keeps the certificate.
//
// It needs the permission EnrollmentRead. An enrollment that does not exist gives an [*azcore.ResponseError] with status 404.
//
//   - registrationID - the id of the enrollment, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/get
func (c *IndividualEnrollmentsClient) Get(ctx context.Context, registrationID string, _ *IndividualEnrollmentsClientGetOptions) (IndividualEnrollmentsClientGetResponse, error) {
	record, err := c.records.get(ctx, registrationID)
	return IndividualEnrollmentsClientGetResponse{record}, err
}

// CreateOrUpdate creates an individual enrollment, or with options.IfMatch replaces the one that exists. A replacement is
// whole: what enrollment does not have is gone from the service, and empty symmetric keys are made anew. To change a
// part, use [IndividualEnrollmentsClient.Update].
//
// It needs the permission EnrollmentWrite. Without IfMatch, an enrollment that exists gives an [*azcore.ResponseError] with status
// 409 and the code [ErrorCodeEnrollmentExists]; an ETag that is not current gives 412. An error that matches
// [ErrOutcomeUnknown] leaves open whether the write was applied.
//
//   - enrollment - what to write; read-only members are not sent
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/create-or-update
func (c *IndividualEnrollmentsClient) CreateOrUpdate(ctx context.Context, enrollment IndividualEnrollment, options *IndividualEnrollmentsClientCreateOrUpdateOptions) (IndividualEnrollmentsClientCreateOrUpdateResponse, error) {
	if options == nil {
		options = &IndividualEnrollmentsClientCreateOrUpdateOptions{}
	}
	record, err := c.records.createOrUpdate(ctx, enrollment, options.IfMatch)
	return IndividualEnrollmentsClientCreateOrUpdateResponse{record}, err
}

// Update changes an individual enrollment and loses nothing of it. It reads the enrollment with its symmetric keys, lets change
// edit it, and writes it back under the ETag that it read. If somebody else wrote in between, it starts again, up to five
// times.
//
// change may run several times, each time with the enrollment as it is then, so it should do nothing but edit it. It may not
// change the id. An error of change ends Update, which returns that error and has written nothing.
//
// It needs the permissions EnrollmentRead and EnrollmentWrite. If the answer to the write is lost, Update reads again to see
// whether the write was applied, and does not apply change a second time; an error that matches [ErrOutcomeUnknown]
// is what remains when that cannot be told. An enrollment that does not exist gives an [*azcore.ResponseError] with status 404;
// status 412 says that others kept writing. Update writes even if change has changed nothing.
//
//   - registrationID - the id of the enrollment, without regard to case
//   - change - edits the enrollment that it gets
//   - options - may be nil
func (c *IndividualEnrollmentsClient) Update(ctx context.Context, registrationID string, change func(*IndividualEnrollment) error, _ *IndividualEnrollmentsClientUpdateOptions) (IndividualEnrollmentsClientUpdateResponse, error) {
	record, err := c.records.update(ctx, registrationID, change)
	return IndividualEnrollmentsClientUpdateResponse{record}, err
}

// Delete removes an individual enrollment, whatever its ETag unless options.IfMatch is set. A device that has
// registered keeps its hub.
//
// It needs the permission EnrollmentWrite. An enrollment that does not exist gives an [*azcore.ResponseError] with status 404,
// and an ETag that is not current gives 412.
//
//   - registrationID - the id of the enrollment, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/delete
func (c *IndividualEnrollmentsClient) Delete(ctx context.Context, registrationID string, options *IndividualEnrollmentsClientDeleteOptions) (IndividualEnrollmentsClientDeleteResponse, error) {
	if options == nil {
		options = &IndividualEnrollmentsClientDeleteOptions{}
	}
	return IndividualEnrollmentsClientDeleteResponse{}, c.records.delete(ctx, registrationID, options.IfMatch)
}

// GetAttestationMechanism retrieves how the device proves who it is, with the symmetric keys that
// [IndividualEnrollmentsClient.Get] does not show.
//
// It needs the permission EnrollmentRead, and perhaps EnrollmentWrite: the service does not document which. An enrollment that does not exist
// gives an [*azcore.ResponseError] with status 404.
//
//   - registrationID - the id of the enrollment, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/get-attestation-mechanism
func (c *IndividualEnrollmentsClient) GetAttestationMechanism(ctx context.Context, registrationID string, _ *IndividualEnrollmentsClientGetAttestationMechanismOptions) (IndividualEnrollmentsClientGetAttestationMechanismResponse, error) {
	mechanism, err := c.records.attestationMechanism(ctx, registrationID)
	return IndividualEnrollmentsClientGetAttestationMechanismResponse{mechanism}, err
}

// RunBulkOperation creates, updates or deletes up to [MaxBulkItems] enrollments in one request. Each stands for itself: those
// that the service refuses give a [*BulkOperationError] beside the response, which is filled, and the others are applied.
//
// It needs the permission EnrollmentWrite. A request that is retried because its answer was lost may report enrollments as
// existing that it made itself; the error then matches [ErrOutcomeUnknown] too.
//
//   - mode - what to do with the enrollments
//   - enrollments - at most [MaxBulkItems], and no id twice, without regard to case. The ETag of each is sent, but for a
//     create. For a delete the id is enough, and no symmetric keys are sent
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/run-bulk-operation
func (c *IndividualEnrollmentsClient) RunBulkOperation(ctx context.Context, mode BulkOperationMode, enrollments []IndividualEnrollment, _ *IndividualEnrollmentsClientRunBulkOperationOptions) (IndividualEnrollmentsClientRunBulkOperationResponse, error) {
	result, err := c.records.runBulk(ctx, mode, enrollments)
	return IndividualEnrollmentsClientRunBulkOperationResponse{result}, err
}

// NewQueryPager lists the individual enrollments page by page, in an order of the service's own. To go on in another process, keep
// the ContinuationToken of a page and give it to a new pager. For the enrollments alone there is
// [IndividualEnrollmentsClient.All].
//
// Each page needs the permission EnrollmentRead. A page may be empty while more follow. A pager ends with its first error; a
// new one can start at the last token. A token that comes back is an error, for the list would never end.
//
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/individual-enrollment/query
func (c *IndividualEnrollmentsClient) NewQueryPager(options *IndividualEnrollmentsClientQueryOptions) *runtime.Pager[IndividualEnrollmentsClientQueryResponse] {
	if options == nil {
		options = &IndividualEnrollmentsClientQueryOptions{}
	}
	return newPager(c.records.query(options.Query, options.ContinuationToken, options.PageSize),
		func(items []IndividualEnrollment, token string) IndividualEnrollmentsClientQueryResponse {
			return IndividualEnrollmentsClientQueryResponse{items, token}
		},
		func(page IndividualEnrollmentsClientQueryResponse) string { return page.ContinuationToken },
	)
}

// All iterates over the individual enrollments in the service's order, fetching pages as it goes. It stops fetching when the loop
// ends. An error is the last thing that it yields. It can be ranged over again, from the start.
//
// It needs the permission EnrollmentRead.
//
//   - options - may be nil
func (c *IndividualEnrollmentsClient) All(ctx context.Context, options *IndividualEnrollmentsClientAllOptions) iter.Seq2[IndividualEnrollment, error] {
	wanted := IndividualEnrollmentsClientAllOptions{}
	if options != nil {
		wanted = *options
	}
	return all(ctx, wanted.MaxItems, func() *runtime.Pager[IndividualEnrollmentsClientQueryResponse] {
		return c.NewQueryPager(&IndividualEnrollmentsClientQueryOptions{PageSize: pageSizeFor(wanted.PageSize, wanted.MaxItems)})
	}, func(page IndividualEnrollmentsClientQueryResponse) []IndividualEnrollment { return page.Items })
}
