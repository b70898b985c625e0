package dpstest

// Operation is the operationId of a request in the service's specification.
type Operation string

// The operations of the service API, then those of the device API.
const (
	OperationDeviceRegistrationStateDelete               Operation = "DeviceRegistrationState_Delete"
	OperationDeviceRegistrationStateGet                  Operation = "DeviceRegistrationState_Get"
	OperationDeviceRegistrationStateQuery                Operation = "DeviceRegistrationState_Query"
	OperationEnrollmentGroupCreateOrUpdate               Operation = "EnrollmentGroup_CreateOrUpdate"
	OperationEnrollmentGroupDelete                       Operation = "EnrollmentGroup_Delete"
	OperationEnrollmentGroupGet                          Operation = "EnrollmentGroup_Get"
	OperationEnrollmentGroupGetAttestationMechanism      Operation = "EnrollmentGroup_GetAttestationMechanism"
	OperationEnrollmentGroupQuery                        Operation = "EnrollmentGroup_Query"
	OperationEnrollmentGroupRunBulkOperation             Operation = "EnrollmentGroup_RunBulkOperation"
	OperationIndividualEnrollmentCreateOrUpdate          Operation = "IndividualEnrollment_CreateOrUpdate"
	OperationIndividualEnrollmentDelete                  Operation = "IndividualEnrollment_Delete"
	OperationIndividualEnrollmentGet                     Operation = "IndividualEnrollment_Get"
	OperationIndividualEnrollmentGetAttestationMechanism Operation = "IndividualEnrollment_GetAttestationMechanism"
	OperationIndividualEnrollmentQuery                   Operation = "IndividualEnrollment_Query"
	OperationIndividualEnrollmentRunBulkOperation        Operation = "IndividualEnrollment_RunBulkOperation"
	OperationRuntimeRegistrationDeviceStatusLookup       Operation = "RuntimeRegistration_DeviceRegistrationStatusLookup"
	OperationRuntimeRegistrationOperationStatusLookup    Operation = "RuntimeRegistration_OperationStatusLookup"
	OperationRuntimeRegistrationRegisterDevice           Operation = "RuntimeRegistration_RegisterDevice"
)

// PossibleOperationValues returns all operations.
func PossibleOperationValues() []Operation {
	return []Operation{
		OperationDeviceRegistrationStateDelete,
		OperationDeviceRegistrationStateGet,
		OperationDeviceRegistrationStateQuery,
		OperationEnrollmentGroupCreateOrUpdate,
		OperationEnrollmentGroupDelete,
		OperationEnrollmentGroupGet,
		OperationEnrollmentGroupGetAttestationMechanism,
		OperationEnrollmentGroupQuery,
		OperationEnrollmentGroupRunBulkOperation,
		OperationIndividualEnrollmentCreateOrUpdate,
		OperationIndividualEnrollmentDelete,
		OperationIndividualEnrollmentGet,
		OperationIndividualEnrollmentGetAttestationMechanism,
		OperationIndividualEnrollmentQuery,
		OperationIndividualEnrollmentRunBulkOperation,
		OperationRuntimeRegistrationDeviceStatusLookup,
		OperationRuntimeRegistrationOperationStatusLookup,
		OperationRuntimeRegistrationRegisterDevice,
	}
}
