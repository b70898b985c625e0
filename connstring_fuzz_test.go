package azdps_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// FuzzConnectionString gives any text as a connection string.
//
//   - One that is refused is refused for its form: its error is the same, letter by letter, if its secrets were others.
//   - One that is taken gives requests that go to the host in it and nowhere else, over https, and that are signed with its
//     policy and key or carry its signature. Written again in the order of the portal, it gives the same.
func FuzzConnectionString(f *testing.F) {
	for _, seed := range []string{
		connHost + ";" + connPolicy + ";" + connKey, connHost + ";" + connSAS, connSAS + ";" + connHost + ";" + connPolicy,
		" \n" + connHost + " ; " + connPolicy + ";\r\n SharedAccessKey = " + stubKey + " ;;\n",
		"", ";", "=", "HostName", "HostName=;", `"` + connHost + `"`, connHost + ";" + connHost,
		connHost + ";DeviceId=d;" + connKey, "Endpoint=sb://a.servicebus.windows.net/;" + connPolicy + ";" + connKey,
		"HostName=hub.azure-devices.net;" + connPolicy + ";" + connKey, "HostName=a/b?c#d@e:1;" + connPolicy + ";" + connKey,
		"HostName=a:443;" + connPolicy + ";" + connKey, "HostName=[::1]:1;" + connPolicy + ";" + connKey,
		connHost + ";SharedAccessKeyName=p%&=\xff;" + connKey, connHost + ";" + connPolicy + ";SharedAccessKey=QQ\r\n==",
		connHost + ";" + connPolicy + ";SharedAccessKey=no base64", connHost + ";" + connPolicy + ";SharedAccessKey=QQ=", connHost + ";" + connKey + ";" + connSAS, "HostName=global.azure-devices-provisioning.net;" + connPolicy + ";" + connKey,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		transport := &stubTransport{status: http.StatusOK, answer: `{}`}
		client, err := azdps.NewDeviceProvisioningClientFromConnectionString(text, stubOptions(transport))
		if err != nil {
			require.Nil(t, client)
			_, other := azdps.NewDeviceProvisioningClientFromConnectionString(withOtherSecrets(text), stubOptions(transport))
			require.EqualError(t, other, err.Error(), "the error depends on a secret")
			return
		}
		properties := connProperties(text)
		token := connRequest(t, client, transport, properties["hostname"])
		if signature := properties["sharedaccesssignature"]; signature != "" {
			require.Equal(t, signature, token)
			return
		}
		audience := (&url.URL{Host: strings.ToLower(properties["hostname"])}).Hostname()
		sasRequire(t, token, audience, properties["sharedaccesskeyname"], properties["sharedaccesskey"])
		again := "HostName=" + properties["hostname"] + ";SharedAccessKeyName=" + properties["sharedaccesskeyname"] +
			";SharedAccessKey=" + properties["sharedaccesskey"]
		client, err = azdps.NewDeviceProvisioningClientFromConnectionString(again, stubOptions(transport))
		require.NoError(t, err)
		token = connRequest(t, client, transport, properties["hostname"])
		sasRequire(t, token, audience, properties["sharedaccesskeyname"], properties["sharedaccesskey"])
	})
}

// connProperties splits a connection string by the rule alone, without a check.
func connProperties(text string) map[string]string {
	properties := make(map[string]string)
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		properties[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return properties
}

// withOtherSecrets changes the letters and digits of keys and signatures, and so nothing of the form.
func withOtherSecrets(text string) string {
	parts := strings.Split(text, ";")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		property := strings.ToLower(strings.TrimSpace(name))
		if found && (property == "sharedaccesskey" || property == "sharedaccesssignature") {
			parts[i] = name + "=" + strings.Map(nextLetter, value)
		}
	}
	return strings.Join(parts, ";")
}

func nextLetter(r rune) rune {
	switch {
	case 'a' <= r && r < 'z', 'A' <= r && r < 'Z', '0' <= r && r < '9':
		return r + 1
	case r == 'z', r == 'Z':
		return r - 25
	case r == '9':
		return '0'
	}
	return r
}

// connRequest sends a request, which must go to a host, and returns its token. A signature that no header can carry is refused.
func connRequest(t *testing.T, client *azdps.DeviceProvisioningClient, transport *stubTransport, host string) string {
	t.Helper()
	before := len(transport.requests)
	_, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
	if err != nil {
		requireInvalid(t, err, "credential")
		require.Len(t, transport.requests, before)
		t.Skip("the signature is no header")
	}
	sent := transport.last(t)
	require.Equal(t, "https", sent.url.Scheme)
	require.Equal(t, strings.TrimSuffix(host, ":"), sent.url.Host, "a colon without a port says nothing")
	require.Nil(t, sent.url.User)
	require.Equal(t, "/enrollments/a", sent.url.EscapedPath())
	require.Equal(t, "api-version="+azdps.APIVersion2021_10_01, sent.url.RawQuery)
	require.Empty(t, sent.url.Fragment)
	require.Len(t, sent.header["Authorization"], 1)
	return sent.header.Get("Authorization")
}
