/*
Package azdps is the client for the service API of the Azure IoT Hub Device Provisioning Service (DPS), with which a backend
manages individual enrollments, enrollment groups and device registration states. Devices register with another API, by other
SDKs. It is a community module, not from Microsoft.

Each operation has an example; those of [ClientOptions] and [DeviceProvisioningClient] show retries, proxies, logging, tracing and
concurrency. The service and this package use these terms:

  - An individual enrollment lets one device register, an enrollment group any number of devices that share an attestation.
  - An attestation is how a device proves who it is: with a symmetric key, an X.509 certificate or a TPM.
  - A registration state is what became of a device's registration: its IoT hub, or why it has none.
  - An initial twin is the device twin that a device starts with in its hub.
  - An ETag names the version of a record. A write under an ETag fails if somebody else wrote meanwhile.

# Clients

[DeviceProvisioningClient] is made once for a service and gives the clients of its three kinds of records:

	credential, err := azidentity.NewDefaultAzureCredential(nil)
	...
	client, err := azdps.NewDeviceProvisioningClient(endpoint, credential, nil)
	...
	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)

There are four ways to authenticate, each with an example:

  - [NewDeviceProvisioningClient] with Microsoft Entra ID, for every production backend that can
  - [NewDeviceProvisioningClientWithSharedAccessKey] with a shared access policy, whose key may be replaced at any time
  - [NewDeviceProvisioningClientWithSAS] with a token that was signed elsewhere
  - [NewDeviceProvisioningClientFromConnectionString] with what the Azure portal shows

Requests are signed when they are sent, each retry anew, so a key that is replaced takes effect with the next try. Credentials travel
over https only.

The methods need rights. A policy has the permissions EnrollmentRead, EnrollmentWrite, RegistrationStatusRead and
RegistrationStatusWrite, or some of them; each method says which it needs. An identity of Entra ID has the role Device
Provisioning Service Data Contributor, or Data Reader.

# Clouds and API versions

Cloud of [ClientOptions] selects the audience of the tokens of Entra ID, and must be that of the credential. Azure public is the
default; the audiences of US Government and China are inferred from the host names there. Other clouds need theirs: see
[ServiceName]. The other ways to authenticate work in any cloud.

APIVersion of [ClientOptions] selects another version of the API than [APIVersion2021_10_01]. Later versions add members, which
are in the models already and are sent only if they are set: [APIVersion2026_11_01] has NamespaceName, CertificateAuthorityName and
CertificatePolicyName. Any other text is sent as it is.

# Concurrency

All clients are safe for concurrent use, and so are credentials. One client for the life of the process is enough. It holds no
goroutine, needs no closing, and shares its connections with all clients that have no Transport of their own. A pager, and what All
returns while a loop runs over it, belong to one goroutine. Options and records are read during the call only; a caller may use them
again afterwards.

# Reading and writing

A write replaces a whole record, so a change starts from what the service holds. That is harder than it looks, because reads hide
symmetric keys, somebody else may write in between, and the service may have members that this package does not know. The
Update methods do it right:

	updated, err := client.IndividualEnrollments().Update(ctx, "device-1", func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	}, nil)

CreateOrUpdate without IfMatch only creates; the service answers 409 if the record exists. With IfMatch it replaces the record
with that ETag.

Members that are empty are not sent, so that the service's defaults hold: an enrollment without a status is enabled, one without
an allocation policy is hashed. Members that this package does not know are kept in AdditionalProperties at every level
and written back. They are kept by encoding/json too for [IndividualEnrollment], [EnrollmentGroup] and
[DeviceRegistrationState]. A part of one of these alone, such as an [AttestationMechanism], has no JSON methods, so on Go 1.26
encoding/json reads and writes its AdditionalProperties as a member of that name.

# Lists

Lists come page by page with the NewQueryPager methods, or item by item with All:

	for enrollment, err := range client.IndividualEnrollments().All(ctx, nil) {
		...
	}

The order is the service's own, and its query language does not filter. Each page has a ContinuationToken, from which a new pager
goes on, also in another process. Lists leave out registration states: get those of a group with
[DeviceRegistrationStatesClient.All], that of an individual enrollment with [IndividualEnrollmentsClient.Get].

# Errors

What the service refuses is an [*azcore.ResponseError] with the status, the code and the whole answer. [HasStatusCode] and
[HasCode] tell them apart, and [ErrorDetailsFrom] gives the message and the tracking id that Azure support asks for.

	status  here it means                                      what to do
	400     the record or a parameter is not valid             read the message; code 400004
	400     "Unsupported API version"; code 400004             check APIVersion of the options
	400     "Unknown api version", without a code              the endpoint is an IoT Hub; use that of the DPS
	401     no, a wrong or an expired signature or token,      check policy name, key, clock, permissions and
	        a policy without the right (inferred), or an       IP filter; code 401002
	        address that the IP filter rejects
	403     the role does not allow it, which may be           check role, firewall and private endpoint
	        answered 401: that is not documented
	404     no such record; code 404201, and for a group       check the id
	        404202, which is inferred
	409     the record exists and IfMatch was not set;         use Update, or set IfMatch
	        codes 409201 and 409202
	412     somebody wrote since the ETag was read             use Update, or read and decide again
	429     above 1,000 operations a minute; code 429001       slow down; the client has retried as told
	5xx     the service or a proxy failed                      the client has retried; ask support

The client refuses some input itself, before anything is sent: an id that no record can have, an attestation that proves nothing, what
is no key or certificate. Such an error names the parameter. RunBulkOperation reports the items that the service refused with a
[*BulkOperationError].

A write whose answer is lost may or may not have been applied. Its error matches [ErrOutcomeUnknown], also if a retry made
it look like a conflict.

# Retries and time

Tries that fail with 408, 429, 500, 502, 503 or 504, or without a whole answer, are repeated up to three times, as the
Retry-After of the answer says or else with growing delays, of about 0.8, 2.4 and 5.6 seconds. A Retry-After above 60 seconds
ends the call at once with the answer. Each try may take 60 seconds. Change all that with Retry of [ClientOptions], or for one call
with [policy.WithRetryOptions], which replaces all of them, the 60 seconds too: MaxRetries of -1 turns retries off, and StatusCodes
without 429 leaves throttling to the caller. The whole call ends with its context.

This is how often a call is tried, and what its error tells, if each try meets the same. Reads are Get, the pages of lists, and
GetAttestationMechanism. An IfMatch makes no difference. Of an Update, the tries are those of its write. An open 5xx leaves open
whether the request took effect; those are all but 501, 503 and 505.

	each try meets                                      reads    CreateOrUpdate, Delete  RunBulkOperation  Update
	408, 429 or 503                                     4 tries  4 tries                 4 tries           4 tries
	408, 429 or 503 with a Retry-After above 60 s       1 try    1 try                   1 try             1 try
	500, 502 or 504                                     4 tries  4 tries, unknown        4 tries, unknown  4 tries, settled
	another open 5xx                                    1 try    1 try, unknown          1 try, unknown    1 try, settled
	412                                                 1 try    1 try                   1 try             6 tries
	another status of 300 and above                     1 try    1 try                   1 try             1 try
	a success that the service does not have, as 202    1 try    1 try, unknown          1 try, unknown    1 try, settled
	no connection                                       4 tries  4 tries                 4 tries           4 tries
	a connection that ends before the answer            4 tries  4 tries, unknown        4 tries, unknown  4 tries, settled
	no answer within TryTimeout                         4 tries  4 tries, unknown        4 tries, unknown  4 tries, settled
	a body of 2xx or an open 5xx that breaks off        4 tries  4 tries, unknown        1 try, unknown    4 tries, settled
	a body of another status that breaks off            4 tries  4 tries                 1 try             4 tries
	a body of 2xx or an open 5xx above MaxResponseBody  1 try    1 try, unknown          1 try, unknown    1 try, settled
	a body of another status above MaxResponseBody      1 try    1 try                   1 try             1 try
	a success that is not JSON of the service           1 try    1 try, unknown          1 try, unknown    1 try, settled

An error that is unknown matches [ErrOutcomeUnknown]: the write may have been applied. Any other error of a write says that it was
not, but for the items that a [*BulkOperationError] does not name: they were applied. Settled means that Update reads the record again: if it is as it was sent, the update has succeeded, else the error is unknown.
After 412, Update starts again with what somebody else wrote, up to five times.

The error of a call is that of its last try, but a write that was lost once stays in doubt. A create whose answer was lost may meet
its own record at the next try; its error says 409, and is unknown. This is what becomes of a write after a try that may have
reached the service and got no answer that tells:

	the next try meets                    CreateOrUpdate  Delete   RunBulkOperation  Update
	success                               success         success  success           success
	404                                   unknown         success  unknown           settled
	409 or 412                            unknown         unknown  unknown           settled
	another status that is not retried    unknown         unknown  unknown           settled
	408, 429 or 503 to the end            unknown         unknown  unknown           settled
	no connection to the end              unknown         unknown  unknown           settled
	a connection that ends, to the end    unknown         unknown  unknown           settled
	success with items that were refused  -               -        see below         -

Items that a bulk operation refuses at such a second try are told by a [*BulkOperationError] as always. It is unknown if one of
them says 404, 409 or 412, since the first try may have been applied to it; and at any try if one says an open 5xx, or if the
service reports a failure but of no item.

A try that was given up may still arrive, even after its retry. A write with an ETag is then refused. One with [azcore.ETagAny] takes
effect late, and so does a deletion without an ETag, also of a record that was created anew meanwhile.

# Secrets

Keys, tokens, connection strings, and user, query and fragment of a webhook's URL are left out of errors, of what package fmt prints
and of what log/slog logs of the types of this package. These are the main exceptions; SECURITY.md of the repository has all:

  - The JSON of a record is complete, so a slice or a struct of your own that holds records is logged with their keys by
    [slog.JSONHandler].
  - Logging.IncludeBody of [ClientOptions] writes whole bodies to the log.
  - Package fmt asks no method of a value in an unexported field of your own type, nor for the verbs %p and %w. A struct that keeps
    records there needs a Format or String method of its own.

# Transport

Requests go through one transport for all clients of the process. It takes a proxy from the environment (HTTPS_PROXY, NO_PROXY), TLS
1.2 or later, and keeps connections for hundreds of concurrent callers. Transport of [ClientOptions] replaces it: an
[http.Client] with another proxy or other root certificates, or anything with a Do method. PerCallPolicies and PerRetryPolicies
see each call or each try, and [policy.WithHTTPHeader] adds headers to one call. Telemetry.ApplicationID goes before the name of
this package in the User-Agent.

Redirects are not followed. The body of an answer is read up to MaxResponseBody of [ClientOptions].

The whole HTTP answer of a call comes with [policy.WithCaptureResponse]; of a method that sends several requests, such as Update, it is
that of the last. The body of a refusal is in the RawResponse of its [*azcore.ResponseError]:

	var response *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &response)

# Tracing and logging

Each method opens a span of its name, such as IndividualEnrollmentsClient.Get, if [ClientOptions] has a TracingProvider; package azotel
connects OpenTelemetry. Requests, answers and retries are logged by package azcore/log, without credentials, and without bodies but
those of errors:

	azlog.SetListener(func(event azlog.Event, message string) {
		...
	})

AZURE_SDK_GO_LOGGING=all in the environment writes the same to the standard error.

# Limits

These are the documented defaults of the service, for one instance; Microsoft may raise those of enrollments, registrations, groups
with X.509 and operations on request. See https://learn.microsoft.com/azure/iot-dps/about-iot-dps#quotas-and-limits.

	individual enrollments; registrations    1,000,000 of each
	enrollment groups                        100 with X.509 and 100 with symmetric keys
	service operations                       1,000 a minute
	items of a bulk operation                10, which is MaxBulkItems
	items of a page                          100
	an id                                    up to 128 ASCII letters, digits and -._:, ending in a letter,
	                                         a digit or -, without regard to case
	a symmetric key                          16 to 64 bytes, in base64
	a message                                96 KB

A bulk operation is taken to count as one, whatever its items; Microsoft does not document it.

# Fleets

Package [github.com/azdps/azdps/fleet] does the same for thousands to millions of records, at the quota of the service: imports that go on
after a crash, exports, plans, rotations.

# Testing

Package [github.com/azdps/azdps/dpstest] is a Device Provisioning Service in memory. Its server speaks the same API as the real one, so
code under test needs no interface and no mock:

	server := dpstest.NewServer(nil)
	defer server.Close()
	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)

A fault is one line more, such as an answer that gets lost:

	server.Control(dpstest.DropResponse(), nil)

The client types are structs. Code that wants a fake by hand declares an interface with the methods that it uses.
*/
package azdps
