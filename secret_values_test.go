package azdps_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// The secrets that are planted. Each begins with letters that nothing else has, so that a part of one is found too.
var (
	secretPrimary   = base64.StdEncoding.EncodeToString([]byte("Zqxprimary-0123456789"))
	secretSecondary = base64.StdEncoding.EncodeToString([]byte("Zqxsecondary-0123456789"))
	secretPolicyKey = base64.StdEncoding.EncodeToString([]byte("Zqxpolicy-0123456789"))
)

const (
	secretQuery     = "code=Zqxquery-0123456789"
	secretUser      = "Zqxuser:Zqxpassword"
	secretSignature = "SharedAccessSignature sr=host&sig=Zqxsignature-0123456789&se=1&skn=policy"
	secretWebhook   = "https://" + secretUser + "@hook.example/api?" + secretQuery + "#Zqxfragment"
)

// secretMark and its base64 begin each of the secrets.
const secretMark = "Zqx"

// secretTraces are what a printed secret looks like: as text, as base64, in hexadecimal and as the numbers of its bytes.
func secretTraces() []string {
	base64Mark := secretPrimary[:4] // of the three letters
	var traces []string
	for _, mark := range []string{secretMark, base64Mark} {
		digits := hex.EncodeToString([]byte(mark))
		var numbers, spaced, prefixed []string
		for _, c := range []byte(mark) {
			numbers = append(numbers, fmt.Sprint(c))
			spaced = append(spaced, fmt.Sprintf("%x", c))
			prefixed = append(prefixed, fmt.Sprintf("%#x", c))
		}
		traces = append(traces, mark, digits, strings.ToUpper(digits), strings.Join(numbers, " "), strings.Join(spaced, " "),
			strings.ToUpper(strings.Join(spaced, " ")), strings.Join(prefixed, " "), strings.Join(prefixed, ", "))
	}
	return traces
}

// secretIn returns the trace of a secret in a text, or nothing.
func secretIn(text string) string {
	for _, trace := range secretTraceList {
		if strings.Contains(text, trace) {
			return trace
		}
	}
	return ""
}

var secretTraceList = secretTraces()

// requireNoSecret requires a text to have no trace of a secret.
func requireNoSecret(t *testing.T, text string, what ...any) {
	t.Helper()
	require.Empty(t, secretIn(text), append([]any{text}, what...)...)
}

// secretFill puts secrets wherever a value has a place for one, and something into the rest.
func secretFill(value reflect.Value) {
	switch target := value.Addr().Interface().(type) {
	case *azdps.SymmetricKeyAttestation:
		target.PrimaryKey, target.SecondaryKey = secretPrimary, secretSecondary
		return
	case *azdps.CustomAllocationDefinition:
		target.WebhookURL, target.APIVersion = secretWebhook, "2019-03-31"
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				secretFill(value.Field(i))
			}
		}
	case reflect.Pointer:
		if value.Type().Elem().PkgPath() == reflect.TypeFor[azdps.InitialTwin]().PkgPath() {
			value.Set(reflect.New(value.Type().Elem()))
			secretFill(value.Elem())
		}
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Struct {
			value.Set(reflect.MakeSlice(value.Type(), 2, 2))
			secretFill(value.Index(0))
			secretFill(value.Index(1))
		}
	}
}

// secretValue is a value of an exported type, in the places where a caller may have it.
type secretValue struct {
	value, pointer any
	places         map[string]any
}

// secretOf makes a value of a type that needs no constructor.
func secretOf[T any]() secretValue {
	value := new(T)
	secretFill(reflect.ValueOf(value).Elem())
	return secretPlaces(value)
}

// The places that the exceptions below speak of.
const (
	secretUnexported      = "unexported field"
	secretUnexportedSlice = "unexported slice"
)

// secretPlaces puts a value into what a caller may print.
func secretPlaces[T any](value *T) secretValue {
	return secretValue{
		value: *value, pointer: value,
		places: map[string]any{
			"slice":               []T{*value},
			"slice of pointers":   []*T{value},
			"array":               [1]T{*value},
			"map":                 map[string]T{"a": *value},
			"map of pointers":     map[string]*T{"a": value},
			"list of anything":    []any{*value, value},
			"exported field":      struct{ X T }{*value},
			"exported pointer":    &struct{ X *T }{value},
			"exported interface":  struct{ X any }{*value},
			"embedded":            struct{ Embedded[T] }{Embedded[T]{*value}},
			secretUnexported:      struct{ x T }{*value},
			secretUnexportedSlice: struct{ x []T }{[]T{*value}},
			"unexported pointer":  &struct{ x *T }{value},
			"unexported anything": struct{ x any }{value},
		},
	}
}

