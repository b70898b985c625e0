package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// allocationRequest is what a webhook is sent.
type allocationRequest struct {
	Individual *allocationEnrollment `json:"individualEnrollment,omitempty"`
	Group      *allocationEnrollment `json:"enrollmentGroup,omitempty"`
	Context    runtimeContext        `json:"deviceRuntimeContext"`
	LinkedHubs []string              `json:"linkedHubs"`
}

// allocationEnrollment is an enrollment with the etag of the store, in quotes, and without the query of its webhook, in
// which keys are.
type allocationEnrollment struct {
	*enrollment
	ETag string `json:"etag"`
}

// runtimeContext is the device that registers, and where it was before.
type runtimeContext struct {
	RegistrationID string           `json:"registrationId"`
	CurrentHub     string           `json:"currentIotHubHostName,omitempty"`
	CurrentDevice  string           `json:"currentDeviceId,omitempty"`
	X509           *x509Attestation `json:"x509,omitempty"`
	SymmetricKey   *struct{}        `json:"symmetricKey,omitempty"`
	TPM            *tpmAttestation  `json:"tpm,omitempty"`
	Payload        json.RawMessage  `json:"payload,omitempty"`
}

// allocationResponse is what a webhook answers.
type allocationResponse struct {
	Hub     string          `json:"iotHubHostName"`
	Twin    json.RawMessage `json:"initialTwin"`
	Payload json.RawMessage `json:"payload"`
}

// allocationFailed is recorded for a webhook that did not answer as it should.
func allocationFailed(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: 400207, Message: "Custom allocation failed" + fmt.Sprintf(format, args...)}
}

// maxAllocation is the longest answer of a webhook that is read.
const maxAllocation = 1 << 20

// askWebhook lets the webhook of an enrollment choose.
//
// Inferred: the texts for an answer that is not one, for none at all, and for a hub that the webhook was not offered,
// which is answered like one that is not linked.
func (c *call) askWebhook(d *device, current *HubDevice, hubs []string) (allocation, error) {
	body, err := encode(c.newAllocationRequest(d, current, hubs))
	if err != nil {
		return allocation{}, err
	}
	answer, err := c.post(d.enrollment.CustomAllocation.WebhookURL, body)
	if err != nil {
		return allocation{}, err
	}
	var said allocationResponse
	if json.Unmarshal(answer, &said) != nil || said.Hub == "" {
		return allocation{}, allocationFailed(": the webhook did not answer with an iotHubHostName.")
	}
	hub, ok := canonical(said.Hub, hubs...)
	if !ok {
		return allocation{}, errNoHub
	}
	chosen := allocation{hub: hub, twin: d.enrollment.InitialTwin}
	if given(said.Twin) {
		chosen.twin = said.Twin
	}
	if given(said.Payload) {
		chosen.payload = said.Payload
	}
	return chosen, nil
}

func given(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

// post sends body to a webhook and returns the answer. Nothing is recorded if the device left meanwhile. What went wrong
// with the connection is not told, since it holds the URL.
func (c *call) post(url string, body []byte) ([]byte, error) {
	failed := func() ([]byte, error) {
		if err := c.request.Context().Err(); err != nil {
			return nil, fmt.Errorf("emulator: the device left: %w", err)
		}
		return nil, allocationFailed(": the webhook did not answer.")
	}
	request, err := http.NewRequestWithContext(c.request.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return failed()
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.webhooks.Do(request)
	if err != nil {
		return failed()
	}
	defer func() { _ = response.Body.Close() }() // it was read as far as it counts
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, allocationFailed(" with status code: %d", response.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAllocation))
	if err != nil {
		return failed()
	}
	return answer, nil
}

// newAllocationRequest makes what a webhook is sent: the enrollment as the service API shows it, and the device.
//
// Inferred: the form of x509, which has the info of the device's certificate.
func (c *call) newAllocationRequest(d *device, current *HubDevice, hubs []string) *allocationRequest {
	shown := c.show(d.enrollment, false)
	definition := *shown.CustomAllocation
	if url, _, ok := strings.Cut(definition.WebhookURL, "?"); ok {
		definition.WebhookURL = url + "?****"
	}
	shown.CustomAllocation = &definition
	request := &allocationRequest{
		Context:    runtimeContext{RegistrationID: c.id, Payload: d.Payload},
		LinkedHubs: hubs,
	}
	if sent := (&allocationEnrollment{shown, d.enrollment.ETag.quoted()}); shown.GroupID != "" {
		request.Group = sent
	} else {
		request.Individual = sent
	}
	if current != nil {
		request.Context.CurrentHub, request.Context.CurrentDevice = current.Hub, current.DeviceID
	}
	switch shown.Attestation.Type {
	case "tpm":
		request.Context.TPM = shown.Attestation.TPM
	case "x509":
		leaf := &certificate{Info: newCertificateInfo(d.chain[0])}
		request.Context.X509 = &x509Attestation{ClientCertificates: &certificates{Primary: leaf}}
	default:
		request.Context.SymmetricKey = new(struct{})
	}
	return request
}
