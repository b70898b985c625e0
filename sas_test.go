package azdps_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// sasRequire requires a token to be signed with a key and to be valid for about an hour.
func sasRequire(t *testing.T, token, host, policyName, key string) {
	t.Helper()
	members, err := url.ParseQuery(strings.TrimPrefix(token, "SharedAccessSignature "))
	require.NoError(t, err)
	end, err := strconv.ParseInt(members.Get("se"), 10, 64)
	require.NoError(t, err, token)
	assert.InDelta(t, time.Now().Add(time.Hour).Unix(), end, 60)
	want, err := azdps.GenerateSASToken(host, policyName, key, time.Unix(end, 0))
	require.NoError(t, err)
	assert.Equal(t, want, token)
}

// TestSASTokenVectors has tokens that were computed by other SDKs.
func TestSASTokenVectors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ audience, policyName, want string }{
		{
			"example.azure-devices-provisioning.net", "provisioningserviceowner",
			"SharedAccessSignature sr=example.azure-devices-provisioning.net&sig=LeudBzWVfZQMeYC7JXvArSveKf6kP8wckuJ4I4hv5BM%3D" +
				"&se=1700000000&skn=provisioningserviceowner",
		},
		{
			"https://example.azure-devices-provisioning.net", "provisioningserviceowner",
			"SharedAccessSignature sr=https%3A%2F%2Fexample.azure-devices-provisioning.net" +
				"&sig=bHbDJGG8STMr9L1S4BixhOfvVzB4NQwyOIlwBo9eS7Y%3D&se=1700000000&skn=provisioningserviceowner",
		},
		{
			"0ne00000000/registrations/dev-1", "registration",
			"SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fdev-1&sig=H%2FNFDNemqJYTaPd6rr1Yvpl9xg9RqGsKJ5VxaOLtdXU%3D" +
				"&se=1700000000&skn=registration",
		},
	} {
		t.Run(test.audience, func(t *testing.T) {
			t.Parallel()
			for _, expiry := range []time.Time{
				time.Unix(1700000000, 0), time.Unix(1700000000, 999999999), time.Unix(1700000000, 0).In(time.FixedZone("", 3600)),
			} {
				token, err := azdps.GenerateSASToken(test.audience, test.policyName, stubKey, expiry)
				require.NoError(t, err)
				assert.Equal(t, test.want, token)
			}
		})
	}
}

func TestSASDerivedKeyVectors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ groupKey, registrationID, want string }{
		{stubKey, "dev-1", "OMh199of2VbMZydm9WzziAMshZm/6i8BTTfCPw6adZM="},
		{
			"8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==",
			"sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=",
		},
	} {
		key, err := azdps.DeriveDeviceKey(test.groupKey, test.registrationID)
		require.NoError(t, err)
		assert.Equal(t, test.want, key)
		other, err := azdps.DeriveDeviceKey(test.groupKey, strings.ToUpper(test.registrationID))
		require.NoError(t, err)
		assert.NotEqual(t, test.want, other, "the case of the id counts")
	}
}

// sasBadKeys are no keys, each with what the error says.
func sasBadKeys() map[string]string {
	return map[string]string{
		"": "must not be empty", "\r\n": "must not be empty", "hunter2-is-a-bad-password": "must be base64",
		strings.TrimRight(stubKey, "="): "must be base64", "_-8_": "must be base64",
	}
}

func TestSASRefuses(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Minute)
	for _, test := range []struct {
		parameter, audience, policyName, key string
		expiry                               time.Time
	}{
		{"audience", "", "policy", stubKey, soon},
		{"policyName", "host", "", stubKey, soon},
		{"expiry", "host", "policy", stubKey, time.Time{}},
	} {
		token, err := azdps.GenerateSASToken(test.audience, test.policyName, test.key, test.expiry)
		requireInvalid(t, err, test.parameter)
		assert.Empty(t, token)
		assert.NotContains(t, err.Error(), stubKey)
	}
	for key, problem := range sasBadKeys() {
		_, tokenError := azdps.GenerateSASToken("host", "policy", key, soon)
		requireInvalid(t, tokenError, "key")
		_, deviceError := azdps.DeriveDeviceKey(key, "dev-1")
		requireInvalid(t, deviceError, "groupKey")
		credential, credentialError := azdps.NewSharedAccessKeyCredential("policy", key)
		requireInvalid(t, credentialError, "key")
		assert.Nil(t, credential)
		for _, err := range []error{tokenError, deviceError, credentialError} {
			assert.ErrorContains(t, err, problem)
			requireUnquoted(t, err, key)
		}
	}
	_, err := azdps.DeriveDeviceKey(stubKey, "no/id")
	requireInvalid(t, err, "registrationID")
	_, err = azdps.NewSharedAccessKeyCredential("", stubKey)
	requireInvalid(t, err, "policyName")
}

// TestSASCredentialUpdate replaces the key of a client that is in use.
func TestSASCredentialUpdate(t *testing.T) {
	t.Parallel()
	const policyName = "a policy & more"
	other := inBase64("another key of 32 bytes or so...")
	credential, err := azdps.NewSharedAccessKeyCredential(policyName, stubKey)
	require.NoError(t, err)
	transport := &stubTransport{status: 200, answer: `{}`}
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://STUB.azure-devices-provisioning.net:443", credential, stubOptions(transport))
	require.NoError(t, err)
	requireSigned := func(key string) {
		t.Helper()
		_, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
		require.NoError(t, err)
		sasRequire(t, transport.last(t).header.Get("Authorization"), stubHost, policyName, key)
	}
	requireSigned(stubKey)
	require.NoError(t, credential.Update(other))
	requireSigned(other)
	for key := range sasBadKeys() {
		requireInvalid(t, credential.Update(key), "key")
	}
	requireSigned(other)
	assert.Equal(t, "{PolicyName:a policy & more Key:REDACTED}", fmt.Sprint(credential))
}

func TestSASCredentialByHand(t *testing.T) {
	t.Parallel()
	for _, credential := range []*azdps.SharedAccessKeyCredential{nil, {}} {
		_, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey("https://"+stubHost, credential, nil)
		requireInvalid(t, err, "credential")
		assert.ErrorContains(t, err, "must be made with NewSharedAccessKeyCredential")
	}
}
