package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// apiVersions are the versions that the service answers.
//
// Inferred: the list. It has the versions that official clients send and the stable ones of the specification, without
// previews.
var apiVersions = []string{"2018-04-01", "2018-11-01", "2019-03-31", "2021-06-01", "2021-10-01", versionOfPolicies}

// versionOfPolicies is the first version with certificate policies.
const versionOfPolicies = "2026-11-01"

// versionOfReprovisioning is the first version with the substatus of a device that got the hub that it had.
const versionOfReprovisioning = "2021-10-01"

// enrollment is an individual enrollment or an enrollment group, with the members in the order of the wire. It is kept
// as it is, and never changed once it is in the store.
type enrollment struct {
	RegistrationID            string                      `json:"registrationId,omitempty"`
	GroupID                   string                      `json:"enrollmentGroupId,omitempty"`
	DeviceID                  string                      `json:"deviceId,omitempty"`
	NamespaceName             string                      `json:"namespaceName,omitempty"`
	CertificateAuthorityName  string                      `json:"certificateAuthorityName,omitempty"`
	CertificatePolicyName     string                      `json:"certificatePolicyName,omitempty"`
	RegistrationState         *registrationState          `json:"registrationState,omitempty"` // in answers only
	OptionalDeviceInformation json.RawMessage             `json:"optionalDeviceInformation,omitempty"`
	Attestation               *attestation                `json:"attestation,omitempty"`
	Capabilities              *capabilities               `json:"capabilities,omitempty"`
	IotHubHostName            string                      `json:"iotHubHostName,omitempty"`
	InitialTwin               json.RawMessage             `json:"initialTwin,omitempty"`
	ETag                      etag                        `json:"etag,omitzero"`
	ProvisioningStatus        provisioningStatus          `json:"provisioningStatus"`
	ReprovisionPolicy         *reprovisionPolicy          `json:"reprovisionPolicy,omitempty"`
	Created                   ticks                       `json:"createdDateTimeUtc,omitzero"`
	Updated                   ticks                       `json:"lastUpdatedDateTimeUtc,omitzero"`
	AllocationPolicy          string                      `json:"allocationPolicy,omitempty"`
	IotHubs                   []string                    `json:"iotHubs,omitzero"`
	CustomAllocation          *customAllocationDefinition `json:"customAllocationDefinition,omitempty"`
}

// newEnrollment has the values of members that are absent. A null is another thing than an absent member only for the
// provisioning status, which keeps it.
func newEnrollment() enrollment { return enrollment{ProvisioningStatus: "enabled"} }

// enrollmentBody is an enrollment as it is sent. What the service writes itself may come back in any form: the outer
// members take it, and it is left aside. Only a bulk operation looks at the etag.
type enrollmentBody struct {
	enrollment
	ETag              *string         `json:"etag"`
	RegistrationState json.RawMessage `json:"registrationState"`
	Created           json.RawMessage `json:"createdDateTimeUtc"`
	Updated           json.RawMessage `json:"lastUpdatedDateTimeUtc"`
}

// provisioningStatus is empty for null, which the service stores and returns.
type provisioningStatus string

func (s provisioningStatus) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

func (s *provisioningStatus) UnmarshalJSON(data []byte) error {
	var value *string
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("provisioningStatus: %w", err)
	}
	*s = ""
	if value != nil {
		*s = provisioningStatus(*value)
	}
	return nil
}

// attestation says how a device proves who it is. The member of the type's name is there, except that answers leave
// the symmetric keys out.
type attestation struct {
	Type         string           `json:"type"`
	TPM          *tpmAttestation  `json:"tpm,omitempty"`
	X509         *x509Attestation `json:"x509,omitempty"`
	SymmetricKey *symmetricKey    `json:"symmetricKey,omitempty"`
}

type tpmAttestation struct {
	EndorsementKey string  `json:"endorsementKey"`
	StorageRootKey *string `json:"storageRootKey,omitempty"`
}

type symmetricKey struct {
	PrimaryKey   string `json:"primaryKey"`
	SecondaryKey string `json:"secondaryKey"`
}

