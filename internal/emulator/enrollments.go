package emulator

import "strings"

// serveGet returns a record. Only an individual enrollment has a registration state, "unassigned" before the device
// registered, and only here.
func (c *collection) serveGet(call *call) (any, error) {
	if !validID(call.id) {
		return nil, c.invalidID
	}
	c.mu.RLock()
	record := c.records.get(call.id)
	registered := c.registrations.get(call.id)
	c.mu.RUnlock()
	if record == nil {
		return nil, c.notFound
	}
	shown := call.show(record, false)
	switch {
	case c.group:
	case registered != nil:
		shown.RegistrationState = registered.shown(call.version)
	default:
		shown.RegistrationState = &registrationState{RegistrationID: record.RegistrationID, Status: "unassigned"}
	}
	return shown, nil
}

// servePut creates a record, or replaces the whole of it if the request has an If-Match. The answer to both is 200 and
// shows the symmetric keys. The etag in the body is ignored.
//
// Inferred: a body without an id, or with another than the path, is refused.
func (c *collection) servePut(call *call) (any, error) {
	condition, err := parseCondition(call.request.Header.Values("If-Match"))
	if err != nil {
		return nil, err
	}
	body := enrollmentBody{enrollment: newEnrollment()}
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	if !strings.EqualFold(c.id(&body.enrollment), call.id) {
		return nil, errOtherID
	}
	record, err := c.write(call, &body.enrollment, condition)
	if err != nil {
		return nil, err
	}
	return call.show(record, true), nil
}

// serveDelete deletes a record.
//
// Inferred: 404 for one that is missing, with and without If-Match.
func (c *collection) serveDelete(call *call) (any, error) {
	condition, err := parseCondition(call.request.Header.Values("If-Match"))
	if err != nil {
		return nil, err
	}
	return nil, c.erase(call.id, condition)
}

// serveMechanism returns the attestation of a record with its symmetric keys. A body is ignored.
func (c *collection) serveMechanism(call *call) (any, error) {
	if !validID(call.id) {
		return nil, c.invalidID
	}
	c.mu.RLock()
	record := c.records.get(call.id)
	c.mu.RUnlock()
	if record == nil {
		return nil, c.notFound
	}
	return record.Attestation.public(true), nil
}

// write makes sent the record of its id: a new one without a condition, a replaced one under it. What the record keeps
// is the time it was created, the case of its id, and certificates of which only the info was sent.
//
// Inferred: that the case of the first write is kept, and 404 for a condition on a record that is missing.
func (c *collection) write(call *call, sent *enrollment, condition condition) (*enrollment, error) {
	if err := c.normalize(sent, call.version); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := ticksOf(call.now)
	sent.Created, sent.Updated = now, now
	old := c.records.get(c.id(sent))
	var kept *x509Attestation
	switch {
	case old == nil && condition != "":
		return nil, c.notFound
	case old != nil && condition == "":
		return nil, c.exists
	case old != nil && !condition.accepts(old.ETag):
		return nil, errPrecondition
	case old != nil:
		sent.Created = old.Created
		c.setID(sent, c.id(old))
		kept = old.Attestation.X509
	}
	if err := sent.Attestation.keepCertificates(kept); err != nil {
		return nil, err
	}
	sent.ETag = c.stamp(now)
	return sent, c.put(sent)
}

// erase deletes the record of an id under a condition.
func (c *collection) erase(id string, condition condition) error {
	if !validID(id) {
		return c.invalidID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.records.get(id)
	switch {
	case old == nil:
		return c.notFound
	case !condition.accepts(old.ETag):
		return errPrecondition
	}
	c.remove(old)
	return nil
}

// show makes the answer's form of a record: without certificates, without symmetric keys unless they are asked for,
// and without what the api-version of the call does not know.
func (c *call) show(e *enrollment, keys bool) *enrollment {
	shown := *e
	shown.Attestation = e.Attestation.public(keys)
	if c.version < versionOfPolicies {
		shown.dropPolicies()
	}
	return &shown
}

// dropPolicies takes out the members that came with certificate policies.
func (e *enrollment) dropPolicies() {
	e.NamespaceName, e.CertificateAuthorityName, e.CertificatePolicyName = "", "", ""
}
