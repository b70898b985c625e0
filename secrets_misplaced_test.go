package azdps_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// misplacedSecrets are what people paste, whole and spoilt in the ways of copying.
func misplacedSecrets(t *testing.T) map[string]string {
	t.Helper()
	connectionString := "HostName=my-dps.azure-devices-provisioning.net;SharedAccessKeyName=policy;SharedAccessKey=" + secretPolicyKey
	return map[string]string{
		"key":                             secretPrimary,
		"key without its end":             secretPrimary[:len(secretPrimary)-3] + "!",
		"key with a line feed":            secretPrimary + "\n",
		"signature":                       secretSignature,
		"signature in two lines":          "SharedAccessSignature\nsr=host&sig=Zqxsignature&se=1&skn=policy",
		"bearer token":                    "Bearer Zqx.token.signature",
		"connection string":               connectionString,
		"connection string, key twice":    connectionString + ";SharedAccessKey=" + secretPrimary,
		"connection string of a hub":      "HostName=hub.azure-devices.net;SharedAccessKeyName=p;SharedAccessKey=" + secretPrimary,
		"connection string of a device":   "HostName=hub.azure-devices.net;DeviceId=d;SharedAccessKey=" + secretPrimary,
		"connection string, key not base": "HostName=my-dps.azure-devices-provisioning.net;SharedAccessKeyName=p;SharedAccessKey=" + secretMark + "!",
		"connection string, quoted":       `"` + connectionString + `"`,
		"connection string as a host":     "HostName=" + secretPolicyKey + ";SharedAccessKeyName=policy;SharedAccessKey=" + secretPrimary,
		"connection string, no names":     secretPolicyKey + ";" + secretPrimary,
		"URL of a webhook":                secretWebhook,
		"URL that is none":                "https://h\x7f/?" + secretQuery,
		"private key":                     misplacedPrivateKey(t),
		"private key, cut off":            misplacedPrivateKey(t)[:100],
	}
}

// misplacedPrivateKey is the PEM of a private key, with a header that the traces find.
func misplacedPrivateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Comment": secretMark}, Bytes: append([]byte(secretMark), der...)}))
}

// misplaced is a place where a secret may end up: a parameter of everything that takes text.
type misplaced struct {
	place string
	put   func(t *testing.T, secret string) error
}

// misplacedAttestation sends an enrollment with an attestation.
func misplacedAttestation(t *testing.T, attestation azdps.AttestationMechanism) error {
	t.Helper()
	record := azdps.IndividualEnrollment{RegistrationID: "a", Attestation: attestation}
	_, err := newSilentOrRefusing(t).IndividualEnrollments().CreateOrUpdate(t.Context(), record, nil)
	return err
}

// newSilentOrRefusing makes a client whose requests, if there are any, are refused with what the service says of them.
func newSilentOrRefusing(t *testing.T) *azdps.DeviceProvisioningClient {
	t.Helper()
	return newStubClient(t, &stubTransport{status: 400, answer: `{"errorCode":400004,"message":"Bad Request"}`})
}

// misplacedCertificate sends text as a certificate.
func misplacedCertificate(t *testing.T, secret string) error {
	t.Helper()
	return misplacedAttestation(t, azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, X509: &azdps.X509Attestation{
		ClientCertificates: &azdps.X509Certificates{Primary: &azdps.X509CertificateWithInfo{Certificate: secret}},
	}})
}

