package azdps

import (
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// ServiceName selects this service in the Services of a [cloud.Configuration], to set the audience of its tokens:
//
//	options := &azdps.ClientOptions{}
//	options.Cloud = cloud.Configuration{
//		ActiveDirectoryAuthorityHost: "https://login.example.com/",
//		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
//			azdps.ServiceName: {Audience: "https://azure-devices-provisioning.example.com"},
//		},
//	}
//
// It is needed for clouds other than Azure public, US Government and China only; [NewDeviceProvisioningClient] knows those.
const ServiceName cloud.ServiceName = "azdps/DeviceProvisioning"

// Versions of the service API, for the APIVersion of [ClientOptions]. Any other version may be set there as well: members
// of the models that it does not know are never sent unless they are set, and members that this package does not know
// are kept in AdditionalProperties.
const (
	// APIVersion2021_10_01 is the default: the version that the deployed service is recorded to answer.
	APIVersion2021_10_01 = "2021-10-01"

	// APIVersion2026_11_01 adds NamespaceName, CertificateAuthorityName and CertificatePolicyName to the enrollments.
	APIVersion2026_11_01 = "2026-11-01"
)

// MaxBulkItems is the largest number of items of one bulk operation.
const MaxBulkItems = 10

// AllocationPolicy says how the IoT hub of a device is chosen among the hubs of its enrollment.
type AllocationPolicy string

// Values of [AllocationPolicy]. The service takes a missing policy as hashed.
const (
	// AllocationPolicyCustom asks the webhook of CustomAllocationDefinition.
	AllocationPolicyCustom AllocationPolicy = "custom"

	// AllocationPolicyGeoLatency chooses the hub with the lowest latency to the device.
	AllocationPolicyGeoLatency AllocationPolicy = "geoLatency"

	// AllocationPolicyHashed spreads devices evenly over the hubs, by their weights.
	AllocationPolicyHashed AllocationPolicy = "hashed"

	// AllocationPolicyStatic uses the hub that the enrollment names.
	AllocationPolicyStatic AllocationPolicy = "static"
)

// PossibleAllocationPolicyValues returns the values that this version knows; the service may answer with others.
func PossibleAllocationPolicyValues() []AllocationPolicy {
	return []AllocationPolicy{
		AllocationPolicyCustom,
		AllocationPolicyGeoLatency,
		AllocationPolicyHashed,
		AllocationPolicyStatic,
	}
}

// AttestationType is the kind of an [AttestationMechanism].
type AttestationType string

// Values of [AttestationType].
const (
	// AttestationTypeNone is in the service's specification; no device can prove anything with it, so it is never sent.
	AttestationTypeNone AttestationType = "none"

	// AttestationTypeSymmetricKey is for devices, or a group's devices, that sign with a shared key.
	AttestationTypeSymmetricKey AttestationType = "symmetricKey"

	// AttestationTypeTPM is for single devices with a trusted platform module.
	AttestationTypeTPM AttestationType = "tpm"

	// AttestationTypeX509 is for devices with a certificate of their own, known itself or by its issuer.
	AttestationTypeX509 AttestationType = "x509"
)

// PossibleAttestationTypeValues returns the values that this version knows; the service may answer with others.
func PossibleAttestationTypeValues() []AttestationType {
	return []AttestationType{
		AttestationTypeNone,
		AttestationTypeSymmetricKey,
		AttestationTypeTPM,
		AttestationTypeX509,
	}
}

// BulkOperationMode is what a bulk operation does with its items.
type BulkOperationMode string

// Values of [BulkOperationMode].
const (
	// BulkOperationModeCreate creates the items; one that exists is refused with 409201 or 409202.
	BulkOperationModeCreate BulkOperationMode = "create"

	// BulkOperationModeDelete deletes the items; only their ids count, and an ETag that is set must be the current one.
	BulkOperationModeDelete BulkOperationMode = "delete"

	// BulkOperationModeUpdate replaces the items. The service is recorded to refuse one that exists and is sent without
	// its ETag as it refuses a create, so set the ETag of each item.
	BulkOperationModeUpdate BulkOperationMode = "update"

	// BulkOperationModeUpdateIfMatchETag replaces those items whose ETag is still the one in the item.
	BulkOperationModeUpdateIfMatchETag BulkOperationMode = "updateIfMatchETag"
)

// PossibleBulkOperationModeValues returns the values that this version knows.
func PossibleBulkOperationModeValues() []BulkOperationMode {
	return []BulkOperationMode{
		BulkOperationModeCreate,
		BulkOperationModeDelete,
		BulkOperationModeUpdate,
		BulkOperationModeUpdateIfMatchETag,
	}
}

// ProvisioningStatus says whether the devices of an enrollment may register.
type ProvisioningStatus string

// Values of [ProvisioningStatus]. The service takes a missing status as enabled.
const (
	// ProvisioningStatusDisabled refuses registrations; devices that are registered keep their hub.
	ProvisioningStatusDisabled ProvisioningStatus = "disabled"

	// ProvisioningStatusEnabled lets devices register.
	ProvisioningStatusEnabled ProvisioningStatus = "enabled"
)

// PossibleProvisioningStatusValues returns the values that this version knows; the service may answer with others.
func PossibleProvisioningStatusValues() []ProvisioningStatus {
	return []ProvisioningStatus{
		ProvisioningStatusDisabled,
		ProvisioningStatusEnabled,
	}
}

// RegistrationStatus is the state of a device's registration.
type RegistrationStatus string

// Values of [RegistrationStatus]; assigned, disabled and failed are final until the device registers again.
const (
	// RegistrationStatusAssigned is a device that has a hub.
	RegistrationStatusAssigned RegistrationStatus = "assigned"

	// RegistrationStatusAssigning is a device whose hub is being chosen.
	RegistrationStatusAssigning RegistrationStatus = "assigning"

	// RegistrationStatusDisabled is a device that tried to register while its enrollment was disabled.
	RegistrationStatusDisabled RegistrationStatus = "disabled"

	// RegistrationStatusFailed is a registration that failed; ErrorCode and ErrorMessage say why.
	RegistrationStatusFailed RegistrationStatus = "failed"

	// RegistrationStatusUnassigned is a device that never registered.
	RegistrationStatusUnassigned RegistrationStatus = "unassigned"
)

// PossibleRegistrationStatusValues returns the values that this version knows; the service may answer with others.
func PossibleRegistrationStatusValues() []RegistrationStatus {
	return []RegistrationStatus{
		RegistrationStatusAssigned,
		RegistrationStatusAssigning,
		RegistrationStatusDisabled,
		RegistrationStatusFailed,
		RegistrationStatusUnassigned,
	}
}

// RegistrationSubstatus says how an assigned device came to its hub.
type RegistrationSubstatus string

// Values of [RegistrationSubstatus].
const (
	// RegistrationSubstatusDeviceDataMigrated is a device that moved to another hub with its data.
	RegistrationSubstatusDeviceDataMigrated RegistrationSubstatus = "deviceDataMigrated"

	// RegistrationSubstatusDeviceDataReset is a device that moved to another hub and got its initial twin there.
	RegistrationSubstatusDeviceDataReset RegistrationSubstatus = "deviceDataReset"

	// RegistrationSubstatusInitialAssignment is a device at its first hub.
	RegistrationSubstatusInitialAssignment RegistrationSubstatus = "initialAssignment"

	// RegistrationSubstatusReprovisionedToInitialAssignment is a device that registered again and stayed at its hub.
	RegistrationSubstatusReprovisionedToInitialAssignment RegistrationSubstatus = "reprovisionedToInitialAssignment"
)

// PossibleRegistrationSubstatusValues returns the values that this version knows; the service may answer with others.
func PossibleRegistrationSubstatusValues() []RegistrationSubstatus {
	return []RegistrationSubstatus{
		RegistrationSubstatusDeviceDataMigrated,
		RegistrationSubstatusDeviceDataReset,
		RegistrationSubstatusInitialAssignment,
		RegistrationSubstatusReprovisionedToInitialAssignment,
	}
}
