package dpstest_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/internal/emulator"
)

func TestOperationsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	pairs := map[dpstest.Operation]emulator.Operation{
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
	}
	for ours, theirs := range pairs {
		require.Equal(t, string(theirs), string(ours))
	}
	require.ElementsMatch(t, dpstest.PossibleOperationValues(), slices.Collect(maps.Keys(pairs)))
}

func TestPermissionsAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	pairs := map[dpstest.Permission]emulator.Permission{
		dpstest.PermissionEnrollmentRead:          emulator.EnrollmentRead,
		dpstest.PermissionEnrollmentWrite:         emulator.EnrollmentWrite,
		dpstest.PermissionRegistrationStatusRead:  emulator.RegistrationStatusRead,
		dpstest.PermissionRegistrationStatusWrite: emulator.RegistrationStatusWrite,
		dpstest.PermissionServiceConfig:           emulator.ServiceConfig,
	}
	for ours, theirs := range pairs {
		require.Equal(t, string(theirs), string(ours))
	}
	require.ElementsMatch(t, dpstest.PossiblePermissionValues(), slices.Collect(maps.Keys(pairs)))
}
