package azdps

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ClientOptions holds what may be changed about a client; its zero value is ready for use. It is read once, when the client is
// made.
//
// Of the embedded [azcore.ClientOptions], this client treats two in a way of its own:
//
//   - Transport: nil means one transport for all clients of the process, with the settings of azcore but idle connections for
//     hundreds of concurrent callers. Redirects are not followed, by an [http.Client] of your own only if it has a CheckRedirect:
//     the service has none, and keys must not go where one leads.
//   - Retry.TryTimeout: 0 means 60 seconds for each try, so that no answer can keep a call forever. Options given to a call by
//     [policy.WithRetryOptions] replace all of Retry, this default too.
//
// Logging.IncludeBody writes bodies to the log, and bodies hold symmetric keys.
type ClientOptions struct {
	azcore.ClientOptions

	// MaxResponseBody is the largest body of an answer in bytes, after decompression; 0 means 64 MiB. A larger one is an
	// error, and is not tried again.
	MaxResponseBody int64
}

const (
	defaultMaxResponseBody = 64 << 20
	defaultTryTimeout      = 60 * time.Second
)

// DeviceProvisioningClient gives access to one Device Provisioning Service. It is safe for concurrent use; one client for the
// life of the process is enough, and it needs no closing.
type DeviceProvisioningClient struct {
	service     *service
	enrollments *IndividualEnrollmentsClient
	groups      *EnrollmentGroupsClient
	states      *DeviceRegistrationStatesClient
}

// NewDeviceProvisioningClient creates a client that authenticates with Microsoft Entra ID.
//
//   - endpoint is the URL of the service, such as https://my-dps.azure-devices-provisioning.net
//   - credential is usually from package azidentity; its identity needs the role Device Provisioning Service Data Contributor,
//     or Data Reader to read only
//   - options may be nil
//
// The audience of the tokens follows options.Cloud, which knows Azure public (the default), US Government and China; for
// another cloud, or another audience, see [ServiceName].
func NewDeviceProvisioningClient(endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*DeviceProvisioningClient, error) {
	if credential == nil {
		return nil, invalid("credential", "must not be nil")
	}
	return newClient(endpoint, options, func(_ *url.URL, options *ClientOptions) ([]policy.Policy, error) {
		audience := tokenAudience(options.Cloud)
		if audience == "" {
			return nil, invalid("options.Cloud", "has no audience for this service; set Services[azdps.ServiceName].Audience")
		}
		scope := strings.TrimSuffix(audience, "/.default") + "/.default"
		return []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{scope}, &policy.BearerTokenOptions{
			InsecureAllowCredentialWithHTTP: options.InsecureAllowCredentialWithHTTP,
		})}, nil
	})
}

// NewDeviceProvisioningClientWithSharedAccessKey creates a client that signs each request with the key of a shared access
// policy. Replace the key of a running client with [SharedAccessKeyCredential.Update].
//
//   - endpoint is the URL of the service, such as https://my-dps.azure-devices-provisioning.net
//   - credential is from [NewSharedAccessKeyCredential]
//   - options may be nil
func NewDeviceProvisioningClientWithSharedAccessKey(endpoint string, credential *SharedAccessKeyCredential, options *ClientOptions) (*DeviceProvisioningClient, error) {
	if credential == nil || credential.key.Load() == nil {
		return nil, invalid("credential", "must be made with NewSharedAccessKeyCredential")
	}
	return newClient(endpoint, options, func(u *url.URL, options *ClientOptions) ([]policy.Policy, error) {
		return []policy.Policy{newSharedKeyPolicy(credential, u.Hostname(), options.InsecureAllowCredentialWithHTTP)}, nil
	})
}

