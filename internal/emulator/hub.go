package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// HubDevice is a device as its IoT hub has it: by keys or by thumbprints.
type HubDevice struct {
	Hub                 string          `json:"hub"`
	DeviceID            string          `json:"deviceId"`
	PrimaryKey          string          `json:"primaryKey,omitempty"`
	SecondaryKey        string          `json:"secondaryKey,omitempty"`
	PrimaryThumbprint   string          `json:"primaryThumbprint,omitempty"`
	SecondaryThumbprint string          `json:"secondaryThumbprint,omitempty"`
	IotEdge             bool            `json:"iotEdge,omitempty"`
	Twin                json.RawMessage `json:"twin,omitempty"`
}

// HubDevice returns what the hub of a device has. It knows devices of which there is a registration.
func (h *Handler) HubDevice(registrationID string) (HubDevice, bool) {
	found := h.store.registration(registrationID)
	if found == nil || found.current() == nil {
		return HubDevice{}, false
	}
	device := *found.current()
	device.Twin = bytes.Clone(device.Twin)
	return device, true
}

// current is the device in the hub that it was last assigned to, or nil if it never was. Of a state that was loaded
// alone, no more is known than what it says.
func (r *registration) current() *HubDevice {
	if r.Device == nil && r.AssignedHub != "" {
		return &HubDevice{Hub: r.AssignedHub, DeviceID: r.DeviceID}
	}
	return r.Device
}

// authenticate gives a device that was placed what it will prove itself to the hub with.
//
// Inferred: that each registration renews it; that thumbprints are SHA-256, and for a device that came by a CA that of
// its own certificate; and that an issued certificate takes the place of anything else.
func (h *HubDevice) authenticate(d *device, id string, issued [][]byte) {
	attestation := d.enrollment.Attestation
	switch {
	case len(issued) > 0:
		h.PrimaryThumbprint = thumbprint(issued[0])
	case attestation.Type == "symmetricKey":
		keys := attestation.SymmetricKey.keysOf(d.enrollment, id)
		h.PrimaryKey, h.SecondaryKey = keys[0], keys[1]
	case attestation.Type == "tpm":
		h.PrimaryKey = generateKey()
	case attestation.X509.ClientCertificates != nil:
		h.PrimaryThumbprint = attestation.X509.ClientCertificates.Primary.thumbprint()
		h.SecondaryThumbprint = attestation.X509.ClientCertificates.Secondary.thumbprint()
	default:
		h.PrimaryThumbprint = thumbprint(d.chain[0].Raw)
	}
}

func thumbprint(der []byte) string { return fmt.Sprintf("%X", sha256.Sum256(der)) }

// thumbprint is that of the certificate, or empty if there is none.
func (c *certificate) thumbprint() string {
	if c == nil {
		return ""
	}
	return c.Info.SHA256Thumbprint
}
