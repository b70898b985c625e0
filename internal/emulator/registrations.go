package emulator

// serveRegistration returns the state of a device's registration.
func (s *store) serveRegistration(call *call) (any, error) {
	if !validID(call.id) {
		return nil, errInvalidEnrollment
	}
	s.mu.RLock()
	found := s.registrations.get(call.id)
	s.mu.RUnlock()
	if found == nil {
		return nil, errRegistrationNotFound
	}
	return found.shown(call.version), nil
}

// serveRegistrationDelete deletes a registration; its device may register again.
func (s *store) serveRegistrationDelete(call *call) (any, error) {
	condition, err := parseCondition(call.request.Header.Values("If-Match"))
	if err != nil {
		return nil, err
	}
	if !validID(call.id) {
		return nil, errInvalidEnrollment
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.registrations.get(call.id)
	switch {
	case found == nil:
		return nil, errRegistrationNotFound
	case !condition.accepts(found.ETag):
		return nil, errPrecondition
	}
	s.removeRegistration(found)
	return nil, nil
}

// serveRegistrationQuery returns a page of the registrations that came through an enrollment group. It needs no body,
// and ignores one.
//
// Inferred: a group that does not exist has the registrations of the one that had its id, or none, and gives no error.
func (s *store) serveRegistrationQuery(call *call) (any, error) {
	if !validID(call.id) {
		return nil, errInvalidGroup
	}
	q, err := call.newQuery(itemTypes[DeviceRegistrationStateQuery])
	if err != nil {
		return nil, err
	}
	page := []*registrationState{}
	var end position
	var more bool
	s.mu.RLock()
	if order := s.groupOrder(call.id); order != nil {
		var found []*registration
		found, end, more = order.page(q.after, q.limit)
		for _, r := range found {
			page = append(page, r.shown(call.version))
		}
	}
	s.mu.RUnlock()
	q.setHeaders(call.header, end, more)
	return page, nil
}
