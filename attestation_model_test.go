package azdps_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// attestationRefusal is an attestation made by hand that is not sent.
type attestationRefusal struct {
	attestation     azdps.AttestationMechanism
	member, problem string // the member is relative to the attestation
	refused         string // what the error must not quote
}

func withX509(attestation azdps.X509Attestation) azdps.AttestationMechanism {
	return azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, X509: &attestation}
}

func withKeys(primary, secondary string) azdps.AttestationMechanism {
	return azdps.AttestationMechanism{
		Type:         azdps.AttestationTypeSymmetricKey,
		SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: primary, SecondaryKey: secondary},
	}
}

func withTPM(endorsementKey, storageRootKey string) azdps.AttestationMechanism {
	return azdps.AttestationMechanism{
		Type: azdps.AttestationTypeTPM,
		TPM:  &azdps.TPMAttestation{EndorsementKey: endorsementKey, StorageRootKey: storageRootKey},
	}
}

func withCertificate(text string) azdps.AttestationMechanism {
	return withX509(azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{
		Primary: &azdps.X509CertificateWithInfo{Certificate: text},
	}})
}

// attestationRefusals do not need a certificate.
func attestationRefusals() map[string]attestationRefusal {
	short, long := inBase64(bytes.Repeat([]byte{3}, 15)), inBase64(bytes.Repeat([]byte{4}, 65))
	info := &azdps.X509Certificates{Primary: &azdps.X509CertificateWithInfo{Info: &azdps.X509CertificateInfo{}}}
	tpm, keys := &azdps.TPMAttestation{EndorsementKey: "AToA"}, &azdps.SymmetricKeyAttestation{}
	x509 := &azdps.X509Attestation{ClientCertificates: info}
	const way = "must say how devices prove themselves; make it with a New...Attestation function"
	return map[string]attestationRefusal{
		"nothing":             {azdps.AttestationMechanism{}, "", way, ""},
		"none":                {azdps.AttestationMechanism{Type: azdps.AttestationTypeNone}, "", way, ""},
		"none with keys":      {azdps.AttestationMechanism{Type: azdps.AttestationTypeNone, SymmetricKey: keys}, "", way, ""},
		"tpm without it":      {azdps.AttestationMechanism{Type: azdps.AttestationTypeTPM}, "", "has the type tpm without the member of that name", ""},
		"x509 without it":     {azdps.AttestationMechanism{Type: azdps.AttestationTypeX509}, "", "has the type x509 without the member of that name", ""},
		"no type":             {azdps.AttestationMechanism{TPM: tpm}, ".Type", "must be tpm, which is the member that is set", ""},
		"another type":        {azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, SymmetricKey: keys}, ".Type", "is x509, but the member that is set is symmetricKey", ""},
		"tpm and x509":        {azdps.AttestationMechanism{Type: azdps.AttestationTypeTPM, TPM: tpm, X509: x509}, "", "has both tpm and x509", ""},
		"x509 and keys":       {azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, X509: x509, SymmetricKey: keys}, "", "has both x509 and symmetricKey", ""},
		"all of them":         {azdps.AttestationMechanism{Type: "later", TPM: tpm, X509: x509, SymmetricKey: keys}, "", "has both tpm and x509", ""},
		"key in no base64":    {withKeys("hunter2-is-a-bad-password", ""), ".SymmetricKey.PrimaryKey", "must be base64", "hunter2-is-a-bad-password"},
		"key of 15 bytes":     {withKeys(short, ""), ".SymmetricKey.PrimaryKey", "has 15 bytes", short},
		"key of 65 bytes":     {withKeys(stubKey, long), ".SymmetricKey.SecondaryKey", "has 65 bytes", long},
		"no endorsement key":  {withTPM("", ""), ".TPM.EndorsementKey", "must not be empty", ""},
		"swapped TPM key":     {withTPM(tpmKey(true), ""), ".TPM.EndorsementKey", "has its bytes swapped", tpmKey(true)},
		"swapped root key":    {withTPM("AToA", tpmKey(true)), ".TPM.StorageRootKey", "has its bytes swapped", tpmKey(true)},
		"no certificates":     {withX509(azdps.X509Attestation{}), ".X509", "has no certificates and no CA references", ""},
		"empty CA references": {withX509(azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{}}), ".X509", "has no certificates and no CA references", ""},
		"client and signing certificates": {
			withX509(azdps.X509Attestation{ClientCertificates: info, SigningCertificates: info}),
			".X509", "has both ClientCertificates and SigningCertificates", "",
		},
		"signing certificates and CA references": {
			withX509(azdps.X509Attestation{SigningCertificates: info, CAReferences: &azdps.X509CAReferences{Primary: "ca1"}}),
			".X509", "has both SigningCertificates and CAReferences", "",
		},
		"no certificate": {
			withX509(azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{}}),
			".X509.ClientCertificates", "has no certificate", "",
		},
		"empty certificate": {
			withX509(azdps.X509Attestation{SigningCertificates: &azdps.X509Certificates{
				Primary: info.Primary, Secondary: &azdps.X509CertificateWithInfo{},
			}}),
			".X509.SigningCertificates.Secondary.Certificate", "must not be empty, unless Info is of the certificate that the service holds", "",
		},
	}
}

