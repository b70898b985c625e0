package azdps_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// tokenCredential gives a token and keeps what it was asked for.
type tokenCredential struct{ scopes []string }

func (c *tokenCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.scopes = append(c.scopes, options.Scopes...)
	return azcore.AccessToken{Token: "secret-token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// constructors make a client of an endpoint in each way that takes one.
var constructors = map[string]func(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error){
	"token": func(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return azdps.NewDeviceProvisioningClient(endpoint, &tokenCredential{}, options)
	},
	"key": func(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		credential, err := azdps.NewSharedAccessKeyCredential(wirePolicy, wireKey)
		if err != nil {
			return nil, err
		}
		return azdps.NewDeviceProvisioningClientWithSharedAccessKey(endpoint, credential, options)
	},
	"signature": func(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
		return azdps.NewDeviceProvisioningClientWithSAS(endpoint, azcore.NewSASCredential("SharedAccessSignature sig=secret"), options)
	},
}

// isFinal reports whether azcore would not retry the error.
func isFinal(err error) bool {
	_, ok := err.(interface{ NonRetriable() })
	return ok
}

func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	const endpoint = "https://" + wireHost
	_, err := azdps.NewDeviceProvisioningClient(endpoint, nil, nil)
	require.ErrorContains(t, err, "azdps: credential")
	_, err = azdps.NewDeviceProvisioningClientWithSharedAccessKey(endpoint, nil, nil)
	require.ErrorContains(t, err, "azdps: credential")
	_, err = azdps.NewDeviceProvisioningClientWithSharedAccessKey(endpoint, &azdps.SharedAccessKeyCredential{}, nil)
	require.ErrorContains(t, err, "NewSharedAccessKeyCredential")
	_, err = azdps.NewDeviceProvisioningClientWithSAS(endpoint, nil, nil)
	require.ErrorContains(t, err, "azdps: credential")
	assert.True(t, isFinal(err))
}

func TestEndpointsThatAreNone(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"":                                                 "must not be empty",
		wireHost:                                           "scheme and a host",
		wireHost + ":443":                                  "scheme and a host",
		"https://":                                         "scheme and a host",
		"https://:443":                                     "scheme and a host",
		"https:my-dps":                                     "scheme and a host",
		"/enrollments":                                     "scheme and a host",
		"sb://" + wireHost:                                 "scheme and a host",
		"https://a b.example":                              "scheme and a host",
		"https://" + wireHost + "/%zz":                     "scheme and a host",
		"http://" + wireHost:                               "must begin with https",
		"HTTP://" + wireHost:                               "must begin with https",
		"https://user:secret@" + wireHost:                  "user, a query or a fragment",
		"https://" + wireHost + "?sig=secret":              "user, a query or a fragment",
		"https://" + wireHost + "?":                        "user, a query or a fragment",
		"https://" + wireHost + "#secret":                  "user, a query or a fragment",
		"https://my-hub.azure-devices.net":                 "IoT Hub",
		"https://my-hub.Azure-Devices.net:443/":            "IoT Hub",
		"https://my-hub.azure-devices.us":                  "IoT Hub",
		"https://my-hub.azure-devices.cn":                  "IoT Hub",
		"https://global.azure-devices-provisioning.net":    "global endpoint",
		"https://GLOBAL.azure-devices-provisioning.us":     "global endpoint",
		"HostName=" + wireHost + ";SharedAccessKey=secret": "is a connection string",
		"HostName=" + wireHost + ";SharedAccessSignature=secret":          "is a connection string",
		"https://" + wireHost + ";sharedaccesskeyname=a;SharedAccess=abc": "is a connection string",
	} {
		for name, construct := range constructors {
			_, err := construct(endpoint, nil)
			require.ErrorContains(t, err, "azdps: endpoint: ", "%s %s", name, endpoint)
			require.ErrorContains(t, err, want, "%s %s", name, endpoint)
			assert.NotContains(t, err.Error(), "secret", "no secret is quoted")
			assert.True(t, isFinal(err))
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, construct := range constructors {
		_, err := construct("https://"+wireHost, &azdps.ClientOptions{MaxResponseBody: -1})
		require.ErrorContains(t, err, "options.MaxResponseBody", name)
	}
	_, err := azdps.NewDeviceProvisioningClientFromConnectionString("HostName=my-dps;SharedAccessKeyName=a;SharedAccessKey=?", nil)
	require.ErrorContains(t, err, "not base64")
	assert.True(t, isFinal(err))
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://" + wireHost:            "https://" + wireHost,
		"https://" + wireHost + "/":      "https://" + wireHost,
		"https://127.0.0.1:8443":         "https://127.0.0.1:8443",
		"https://gateway.example/dps/":   "https://gateway.example/dps",
		"https://gateway.example/a%2Fb/": "https://gateway.example/a%2Fb",
	} {
		for name, construct := range constructors {
			client, err := construct(endpoint, nil)
			require.NoError(t, err, name)
			assert.Equal(t, want, client.Endpoint(), name)
		}
	}
	client := connect(t, "HostName="+wireHost+";SharedAccessKeyName=a;SharedAccessKey="+wireKey, nil)
	assert.Equal(t, "https://"+wireHost, client.Endpoint())
}

func TestSubClientsAreMadeOnce(t *testing.T) {
	t.Parallel()
	client := clientOver(t, newScript())
	assert.Same(t, client.IndividualEnrollments(), client.IndividualEnrollments())
	assert.Same(t, client.EnrollmentGroups(), client.EnrollmentGroups())
	assert.Same(t, client.DeviceRegistrationStates(), client.DeviceRegistrationStates())
}

// TestBasePath puts the service behind a path, as an API gateway does.
func TestBasePath(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			transport := newScript(operation.ok())
			client, err := constructors["key"]("https://"+wireHost+"/a%2Fb/dps/", optionsOver(transport))
			require.NoError(t, err)
			require.NoError(t, operation.do(t.Context(), client))

			plain := newScript(operation.ok())
			require.NoError(t, operation.do(t.Context(), clientOver(t, plain)))
			assert.Equal(t, "/a%2Fb/dps"+plain.sent()[0].URL.EscapedPath(), transport.sent()[0].URL.EscapedPath())
			assert.Contains(t, transport.sent()[0].Header.Get("Authorization"), "sr="+wireHost+"&", "the host alone is signed")
		})
	}
}

