package emulator

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
)

// deviceBody is what a device sends. It may send nothing.
type deviceBody struct {
	RegistrationID string          `json:"registrationId"`
	TPM            *tpmAttestation `json:"tpm"`
	Payload        json.RawMessage `json:"payload"`
	CSR            *string         `json:"csr"`
}

// device is a device that proved who it is, and the enrollment that it did so by.
type device struct {
	deviceBody
	enrollment *enrollment
	chain      chain // of an X.509 device
}

// asDevice makes an operation of one that takes a device: it reads the body and lets only devices in that prove who they
// are, in every operation alike. Operations on devices count against no quota but that of registrations, and how often
// a device polls is not limited.
//
// Inferred: that another ID scope is answered like another key.
func asDevice(run func(*call, *device) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		var body deviceBody
		if len(c.body) > 0 && c.request.Method != http.MethodGet {
			if err := c.decode(&body); err != nil {
				return nil, err
			}
		}
		if string(body.Payload) == "null" {
			body.Payload = nil
		}
		switch {
		case !validID(c.id):
			return nil, errInvalidEnrollment
		case body.RegistrationID != "" && !strings.EqualFold(body.RegistrationID, c.id):
			return nil, errOtherID
		case !strings.EqualFold(c.scope, IDScope):
			return nil, errUnauthorized
		}
		d, err := c.identify(&body)
		if err != nil {
			return nil, err
		}
		return run(c, d)
	}
}

// operationStatus answers a registration, and whoever asks after it.
type operationStatus struct {
	OperationID string       `json:"operationId"`
	Status      string       `json:"status"`
	State       *deviceState `json:"registrationState,omitempty"`
}

// deviceState is a registration as its device sees it.
type deviceState struct {
	TPM          *tpmResult `json:"tpm,omitempty"`
	X509         *keyResult `json:"x509,omitempty"`
	SymmetricKey *keyResult `json:"symmetricKey,omitempty"`
	registrationState
	Issued [][]byte `json:"issuedCertificateChain,omitempty"`
}

type tpmResult struct {
	AuthenticationKey string `json:"authenticationKey"`
}

type keyResult struct {
	GroupID string `json:"enrollmentGroupId,omitempty"`
}

// deviceView is the registration for its device.
//
// Inferred: that devices that are not assigned see nothing of their attestation, that x509 shows the group alone, as a
// recording does, and that individual enrollments show it empty.
func (r *registration) deviceView(version string) *deviceState {
	state := &deviceState{registrationState: *r.shown(version)}
	if r.Status != "assigned" {
		return state
	}
	switch r.AttestationType {
	case "tpm":
		state.TPM = new(tpmResult)
		if device := r.current(); device != nil { // else the state was loaded, and says nothing of a hub
			state.TPM.AuthenticationKey = device.PrimaryKey
		}
	case "x509":
		state.X509 = &keyResult{r.GroupID}
	case "symmetricKey":
		state.SymmetricKey = &keyResult{r.GroupID}
	}
	return state
}

// retryAfter is how many seconds a device is told to wait, as recorded.
const retryAfter = "3"

// serveRegister registers a device. The answer is that this is under way, and where: as recorded, the Location is that
// of the request, and lacks the id of the operation.
//
// Inferred: in truth the registration is done by then, and the service API shows it at once. Other members of the query,
// like forceRegistration, are ignored.
func (s *store) serveRegister(c *call, d *device) (any, error) {
	if wait, ok := c.registering.admit(c.now); !ok {
		return nil, throttled(wait)
	}
	issued, err := c.issue(d)
	if err != nil {
		return nil, err
	}
	registered, err := s.register(c, d, issued)
	if err != nil {
		return nil, err
	}
	c.status = http.StatusAccepted
	c.header.Set("Location", "https://"+c.request.Host+c.request.URL.EscapedPath())
	c.header.Set("Retry-After", retryAfter)
	return &operationStatus{OperationID: registered.OperationID, Status: "assigning"}, nil
}

// serveOperation answers with what became of a registration, from the first time on that it is asked.
//
// Inferred: the answer to the id of an earlier registration of the device, or of none, is that of one that never was.
func (s *store) serveOperation(c *call, _ *device) (any, error) {
	found := s.registration(c.id)
	if found == nil || found.OperationID == "" || !strings.EqualFold(found.OperationID, c.operationID) {
		return nil, errRegistrationNotFound
	}
	state := found.deviceView(c.version)
	if c.version >= versionOfPolicies {
		state.Issued = found.Issued
	}
	return &operationStatus{OperationID: found.OperationID, Status: found.Status, State: state}, nil
}

// serveLookup returns the registration of a device, without the certificates that it got.
//
// Inferred: 404 for a device that never registered.
func (s *store) serveLookup(c *call, d *device) (any, error) {
	if d.CSR != nil {
		return nil, invalid("A csr is taken when a device registers, not when it looks its status up.") // Inferred: the text.
	}
	found := s.registration(c.id)
	if found == nil {
		return nil, errRegistrationNotFound
	}
	return found.deviceView(c.version), nil
}

// newOperationID makes an id that looks like the recorded ones: a number for the service, and a random UUID.
func newOperationID() string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(IDScope)) // never fails
	return fmt.Sprintf("5.%016x.%s", hash.Sum64(), newTrackingID())
}