// NewDeviceProvisioningClientWithSAS creates a client that sends a shared access signature made elsewhere, for example by
// [GenerateSASToken]. The client cannot renew it: replace it with the Update method of the credential before it expires.
//
//   - endpoint is the URL of the service, such as https://my-dps.azure-devices-provisioning.net
//   - credential holds the whole token, "SharedAccessSignature sr=..."
//   - options may be nil
func NewDeviceProvisioningClientWithSAS(endpoint string, credential *azcore.SASCredential, options *ClientOptions) (*DeviceProvisioningClient, error) {
	if credential == nil {
		return nil, invalid("credential", "must not be nil")
	}
	return newClient(endpoint, options, func(_ *url.URL, options *ClientOptions) ([]policy.Policy, error) {
		return []policy.Policy{runtime.NewSASCredentialPolicy(credential, "Authorization", &runtime.SASCredentialPolicyOptions{
			InsecureAllowCredentialWithHTTP: options.InsecureAllowCredentialWithHTTP,
		}), readyTokenPolicy{}}, nil
	})
}

// NewDeviceProvisioningClientFromConnectionString creates a client from a connection string of a shared access policy, as the
// Azure portal shows it:
//
//	HostName=my-dps.azure-devices-provisioning.net;SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=...
//
// The properties may come in any order and case, SharedAccessSignature may stand in place of the key and its name, and other
// properties are ignored. A client made this way keeps its key; use [NewDeviceProvisioningClientWithSharedAccessKey] to
// replace keys in a running process. options may be nil.
func NewDeviceProvisioningClientFromConnectionString(connectionString string, options *ClientOptions) (*DeviceProvisioningClient, error) {
	parsed, err := parseConnectionString(connectionString)
	if err != nil {
		return nil, &finalError{err}
	}
	endpoint := "https://" + parsed.hostName
	if parsed.signature != "" {
		return NewDeviceProvisioningClientWithSAS(endpoint, azcore.NewSASCredential(parsed.signature), options)
	}
	credential, err := NewSharedAccessKeyCredential(parsed.policyName, parsed.key)
	if err != nil {
		return nil, err
	}
	return NewDeviceProvisioningClientWithSharedAccessKey(endpoint, credential, options)
}

// Endpoint returns the URL of the service, without a trailing slash.
func (c *DeviceProvisioningClient) Endpoint() string { return c.service.endpoint.String() }

// IndividualEnrollments returns the client of the individual enrollments; it is the same at each call.
func (c *DeviceProvisioningClient) IndividualEnrollments() *IndividualEnrollmentsClient {
	return c.enrollments
}

// EnrollmentGroups returns the client of the enrollment groups; it is the same at each call.
func (c *DeviceProvisioningClient) EnrollmentGroups() *EnrollmentGroupsClient { return c.groups }

// DeviceRegistrationStates returns the client of the registration states; it is the same at each call.
func (c *DeviceProvisioningClient) DeviceRegistrationStates() *DeviceRegistrationStatesClient {
	return c.states
}

// newClient builds the pipeline around the policies that authenticate.
func newClient(endpoint string, options *ClientOptions, authenticate func(*url.URL, *ClientOptions) ([]policy.Policy, error)) (*DeviceProvisioningClient, error) {
	settings := ClientOptions{}
	if options != nil {
		settings = *options
	}
	u, err := parseEndpoint(endpoint, settings.InsecureAllowCredentialWithHTTP)
	if err != nil {
		return nil, err
	}
	authentication, err := authenticate(u, &settings)
	if err != nil {
		return nil, err
	}
	if settings.MaxResponseBody < 0 {
		return nil, invalid("options.MaxResponseBody", "must not be negative")
	}
	settings.Transport = newTransport(settings.Transport, settings.MaxResponseBody)
	if settings.Retry.TryTimeout == 0 {
		settings.Retry.TryTimeout = defaultTryTimeout
	}
	internal, err := azcore.NewClient(moduleName, version, runtime.PipelineOptions{
		AllowedHeaders: []string{headerItemType, headerMaxItemCount, headerErrorCode},
		APIVersion:     runtime.APIVersionOptions{Location: runtime.APIVersionLocationQueryParam, Name: "api-version"},
		PerRetry:       append([]policy.Policy{answerPolicy{}}, authentication...),
		Tracing:        runtime.TracingOptions{Namespace: "Microsoft.Devices"},
	}, &settings.ClientOptions)
	if err != nil {
		return nil, fmt.Errorf("azdps: %w", err)
	}
	s := &service{
		internal:      internal,
		endpoint:      u,
		bodiesAreSeen: bodiesAreSeen(&settings.ClientOptions),
	}
	return &DeviceProvisioningClient{
		service:     s,
		enrollments: &IndividualEnrollmentsClient{records: newEnrollments(s)},
		groups:      &EnrollmentGroupsClient{records: newGroups(s)},
		states:      &DeviceRegistrationStatesClient{service: s},
	}, nil
}

