package emulator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
)

// allocation is where a device goes, and with what.
type allocation struct {
	hub     string
	twin    json.RawMessage
	payload json.RawMessage
}

// allocate chooses the hub of a device. An *[Error] is one to be recorded in the registration.
//
// Inferred: that static takes the first of the hubs that it could; geoLatency, which would need a place on earth, is
// like hashed.
func (c *call) allocate(d *device, current *HubDevice) (allocation, error) {
	hubs := c.candidates(d.enrollment, current)
	if len(hubs) == 0 {
		return allocation{}, errNoHub
	}
	chosen := allocation{twin: d.enrollment.InitialTwin}
	switch d.enrollment.AllocationPolicy {
	case "custom":
		return c.askWebhook(d, current, hubs)
	case "static":
		chosen.hub = hubs[0]
	default:
		chosen.hub = hashed(hubs, c.id)
	}
	return chosen, nil
}

// candidates are the hubs that a device may go to: the one it is in if it is never to be reprovisioned, else those of
// its enrollment that are linked, else all that are.
//
// Inferred: that iotHubHostName is one more of iotHubs, and that a hub that is not linked does not disturb those that are.
func (c *call) candidates(e *enrollment, current *HubDevice) []string {
	wanted := slices.Clone(e.IotHubs)
	if e.IotHubHostName != "" {
		wanted = append(wanted, e.IotHubHostName)
	}
	if current != nil && !e.reprovision().UpdateHubAssignment {
		wanted = []string{current.Hub}
	}
	if len(wanted) == 0 {
		return slices.Clone(c.hubs)
	}
	var linked []string
	for _, name := range wanted {
		if hub, ok := canonical(name, c.hubs...); ok && !slices.Contains(linked, hub) {
			linked = append(linked, hub)
		}
	}
	return linked
}

// hashed spreads devices evenly over hubs. A device changes its hub only if the one it had is gone or a new one came.
//
// Inferred: the latter.
func hashed(hubs []string, id string) (chosen string) {
	var most uint64
	for _, hub := range hubs {
		sum := sha256.Sum256([]byte(strings.ToLower(id + "\n" + hub)))
		if weight := binary.BigEndian.Uint64(sum[:]); chosen == "" || weight > most {
			chosen, most = hub, weight
		}
	}
	return chosen
}
