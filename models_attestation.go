package azdps

import (
	"encoding/json"
	"time"
)

// AttestationMechanism says how devices prove who they are. Make one with [NewGeneratedKeyAttestation],
// [NewSymmetricKeyAttestation], [NewTPMAttestation], [NewX509ClientAttestation], [NewX509SigningAttestation] or
// [NewX509CAReferenceAttestation].
//
// Exactly one of TPM, X509 and SymmetricKey goes with the Type of that name; only SymmetricKey may be nil, and then the
// service generates the keys. Reads of the service give the type of a symmetric key without the keys: get those with
// GetAttestationMechanism.
type AttestationMechanism struct {
	// Type names the member that is set.
	Type AttestationType `json:"type"`

	// TPM holds the public keys of a trusted platform module.
	TPM *TPMAttestation `json:"tpm,omitzero"`

	// X509 holds certificates, or the names of certificates.
	X509 *X509Attestation `json:"x509,omitzero"`

	// SymmetricKey holds shared keys; nil lets the service generate them.
	SymmetricKey *SymmetricKeyAttestation `json:"symmetricKey,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// SymmetricKeyAttestation holds the keys of a device or a group, either of which is taken. It prints and logs without them, but
// not where package fmt calls no methods: within an unexported field of a struct of the caller's, and by %p and %w, which go vet
// refuses.
type SymmetricKeyAttestation struct {
	// PrimaryKey is the base64 of 16 to 64 bytes; the service generates an empty one with 64 bytes.
	PrimaryKey string `json:"primaryKey,omitzero"`

	// SecondaryKey is like PrimaryKey; with two of them keys can be changed without an interruption.
	SecondaryKey string `json:"secondaryKey,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// TPMAttestation holds the public keys of a trusted platform module. They are not secret.
type TPMAttestation struct {
	// EndorsementKey is the base64 of a TPM2B_PUBLIC, most significant byte first.
	EndorsementKey string `json:"endorsementKey"`

	// StorageRootKey is like EndorsementKey and optional.
	StorageRootKey string `json:"storageRootKey,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// X509Attestation holds exactly one of its three kinds of certificates.
type X509Attestation struct {
	// ClientCertificates are the certificate of one device itself and the next one.
	ClientCertificates *X509Certificates `json:"clientCertificates,omitzero"`

	// SigningCertificates are the certificates that issue those of a group's devices.
	SigningCertificates *X509Certificates `json:"signingCertificates,omitzero"`

	// CAReferences are the names of CA certificates that were uploaded to the service and verified.
	CAReferences *X509CAReferences `json:"caReferences,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// X509Certificates holds a certificate and the one to roll over to; a device may use either.
type X509Certificates struct {
	// Primary is the certificate in use.
	Primary *X509CertificateWithInfo `json:"primary,omitzero"`

	// Secondary is the next certificate, or nil.
	Secondary *X509CertificateWithInfo `json:"secondary,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// X509CertificateWithInfo is a certificate on the way to the service and its info on the way back. Writing the info without
// a certificate keeps the certificate that the service holds; beside a certificate the info is not sent.
type X509CertificateWithInfo struct {
	// Certificate is PEM, or the base64 of DER; the service never returns it.
	Certificate string `json:"certificate,omitzero"`

	// Info is what the service read from the certificate.
	Info *X509CertificateInfo `json:"info,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// X509CertificateInfo is what the service read from a certificate.
type X509CertificateInfo struct {
	// SubjectName is the subject, for example CN=device-1.
	SubjectName string `json:"subjectName"`

	// SHA1Thumbprint is the SHA-1 of the certificate's DER in upper-case hexadecimal.
	SHA1Thumbprint string `json:"sha1Thumbprint,omitzero"`

	// SHA256Thumbprint is the SHA-256 of the certificate's DER in upper-case hexadecimal.
	SHA256Thumbprint string `json:"sha256Thumbprint,omitzero"`

	// IssuerName is the issuer, written as the subject is.
	IssuerName string `json:"issuerName"`

	// NotBeforeUTC is the start of the certificate's validity.
	NotBeforeUTC time.Time `json:"notBeforeUtc,omitzero"`

	// NotAfterUTC is the end of the certificate's validity.
	NotAfterUTC time.Time `json:"notAfterUtc,omitzero"`

	// SerialNumber is the serial number in upper-case hexadecimal.
	SerialNumber string `json:"serialNumber,omitzero"`

	// Version is the version of X.509, usually 3.
	Version int32 `json:"version,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}

// X509CAReferences names CA certificates of the service. Both are names, not certificates.
type X509CAReferences struct {
	// Primary is the name of the CA certificate in use.
	Primary string `json:"primary,omitzero"`

	// Secondary is the name of the next CA certificate, or empty.
	Secondary string `json:"secondary,omitzero"`

	// AdditionalProperties holds the members that this version does not know, so that a write keeps them.
	AdditionalProperties map[string]json.RawMessage `json:",embed,inline"`
}