type x509Attestation struct {
	ClientCertificates  *certificates `json:"clientCertificates,omitempty"`
	SigningCertificates *certificates `json:"signingCertificates,omitempty"`
	CAReferences        *caReferences `json:"caReferences,omitempty"`
}

type certificates struct {
	Primary   *certificate `json:"primary,omitempty"`
	Secondary *certificate `json:"secondary,omitempty"`
}

// certificate is returned as its info only.
type certificate struct {
	Certificate certificateBytes `json:"certificate,omitempty"`
	Info        *certificateInfo `json:"info,omitempty"`
}

// certificateBytes is the text of a certificate while it is read, and its DER once it is stored. In JSON the DER is
// base64.
type certificateBytes []byte

func (b *certificateBytes) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	*b = certificateBytes(text)
	return nil
}

type certificateInfo struct {
	SubjectName      string `json:"subjectName"`
	SHA1Thumbprint   string `json:"sha1Thumbprint"`
	SHA256Thumbprint string `json:"sha256Thumbprint"`
	IssuerName       string `json:"issuerName"`
	NotBefore        string `json:"notBeforeUtc"`
	NotAfter         string `json:"notAfterUtc"`
	SerialNumber     string `json:"serialNumber"`
	Version          int    `json:"version"`
}

type caReferences struct {
	Primary   string `json:"primary,omitempty"`
	Secondary string `json:"secondary,omitempty"`
}

type capabilities struct {
	IotEdge bool `json:"iotEdge"`
}

type reprovisionPolicy struct {
	UpdateHubAssignment bool `json:"updateHubAssignment"`
	MigrateDeviceData   bool `json:"migrateDeviceData"`
}

// UnmarshalJSON takes a member that is missing as true.
//
// Inferred: that an answer then shows it.
func (p *reprovisionPolicy) UnmarshalJSON(data []byte) error {
	type plain reprovisionPolicy
	full := plain{UpdateHubAssignment: true, MigrateDeviceData: true}
	if err := json.Unmarshal(data, &full); err != nil {
		return fmt.Errorf("reprovisionPolicy: %w", err)
	}
	*p = reprovisionPolicy(full)
	return nil
}

type customAllocationDefinition struct {
	WebhookURL string `json:"webhookUrl"`
	APIVersion string `json:"apiVersion"`
}

// registrationState is what became of a device that registered, with the members in the order of the wire.
type registrationState struct {
	RegistrationID string          `json:"registrationId"`
	Created        ticks           `json:"createdDateTimeUtc,omitzero"`
	AssignedHub    string          `json:"assignedHub,omitempty"`
	DeviceID       string          `json:"deviceId,omitempty"`
	Status         string          `json:"status"`
	Substatus      string          `json:"substatus,omitempty"`
	ErrorCode      int             `json:"errorCode,omitempty"`
	ErrorMessage   string          `json:"errorMessage,omitempty"`
	Updated        ticks           `json:"lastUpdatedDateTimeUtc,omitzero"`
	ETag           etag            `json:"etag,omitzero"`
	Payload        json.RawMessage `json:"payload,omitempty"`
}

// ticks is a time in units of 100 nanoseconds since 1970, the precision of the service; 0 is no time.
type ticks int64

// ticksOf leaves out what the service would not keep.
func ticksOf(t time.Time) ticks { return ticks(t.Unix()*1e7 + int64(t.Nanosecond()/100)) }

func (t ticks) time() time.Time {
	return time.Unix(int64(t)/1e7, int64(t)%1e7*100).UTC()
}

// MarshalText writes up to seven digits of the second, without zeros at the end.
func (t ticks) MarshalText() ([]byte, error) {
	return t.time().AppendFormat(nil, "2006-01-02T15:04:05.9999999Z"), nil
}

// UnmarshalText reads any RFC 3339 time that is still one in UTC.
func (t *ticks) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return errors.New("not a date and time") // the text may be anything
	}
	if year := parsed.UTC().Year(); year < 0 || year > 9999 {
		return errors.New("not a date and time: the year has no four digits in UTC")
	}
	*t = ticksOf(parsed)
	return nil
}
