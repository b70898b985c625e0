package azdps

import "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// IndividualEnrollmentsClientGetOptions is a place for future options of [IndividualEnrollmentsClient.Get].
type IndividualEnrollmentsClientGetOptions struct{}

// IndividualEnrollmentsClientCreateOrUpdateOptions holds the options of [IndividualEnrollmentsClient.CreateOrUpdate].
type IndividualEnrollmentsClientCreateOrUpdateOptions struct {
	// IfMatch replaces the record only if this is its ETag, and [azcore.ETagAny] whatever its ETag; nil creates it. An empty
	// ETag is refused. An ETag does not protect symmetric keys: a record from Get has none, and writing it replaces them.
	IfMatch *azcore.ETag
}

// IndividualEnrollmentsClientUpdateOptions is a place for future options of [IndividualEnrollmentsClient.Update].
type IndividualEnrollmentsClientUpdateOptions struct{}

// IndividualEnrollmentsClientDeleteOptions holds the options of [IndividualEnrollmentsClient.Delete].
type IndividualEnrollmentsClientDeleteOptions struct {
	// IfMatch deletes the record only if this is its ETag; nil deletes it whatever its ETag. An empty ETag is refused.
	IfMatch *azcore.ETag
}

// IndividualEnrollmentsClientGetAttestationMechanismOptions is a place for future options of [IndividualEnrollmentsClient.GetAttestationMechanism].
type IndividualEnrollmentsClientGetAttestationMechanismOptions struct{}

// IndividualEnrollmentsClientRunBulkOperationOptions is a place for future options of [IndividualEnrollmentsClient.RunBulkOperation].
type IndividualEnrollmentsClientRunBulkOperationOptions struct{}

// IndividualEnrollmentsClientQueryOptions holds the options of [IndividualEnrollmentsClient.NewQueryPager].
type IndividualEnrollmentsClientQueryOptions struct {
	// ContinuationToken of a page lets the pager start at the page after it; empty starts at the first.
	ContinuationToken string

	// PageSize is the largest number of items of a page; it does not limit the total. 0 leaves it to the service, which is
	// recorded to take 100.
	PageSize int32

	// Query is sent as it is; empty sends SELECT *. The service is known not to evaluate it: any text gives all items.
	Query string
}

// IndividualEnrollmentsClientAllOptions holds the options of [IndividualEnrollmentsClient.All].
type IndividualEnrollmentsClientAllOptions struct {
	// MaxItems ends the iteration after so many items; 0 means all.
	MaxItems int

	// PageSize is the largest number of items fetched at once; 0 leaves it to the service.
	PageSize int32
}

// EnrollmentGroupsClientGetOptions is a place for future options of [EnrollmentGroupsClient.Get].
type EnrollmentGroupsClientGetOptions struct{}

// EnrollmentGroupsClientCreateOrUpdateOptions holds the options of [EnrollmentGroupsClient.CreateOrUpdate].
type EnrollmentGroupsClientCreateOrUpdateOptions struct {
	// IfMatch replaces the group only if this is its ETag, and [azcore.ETagAny] whatever its ETag; nil creates it. An empty
	// ETag is refused. An ETag does not protect symmetric keys: a record from Get has none, and writing it replaces them.
	IfMatch *azcore.ETag
}

// EnrollmentGroupsClientUpdateOptions is a place for future options of [EnrollmentGroupsClient.Update].
type EnrollmentGroupsClientUpdateOptions struct{}

// EnrollmentGroupsClientDeleteOptions holds the options of [EnrollmentGroupsClient.Delete].
type EnrollmentGroupsClientDeleteOptions struct {
	// IfMatch deletes the group only if this is its ETag; nil deletes it whatever its ETag. An empty ETag is refused.
	IfMatch *azcore.ETag
}

// EnrollmentGroupsClientGetAttestationMechanismOptions is a place for future options of [EnrollmentGroupsClient.GetAttestationMechanism].
type EnrollmentGroupsClientGetAttestationMechanismOptions struct{}

// EnrollmentGroupsClientRunBulkOperationOptions is a place for future options of [EnrollmentGroupsClient.RunBulkOperation].
type EnrollmentGroupsClientRunBulkOperationOptions struct{}

// EnrollmentGroupsClientQueryOptions holds the options of [EnrollmentGroupsClient.NewQueryPager].
type EnrollmentGroupsClientQueryOptions struct {
	// ContinuationToken of a page lets the pager start at the page after it; empty starts at the first.
	ContinuationToken string

	// PageSize is the largest number of items of a page; it does not limit the total. 0 leaves it to the service, which is
	// recorded to take 100.
	PageSize int32

	// Query is sent as it is; empty sends SELECT *. The service is known not to evaluate it: any text gives all items.
	Query string
}

// EnrollmentGroupsClientAllOptions holds the options of [EnrollmentGroupsClient.All].
type EnrollmentGroupsClientAllOptions struct {
	// MaxItems ends the iteration after so many items; 0 means all.
	MaxItems int

	// PageSize is the largest number of items fetched at once; 0 leaves it to the service.
	PageSize int32
}

// DeviceRegistrationStatesClientGetOptions is a place for future options of [DeviceRegistrationStatesClient.Get].
type DeviceRegistrationStatesClientGetOptions struct{}

// DeviceRegistrationStatesClientDeleteOptions holds the options of [DeviceRegistrationStatesClient.Delete].
type DeviceRegistrationStatesClientDeleteOptions struct {
	// IfMatch deletes the registration state only if this is its ETag; nil deletes it whatever its ETag. An empty ETag is
	// refused.
	IfMatch *azcore.ETag
}

// DeviceRegistrationStatesClientQueryOptions holds the options of [DeviceRegistrationStatesClient.NewQueryPager].
type DeviceRegistrationStatesClientQueryOptions struct {
	// ContinuationToken of a page lets the pager start at the page after it; empty starts at the first.
	ContinuationToken string

	// PageSize is the largest number of items of a page; it does not limit the total. 0 leaves it to the service, which is
	// recorded to take 100.
	PageSize int32
}

// DeviceRegistrationStatesClientAllOptions holds the options of [DeviceRegistrationStatesClient.All].
type DeviceRegistrationStatesClientAllOptions struct {
	// MaxItems ends the iteration after so many items; 0 means all.
	MaxItems int

	// PageSize is the largest number of items fetched at once; 0 leaves it to the service.
	PageSize int32
}
