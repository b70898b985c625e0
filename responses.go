package azdps

// IndividualEnrollmentsClientGetResponse is the enrollment as [IndividualEnrollmentsClient.Get] found it, without symmetric keys and certificates.
type IndividualEnrollmentsClientGetResponse struct{ IndividualEnrollment }

// IndividualEnrollmentsClientCreateOrUpdateResponse is the enrollment as stored, with its symmetric keys.
type IndividualEnrollmentsClientCreateOrUpdateResponse struct{ IndividualEnrollment }

// IndividualEnrollmentsClientUpdateResponse is the enrollment as stored, with its symmetric keys.
type IndividualEnrollmentsClientUpdateResponse struct{ IndividualEnrollment }

// IndividualEnrollmentsClientDeleteResponse is the empty answer of [IndividualEnrollmentsClient.Delete].
type IndividualEnrollmentsClientDeleteResponse struct{}

// IndividualEnrollmentsClientGetAttestationMechanismResponse is the attestation mechanism with its symmetric keys.
type IndividualEnrollmentsClientGetAttestationMechanismResponse struct{ AttestationMechanism }

// IndividualEnrollmentsClientRunBulkOperationResponse is the answer of [IndividualEnrollmentsClient.RunBulkOperation].
type IndividualEnrollmentsClientRunBulkOperationResponse struct{ BulkOperationResult }

// IndividualEnrollmentsClientQueryResponse is one page of enrollments. It may be empty while more follow.
type IndividualEnrollmentsClientQueryResponse struct {
	// Items of the page, without symmetric keys, certificates and registration states.
	Items []IndividualEnrollment

	// ContinuationToken leads to the next page; it is opaque and may be stored. It is empty on the last page: the list
	// is done, and a pager with an empty token would start again at the first page.
	ContinuationToken string
}

// EnrollmentGroupsClientGetResponse is the group as [EnrollmentGroupsClient.Get] found it, without symmetric keys and certificates.
type EnrollmentGroupsClientGetResponse struct{ EnrollmentGroup }

// EnrollmentGroupsClientCreateOrUpdateResponse is the group as stored, with its symmetric keys.
type EnrollmentGroupsClientCreateOrUpdateResponse struct{ EnrollmentGroup }

// EnrollmentGroupsClientUpdateResponse is the group as stored, with its symmetric keys.
type EnrollmentGroupsClientUpdateResponse struct{ EnrollmentGroup }

// EnrollmentGroupsClientDeleteResponse is the empty answer of [EnrollmentGroupsClient.Delete].
type EnrollmentGroupsClientDeleteResponse struct{}

// EnrollmentGroupsClientGetAttestationMechanismResponse is the attestation mechanism with its symmetric keys.
type EnrollmentGroupsClientGetAttestationMechanismResponse struct{ AttestationMechanism }

// EnrollmentGroupsClientRunBulkOperationResponse is the answer of [EnrollmentGroupsClient.RunBulkOperation].
type EnrollmentGroupsClientRunBulkOperationResponse struct{ BulkOperationResult }

// EnrollmentGroupsClientQueryResponse is one page of groups. It may be empty while more follow.
type EnrollmentGroupsClientQueryResponse struct {
	// Items of the page, without symmetric keys and certificates.
	Items []EnrollmentGroup

	// ContinuationToken leads to the next page; it is opaque and may be stored. It is empty on the last page: the list
	// is done, and a pager with an empty token would start again at the first page.
	ContinuationToken string
}

// DeviceRegistrationStatesClientGetResponse is the registration state that [DeviceRegistrationStatesClient.Get] found.
type DeviceRegistrationStatesClientGetResponse struct{ DeviceRegistrationState }

// DeviceRegistrationStatesClientDeleteResponse is the empty answer of [DeviceRegistrationStatesClient.Delete].
type DeviceRegistrationStatesClientDeleteResponse struct{}

// DeviceRegistrationStatesClientQueryResponse is one page of registration states. It may be empty while more follow.
type DeviceRegistrationStatesClientQueryResponse struct {
	// Items of the page.
	Items []DeviceRegistrationState

	// ContinuationToken leads to the next page; it is opaque and may be stored. It is empty on the last page: the list
	// is done, and a pager with an empty token would start again at the first page.
	ContinuationToken string
}