var misplacedIn = []misplaced{
	{"policy name", func(_ *testing.T, s string) error {
		_, err := azdps.NewSharedAccessKeyCredential(s, "policy")
		return err
	}},
	{"key", func(_ *testing.T, s string) error {
		_, err := azdps.NewSharedAccessKeyCredential("policy", s)
		return err
	}},
	{"key of Update", func(t *testing.T, s string) error {
		credential, err := azdps.NewSharedAccessKeyCredential("policy", stubKey)
		require.NoError(t, err)
		return credential.Update(s)
	}},
	{"connection string", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClientFromConnectionString(s, nil)
		return err
	}},
	{"key of a connection string", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClientFromConnectionString("HostName=h;SharedAccessKeyName=p;SharedAccessKey="+s, nil)
		return err
	}},
	{"host of a connection string", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClientFromConnectionString("SharedAccessKeyName=p;SharedAccessKey="+stubKey+";HostName="+s, nil)
		return err
	}},
	{"endpoint", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClient(s, misplacedToken{}, nil)
		return err
	}},
	{"host of the endpoint", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClient("https://"+s, misplacedToken{}, nil)
		return err
	}},
	{"query of the endpoint", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClient("https://host?"+s, misplacedToken{}, nil)
		return err
	}},
	{"user of the endpoint", func(_ *testing.T, s string) error {
		_, err := azdps.NewDeviceProvisioningClient("https://"+s+"@host", misplacedToken{}, nil)
		return err
	}},
	{"shared access signature", func(t *testing.T, s string) error {
		client, err := azdps.NewDeviceProvisioningClientWithSAS("https://"+stubHost, azcore.NewSASCredential(s), stubOptions(&stubTransport{status: 401}))
		require.NoError(t, err)
		_, err = client.IndividualEnrollments().Get(t.Context(), "a", nil)
		return err
	}},
	{"audience", func(_ *testing.T, s string) error {
		_, err := azdps.GenerateSASToken(s, "policy", "no base64", time.Now())
		return err
	}},
	{"policy name of a token", func(_ *testing.T, s string) error {
		_, err := azdps.GenerateSASToken("host", s, "no base64", time.Now())
		return err
	}},
	{"key of a token", func(_ *testing.T, s string) error {
		_, err := azdps.GenerateSASToken("host", "policy", s, time.Now())
		return err
	}},
	{"group key", func(_ *testing.T, s string) error {
		_, err := azdps.DeriveDeviceKey(s, "a")
		return err
	}},
	{"registration id of a derived key", func(_ *testing.T, s string) error {
		_, err := azdps.DeriveDeviceKey(stubKey, s)
		return err
	}},
	{"primary key", func(_ *testing.T, s string) error {
		_, err := azdps.NewSymmetricKeyAttestation(s, stubKey)
		return err
	}},
	{"secondary key", func(_ *testing.T, s string) error {
		_, err := azdps.NewSymmetricKeyAttestation(stubKey, s)
		return err
	}},
	{"endorsement key", func(_ *testing.T, s string) error {
		_, err := azdps.NewTPMAttestation(s, s)
		return err
	}},
	{"CA reference", func(t *testing.T, s string) error {
		attestation, err := azdps.NewX509CAReferenceAttestation(s, s)
		if err != nil {
			return err
		}
		return misplacedAttestation(t, attestation)
	}},
	{"certificate to parse", func(_ *testing.T, s string) error {
		_, err := azdps.ParseCertificate([]byte(s))
		return err
	}},
	{"certificate to send", misplacedCertificate},
	{"keys to send", func(t *testing.T, s string) error {
		return misplacedAttestation(t, azdps.AttestationMechanism{Type: azdps.AttestationTypeSymmetricKey, SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: s, SecondaryKey: s}})
	}},
	{"endorsement key to send", func(t *testing.T, s string) error {
		return misplacedAttestation(t, azdps.AttestationMechanism{Type: azdps.AttestationTypeTPM, TPM: &azdps.TPMAttestation{EndorsementKey: s}})
	}},
	{"type of an attestation", func(t *testing.T, s string) error {
		return misplacedAttestation(t, azdps.AttestationMechanism{Type: azdps.AttestationType(s)})
	}},
	{"id to get", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().Get(t.Context(), s+" ", nil)
		return err
	}},
	{"id of a group to get", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).EnrollmentGroups().Get(t.Context(), s+" ", nil)
		return err
	}},
	{"id to delete", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().Delete(t.Context(), s+" ", nil)
		return err
	}},
	{"id whose keys are asked for", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).EnrollmentGroups().GetAttestationMechanism(t.Context(), s+" ", nil)
		return err
	}},
	{"id to update", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().Update(t.Context(), s+" ", func(*azdps.IndividualEnrollment) error { return nil }, nil)
		return err
	}},
	{"id of a registration", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).DeviceRegistrationStates().Get(t.Context(), s+" ", nil)
		return err
	}},
	{"group whose registrations are listed", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).DeviceRegistrationStates().NewQueryPager(s+" ", nil).NextPage(t.Context())
		return err
	}},
	{"id to send", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().CreateOrUpdate(t.Context(), newEnrollment(s+" "), nil)
		return err
	}},
	{"id in bulk", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete, []azdps.IndividualEnrollment{{RegistrationID: s + " "}}, nil)
		return err
	}},
	{"mode of a bulk operation", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationMode(s), []azdps.IndividualEnrollment{newEnrollment("a")}, nil)
		return err
	}},
	{"key in bulk", func(t *testing.T, s string) error {
		record := newEnrollment("a")
		record.Attestation.SymmetricKey.PrimaryKey = s + "!"
		_, err := newSilentOrRefusing(t).IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate, []azdps.IndividualEnrollment{record}, nil)
		return err
	}},
	{"ETag", func(t *testing.T, s string) error {
		options := &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: new(azcore.ETag(s))}
		_, err := newSilentOrRefusing(t).IndividualEnrollments().Delete(t.Context(), "a", options)
		return err
	}},
	{"continuation token", func(t *testing.T, s string) error {
		options := &azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: s}
		_, err := newSilentOrRefusing(t).IndividualEnrollments().NewQueryPager(options).NextPage(t.Context())
		return err
	}},
	{"continuation token of registrations", func(t *testing.T, s string) error {
		options := &azdps.DeviceRegistrationStatesClientQueryOptions{ContinuationToken: s + "\n"}
		_, err := newSilentOrRefusing(t).DeviceRegistrationStates().NewQueryPager("g", options).NextPage(t.Context())
		return err
	}},
	{"query", func(t *testing.T, s string) error {
		_, err := newSilentOrRefusing(t).EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{Query: s}).NextPage(t.Context())
		return err
	}},
	{"URL of a webhook", func(t *testing.T, s string) error {
		record := newEnrollment("a")
		record.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: s}
		_, err := newSilentOrRefusing(t).IndividualEnrollments().CreateOrUpdate(t.Context(), record, nil)
		return err
	}},
	{"audience of the cloud", func(t *testing.T, s string) error {
		options := stubOptions(&stubTransport{status: 401})
		options.Cloud.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{azdps.ServiceName: {Audience: s}}
		client, err := azdps.NewDeviceProvisioningClient("https://"+stubHost, misplacedToken{}, options)
		if err != nil {
			return err
		}
		_, err = client.EnrollmentGroups().Get(t.Context(), "a", nil)
		return err
	}},
}

// TestSecretsInTheWrongPlace puts each secret into each parameter and looks at the error. What is no error was taken, which
// only the service could tell.
func TestSecretsInTheWrongPlace(t *testing.T) {
	t.Parallel()
	secrets := misplacedSecrets(t)
	for _, place := range misplacedIn {
		t.Run(place.place, func(t *testing.T) {
			t.Parallel()
			refused := 0
			for name, secret := range secrets {
				err := place.put(t, secret)
				if err == nil {
					continue
				}
				refused++
				for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					requireNoSecret(t, fmt.Sprintf(format, err), name)
				}
				requireNoSecret(t, secretLogged(t, true, err)+secretLogged(t, false, err), name)
			}
			require.Positive(t, refused, "nothing was looked at")
		})
	}
}

// misplacedToken is a credential whose tokens are secrets.
type misplacedToken struct{}

// GetToken implements azcore.TokenCredential.
func (misplacedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: secretMark + ".token.signature", ExpiresOn: time.Now().Add(time.Hour)}, nil
}
