package azdps

import (
	"crypto/x509"
	"encoding/pem"
)

// NewGeneratedKeyAttestation lets the service generate both symmetric keys, of 64 bytes each. The answer to the write has
// them, and GetAttestationMechanism returns them later.
func NewGeneratedKeyAttestation() AttestationMechanism {
	return AttestationMechanism{Type: AttestationTypeSymmetricKey, SymmetricKey: &SymmetricKeyAttestation{}}
}

// NewSymmetricKeyAttestation uses the caller's keys, each the base64 of 16 to 64 bytes. To have keys made, use
// [NewGeneratedKeyAttestation].
func NewSymmetricKeyAttestation(primaryKey, secondaryKey string) (AttestationMechanism, error) {
	for _, key := range []struct{ parameter, value string }{{"primaryKey", primaryKey}, {"secondaryKey", secondaryKey}} {
		if problem := symmetricKeyProblem(key.value); problem != "" {
			return AttestationMechanism{}, invalid(key.parameter, "%s", problem)
		}
	}
	return AttestationMechanism{
		Type:         AttestationTypeSymmetricKey,
		SymmetricKey: &SymmetricKeyAttestation{PrimaryKey: primaryKey, SecondaryKey: secondaryKey},
	}, nil
}

// NewTPMAttestation uses the public keys of a trusted platform module, for individual enrollments only.
//
//   - endorsementKey is the base64 of the TPM2B_PUBLIC; a key whose bytes are swapped is refused, as no device could use it
//   - storageRootKey is like it and may be empty
func NewTPMAttestation(endorsementKey, storageRootKey string) (AttestationMechanism, error) {
	if problem := tpmKeyProblem(endorsementKey); problem != "" {
		return AttestationMechanism{}, invalid("endorsementKey", "%s", problem)
	}
	if storageRootKey != "" {
		if problem := tpmKeyProblem(storageRootKey); problem != "" {
			return AttestationMechanism{}, invalid("storageRootKey", "%s", problem)
		}
	}
	return AttestationMechanism{
		Type: AttestationTypeTPM,
		TPM:  &TPMAttestation{EndorsementKey: endorsementKey, StorageRootKey: storageRootKey},
	}, nil
}

// NewX509ClientAttestation uses the certificate of one device, for individual enrollments. secondary is the certificate to
// roll over to, or nil. The common name of the certificate that the device registers with must be its registration id.
func NewX509ClientAttestation(primary, secondary *x509.Certificate) (AttestationMechanism, error) {
	certificates, err := newX509Certificates(primary, secondary)
	if err != nil {
		return AttestationMechanism{}, err
	}
	return newX509Attestation(&X509Attestation{ClientCertificates: certificates}), nil
}

// NewX509SigningAttestation uses the certificate that issues the certificates of a group's devices, for enrollment groups.
// secondary is the certificate to roll over to, or nil. For a CA certificate that was uploaded to the service there is
// [NewX509CAReferenceAttestation].
func NewX509SigningAttestation(primary, secondary *x509.Certificate) (AttestationMechanism, error) {
	certificates, err := newX509Certificates(primary, secondary)
	if err != nil {
		return AttestationMechanism{}, err
	}
	return newX509Attestation(&X509Attestation{SigningCertificates: certificates}), nil
}

// NewX509CAReferenceAttestation uses CA certificates that were uploaded to the service, by the names they have there. secondary
// is the name of the one to roll over to, or empty. The text of a certificate is refused: it goes to
// [NewX509SigningAttestation].
func NewX509CAReferenceAttestation(primary, secondary string) (AttestationMechanism, error) {
	if primary == "" {
		return AttestationMechanism{}, invalid("primary", "must not be empty")
	}
	references := &X509CAReferences{Primary: primary, Secondary: secondary}
	if member, problem := references.problem(); problem != "" {
		return AttestationMechanism{}, invalid(map[string]string{".Primary": "primary", ".Secondary": "secondary"}[member], "%s", problem)
	}
	return newX509Attestation(&X509Attestation{CAReferences: references}), nil
}

func newX509Attestation(attestation *X509Attestation) AttestationMechanism {
	return AttestationMechanism{Type: AttestationTypeX509, X509: attestation}
}

func newX509Certificates(primary, secondary *x509.Certificate) (*X509Certificates, error) {
	if primary == nil || len(primary.Raw) == 0 {
		return nil, invalid("primary", "must be a parsed certificate; see ParseCertificate")
	}
	certificates := &X509Certificates{Primary: newX509Certificate(primary)}
	if secondary != nil {
		if len(secondary.Raw) == 0 {
			return nil, invalid("secondary", "must be a parsed certificate or nil; see ParseCertificate")
		}
		certificates.Secondary = newX509Certificate(secondary)
	}
	return certificates, nil
}

func newX509Certificate(certificate *x509.Certificate) *X509CertificateWithInfo {
	block := &pem.Block{Type: pemCertificate, Bytes: certificate.Raw}
	return &X509CertificateWithInfo{Certificate: string(pem.EncodeToMemory(block))}
}

// ParseCertificate reads one certificate from PEM, DER, or the base64 of either. Data with a private key is refused, so that
// none gets out by mistake, and so is data with several certificates, of which only the caller knows the right one.
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	certificates, problem := readCertificates(data)
	switch {
	case problem != "":
		return nil, invalid("data", "%s", problem)
	case len(certificates) > 1:
		return nil, invalid("data", "holds %d certificates; one was expected", len(certificates))
	}
	certificate, err := x509.ParseCertificate(certificates[0])
	if err != nil {
		return nil, invalid("data", "is not a certificate: %w", err)
	}
	return certificate, nil
}
