package dpstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/internal/emulator"
)

func TestOperationsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	for ours, theirs := range map[dpstest.Operation]emulator.Operation{
		dpstest.OperationDeviceRegistrationStateDelete:               emulator.DeviceRegistrationStateDelete,
		dpstest.OperationDeviceRegistrationStateGet:                  emulator.DeviceRegistrationStateGet,
		dpstest.OperationDeviceRegistrationStateQuery:                emulator.DeviceRegistrationStateQuery,
		dpstest.OperationEnrollmentGroupCreateOrUpdate:               emulator.EnrollmentGroupCreateOrUpdate,
		dpstest.OperationEnrollmentGroupDelete:                       emulator.EnrollmentGroupDelete,
		dpstest.OperationEnrollmentGroupGet:                          emulator.EnrollmentGroupGet,
		dpstest.OperationEnrollmentGroupGetAttestationMechanism:      emulator.EnrollmentGroupGetAttestationMechanism,
		dpstest.OperationEnrollmentGroupQuery:                        emulator.EnrollmentGroupQuery,
		dpstest.OperationEnrollmentGroupRunBulkOperation:             emulator.EnrollmentGroupRunBulkOperation,
		dpstest.OperationIndividualEnrollmentCreateOrUpdate:          emulator.IndividualEnrollmentCreateOrUpdate,
		dpstest.OperationIndividualEnrollmentDelete:                  emulator.IndividualEnrollmentDelete,
		dpstest.OperationIndividualEnrollmentGet:                     emulator.IndividualEnrollmentGet,
		dpstest.OperationIndividualEnrollmentGetAttestationMechanism: emulator.IndividualEnrollmentGetAttestationMechanism,
		dpstest.OperationIndividualEnrollmentQuery:                   emulator.IndividualEnrollmentQuery,
		dpstest.OperationIndividualEnrollmentRunBulkOperation:        emulator.IndividualEnrollmentRunBulkOperation,
		dpstest.OperationRuntimeRegistrationDeviceStatusLookup:       emulator.RuntimeRegistrationDeviceStatusLookup,
		dpstest.OperationRuntimeRegistrationOperationStatusLookup:    emulator.RuntimeRegistrationOperationStatusLookup,
		dpstest.OperationRuntimeRegistrationRegisterDevice:           emulator.RuntimeRegistrationRegisterDevice,
	} {
		require.Equal(t, string(theirs), string(ours))
	}
}

func TestPermissionsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	for ours, theirs := range map[dpstest.Permission]emulator.Permission{
		dpstest.PermissionEnrollmentRead:          emulator.EnrollmentRead,
		dpstest.PermissionEnrollmentWrite:         emulator.EnrollmentWrite,
		dpstest.PermissionRegistrationStatusRead:  emulator.RegistrationStatusRead,
		dpstest.PermissionRegistrationStatusWrite: emulator.RegistrationStatusWrite,
		dpstest.PermissionServiceConfig:           emulator.ServiceConfig,
	} {
		require.Equal(t, string(theirs), string(ours))
	}
}
