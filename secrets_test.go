package azdps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// TestSecretTypesAreComplete keeps a new type from being forgotten.
func TestSecretTypesAreComplete(t *testing.T) {
	t.Parallel()
	exported := make(map[string]bool)
	sourceSpecs(t, token.TYPE, func(spec ast.Spec) {
		if name := spec.(*ast.TypeSpec).Name; name.IsExported() {
			exported[name.Name] = true
		}
	})
	tested := make(map[string]bool)
	for name := range secretTypes(t) {
		name, _, _ = strings.Cut(name, " ")
		tested[name] = true
	}
	assert.Equal(t, exported, tested, "each exported type belongs into secretTypes")
}

// TestSecretsArePlanted proves that the walk looks at values that have secrets, and would see them.
func TestSecretsArePlanted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"SymmetricKeyAttestation", "CustomAllocationDefinition", "AttestationMechanism", "IndividualEnrollment", "EnrollmentGroup",
		"IndividualEnrollmentsClientQueryResponse", "EnrollmentGroupsClientGetAttestationMechanismResponse",
	} {
		value, err := json.Marshal(secretTypes(t)[name].value)
		require.NoError(t, err)
		assert.NotEmpty(t, secretIn(string(value)), "%s: %s", name, value)
	}
	for _, format := range []string{"%s", "%q", "%x", "%X", "% x", "% X", "%# x", "%#x"} {
		for _, secret := range []string{secretPrimary, secretWebhook, secretSignature} {
			assert.NotEmpty(t, secretIn(fmt.Sprintf(format, secret[strings.IndexAny(secret, "ZW"):])), format)
		}
	}
	assert.NotEmpty(t, secretIn(fmt.Sprintf("%v", []byte(secretMark))))
	assert.NotEmpty(t, secretIn(fmt.Sprintf("%#v", []byte(secretMark))))
}

// secretExceptions are the ways of printing that show a secret, because package fmt leaves a type no say in them.
var secretExceptions = []struct {
	reason string
	holds  func(typeName, place string, verb rune) bool
}{
	{
		"fmt calls no method of a value that it reaches through an unexported field, so the two types with the secrets are printed" +
			" as any struct; behind a pointer, as in the records, an address is printed, but by a verb that pointers do not have" +
			" the value again",
		func(typeName, place string, verb rune) bool {
			asStruct := secretBare(typeName) && (place == secretUnexported || place == secretUnexportedSlice)
			return strings.HasPrefix(place, "unexported") && (asStruct || !strings.ContainsRune("vpbdoxXT", verb))
		},
	},
	{
		"fmt calls no method while it reports a wrong verb, which %p is for what is no pointer and %w outside of errors; go vet" +
			" refuses both",
		func(typeName, _ string, verb rune) bool { return secretBare(typeName) && (verb == 'p' || verb == 'w') },
	},
}

// secretBare names the types whose own fields are secrets.
func secretBare(typeName string) bool {
	return typeName == "SymmetricKeyAttestation" || typeName == "CustomAllocationDefinition"
}

// secretFormats are all verbs that fmt could have, and the usual ones with flags, a width and a precision.
func secretFormats() map[string]rune {
	formats := map[string]rune{"no verb": 'v', "%": '%', "%!": '!', "%*d": 'd', "%[3]v": 'v', "%v %v": 'v'} // wrong ones
	for verb := 'A'; verb <= 'z'; verb++ {
		if verb <= 'Z' || 'a' <= verb {
			formats["%"+string(verb)] = verb
		}
	}
	for _, flags := range []string{"+", "#", " ", "+#", "# ", "-", "0", "60", ".4", "-060.8"} {
		for _, verb := range "vsqxXdTp" {
			formats["%"+flags+string(verb)] = verb
		}
	}
	return formats
}

// TestSecretsInFormat prints each exported type in each place with each verb.
func TestSecretsInFormat(t *testing.T) {
	t.Parallel()
	formats := secretFormats()
	for typeName, value := range secretTypes(t) {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			places := value.places
			places["value"], places["pointer"] = value.value, value.pointer
			for place, printed := range places {
				for format, verb := range formats {
					if !secretExcepted(typeName, place, verb) {
						requireNoSecret(t, fmt.Sprintf(format, printed), place, format)
					}
				}
				if !secretExcepted(typeName, place, 'v') {
					requireNoSecret(t, fmt.Sprint(printed, printed)+fmt.Sprintln(printed), place)
					requireNoSecret(t, fmt.Errorf("broken: %v", printed).Error(), place)
				}
			}
		})
	}
}

func secretExcepted(typeName, place string, verb rune) bool {
	for _, exception := range secretExceptions {
		if exception.holds(typeName, place, verb) {
			return true
		}
	}
	return false
}