// TestUpperCaseHost signs for the host in lower case, without its port.
func TestUpperCaseHost(t *testing.T) {
	t.Parallel()
	transport := newScript(calls[0].ok())
	client, err := constructors["key"]("https://My-DPS.Azure-Devices-Provisioning.NET:443", optionsOver(transport))
	require.NoError(t, err)
	require.NoError(t, calls[0].do(t.Context(), client))
	assert.Contains(t, transport.sent()[0].Header.Get("Authorization"), "sr="+wireHost+"&")
}

func TestTokenAudience(t *testing.T) {
	t.Parallel()
	custom := func(audience, authority string) cloud.Configuration {
		return cloud.Configuration{ActiveDirectoryAuthorityHost: authority,
			Services: map[cloud.ServiceName]cloud.ServiceConfiguration{azdps.ServiceName: {Audience: audience}}}
	}
	for name, test := range map[string]struct {
		cloud cloud.Configuration
		want  string
	}{
		"none":             {cloud.Configuration{}, "https://azure-devices-provisioning.net/.default"},
		"public":           {cloud.AzurePublic, "https://azure-devices-provisioning.net/.default"},
		"US Government":    {cloud.AzureGovernment, "https://azure-devices-provisioning.us/.default"},
		"China":            {cloud.AzureChina, "https://azure-devices-provisioning.cn/.default"},
		"without a slash":  {cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.microsoftonline.us"}, "https://azure-devices-provisioning.us/.default"},
		"custom":           {custom("https://dps.example.com", "https://login.example.com"), "https://dps.example.com/.default"},
		"custom scope":     {custom("https://dps.example.com/.default", ""), "https://dps.example.com/.default"},
		"custom in public": {custom("https://dps.example.com", cloud.AzurePublic.ActiveDirectoryAuthorityHost), "https://dps.example.com/.default"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential := &tokenCredential{}
			transport := newScript(calls[0].ok())
			options := optionsOver(transport)
			options.Cloud = test.cloud
			client, err := azdps.NewDeviceProvisioningClient("https://"+wireHost, credential, options)
			require.NoError(t, err)
			require.NoError(t, calls[0].do(t.Context(), client))
			assert.Equal(t, []string{test.want}, credential.scopes)
			assert.Equal(t, "Bearer secret-token", transport.sent()[0].Header.Get("Authorization"))
		})
	}
	options := &azdps.ClientOptions{}
	options.Cloud.ActiveDirectoryAuthorityHost = "https://login.example.com"
	_, err := azdps.NewDeviceProvisioningClient("https://"+wireHost, &tokenCredential{}, options)
	require.ErrorContains(t, err, "options.Cloud")
	_, err = constructors["key"]("https://"+wireHost, options)
	require.NoError(t, err, "only tokens have an audience")
}

