package emulator

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// Limits of the service, as documented.
const (
	MaxMessageSize     = 96 << 10
	maxBulkItems       = 10
	defaultPageSize    = 100
	maxIDLength        = 128
	maxEnrollments     = 1_000_000
	maxRegistrations   = 1_000_000
	maxGroupsOfOneKind = 100
)

const strictTransport = "max-age=31536000; includeSubDomains"

// Config says how a [Handler] behaves; its zero value lets nobody in, since it has no policies.
type Config struct {
	// Policies are the shared access policies; their names are unique.
	Policies []Policy

	// Clock is the service's time; nil means [time.Now].
	Clock func() time.Time

	// OperationsPerMinute switches throttling on; 0 leaves it off.
	OperationsPerMinute int

	// RegistrationsPerMinute does so for the registrations of devices.
	RegistrationsPerMinute int

	// MaxPageSize is the largest page of a query; 0 means 100.
	MaxPageSize int

	// Hubs are the host names of the linked IoT hubs; none means [DefaultHub].
	Hubs []string

	// CAs are the CA certificates that CA references may name.
	CAs map[string]*x509.Certificate

	// Webhooks calls the webhooks of custom allocation; nil means a client that gives up after a minute.
	Webhooks *http.Client
}

// DefaultHub is the linked IoT hub of a service that is given none.
const DefaultHub = "dpstest-hub.azure-devices.net"

// IDScope is the ID scope of every service, which devices know it by.
const IDScope = "0ne00000A0A"

// Handler is the service. It is safe for concurrent use. Keys are behind pointers, which the fmt package does not follow.
type Handler struct {
	clock       func() time.Time
	policies    atomic.Pointer[map[string]*Policy]
	tokens      *tokenKey
	throttle    throttle
	registering throttle
	maxPageSize int
	hubs        []string
	cas         map[string]*x509.Certificate
	webhooks    *http.Client
	issuer      issuer
	store       store
	operations  map[Operation]func(*call) (any, error)
}

// New makes a service without records.
func New(config Config) *Handler {
	h := &Handler{
		clock:       config.Clock,
		tokens:      new(tokenKey),
		throttle:    throttle{limit: config.OperationsPerMinute},
		registering: throttle{limit: config.RegistrationsPerMinute},
		maxPageSize: config.MaxPageSize,
		hubs:        slices.Clone(config.Hubs),
		cas:         maps.Clone(config.CAs),
		webhooks:    config.Webhooks,
	}
	if h.clock == nil {
		h.clock = time.Now
	}
	if h.maxPageSize <= 0 {
		h.maxPageSize = defaultPageSize
	}
	if len(h.hubs) == 0 {
		h.hubs = []string{DefaultHub}
	}
	if h.webhooks == nil {
		h.webhooks = &http.Client{Timeout: time.Minute}
	}
	h.SetPolicies(config.Policies)
	_, _ = rand.Read(h.tokens[:]) // never fails
	h.store.init()

	individuals, groups := &h.store.individuals, &h.store.groups
	h.operations = map[Operation]func(*call) (any, error){
		IndividualEnrollmentGet:                     individuals.serveGet,
		IndividualEnrollmentCreateOrUpdate:          individuals.servePut,
		IndividualEnrollmentDelete:                  individuals.serveDelete,
		IndividualEnrollmentQuery:                   individuals.serveQuery,
		IndividualEnrollmentGetAttestationMechanism: individuals.serveMechanism,
		IndividualEnrollmentRunBulkOperation:        individuals.serveBulk,
		EnrollmentGroupGet:                          groups.serveGet,
		EnrollmentGroupCreateOrUpdate:               groups.servePut,
		EnrollmentGroupDelete:                       groups.serveDelete,
		EnrollmentGroupQuery:                        groups.serveQuery,
		EnrollmentGroupGetAttestationMechanism:      groups.serveMechanism,
		EnrollmentGroupRunBulkOperation:             groups.serveBulk,
		DeviceRegistrationStateGet:                  h.store.serveRegistration,
		DeviceRegistrationStateDelete:               h.store.serveRegistrationDelete,
		DeviceRegistrationStateQuery:                h.store.serveRegistrationQuery,
		RuntimeRegistrationRegisterDevice:           asDevice(h.store.serveRegister),
		RuntimeRegistrationOperationStatusLookup:    asDevice(h.store.serveOperation),
		RuntimeRegistrationDeviceStatusLookup:       asDevice(h.store.serveLookup),
	}
	return h
}

// SetPolicies replaces the shared access policies for the requests from now on. Their names are unique.
func (h *Handler) SetPolicies(policies []Policy) {
	byName := make(map[string]*Policy, len(policies))
	for _, policy := range policies {
		byName[policy.Name] = &policy
	}
	h.policies.Store(&byName)
}

// policy returns the shared access policy of a name, or nil.
func (h *Handler) policy(name string) *Policy { return (*h.policies.Load())[name] }

// call is a request on its way through the service.
type call struct {
	*Handler
	target
	request *http.Request
	header  http.Header // of the answer
	status  int         // of the answer, if it has a body
	now     time.Time
	version string
	body    []byte
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Handler: h, request: r, header: w.Header(), status: http.StatusOK, now: h.clock()}
	c.header.Set("x-ms-request-id", newTrackingID()) // Inferred: on successes, too.
	result, err := c.serve()
	switch {
	case err != nil:
		WriteError(w, c.now, asError(err))
	case result == nil:
		c.header.Set("Strict-Transport-Security", strictTransport)
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, c.status, result)
	}
}

// serve makes the checks that all operations share, then runs the operation. Those of devices make more on their own.
//
// Inferred: the order of the checks.
func (c *call) serve() (any, error) {
	route, target, err := match(c.request)
	if err != nil {
		return nil, err
	}
	c.target = target
	c.version = c.request.URL.Query().Get("api-version")
	if !slices.Contains(apiVersions, c.version) {
		return nil, invalid("Unsupported API version %s.", c.version)
	}
	if route.permission != "" {
		if err := c.authorize(route.permission); err != nil {
			return nil, err
		}
		if wait, ok := c.throttle.admit(c.now); !ok {
			return nil, throttled(wait)
		}
	}
	if err := c.readBody(); err != nil {
		return nil, err
	}
	return c.operations[route.operation](c)
}

// readBody takes the body in. Whoever sends one says that it is JSON; without one, nothing needs to be said. A GET has
// no use for a body, but official clients send one, which is ignored.
func (c *call) readBody() error {
	body, err := io.ReadAll(io.LimitReader(c.request.Body, MaxMessageSize+1))
	if err != nil {
		return invalid("The body ended early: %v.", err)
	}
	if len(body) > MaxMessageSize {
		return errTooLarge
	}
	if len(body) > 0 && c.request.Method != http.MethodGet {
		mediaType, _, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/json" {
			return errMediaType
		}
	}
	c.body = body
	return nil
}

// decode reads the body into value.
//
// Inferred: the text. Members that the service does not know are ignored, and the case of names does not matter.
func (c *call) decode(value any) error { return decode(c.body, value) }

func decode(body []byte, value any) error {
	if err := json.Unmarshal(body, value); err != nil {
		return invalid("The body is not valid: %v.", err)
	}
	return nil
}