// TestSecretExceptionsAreNeeded ends an exception when fmt or the package gets better.
func TestSecretExceptionsAreNeeded(t *testing.T) {
	t.Parallel()
	value := secretTypes(t)["SymmetricKeyAttestation"]
	enrollment := secretTypes(t)["IndividualEnrollment"]
	assert.NotEmpty(t, secretIn(fmt.Sprintf("%v", value.places[secretUnexported])), secretExceptions[0].reason)
	assert.NotEmpty(t, secretIn(fmt.Sprintf("%s", enrollment.places[secretUnexported])), secretExceptions[0].reason)
	assert.NotEmpty(t, secretIn(fmt.Sprintf("%"+"p", value.value)), secretExceptions[1].reason)
	assert.NotEmpty(t, secretIn(string(jsonEncode(t, value.value))), "the JSON is complete")
}

// TestSecretsInSlog logs the value and the pointer of each exported type. The JSON handler has one exception, which is not
// looked at: the values within a slice, a map or a struct of the caller's, where package slog asks encoding/json, and the JSON
// of the models is complete because it is what is sent.
func TestSecretsInSlog(t *testing.T) {
	t.Parallel()
	for typeName, value := range secretTypes(t) {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			requireNoSecret(t, secretLogged(t, true, value.value, value.pointer), "JSON")
			requireNoSecret(t, secretLogged(t, false, value.value, value.pointer), "text")
			for place, logged := range value.places {
				if !secretExcepted(typeName, place, 'v') {
					requireNoSecret(t, secretLogged(t, false, logged), "text", place)
				}
			}
		})
	}
}

// secretLogged is what slog writes of values, alone, in a group and by a logger that has them.
func secretLogged(t *testing.T, asJSON bool, values ...any) string {
	t.Helper()
	var buffer bytes.Buffer
	var handler slog.Handler = slog.NewTextHandler(&buffer, nil)
	if asJSON {
		handler = slog.NewJSONHandler(&buffer, nil)
	}
	for _, value := range values {
		logger := slog.New(handler)
		logger.Info("alone", "value", value)
		logger.Info("in a group", slog.Group("group", slog.Any("value", value)))
		logger.With("value", value).WithGroup("g").Info("by the logger")
	}
	require.NotEmpty(t, buffer.String())
	require.NotContains(t, buffer.String(), "panicked")
	return buffer.String()
}

// TestSecretsLeaveTheRest proves that hiding secrets does not hide what helps.
func TestSecretsLeaveTheRest(t *testing.T) {
	t.Parallel()
	keys := azdps.SymmetricKeyAttestation{PrimaryKey: secretPrimary}
	assert.Equal(t, "{PrimaryKey:REDACTED SecondaryKey:}", fmt.Sprint(keys))
	assert.Equal(t, "<nil>", fmt.Sprint((*azdps.SymmetricKeyAttestation)(nil)))
	for url, want := range map[string]string{
		"https://hook.example/api":      "https://hook.example/api",
		"":                              "",
		secretWebhook:                   "https://hook.example/api?REDACTED",
		"https://hook.example/?":        "https://hook.example/",
		"mailto:" + secretUser:          "REDACTED",
		"https://h\x7f/?" + secretQuery: "REDACTED",
	} {
		definition := azdps.CustomAllocationDefinition{WebhookURL: url, APIVersion: "2019-03-31"}
		assert.Equal(t, "{WebhookURL:"+want+" APIVersion:2019-03-31}", fmt.Sprintf("%+v", definition))
		assert.Contains(t, secretLogged(t, true, definition), `{"webhookUrl":"`+want+`","apiVersion":"2019-03-31"}`)
	}
	enrollment := azdps.IndividualEnrollment{
		RegistrationID: "device-1", DeviceID: "hub-device", ETag: "e1", ProvisioningStatus: azdps.ProvisioningStatusDisabled,
		Attestation: azdps.AttestationMechanism{Type: azdps.AttestationTypeSymmetricKey, SymmetricKey: &keys},
	}
	assert.Contains(t, secretLogged(t, true, enrollment), `{"registrationId":"device-1","deviceId":"hub-device",`+
		`"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"REDACTED","secondaryKey":""}},"etag":"e1","provisioningStatus":"disabled"}`)
	group := azdps.EnrollmentGroup{EnrollmentGroupID: "g", Attestation: azdps.AttestationMechanism{
		Type: azdps.AttestationTypeX509,
		X509: &azdps.X509Attestation{
			SigningCertificates: &azdps.X509Certificates{Primary: &azdps.X509CertificateWithInfo{Info: &azdps.X509CertificateInfo{SHA256Thumbprint: "AB"}}},
			CAReferences:        &azdps.X509CAReferences{Primary: "ca1"},
		},
	}}
	assert.Contains(t, secretLogged(t, true, &group), `"attestation":{"type":"x509","signingCertificates":{"primary":"AB","secondary":""},`+
		`"caReferences":{"primary":"ca1","secondary":""}}`)
	page := azdps.EnrollmentGroupsClientQueryResponse{Items: []azdps.EnrollmentGroup{group}, ContinuationToken: "c"}
	assert.Contains(t, secretLogged(t, true, page), `{"items":1,"more":true}`)
	assert.Contains(t, secretLogged(t, false, azdps.IndividualEnrollmentsClientQueryResponse{}), "value.items=0 value.more=false")
	credential, err := azdps.NewSharedAccessKeyCredential("policy", secretPolicyKey)
	require.NoError(t, err)
	assert.Equal(t, "{PolicyName:policy Key:REDACTED}", fmt.Sprintf("%#v", credential))
	assert.Equal(t, "<nil>", fmt.Sprintf("%v", (*azdps.SharedAccessKeyCredential)(nil)))
}