// TestTokensOfTheEmulator sends every operation with a token of Microsoft Entra ID.
func TestTokensOfTheEmulator(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			server, _ := startService(t)
			client, err := azdps.NewDeviceProvisioningClient(server.URL(), server.Credential(), optionsOver(server.Transport()))
			require.NoError(t, err)
			require.NoError(t, operation.do(t.Context(), client))
		})
	}
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	for name, construct := range constructors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := newScript(calls[0].ok())
			options := optionsOver(transport)
			_, err := construct("http://127.0.0.1:8080", options)
			require.ErrorContains(t, err, "InsecureAllowCredentialWithHTTP")
			assert.Empty(t, transport.sent())

			options.InsecureAllowCredentialWithHTTP = true
			client, err := construct("http://127.0.0.1:8080", options)
			require.NoError(t, err)
			require.NoError(t, calls[0].do(t.Context(), client))
			assert.NotEmpty(t, transport.sent()[0].Header.Get("Authorization"))

			// A policy of the caller that takes the scheme away does not get the credential out.
			transport = newScript(calls[0].ok())
			options = optionsOver(transport)
			options.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
				req.Raw().URL.Scheme = "http"
				return req.Next()
			})}
			client, err = construct("https://"+wireHost, options)
			require.NoError(t, err)
			require.Error(t, calls[0].do(t.Context(), client))
			assert.Empty(t, transport.sent())
		})
	}
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

func TestOptionsAreNotKept(t *testing.T) {
	t.Parallel()
	transport := &http.Client{}
	fresh := func() *azdps.ClientOptions {
		options := optionsOver(transport)
		options.Retry.MaxRetries = 7
		return options
	}
	for name, construct := range constructors {
		options := fresh()
		_, err := construct("https://"+wireHost, options)
		require.NoError(t, err)
		assert.Equal(t, fresh(), options, name)
		assert.Same(t, transport, options.Transport)
		assert.Equal(t, http.Client{}, *transport, "the caller's transport is not changed")
	}
	// What is changed later has no effect.
	options := optionsOver(newScript(calls[0].ok()))
	client, err := constructors["key"]("https://"+wireHost, options)
	require.NoError(t, err)
	options.Transport, options.APIVersion = newScript(fails(errReset)), "later"
	require.NoError(t, calls[0].do(t.Context(), client))
}