// parseEndpoint refuses what cannot be the URL of a service, and takes off slashes at its end. Its errors do not quote the
// endpoint, which may be a connection string by mistake.
func parseEndpoint(endpoint string, allowHTTP bool) (*url.URL, error) {
	const parameter, example = "endpoint", "such as https://my-dps.azure-devices-provisioning.net"
	if strings.Contains(strings.ToLower(endpoint), "sharedaccess") {
		return nil, invalid(parameter, "is a connection string; use NewDeviceProvisioningClientFromConnectionString")
	}
	u, err := url.Parse(endpoint)
	if err == nil {
		u, err = url.Parse(strings.TrimRight(u.String(), "/"))
	}
	switch {
	case endpoint == "":
		return nil, invalid(parameter, "must not be empty")
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || !utf8.ValidString(u.Host):
		return nil, invalid(parameter, "must be a URL with a scheme and a host, %s", example)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, invalid(parameter, "must not have a user, a query or a fragment")
	case u.Scheme == "http" && !allowHTTP:
		return nil, invalid(parameter, "must begin with https, for credentials never travel over plain http unless"+
			" options.InsecureAllowCredentialWithHTTP is set")
	case isIoTHub(u.Host):
		return nil, invalid(parameter, "is the host of an IoT Hub (%s); the Device Provisioning Service has a host of its own, %s", u.Hostname(), example)
	case isGlobalEndpoint(u.Hostname()):
		return nil, invalid(parameter, "is the global endpoint that devices register at; use the service endpoint of your instance, %s", example)
	}
	return u, nil
}

// bareHost is the host in lower case, without scheme, path and port.
func bareHost(host string) string {
	host = strings.ToLower(host)
	if _, rest, found := strings.Cut(host, "://"); found {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":")
	return host
}

func isIoTHub(host string) bool {
	host = bareHost(host)
	for _, suffix := range []string{".azure-devices.net", ".azure-devices.us", ".azure-devices.cn"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

func isGlobalEndpoint(host string) bool {
	return strings.HasPrefix(bareHost(host), "global.azure-devices-provisioning.")
}

// tokenAudience is what a token must be made for, by the authority host of the cloud. Only the public one is documented;
// those of US Government and China are inferred from the host names there.
func tokenAudience(configuration cloud.Configuration) string {
	if audience := configuration.Services[ServiceName].Audience; audience != "" {
		return audience
	}
	authority := strings.TrimSuffix(configuration.ActiveDirectoryAuthorityHost, "/")
	for _, known := range []struct {
		cloud    cloud.Configuration
		audience string
	}{
		{cloud.AzurePublic, "https://azure-devices-provisioning.net"},
		{cloud.AzureGovernment, "https://azure-devices-provisioning.us"},
		{cloud.AzureChina, "https://azure-devices-provisioning.cn"},
	} {
		if authority == strings.TrimSuffix(known.cloud.ActiveDirectoryAuthorityHost, "/") {
			return known.audience
		}
	}
	if authority == "" {
		return "https://azure-devices-provisioning.net"
	}
	return ""
}