// secretPanicEnv makes the test binary panic with the value of the type that it names.
const secretPanicEnv = "AZDPS_TEST_PANIC"

// TestSecretsInPanic looks at what the runtime prints of a value that a program panics with: the test runs itself.
func TestSecretsInPanic(t *testing.T) {
	t.Parallel()
	types := secretTypes(t)
	if name := os.Getenv(secretPanicEnv); name != "" {
		panic(types[name].value)
	}
	for _, name := range []string{"SymmetricKeyAttestation", "CustomAllocationDefinition", "IndividualEnrollmentsClientGetResponse"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSecretsInPanic$")
			command.Env = append(os.Environ(), secretPanicEnv+"="+name)
			printed, err := command.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Contains(t, string(printed), "panic: ")
			require.Contains(t, string(printed), "azdps."+name)
			requireNoSecret(t, string(printed))
		})
	}
}

// TestSecretsInErrorsOfCalls prints the errors of calls whose requests had secrets in their bodies and headers.
func TestSecretsInErrorsOfCalls(t *testing.T) {
	t.Parallel()
	types := secretTypes(t)
	enrollment := types["IndividualEnrollment"].value.(azdps.IndividualEnrollment)
	enrollment.RegistrationID, enrollment.Attestation = "a", azdps.NewGeneratedKeyAttestation()
	enrollment.Attestation.SymmetricKey.PrimaryKey = secretPrimary
	group := types["EnrollmentGroup"].value.(azdps.EnrollmentGroup)
	group.EnrollmentGroupID, group.Attestation = "g", enrollment.Attestation
	for name, transport := range map[string]interface {
		Do(*http.Request) (*http.Response, error)
	}{
		"400":          &stubTransport{status: http.StatusBadRequest, answer: `{"errorCode":400004,"message":"Bad Request"}`},
		"401":          &stubTransport{status: http.StatusUnauthorized},
		"409":          &stubTransport{status: http.StatusConflict, answer: `<html>`},
		"no JSON":      &stubTransport{status: http.StatusOK, answer: `<html>`},
		"refused bulk": &stubTransport{status: http.StatusOK, answer: `{"isSuccessful":false,"errors":[{"registrationId":"a","errorCode":1}]}`},
		"no answer":    secretBroken{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := azdps.NewDeviceProvisioningClientFromConnectionString(
				"HostName="+stubHost+";SharedAccessKeyName=policy;SharedAccessKey="+secretPolicyKey, stubOptions(transport))
			require.NoError(t, err)
			_, putError := client.IndividualEnrollments().CreateOrUpdate(t.Context(), enrollment, nil)
			_, groupError := client.EnrollmentGroups().CreateOrUpdate(t.Context(), group, nil)
			_, bulkError := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeUpdate,
				[]azdps.IndividualEnrollment{enrollment}, nil)
			if name != "refused bulk" {
				require.Error(t, putError)
				require.Error(t, groupError)
			}
			require.Error(t, bulkError)
			for _, err := range []error{putError, groupError, bulkError} {
				for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					printed := fmt.Sprintf(format, err) + fmt.Sprintf(format, errors.Unwrap(err))
					requireNoSecret(t, printed, format)
					require.NotContains(t, printed, "SharedAccessSignature")
				}
				requireNoSecret(t, secretLogged(t, true, err)+secretLogged(t, false, err))
			}
		})
	}
}

// secretBroken is a connection that breaks.
type secretBroken struct{}

// Do implements policy.Transporter.
func (secretBroken) Do(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection reset by peer")
}
