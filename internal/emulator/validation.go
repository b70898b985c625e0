package emulator

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// normalize checks a record that was sent and brings it into the form in which it is stored. Members that the
// collection or the api-version does not have are ignored.
//
// Inferred: that they are. An update under an older api-version so removes the newer members, since it replaces the
// whole record.
func (c *collection) normalize(e *enrollment, version string) error {
	if !validID(c.id(e)) {
		return c.invalidID
	}
	if version < versionOfPolicies {
		e.dropPolicies()
	}
	e.RegistrationState = nil
	if c.group {
		e.RegistrationID, e.DeviceID, e.OptionalDeviceInformation = "", "", nil
	} else {
		e.GroupID = ""
	}
	for _, check := range []func() error{
		e.checkDeviceID, e.checkPolicyNames, e.checkAllocation, e.checkStatus, e.checkFreeForm,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return e.Attestation.normalize(c.group)
}

// validID says whether an id may name a record: letters, digits, and "-._:", the last neither a dot, an underscore nor
// a colon.
//
// Inferred: that other ids are refused in every operation, not only when a record is written.
func validID(id string) bool {
	if id == "" || len(id) > maxIDLength || strings.ContainsRune("._:", rune(id[len(id)-1])) {
		return false
	}
	for i := range len(id) {
		if !isAlphanumeric(id[i]) && !strings.ContainsRune("-._:", rune(id[i])) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// deviceIDs is the documented rule of IoT Hub.
//
// Inferred: that the service checks it, and the text.
var deviceIDs = regexp.MustCompile(`^[A-Za-z0-9\-:.+%_#*?!(),=@$']{1,128}$`)

func (e *enrollment) checkDeviceID() error {
	if e.DeviceID != "" && !deviceIDs.MatchString(e.DeviceID) {
		return invalid("Invalid DeviceId")
	}
	return nil
}

var (
	namespaceNames = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$`)
	policyNames    = regexp.MustCompile(`^[0-9a-zA-Z][a-zA-Z0-9-]{2,62}$`)
)

// checkPolicyNames applies the patterns of the specification.
//
// Inferred: the status and texts, and that one of the names may stand without the others.
func (e *enrollment) checkPolicyNames() error {
	for _, name := range []struct {
		member, value string
		pattern       *regexp.Regexp
	}{
		{"namespaceName", e.NamespaceName, namespaceNames},
		{"certificateAuthorityName", e.CertificateAuthorityName, policyNames},
		{"certificatePolicyName", e.CertificatePolicyName, policyNames},
	} {
		if name.value != "" && !name.pattern.MatchString(name.value) {
			return invalid("Invalid %s", name.member)
		}
	}
	return nil
}

// checkAllocation fills the policy in and refuses hubs without one. The webhook is not called, and hubs need not be
// linked.
//
// Inferred: that an absent and a null policy are both returned as "hashed", that an unknown policy and a custom one
// without its definition are refused, and that a definition beside another policy is kept.
func (e *enrollment) checkAllocation() error {
	if e.AllocationPolicy == "" {
		if len(e.IotHubs) > 0 {
			return errNoAllocation
		}
		e.AllocationPolicy = "hashed"
	}
	policy, ok := canonical(e.AllocationPolicy, "hashed", "geoLatency", "static", "custom")
	if !ok {
		return invalid("The allocationPolicy is unknown.")
	}
	e.AllocationPolicy = policy
	custom := e.CustomAllocation
	if policy == "custom" && (custom == nil || custom.WebhookURL == "" || custom.APIVersion == "") {
		return invalid("Enrollment customAllocationDefinition with webhookUrl and apiVersion must be specified when allocationPolicy is custom.")
	}
	return nil
}

// checkStatus knows two values, and null.
//
// Inferred: that others are refused.
func (e *enrollment) checkStatus() error {
	if e.ProvisioningStatus == "" {
		return nil
	}
	status, ok := canonical(string(e.ProvisioningStatus), "enabled", "disabled")
	if !ok {
		return invalid("The provisioningStatus is unknown.")
	}
	e.ProvisioningStatus = provisioningStatus(status)
	return nil
}

// checkFreeForm keeps what is in free-form members to the letter, white space aside, and drops nulls.
//
// Inferred: that anything but an object is refused.
func (e *enrollment) checkFreeForm() error {
	for _, member := range []*json.RawMessage{&e.OptionalDeviceInformation, &e.InitialTwin} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, *member); err != nil || len(*member) == 0 || compact.String() == "null" {
			*member = nil
			continue
		}
		if compact.Bytes()[0] != '{' {
			return invalid("initialTwin and optionalDeviceInformation must be objects.")
		}
		*member = bytes.Clone(compact.Bytes())
	}
	return nil
}

// canonical finds the known value that equals value but for its case, as the service is recorded to read enums.
func canonical(value string, known ...string) (string, bool) {
	for _, k := range known {
		if strings.EqualFold(value, k) {
			return k, true
		}
	}
	return "", false
}
