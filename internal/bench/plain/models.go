package plain

import "time"

// Enrollment is an individual enrollment with the members that the benchmarks use.
type Enrollment struct {
	RegistrationID     string             `json:"registrationId"`
	DeviceID           string             `json:"deviceId,omitempty"`
	RegistrationState  *RegistrationState `json:"registrationState,omitempty"`
	Attestation        Attestation        `json:"attestation"`
	Capabilities       *Capabilities      `json:"capabilities,omitempty"`
	InitialTwin        *Twin              `json:"initialTwin,omitempty"`
	ETag               string             `json:"etag,omitempty"`
	ProvisioningStatus string             `json:"provisioningStatus,omitempty"`
	ReprovisionPolicy  *ReprovisionPolicy `json:"reprovisionPolicy,omitempty"`
	Created            time.Time          `json:"createdDateTimeUtc,omitzero"`
	Updated            time.Time          `json:"lastUpdatedDateTimeUtc,omitzero"`
	AllocationPolicy   string             `json:"allocationPolicy,omitempty"`
	IoTHubs            []string           `json:"iotHubs,omitempty"`
}

// Group is an enrollment group with the members that the benchmarks use.
type Group struct {
	EnrollmentGroupID  string             `json:"enrollmentGroupId"`
	Attestation        Attestation        `json:"attestation"`
	Capabilities       *Capabilities      `json:"capabilities,omitempty"`
	InitialTwin        *Twin              `json:"initialTwin,omitempty"`
	ETag               string             `json:"etag,omitempty"`
	ProvisioningStatus string             `json:"provisioningStatus,omitempty"`
	ReprovisionPolicy  *ReprovisionPolicy `json:"reprovisionPolicy,omitempty"`
	Created            time.Time          `json:"createdDateTimeUtc,omitzero"`
	Updated            time.Time          `json:"lastUpdatedDateTimeUtc,omitzero"`
	AllocationPolicy   string             `json:"allocationPolicy,omitempty"`
	IoTHubs            []string           `json:"iotHubs,omitempty"`
}

// RegistrationState is what became of a device's registration.
type RegistrationState struct {
	RegistrationID string    `json:"registrationId,omitempty"`
	Created        time.Time `json:"createdDateTimeUtc,omitzero"`
	AssignedHub    string    `json:"assignedHub,omitempty"`
	DeviceID       string    `json:"deviceId,omitempty"`
	Status         string    `json:"status,omitempty"`
	Substatus      string    `json:"substatus,omitempty"`
	Updated        time.Time `json:"lastUpdatedDateTimeUtc,omitzero"`
	ETag           string    `json:"etag,omitempty"`
}

// Attestation says how a device proves who it is.
type Attestation struct {
	Type         string        `json:"type"`
	X509         *X509         `json:"x509,omitempty"`
	SymmetricKey *SymmetricKey `json:"symmetricKey,omitempty"`
}

// SymmetricKey holds the shared keys.
type SymmetricKey struct {
	PrimaryKey   string `json:"primaryKey,omitempty"`
	SecondaryKey string `json:"secondaryKey,omitempty"`
}

// X509 holds certificates.
type X509 struct {
	ClientCertificates  *Certificates `json:"clientCertificates,omitempty"`
	SigningCertificates *Certificates `json:"signingCertificates,omitempty"`
}

// Certificates are the one in use and the next one.
type Certificates struct {
	Primary   *Certificate `json:"primary,omitempty"`
	Secondary *Certificate `json:"secondary,omitempty"`
}

// Certificate is sent as a text and returned as its info.
type Certificate struct {
	Certificate string           `json:"certificate,omitempty"`
	Info        *CertificateInfo `json:"info,omitempty"`
}

// CertificateInfo is what the service read from a certificate.
type CertificateInfo struct {
	SubjectName      string    `json:"subjectName"`
	SHA1Thumbprint   string    `json:"sha1Thumbprint,omitempty"`
	SHA256Thumbprint string    `json:"sha256Thumbprint,omitempty"`
	IssuerName       string    `json:"issuerName"`
	NotBefore        time.Time `json:"notBeforeUtc,omitzero"`
	NotAfter         time.Time `json:"notAfterUtc,omitzero"`
	SerialNumber     string    `json:"serialNumber,omitempty"`
	Version          int32     `json:"version,omitempty"`
}

// Capabilities says what a device is.
type Capabilities struct {
	IoTEdge bool `json:"iotEdge"`
}

// ReprovisionPolicy says what happens when a device registers again.
type ReprovisionPolicy struct {
	UpdateHubAssignment bool `json:"updateHubAssignment"`
	MigrateDeviceData   bool `json:"migrateDeviceData"`
}

// Twin is the twin that a device starts with.
type Twin struct {
	Tags       map[string]any  `json:"tags,omitempty"`
	Properties *TwinProperties `json:"properties,omitempty"`
}

// TwinProperties holds the desired properties.
type TwinProperties struct {
	Desired map[string]any `json:"desired,omitempty"`
}

// BulkOperation is the body of a bulk operation.
type BulkOperation struct {
	Enrollments []Enrollment `json:"enrollments"`
	Mode        string       `json:"mode"`
}

// BulkResult is the answer to a bulk operation.
type BulkResult struct {
	Errors       []BulkFailure `json:"errors"`
	IsSuccessful bool          `json:"isSuccessful"`
}

// BulkFailure is one item that was refused.
type BulkFailure struct {
	RegistrationID string `json:"registrationId,omitempty"`
	ErrorCode      int32  `json:"errorCode"`
	ErrorStatus    string `json:"errorStatus"`
}

// Query is the body of a query.
type Query struct {
	Query string `json:"query"`
}