// attestationRefusalsOf are those about a certificate.
func attestationRefusalsOf(m attestationMaterial) map[string]attestationRefusal {
	const certificateMember, name = ".X509.ClientCertificates.Primary.Certificate", "takes the name of a CA certificate that was uploaded"
	references := func(primary, secondary string) azdps.AttestationMechanism {
		return withX509(azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{Primary: primary, Secondary: secondary}})
	}
	refusals := map[string]attestationRefusal{
		"PEM for a CA reference":    {references(m.pem, ""), ".X509.CAReferences.Primary", name, m.pem},
		"base64 for the second one": {references("ca1", inBase64(m.der)), ".X509.CAReferences.Secondary", name, inBase64(m.der)},
		"a key for a CA reference":  {references(m.pkcs8PEM, ""), ".X509.CAReferences.Primary", name, m.pkcs8PEM},
		"DER as text":               {withCertificate(string(m.der)), certificateMember, "is DER, which JSON cannot carry", string(m.der)},
	}
	for name, bad := range m.badCertificates() {
		refusals["certificate: "+name] = attestationRefusal{withCertificate(bad.data), certificateMember, bad.problem, bad.data}
	}
	return refusals
}

// TestAttestationByHand sends nothing, by any of the methods that write.
func TestAttestationByHand(t *testing.T) {
	t.Parallel()
	refusals := attestationRefusals()
	maps.Copy(refusals, attestationRefusalsOf(newAttestationMaterial(t)))
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newSilentStub(t)
			enrollment := azdps.IndividualEnrollment{RegistrationID: "a", Attestation: test.attestation}
			group := azdps.EnrollmentGroup{EnrollmentGroupID: "g", Attestation: test.attestation}
			good := azdps.IndividualEnrollment{RegistrationID: "b", Attestation: azdps.NewGeneratedKeyAttestation()}
			goodGroup := azdps.EnrollmentGroup{EnrollmentGroupID: "b", Attestation: azdps.NewGeneratedKeyAttestation()}

			_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(), enrollment, nil)
			test.require(t, err, "enrollment")
			_, err = client.EnrollmentGroups().CreateOrUpdate(t.Context(), group, nil)
			test.require(t, err, "group")
			for _, mode := range []azdps.BulkOperationMode{
				azdps.BulkOperationModeCreate, azdps.BulkOperationModeUpdate, azdps.BulkOperationModeUpdateIfMatchETag,
			} {
				_, err = client.IndividualEnrollments().RunBulkOperation(t.Context(), mode, []azdps.IndividualEnrollment{good, enrollment}, nil)
				test.require(t, err, "enrollments[1]")
				_, err = client.EnrollmentGroups().RunBulkOperation(t.Context(), mode, []azdps.EnrollmentGroup{goodGroup, group}, nil)
				test.require(t, err, "groups[1]")
			}
		})
	}
}

func (r attestationRefusal) require(t *testing.T, err error, parameter string) {
	t.Helper()
	requireInvalid(t, err, parameter+".Attestation"+r.member)
	assert.ErrorContains(t, err, r.problem)
	requireUnquoted(t, err, r.refused)
}

// TestAttestationByHandIsSent leaves to the service what only the service can judge.
func TestAttestationByHandIsSent(t *testing.T) {
	t.Parallel()
	m := newAttestationMaterial(t)
	unknown := map[string]json.RawMessage{"x": json.RawMessage(`1`)}
	for name, attestation := range map[string]azdps.AttestationMechanism{
		"keys to be made":             {Type: azdps.AttestationTypeSymmetricKey},
		"one key of the caller's":     withKeys("", stubKey),
		"PEM":                         withCertificate(m.pem),
		"PEM of a chain":              withCertificate(m.chain),
		"base64 of DER":               withCertificate(inBase64(m.der)),
		"base64 of PEM":               withCertificate(inBase64(m.pem)),
		"a type of a later version":   {Type: "passkey", AdditionalProperties: unknown},
		"certificates of a later one": withX509(azdps.X509Attestation{AdditionalProperties: unknown}),
		"a short TPM key":             withTPM("YQ==", ""),
		"a long name of a CA": withX509(azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{
			Primary: string(bytes.Repeat([]byte("long"), 50)),
		}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, transport := newStub(t, `{}`)
			_, err := client.IndividualEnrollments().CreateOrUpdate(t.Context(),
				azdps.IndividualEnrollment{RegistrationID: "a", Attestation: attestation}, nil)
			require.NoError(t, err)
			sent := jsonFollow(jsonValue(t, transport.last(t).body), jsonPath{"attestation"})
			assert.Equal(t, string(attestation.Type), sent["type"])
		})
	}
}