// Embedded stands for a struct of the caller's within another.
type Embedded[T any] struct{ X T }

// secretTypes has every exported type of the package.
func secretTypes(t *testing.T) map[string]secretValue {
	t.Helper()
	credential, err := azdps.NewSharedAccessKeyCredential("policy", secretPolicyKey)
	require.NoError(t, err)
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+stubHost, credential, nil)
	require.NoError(t, err)
	signed, err := azdps.NewDeviceProvisioningClientWithSAS("https://"+stubHost, azcore.NewSASCredential(secretSignature), nil)
	require.NoError(t, err)
	connected, err := azdps.NewDeviceProvisioningClientFromConnectionString(
		"HostName="+stubHost+";SharedAccessKeyName=policy;SharedAccessKey="+secretPolicyKey, nil)
	require.NoError(t, err)
	return map[string]secretValue{
		"DeviceProvisioningClient":                         secretPlaces(client),
		"DeviceProvisioningClient with a signature":        secretPlaces(signed),
		"DeviceProvisioningClient by a connection string":  secretPlaces(connected),
		"IndividualEnrollmentsClient":                      secretPlaces(client.IndividualEnrollments()),
		"EnrollmentGroupsClient":                           secretPlaces(client.EnrollmentGroups()),
		"DeviceRegistrationStatesClient":                   secretPlaces(client.DeviceRegistrationStates()),
		"SharedAccessKeyCredential":                        secretPlaces(credential),
		"ClientOptions":                                    secretOf[azdps.ClientOptions](),
		"AllocationPolicy":                                 secretOf[azdps.AllocationPolicy](),
		"AttestationMechanism":                             secretOf[azdps.AttestationMechanism](),
		"AttestationType":                                  secretOf[azdps.AttestationType](),
		"BulkOperationError":                               secretOf[azdps.BulkOperationError](),
		"BulkOperationFailure":                             secretOf[azdps.BulkOperationFailure](),
		"BulkOperationMode":                                secretOf[azdps.BulkOperationMode](),
		"BulkOperationResult":                              secretOf[azdps.BulkOperationResult](),
		"CustomAllocationDefinition":                       secretOf[azdps.CustomAllocationDefinition](),
		"DeviceCapabilities":                               secretOf[azdps.DeviceCapabilities](),
		"DeviceRegistrationState":                          secretOf[azdps.DeviceRegistrationState](),
		"EnrollmentGroup":                                  secretOf[azdps.EnrollmentGroup](),
		"ErrorCode":                                        secretOf[azdps.ErrorCode](),
		"ErrorDetails":                                     secretOf[azdps.ErrorDetails](),
		"IndividualEnrollment":                             secretOf[azdps.IndividualEnrollment](),
		"InitialTwin":                                      secretOf[azdps.InitialTwin](),
		"InitialTwinProperties":                            secretOf[azdps.InitialTwinProperties](),
		"ProvisioningStatus":                               secretOf[azdps.ProvisioningStatus](),
		"RegistrationStatus":                               secretOf[azdps.RegistrationStatus](),
		"RegistrationSubstatus":                            secretOf[azdps.RegistrationSubstatus](),
		"ReprovisionPolicy":                                secretOf[azdps.ReprovisionPolicy](),
		"SymmetricKeyAttestation":                          secretOf[azdps.SymmetricKeyAttestation](),
		"TPMAttestation":                                   secretOf[azdps.TPMAttestation](),
		"TwinCollection":                                   secretOf[azdps.TwinCollection](),
		"X509Attestation":                                  secretOf[azdps.X509Attestation](),
		"X509CAReferences":                                 secretOf[azdps.X509CAReferences](),
		"X509CertificateInfo":                              secretOf[azdps.X509CertificateInfo](),
		"X509CertificateWithInfo":                          secretOf[azdps.X509CertificateWithInfo](),
		"X509Certificates":                                 secretOf[azdps.X509Certificates](),
		"IndividualEnrollmentsClientGetOptions":            secretOf[azdps.IndividualEnrollmentsClientGetOptions](),
		"IndividualEnrollmentsClientCreateOrUpdateOptions": secretOf[azdps.IndividualEnrollmentsClientCreateOrUpdateOptions](),
		"IndividualEnrollmentsClientUpdateOptions":         secretOf[azdps.IndividualEnrollmentsClientUpdateOptions](),
		"IndividualEnrollmentsClientDeleteOptions":         secretOf[azdps.IndividualEnrollmentsClientDeleteOptions](),
		"IndividualEnrollmentsClientGetAttestationMechanismOptions":  secretOf[azdps.IndividualEnrollmentsClientGetAttestationMechanismOptions](),
		"IndividualEnrollmentsClientRunBulkOperationOptions":         secretOf[azdps.IndividualEnrollmentsClientRunBulkOperationOptions](),
		"IndividualEnrollmentsClientQueryOptions":                    secretOf[azdps.IndividualEnrollmentsClientQueryOptions](),
		"IndividualEnrollmentsClientAllOptions":                      secretOf[azdps.IndividualEnrollmentsClientAllOptions](),
		"EnrollmentGroupsClientGetOptions":                           secretOf[azdps.EnrollmentGroupsClientGetOptions](),
		"EnrollmentGroupsClientCreateOrUpdateOptions":                secretOf[azdps.EnrollmentGroupsClientCreateOrUpdateOptions](),
		"EnrollmentGroupsClientUpdateOptions":                        secretOf[azdps.EnrollmentGroupsClientUpdateOptions](),
		"EnrollmentGroupsClientDeleteOptions":                        secretOf[azdps.EnrollmentGroupsClientDeleteOptions](),
		"EnrollmentGroupsClientGetAttestationMechanismOptions":       secretOf[azdps.EnrollmentGroupsClientGetAttestationMechanismOptions](),
		"EnrollmentGroupsClientRunBulkOperationOptions":              secretOf[azdps.EnrollmentGroupsClientRunBulkOperationOptions](),
		"EnrollmentGroupsClientQueryOptions":                         secretOf[azdps.EnrollmentGroupsClientQueryOptions](),
		"EnrollmentGroupsClientAllOptions":                           secretOf[azdps.EnrollmentGroupsClientAllOptions](),
		"DeviceRegistrationStatesClientGetOptions":                   secretOf[azdps.DeviceRegistrationStatesClientGetOptions](),
		"DeviceRegistrationStatesClientDeleteOptions":                secretOf[azdps.DeviceRegistrationStatesClientDeleteOptions](),
		"DeviceRegistrationStatesClientQueryOptions":                 secretOf[azdps.DeviceRegistrationStatesClientQueryOptions](),
		"DeviceRegistrationStatesClientAllOptions":                   secretOf[azdps.DeviceRegistrationStatesClientAllOptions](),
		"IndividualEnrollmentsClientGetResponse":                     secretOf[azdps.IndividualEnrollmentsClientGetResponse](),
		"IndividualEnrollmentsClientCreateOrUpdateResponse":          secretOf[azdps.IndividualEnrollmentsClientCreateOrUpdateResponse](),
		"IndividualEnrollmentsClientUpdateResponse":                  secretOf[azdps.IndividualEnrollmentsClientUpdateResponse](),
		"IndividualEnrollmentsClientDeleteResponse":                  secretOf[azdps.IndividualEnrollmentsClientDeleteResponse](),
		"IndividualEnrollmentsClientGetAttestationMechanismResponse": secretOf[azdps.IndividualEnrollmentsClientGetAttestationMechanismResponse](),
		"IndividualEnrollmentsClientRunBulkOperationResponse":        secretOf[azdps.IndividualEnrollmentsClientRunBulkOperationResponse](),
		"IndividualEnrollmentsClientQueryResponse":                   secretOf[azdps.IndividualEnrollmentsClientQueryResponse](),
		"EnrollmentGroupsClientGetResponse":                          secretOf[azdps.EnrollmentGroupsClientGetResponse](),
		"EnrollmentGroupsClientCreateOrUpdateResponse":               secretOf[azdps.EnrollmentGroupsClientCreateOrUpdateResponse](),
		"EnrollmentGroupsClientUpdateResponse":                       secretOf[azdps.EnrollmentGroupsClientUpdateResponse](),
		"EnrollmentGroupsClientDeleteResponse":                       secretOf[azdps.EnrollmentGroupsClientDeleteResponse](),
		"EnrollmentGroupsClientGetAttestationMechanismResponse":      secretOf[azdps.EnrollmentGroupsClientGetAttestationMechanismResponse](),
		"EnrollmentGroupsClientRunBulkOperationResponse":             secretOf[azdps.EnrollmentGroupsClientRunBulkOperationResponse](),
		"EnrollmentGroupsClientQueryResponse":                        secretOf[azdps.EnrollmentGroupsClientQueryResponse](),
		"DeviceRegistrationStatesClientGetResponse":                  secretOf[azdps.DeviceRegistrationStatesClientGetResponse](),
		"DeviceRegistrationStatesClientDeleteResponse":               secretOf[azdps.DeviceRegistrationStatesClientDeleteResponse](),
		"DeviceRegistrationStatesClientQueryResponse":                secretOf[azdps.DeviceRegistrationStatesClientQueryResponse](),
	}
}
