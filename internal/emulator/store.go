package emulator

import (
	"strings"
	"sync"
)

// store holds what the service knows. A record in it is replaced and never changed, so whoever got one under the lock
// may read it without.
type store struct {
	mu            sync.RWMutex
	individuals   collection
	groups        collection
	registrations table[registration]
	byGroup       map[string]*index[registration] // of the registrations, by enrollment group
	writes        uint64
	quotas        quotas
}

// quotas is how many records there may be.
type quotas struct{ enrollments, registrations, groupsOfOneKind int }

// collection is the individual enrollments or the enrollment groups, with what differs between the two.
type collection struct {
	*store
	group     bool
	itemType  string
	exists    *Error
	notFound  *Error
	invalidID *Error
	records   table[enrollment]
	counts    map[string]int // by quota
}

func (s *store) init() {
	s.individuals = collection{
		store:     s,
		itemType:  "Enrollment",
		exists:    errEnrollmentExists,
		notFound:  errEnrollmentNotFound,
		invalidID: errInvalidEnrollment,
		records:   newTable[enrollment](),
		counts:    make(map[string]int),
	}
	s.groups = collection{
		store:     s,
		group:     true,
		itemType:  "EnrollmentGroup",
		exists:    errGroupExists,
		notFound:  errGroupNotFound,
		invalidID: errInvalidGroup,
		records:   newTable[enrollment](),
		counts:    make(map[string]int),
	}
	s.registrations = newTable[registration]()
	s.byGroup = make(map[string]*index[registration])
	s.quotas = quotas{maxEnrollments, maxRegistrations, maxGroupsOfOneKind}
}

// stamp makes the etag of the next write. The caller holds the lock.
func (s *store) stamp(at ticks) etag {
	s.writes++
	return newETag(s.writes, at)
}

// seen makes sure that no later write gets an etag that came in from elsewhere. The caller holds the lock.
func (s *store) seen(e etag) { s.writes = max(s.writes, e.number()) }

// id returns the id of a record, by the member that the collection's records have.
func (c *collection) id(e *enrollment) string {
	if c.group {
		return e.GroupID
	}
	return e.RegistrationID
}

func (c *collection) setID(e *enrollment, id string) {
	if c.group {
		e.GroupID = id
	} else {
		e.RegistrationID = id
	}
}

// quota names what a record counts as, and how many of those there may be.
func (c *collection) quota(e *enrollment) (what string, limit int) {
	if c.group {
		return e.Attestation.Type + " enrollment groups", c.quotas.groupsOfOneKind
	}
	return "individual enrollments", c.quotas.enrollments
}

// put adds or replaces a record if the quota allows. The caller holds the lock.
func (c *collection) put(e *enrollment) error {
	what, limit := c.quota(e)
	before := ""
	old := c.records.get(c.id(e))
	if old != nil {
		before, _ = c.quota(old)
	}
	if what != before {
		if c.counts[what] >= limit {
			return quotaExceeded(limit, what)
		}
		c.counts[what]++
		if old != nil {
			c.counts[before]--
		}
	}
	c.records.put(c.id(e), e)
	return nil
}

// remove takes a record out. The registrations of a group stay; that of an individual enrollment goes with it.
//
// Inferred: the latter. The caller holds the lock.
func (c *collection) remove(e *enrollment) {
	what, _ := c.quota(e)
	c.counts[what]--
	c.records.delete(c.id(e))
	if c.group {
		return
	}
	if own := c.registrations.get(e.RegistrationID); own != nil && own.GroupID == "" {
		c.removeRegistration(own)
	}
}

// registration is a registration state, with the enrollment group that it came through if there was one, and with what
// else is known of the device's last registration.
type registration struct {
	GroupID string `json:"enrollmentGroupId,omitempty"`
	registrationState
	AttestationType string     `json:"attestationType,omitempty"`
	OperationID     string     `json:"operationId,omitempty"`
	Issued          [][]byte   `json:"issuedCertificateChain,omitempty"`
	Device          *HubDevice `json:"hubDevice,omitempty"`
}

// shown is the state as an api-version has it.
//
// Inferred: what a version before reprovisionedToInitialAssignment shows in its place.
func (r *registration) shown(version string) *registrationState {
	if version >= versionOfReprovisioning || r.Substatus != reprovisioned {
		return &r.registrationState
	}
	shown := r.registrationState
	shown.Substatus = initialAssignment
	return &shown
}

// putRegistration adds or replaces a registration if the quota allows. The caller holds the lock.
func (s *store) putRegistration(r *registration) error {
	old := s.registrations.get(r.RegistrationID)
	if old == nil && s.registrations.len() >= s.quotas.registrations {
		return quotaExceeded(s.quotas.registrations, "registrations")
	}
	if old != nil && strings.EqualFold(old.GroupID, r.GroupID) {
		s.registrations.put(r.RegistrationID, r)
		return nil
	}
	if old != nil {
		s.removeRegistration(old)
	}
	row := s.registrations.put(r.RegistrationID, r)
	if r.GroupID != "" {
		key := strings.ToLower(r.GroupID)
		if s.byGroup[key] == nil {
			s.byGroup[key] = new(index[registration])
		}
		s.byGroup[key].add(row)
	}
	return nil
}

// removeRegistration takes a registration out. The caller holds the lock.
func (s *store) removeRegistration(r *registration) {
	row := s.registrations.delete(r.RegistrationID)
	if order := s.groupOrder(r.GroupID); order != nil {
		order.remove(row)
	}
}

// groupOrder returns the registrations that came through a group, or nil if none ever did. The caller holds the lock.
func (s *store) groupOrder(groupID string) *index[registration] {
	return s.byGroup[strings.ToLower(groupID)]
}