// TestAPINameIsVisible gives policies of the caller the name of the method.
func TestAPINameIsVisible(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			var names []string
			look := policyFunc(func(req *policy.Request) (*http.Response, error) {
				names = append(names, fmt.Sprint(req.Raw().Context().Value(runtime.CtxAPINameKey{})))
				return req.Next()
			})
			client := clientOver(t, newScript(operation.ok()), func(o *azdps.ClientOptions) {
				o.PerCallPolicies = []policy.Policy{look}
				o.PerRetryPolicies = []policy.Policy{look}
			})
			require.NoError(t, operation.do(t.Context(), client))
			assert.Equal(t, []string{operation.method, operation.method}, names)
		})
	}
}

// TestIDsThatWouldGoElsewhere are refused by every method that takes one.
func TestIDsThatWouldGoElsewhere(t *testing.T) {
	t.Parallel()
	transport := newScript(reply(http.StatusOK, "{}"))
	client := clientOver(t, transport)
	ctx := t.Context()
	for _, id := range []string{"", ".", "..", "a/b", "query?x", "a b", "ä", "a%2Fb", strings.Repeat("a", 129)} {
		_, getError := client.IndividualEnrollments().Get(ctx, id, nil)
		_, putError := client.IndividualEnrollments().CreateOrUpdate(ctx, newEnrollment(id), nil)
		_, deleteError := client.IndividualEnrollments().Delete(ctx, id, nil)
		_, keysError := client.IndividualEnrollments().GetAttestationMechanism(ctx, id, nil)
		_, groupGetError := client.EnrollmentGroups().Get(ctx, id, nil)
		_, groupPutError := client.EnrollmentGroups().CreateOrUpdate(ctx, newGroup(id), nil)
		_, groupDeleteError := client.EnrollmentGroups().Delete(ctx, id, nil)
		_, groupKeysError := client.EnrollmentGroups().GetAttestationMechanism(ctx, id, nil)
		_, stateGetError := client.DeviceRegistrationStates().Get(ctx, id, nil)
		_, stateDeleteError := client.DeviceRegistrationStates().Delete(ctx, id, nil)
		_, stateListError := client.DeviceRegistrationStates().NewQueryPager(id, nil).NextPage(ctx)
		for parameter, errs := range map[string][]error{
			"azdps: registrationID: ":            {getError, deleteError, keysError, stateGetError, stateDeleteError},
			"azdps: enrollmentGroupID: ":         {groupGetError, groupDeleteError, groupKeysError, stateListError},
			"azdps: enrollment.RegistrationID: ": {putError},
			"azdps: group.EnrollmentGroupID: ":   {groupPutError},
		} {
			for _, err := range errs {
				require.ErrorContains(t, err, parameter, "%q", id)
				assert.True(t, isFinal(err))
			}
		}
	}
	assert.Empty(t, transport.sent())
}

// TestEmptyIfMatch would make a conditional request unconditional.
func TestEmptyIfMatch(t *testing.T) {
	t.Parallel()
	transport := newScript(reply(http.StatusOK, "{}"))
	client := clientOver(t, transport)
	for _, etag := range []azcore.ETag{"", "a\nb"} {
		_, put := client.IndividualEnrollments().CreateOrUpdate(t.Context(), newEnrollment("a"),
			&azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &etag})
		_, remove := client.IndividualEnrollments().Delete(t.Context(), "a", &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: &etag})
		_, groupPut := client.EnrollmentGroups().CreateOrUpdate(t.Context(), newGroup("a"),
			&azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: &etag})
		_, groupRemove := client.EnrollmentGroups().Delete(t.Context(), "a", &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: &etag})
		_, stateRemove := client.DeviceRegistrationStates().Delete(t.Context(), "a", &azdps.DeviceRegistrationStatesClientDeleteOptions{IfMatch: &etag})
		for _, err := range []error{put, remove, groupPut, groupRemove, stateRemove} {
			require.ErrorContains(t, err, "options.IfMatch")
			assert.True(t, isFinal(err))
		}
	}
	assert.Empty(t, transport.sent())
}
