package fleet

import (
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// CheckJSONL lists what is wrong with a file, without a service: all faults, not only the first of a line. mode is what the file
// is for; empty means [azdps.BulkOperationModeCreate]. It yields an [*InputError] a fault, and an error of the reader last.
//
// Besides the form of the file it checks ids and that no two are the same (without case), the attestation with its keys and
// certificates, the allocation, and names that follow a rule. For a deletion only the ids count. What only the service can
// know it does not check: whether a record exists, or whether a hub is linked.
//
// To find ids that are the same it keeps a hash and a line of each, some 40 bytes a record. That it takes two different ids for the
// same has a chance of 3 in 10^8 with a million records.
func CheckJSONL[T Record](r io.Reader, mode azdps.BulkOperationMode) iter.Seq[error] {
	return checkAll(scanJSONL[T](r), mode)
}

// CheckCSV is [CheckJSONL] for a table as [CSVOptions] describes. options may be nil.
func CheckCSV[T Record](r io.Reader, mode azdps.BulkOperationMode, options *CSVOptions) iter.Seq[error] {
	return checkAll(scanCSV[T](r, options), mode)
}

func checkAll[T Record](all entries[T], mode azdps.BulkOperationMode) iter.Seq[error] {
	if mode == "" {
		mode = azdps.BulkOperationModeCreate
	}
	k := kindOf[T](nil)
	return func(yield func(error) bool) {
		seed := maphash.MakeSeed()
		lines := make(map[uint64]int) // by the hash of the id
		for e, err := range all {
			if err != nil {
				yield(err)
				return
			}
			if len(e.faults) == 0 {
				e.check(mode)
				id := maphash.String(seed, key(k.id(&e.record)))
				if first, twice := lines[id]; twice {
					e.faults = append(e.faults, e.at(k.idName, fmt.Sprintf("is the same as in line %d; ids compare without case", first)))
				} else {
					lines[id] = e.line
				}
			}
			for _, fault := range e.faults {
				if !yield(fault) {
					return
				}
			}
		}
	}
}

// check adds the faults of a record.
func (e *entry[T]) check(mode azdps.BulkOperationMode) {
	c := &recordCheck{mode: mode}
	k := kindOf[T](nil)
	c.id(k.idName, k.id(&e.record))
	if mode != azdps.BulkOperationModeDelete {
		c.attestation(k.members(&e.record).attestation)
		switch record := any(&e.record).(type) {
		case *azdps.IndividualEnrollment:
			c.enrollment(record)
		case *azdps.EnrollmentGroup:
			c.group(record)
		}
	}
	if !c.found("attestation") {
		record := e.record
		attestation := k.members(&record).attestation
		attestation.Type = knownType(attestation.Type) // so that azdps compares it with what else there is
		if c.found(k.idName) {
			*k.members(&record).id = "id" // a bad id would be all that azdps tells
		}
		c.refusal(check(mode, record))
	}
	for _, f := range c.faults {
		e.faults = append(e.faults, e.at(f.path, f.reason))
	}
}

// recordCheck collects the faults of a record.
type recordCheck struct {
	mode   azdps.BulkOperationMode
	faults []fault
}

func (c *recordCheck) add(path, reason string) { c.faults = append(c.faults, fault{path, reason}) }

// found reports whether a member, or something in it, has a fault already.
func (c *recordCheck) found(path string) bool {
	return slices.ContainsFunc(c.faults, func(f fault) bool { return f.path == path || strings.HasPrefix(f.path, path+".") })
}

// err adds what package azdps says about a parameter, without the name of the parameter.
func (c *recordCheck) err(path string, err error) {
	if err == nil {
		return
	}
	_, reason, _ := strings.Cut(strings.TrimPrefix(err.Error(), "azdps: "), ": ")
	c.add(path, reason)
}

// refusal adds why package azdps would not send a record: what is left after all other checks is about its attestation.
func (c *recordCheck) refusal(err error) { c.err("attestation", err) }

// The patterns of names: ids by
// https://learn.microsoft.com/azure/iot-dps/concepts-service#registration-id, device ids by IoT Hub, the others by the
// specification of the API.
var (
	ids            = regexp.MustCompile(`^[A-Za-z0-9\-._:]{0,127}[A-Za-z0-9\-]$`)
	deviceIDs      = regexp.MustCompile(`^[A-Za-z0-9\-:.+%_#*?!(),=@$']{1,128}$`)
	namespaceNames = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$`)
	policyNames    = regexp.MustCompile(`^[0-9a-zA-Z][a-zA-Z0-9-]{2,62}$`)
)

// match does not quote the name, which may be a key that slipped into another column.
func (c *recordCheck) match(path, name string, pattern *regexp.Regexp, reason string) {
	if name != "" && !pattern.MatchString(name) {
		c.add(path, reason)
	}
}

func (c *recordCheck) id(path, id string) {
	c.match(path, id, ids, "must be up to 128 ASCII letters, digits and -._: that do not end with . _ or :")
}

func (c *recordCheck) enrollment(e *azdps.IndividualEnrollment) {
	c.match("deviceId", e.DeviceID, deviceIDs, "must be up to 128 ASCII letters, digits and -:.+%_#*?!(),=@$'")
	if x509 := e.Attestation.X509; x509 != nil && x509.SigningCertificates != nil {
		c.add("attestation.x509.signingCertificates", "is for enrollment groups; the certificate of a device is a client certificate")
	}
	if len(e.IoTHubs) > 1 && strings.EqualFold(string(e.AllocationPolicy), string(azdps.AllocationPolicyStatic)) {
		c.add("iotHubs", "must be one hub when allocationPolicy is static")
	}
	c.status(e.ProvisioningStatus, e.ETag)
	c.allocation(e.AllocationPolicy, e.IoTHubs, e.CustomAllocationDefinition)
	c.names(e.NamespaceName, e.CertificateAuthorityName, e.CertificatePolicyName)
}

func (c *recordCheck) group(g *azdps.EnrollmentGroup) {
	if g.Attestation.TPM != nil {
		c.add("attestation.tpm", "is for individual enrollments")
	}
	if x509 := g.Attestation.X509; x509 != nil && x509.ClientCertificates != nil {
		c.add("attestation.x509.clientCertificates",
			"is for individual enrollments; a group has signing certificates or CA references")
	}
	c.status(g.ProvisioningStatus, g.ETag)
	c.allocation(g.AllocationPolicy, g.IoTHubs, g.CustomAllocationDefinition)
	c.names(g.NamespaceName, g.CertificateAuthorityName, g.CertificatePolicyName)
}

func (c *recordCheck) names(namespace, authority, policy string) {
	c.match("namespaceName", namespace, namespaceNames,
		"must be 3 to 64 lower-case ASCII letters, digits and dashes that neither begin nor end with a dash")
	const reason = "must be 3 to 63 ASCII letters, digits and dashes that do not begin with a dash"
	c.match("certificateAuthorityName", authority, policyNames, reason)
	c.match("certificatePolicyName", policy, policyNames, reason)
}

func (c *recordCheck) status(status azdps.ProvisioningStatus, etag azcore.ETag) {
	if etag == "" && c.mode == azdps.BulkOperationModeUpdateIfMatchETag {
		c.add("etag", "is missing; the update is for the record that has it")
	}
	oneOf(c, "provisioningStatus", status, azdps.PossibleProvisioningStatusValues())
}

func (c *recordCheck) allocation(policy azdps.AllocationPolicy, hubs []string, definition *azdps.CustomAllocationDefinition) {
	const member = "customAllocationDefinition"
	oneOf(c, "allocationPolicy", policy, azdps.PossibleAllocationPolicyValues())
	if len(hubs) > 0 && policy == "" {
		c.add("allocationPolicy", "is missing; it must be there when iotHubs is")
	}
	if !strings.EqualFold(string(policy), string(azdps.AllocationPolicyCustom)) {
		return
	}
	if definition == nil {
		c.add(member, "is missing; it must be there when allocationPolicy is custom")
		return
	}
	if webhook, err := url.Parse(definition.WebhookURL); err != nil || webhook.Scheme != "https" || webhook.Host == "" {
		c.add(member+".webhookUrl", "must be a URL with https")
	}
	if definition.APIVersion == "" {
		c.add(member+".apiVersion", "is missing; it is the version of the webhook's request, such as 2019-03-31")
	}
}

// oneOf takes values as the service does, without case.
func oneOf[S ~string](c *recordCheck, path string, value S, possible []S) {
	same := func(other S) bool { return strings.EqualFold(string(value), string(other)) }
	if value == "" || slices.ContainsFunc(possible, same) {
		return
	}
	var reason strings.Builder
	reason.WriteString("must be " + string(possible[0]))
	for _, other := range possible[1:] {
		reason.WriteString(" or " + string(other))
	}
	c.add(path, reason.String())
}
