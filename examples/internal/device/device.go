// Package device is the other side: a device that registers with the service over HTTPS. Devices in the field do it with one of
// the device SDKs of Azure; this is the least that it takes.
package device

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/azdps/azdps"
)

// apiVersion is that of the device API.
const apiVersion = "2021-10-01"

// Device is a device that has not registered yet, or registers again.
type Device struct {
	// Endpoint is where it registers, such as https://global.azure-devices-provisioning.net.
	Endpoint string

	// IDScope names the service.
	IDScope string

	// RegistrationID is the id that the device registers with.
	RegistrationID string

	// Key is the base64 key of a device with a symmetric key. It is empty if Client shows a certificate.
	Key string

	// Payload goes to the webhook of a custom allocation; nil means none.
	Payload any

	// Client sends the requests.
	Client *http.Client
}

// Register registers the device, waits as long as the service asks for, and returns what became of it. A registration that the
// service takes and that fails is no error: see Status, ErrorCode and ErrorMessage of the state.
func (d *Device) Register(ctx context.Context) (azdps.DeviceRegistrationState, error) {
	body, err := json.Marshal(registration{d.RegistrationID, d.Payload})
	if err != nil {
		return azdps.DeviceRegistrationState{}, fmt.Errorf("device: payload: %w", err)
	}
	answer, err := d.send(ctx, http.MethodPut, "/register", body)
	for err == nil && !answer.final() {
		if err = wait(ctx, answer.retryAfter); err == nil {
			answer, err = d.send(ctx, http.MethodGet, "/operations/"+url.PathEscape(answer.OperationID), nil)
		}
	}
	if err != nil {
		return azdps.DeviceRegistrationState{}, fmt.Errorf("device: register %s: %w", d.RegistrationID, err)
	}
	return answer.State, nil
}

type registration struct {
	RegistrationID string `json:"registrationId"`
	Payload        any    `json:"payload,omitempty"`
}

// operationStatus is the answer of the service to a registration, and to the question what became of it. The state has the
// members that the service API shows, and some more.
type operationStatus struct {
	OperationID string                        `json:"operationId"`
	Status      azdps.RegistrationStatus      `json:"status"`
	State       azdps.DeviceRegistrationState `json:"registrationState"`

	retryAfter time.Duration
}

func (s operationStatus) final() bool {
	switch s.Status {
	case azdps.RegistrationStatusAssigned, azdps.RegistrationStatusDisabled, azdps.RegistrationStatusFailed:
		return true
	default:
		return false
	}
}

// send sends a request until the service has the time to answer it.
func (d *Device) send(ctx context.Context, method, path string, body []byte) (operationStatus, error) {
	for {
		status, answer, err := d.try(ctx, method, path, body)
		if err != nil || (status != http.StatusTooManyRequests && status < http.StatusInternalServerError) {
			return answer, err
		}
		if err := wait(ctx, answer.retryAfter); err != nil {
			return operationStatus{}, fmt.Errorf("the service answers %d: %w", status, err)
		}
	}
}

// maxAnswer is the longest answer that is read.
const maxAnswer = 1 << 20

func (d *Device) try(ctx context.Context, method, path string, body []byte) (int, operationStatus, error) {
	resource := d.IDScope + "/registrations/" + d.RegistrationID
	request, err := http.NewRequestWithContext(ctx, method, d.Endpoint+"/"+resource+path+"?api-version="+apiVersion, bytes.NewReader(body))
	if err != nil {
		return 0, operationStatus{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if d.Key != "" {
		token, err := azdps.GenerateSASToken(resource, "registration", d.Key, time.Now().Add(time.Hour))
		if err != nil {
			return 0, operationStatus{}, err
		}
		request.Header.Set("Authorization", token)
	}
	response, err := d.Client.Do(request)
	if err != nil {
		return 0, operationStatus{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was read as far as it counts
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, operationStatus{}, err
	}
	answer, err := decode(response, text)
	return response.StatusCode, answer, err
}

// decode reads an answer. Of one that asks to come back later, only how much later is of interest.
func decode(response *http.Response, text []byte) (operationStatus, error) {
	answer := operationStatus{retryAfter: 2 * time.Second}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		answer.retryAfter = time.Duration(seconds) * time.Second
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode >= http.StatusInternalServerError:
		return answer, nil
	case response.StatusCode >= http.StatusMultipleChoices:
		return answer, refusal(response.StatusCode, text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if answer.OperationID == "" && !answer.final() {
		return answer, errors.New("the answer names no operation")
	}
	return answer, nil
}

// RefusedError is an answer of the service that lets the device not in.
type RefusedError struct {
	// StatusCode is the HTTP status, and Details what the service says to it, if it says anything.
	StatusCode int
	Details    azdps.ErrorDetails
}

// Error tells the status, and the details if there are any.
func (e *RefusedError) Error() string {
	if e.Details.Message == "" {
		return fmt.Sprintf("the service answers %d", e.StatusCode)
	}
	return fmt.Sprintf("the service answers %d: %s (%d)", e.StatusCode, e.Details.Message, e.Details.ErrorCode)
}

func refusal(status int, text []byte) error {
	refused := &RefusedError{StatusCode: status}
	if json.Unmarshal(text, &refused.Details) != nil {
		refused.Details = azdps.ErrorDetails{} // it comes from elsewhere
	}
	return refused
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
