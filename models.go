package azdps

import (
	"encoding/json"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// IndividualEnrollment is the entry of one device in the service: how the device proves who it is, and which hub, device
// id and twin it gets when it registers.
//
// RegistrationID and Attestation are required. Members that are empty are not sent, and a write replaces the whole record,
// so start from what the service holds to change one: see [IndividualEnrollmentsClient.Update].
type IndividualEnrollment struct {
	// RegistrationID names the enrollment: up to 128 ASCII letters, digits and -._: without regard to case.
	RegistrationID string `json:"registrationId"`

	// DeviceID is the id of the device in its IoT hub; empty means the registration id.
	DeviceID string `json:"deviceId,omitzero"`

	// RegistrationState is what became of the device's registration. It is read-only, and only
	// [IndividualEnrollmentsClient.Get] fills it: the service leaves it out of other answers.
	RegistrationState *DeviceRegistrationState `json:"registrationState,omitzero"`

	// OptionalDeviceInformation is whatever the backend wants to keep with the device.
	OptionalDeviceInformation TwinCollection `json:"optionalDeviceInformation,omitzero"`

	// Attestation says how the device proves who it is.
	Attestation AttestationMechanism `json:"attestation"`

	// Capabilities of the device; nil means none.
	Capabilities *DeviceCapabilities `json:"capabilities,omitzero"`

	// IoTHubHostName is the hub of the device; IoTHubs is the newer way to say so.
	IoTHubHostName string `json:"iotHubHostName,omitzero"`

	// InitialTwin is the twin that the device gets in its hub.
	InitialTwin *InitialTwin `json:"initialTwin,omitzero"`

	// ETag changes with every write. It is read-only but in a bulk operation; elsewhere the IfMatch of the options counts.
	ETag azcore.ETag `json:"etag,omitzero"`

	// ProvisioningStatus says whether the device may register; empty means enabled. A null from the service reads as empty
	// and is written back as absent.
	ProvisioningStatus ProvisioningStatus `json:"provisioningStatus,omitzero"`

	// ReprovisionPolicy says what happens to the device's hub and data when it registers again; nil means the service's
	// default, which is both updateHubAssignment and migrateDeviceData.
	ReprovisionPolicy *ReprovisionPolicy `json:"reprovisionPolicy,omitzero"`

	// CreatedDateTimeUTC is the time of the first write. It is read-only.
	CreatedDateTimeUTC time.Time `json:"createdDateTimeUtc,omitzero"`

	// LastUpdatedDateTimeUTC is the time of the last write. It is read-only.
	LastUpdatedDateTimeUTC time.Time `json:"lastUpdatedDateTimeUtc,omitzero"`

	// AllocationPolicy says how the hub is chosen; empty means hashed. It must be set when IoTHubs is.
	AllocationPolicy AllocationPolicy `json:"allocationPolicy,omitzero"`

	// IoTHubs are the host names of the linked hubs that the device may go to; nil means all. An empty list is sent as such.
	IoTHubs []string `json:"iotHubs,omitzero"`

	// CustomAllocationDefinition names the webhook that chooses the hub when AllocationPolicy is custom.
	CustomAllocationDefinition *CustomAllocationDefinition `json:"customAllocationDefinition,omitzero"`

	// NamespaceName is the Azure Device Registry namespace that issues the device's operational certificate: 3 to 64
	// lower-case letters, digits and dashes. Since 2026-11-01.
	NamespaceName string `json:"namespaceName,omitzero"`

	// CertificateAuthorityName is the certificate authority in that namespace: 3 to 63 letters, digits and dashes.
	// Since 2026-11-01.
	CertificateAuthorityName string `json:"certificateAuthorityName,omitzero"`

	// CertificatePolicyName is the certificate policy of that authority: 3 to 63 letters, digits and dashes.
	// Since 2026-11-01.
	CertificatePolicyName string `json:"certificatePolicyName,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// EnrollmentGroup is the entry of all devices that share an attestation: a symmetric key from which their keys are derived,
// or a certificate that issued theirs.
//
// EnrollmentGroupID and Attestation are required. Members that are empty are not sent, and a write replaces the whole
// record, so start from what the service holds to change one: see [EnrollmentGroupsClient.Update].
type EnrollmentGroup struct {
	// EnrollmentGroupID names the group: up to 128 ASCII letters, digits and -._: without regard to case.
	EnrollmentGroupID string `json:"enrollmentGroupId"`

	// Attestation says how the devices of the group prove who they are: by a key derived from the group's (see
	// [DeriveDeviceKey]) or by a certificate. A TPM is for individual enrollments only.
	Attestation AttestationMechanism `json:"attestation"`

	// Capabilities of the devices; nil means none.
	Capabilities *DeviceCapabilities `json:"capabilities,omitzero"`

	// IoTHubHostName is the hub of the devices; IoTHubs is the newer way to say so.
	IoTHubHostName string `json:"iotHubHostName,omitzero"`

	// InitialTwin is the twin that each device gets in its hub.
	InitialTwin *InitialTwin `json:"initialTwin,omitzero"`

	// ETag changes with every write. It is read-only but in a bulk operation; elsewhere the IfMatch of the options counts.
	ETag azcore.ETag `json:"etag,omitzero"`

	// ProvisioningStatus says whether the devices may register; empty means enabled. A null from the service reads as empty
	// and is written back as absent.
	ProvisioningStatus ProvisioningStatus `json:"provisioningStatus,omitzero"`

	// ReprovisionPolicy says what happens to a device's hub and data when it registers again; nil means the service's
	// default, which is both updateHubAssignment and migrateDeviceData.
	ReprovisionPolicy *ReprovisionPolicy `json:"reprovisionPolicy,omitzero"`

	// CreatedDateTimeUTC is the time of the first write. It is read-only.
	CreatedDateTimeUTC time.Time `json:"createdDateTimeUtc,omitzero"`

	// LastUpdatedDateTimeUTC is the time of the last write. It is read-only.
	LastUpdatedDateTimeUTC time.Time `json:"lastUpdatedDateTimeUtc,omitzero"`

	// AllocationPolicy says how the hub of a device is chosen; empty means hashed. It must be set when IoTHubs is.
	AllocationPolicy AllocationPolicy `json:"allocationPolicy,omitzero"`

	// IoTHubs are the host names of the linked hubs that devices may go to; nil means all. An empty list is sent as such.
	IoTHubs []string `json:"iotHubs,omitzero"`

	// CustomAllocationDefinition names the webhook that chooses the hub when AllocationPolicy is custom.
	CustomAllocationDefinition *CustomAllocationDefinition `json:"customAllocationDefinition,omitzero"`

	// NamespaceName is the Azure Device Registry namespace that issues the devices' operational certificates: 3 to 64
	// lower-case letters, digits and dashes. Since 2026-11-01.
	NamespaceName string `json:"namespaceName,omitzero"`

	// CertificateAuthorityName is the certificate authority in that namespace: 3 to 63 letters, digits and dashes.
	// Since 2026-11-01.
	CertificateAuthorityName string `json:"certificateAuthorityName,omitzero"`

	// CertificatePolicyName is the certificate policy of that authority: 3 to 63 letters, digits and dashes.
	// Since 2026-11-01.
	CertificatePolicyName string `json:"certificatePolicyName,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// DeviceRegistrationState says what became of a device's registration. Devices create it by registering; every member is
// read-only, and any may be empty.
type DeviceRegistrationState struct {
	// RegistrationID is the id that the device registered with.
	RegistrationID string `json:"registrationId,omitzero"`

	// CreatedDateTimeUTC is the time of the first registration.
	CreatedDateTimeUTC time.Time `json:"createdDateTimeUtc,omitzero"`

	// AssignedHub is the host name of the device's IoT hub.
	AssignedHub string `json:"assignedHub,omitzero"`

	// DeviceID is the id of the device in that hub.
	DeviceID string `json:"deviceId,omitzero"`

	// Status is the state of the registration; a device that never registered is unassigned.
	Status RegistrationStatus `json:"status,omitzero"`

	// Substatus says how an assigned device came to its hub.
	Substatus RegistrationSubstatus `json:"substatus,omitzero"`

	// ErrorCode is why a registration failed, for example 400207 when a custom allocation webhook did; 0 means no error.
	ErrorCode int32 `json:"errorCode,omitzero"`

	// ErrorMessage is why a registration failed, in words.
	ErrorMessage string `json:"errorMessage,omitzero"`

	// LastUpdatedDateTimeUTC is the time of the last registration.
	LastUpdatedDateTimeUTC time.Time `json:"lastUpdatedDateTimeUtc,omitzero"`

	// ETag changes with every registration; it is the one that the device gets too.
	ETag azcore.ETag `json:"etag,omitzero"`

	// Payload is what a custom allocation webhook gave the device, as JSON.
	Payload json.RawMessage `json:"payload,omitzero"`

	// AdditionalProperties holds the members that this version does not know.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// DeviceCapabilities says what a device is.
type DeviceCapabilities struct {
	// IoTEdge is true for an IoT Edge device.
	IoTEdge bool `json:"iotEdge"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// ReprovisionPolicy says what happens when a device registers again. Both members are always sent; a record without a policy
// behaves as one with both true, and so does a policy that comes without one of them.
type ReprovisionPolicy struct {
	// UpdateHubAssignment lets the service move the device to another hub.
	UpdateHubAssignment bool `json:"updateHubAssignment"`

	// MigrateDeviceData takes the device's twin along to another hub; else it starts there with its initial twin.
	MigrateDeviceData bool `json:"migrateDeviceData"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// CustomAllocationDefinition names the webhook that chooses the hub of a device.
type CustomAllocationDefinition struct {
	// WebhookURL is called for each registration. Its query may hold a function key, so it is a secret: it is left out when
	// the value is printed or logged.
	WebhookURL string `json:"webhookUrl"`

	// APIVersion is the version of the webhook's request, for example 2019-03-31.
	APIVersion string `json:"apiVersion"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// InitialTwin is the device twin that a device starts with. It takes effect at the first assignment to a hub, and at a later
// one that resets the device's data.
type InitialTwin struct {
	// Tags of the twin, which only backends see.
	Tags TwinCollection `json:"tags,omitzero"`

	// Properties of the twin; a backend sets the desired ones.
	Properties *InitialTwinProperties `json:"properties,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// InitialTwinProperties holds the desired properties of a new twin.
type InitialTwinProperties struct {
	// Desired properties, which the device reads.
	Desired TwinCollection `json:"desired,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// TwinCollection is a JSON object of any content. Numbers read from JSON are [encoding/json.Number], so that no digit is lost; in one
// to be written they may be of any Go type. The service returns a collection as it was sent. A nil collection is not sent,
// an empty one is.
type TwinCollection map[string]any

// BulkOperationResult is the service's answer to a bulk operation.
type BulkOperationResult struct {
	// Errors has an entry for each item that the service refused; the other items were applied.
	Errors []BulkOperationFailure `json:"errors"`

	// IsSuccessful is false if an item was refused. The HTTP status is 200 all the same.
	IsSuccessful bool `json:"isSuccessful"`

	// AdditionalProperties holds the members that this version does not know.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// BulkOperationFailure is one item of a bulk operation that the service refused.
type BulkOperationFailure struct {
	// RegistrationID is the id of the item, if it is an individual enrollment.
	RegistrationID string `json:"registrationId,omitzero"`

	// EnrollmentGroupID is the id of the item, if it is an enrollment group.
	EnrollmentGroupID string `json:"enrollmentGroupId,omitzero"`

	// ErrorCode is why, by number: for example 409201 for an enrollment that exists. Its first three digits are an HTTP status.
	ErrorCode int32 `json:"errorCode"`

	// ErrorStatus is why, in words.
	ErrorStatus string `json:"errorStatus"`

	// AdditionalProperties holds the members that this version does not know.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}
