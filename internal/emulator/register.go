package emulator

import (
	"cmp"
	"errors"
)

// What became of the data of a device that was assigned.
const (
	initialAssignment = "initialAssignment"
	dataMigrated      = "deviceDataMigrated"
	dataReset         = "deviceDataReset"
	reprovisioned     = "reprovisionedToInitialAssignment"
)

// registration returns the registration of a device, or nil.
func (s *store) registration(id string) *registration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.registrations.get(id)
}

// register registers a device and returns the record of that. It holds no lock while a webhook is asked, so it starts
// anew if the device registered a second time meanwhile.
func (s *store) register(c *call, d *device, issued [][]byte) (*registration, error) {
	for {
		old := s.registration(c.id)
		made, err := c.assign(d, old, issued)
		if err != nil {
			return nil, err
		}
		if done, err := s.commit(c, d.enrollment, old, made); done || err != nil {
			return made, err
		}
	}
}

// commit stores a registration that was made from an old one, and says whether that still was the last.
func (s *store) commit(c *call, e *enrollment, old, made *registration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.registrations.get(c.id) != old:
		return false, nil
	case e.GroupID != "" && s.groups.records.get(e.GroupID) == nil:
		return false, errGroupNotFound
	case e.GroupID == "" && s.individuals.records.get(e.RegistrationID) == nil:
		return false, errEnrollmentNotFound
	}
	made.Updated = ticksOf(c.clock())
	made.ETag = s.stamp(made.Updated)
	return true, s.putRegistration(made)
}

// assign decides what becomes of a device. A failed or disabled registration tells no hub, but the device stays in the
// one that it was in.
//
// Inferred: the latter, and that a record keeps its date of creation and the case of its id.
func (c *call) assign(d *device, old *registration, issued [][]byte) (*registration, error) {
	e := d.enrollment
	made := &registration{
		GroupID:         e.GroupID,
		AttestationType: e.Attestation.Type,
		OperationID:     newOperationID(),
	}
	made.RegistrationID, made.Created = cmp.Or(e.RegistrationID, c.id), ticksOf(c.now)
	if old != nil {
		made.RegistrationID, made.Created, made.Device = old.RegistrationID, old.Created, old.current()
	}
	if e.ProvisioningStatus == "disabled" {
		made.Status = "disabled"
		return made, nil
	}
	chosen, err := c.allocate(d, made.Device)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		made.Status, made.ErrorCode, made.ErrorMessage = "failed", refused.Code, refused.Message
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	made.Device, made.Substatus = chosen.place(made.Device, e)
	if made.Device.DeviceID == "" {
		made.Device.DeviceID = cmp.Or(e.DeviceID, made.RegistrationID)
	}
	made.Issued = issued
	made.Device.authenticate(d, c.id, issued)
	made.Status, made.AssignedHub, made.DeviceID = "assigned", made.Device.Hub, made.Device.DeviceID
	made.Payload = chosen.payload
	return made, nil
}

// place makes the device as its hub will have it, from how the last one had it, if any did. A device that stays keeps
// its twin, as does one whose data moves with it.
//
// Inferred: which substatus is for a device that stays: that it was provisioned again where it had been; that this is
// so under any policy; and that the device id stays, too, also if the enrollment has another meanwhile.
func (a *allocation) place(current *HubDevice, e *enrollment) (*HubDevice, string) {
	fresh := &HubDevice{Hub: a.hub, Twin: a.twin, IotEdge: e.Capabilities != nil && e.Capabilities.IotEdge}
	if current == nil {
		return fresh, initialAssignment
	}
	fresh.DeviceID = current.DeviceID
	switch {
	case current.Hub == a.hub:
		fresh.Twin, fresh.IotEdge = current.Twin, current.IotEdge
		return fresh, reprovisioned
	case e.reprovision().MigrateDeviceData:
		fresh.Twin = current.Twin
		return fresh, dataMigrated
	default:
		return fresh, dataReset
	}
}

// reprovision is the policy of an enrollment, which takes what it is not told as true.
func (e *enrollment) reprovision() reprovisionPolicy {
	if e.ReprovisionPolicy == nil {
		return reprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true}
	}
	return *e.ReprovisionPolicy
}
