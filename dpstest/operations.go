package dpstest

import "github.com/azdps/azdps/internal/emulator"

// Operation is the operationId of a request in the service's specification.
type Operation string

// The operations of the service API, then those of the device API.
const (
	OperationDeviceRegistrationStateDelete               = Operation(emulator.DeviceRegistrationStateDelete)
	OperationDeviceRegistrationStateGet                  = Operation(emulator.DeviceRegistrationStateGet)
	OperationDeviceRegistrationStateQuery                = Operation(emulator.DeviceRegistrationStateQuery)
	OperationEnrollmentGroupCreateOrUpdate               = Operation(emulator.EnrollmentGroupCreateOrUpdate)
	OperationEnrollmentGroupDelete                       = Operation(emulator.EnrollmentGroupDelete)
	OperationEnrollmentGroupGet                          = Operation(emulator.EnrollmentGroupGet)
	OperationEnrollmentGroupGetAttestationMechanism      = Operation(emulator.EnrollmentGroupGetAttestationMechanism)
	OperationEnrollmentGroupQuery                        = Operation(emulator.EnrollmentGroupQuery)
	OperationEnrollmentGroupRunBulkOperation             = Operation(emulator.EnrollmentGroupRunBulkOperation)
	OperationIndividualEnrollmentCreateOrUpdate          = Operation(emulator.IndividualEnrollmentCreateOrUpdate)
	OperationIndividualEnrollmentDelete                  = Operation(emulator.IndividualEnrollmentDelete)
	OperationIndividualEnrollmentGet                     = Operation(emulator.IndividualEnrollmentGet)
	OperationIndividualEnrollmentGetAttestationMechanism = Operation(emulator.IndividualEnrollmentGetAttestationMechanism)
	OperationIndividualEnrollmentQuery                   = Operation(emulator.IndividualEnrollmentQuery)
	OperationIndividualEnrollmentRunBulkOperation        = Operation(emulator.IndividualEnrollmentRunBulkOperation)
	OperationRuntimeRegistrationDeviceStatusLookup       = Operation(emulator.RuntimeRegistrationDeviceStatusLookup)
	OperationRuntimeRegistrationOperationStatusLookup    = Operation(emulator.RuntimeRegistrationOperationStatusLookup)
	OperationRuntimeRegistrationRegisterDevice           = Operation(emulator.RuntimeRegistrationRegisterDevice)
)
