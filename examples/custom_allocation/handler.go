package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/azdps/azdps"
)

// allocationRequest is what the service posts to the webhook: the enrollment that let the device in, the device, and the hubs to
// choose from.
type allocationRequest struct {
	IndividualEnrollment *azdps.IndividualEnrollment `json:"individualEnrollment"`
	EnrollmentGroup      *azdps.EnrollmentGroup      `json:"enrollmentGroup"`
	Device               deviceContext               `json:"deviceRuntimeContext"`
	LinkedHubs           []string                    `json:"linkedHubs"`
}

// deviceContext is the device that registers. It has a current hub if it registered before.
type deviceContext struct {
	RegistrationID string          `json:"registrationId"`
	CurrentHub     string          `json:"currentIotHubHostName"`
	CurrentDevice  string          `json:"currentDeviceId"`
	Payload        json.RawMessage `json:"payload"` // what the device sent along
}

// allocationResponse is the answer of the webhook. The twin replaces that of the enrollment, and the payload goes to the device.
type allocationResponse struct {
	Hub         string             `json:"iotHubHostName"`
	InitialTwin *azdps.InitialTwin `json:"initialTwin,omitempty"`
	Payload     any                `json:"payload,omitempty"`
}

// maxRequest is the longest request that is read; the service sends none above 96 KB.
const maxRequest = 1 << 20

// newHandler makes the webhook of a function that chooses, for whoever has a key in the query of the URL, as with an Azure
// function. Whatever is not answered with 200 fails the registration, and the device sees the status. Serve it with https.
func newHandler(key string, choose func(*allocationRequest) (*allocationResponse, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("code")), []byte(key)) != 1 {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		var request allocationRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request); err != nil {
			http.Error(w, "not an allocation request", http.StatusBadRequest)
			return
		}
		response, err := choose(&request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(response); err != nil {
			log.Printf("answer of %s: %v", request.Device.RegistrationID, err)
		}
	})
}

// regions are the parts of the names of hubs, by what devices say of themselves.
var regions = map[string]string{"uk": "europe", "jp": "asia"}

// errNoHub is a device for which there is no hub.
var errNoHub = errors.New("there is no hub for this device")

// chooseByRegion chooses the hub of the region that a device says it is in. One that does not say is sent back.
func chooseByRegion(request *allocationRequest) (*allocationResponse, error) {
	var said struct{ Country string }
	if len(request.Device.Payload) > 0 {
		if err := json.Unmarshal(request.Device.Payload, &said); err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
	}
	region := regions[strings.ToLower(said.Country)]
	for _, hub := range request.LinkedHubs {
		if region != "" && strings.Contains(hub, region) {
			return &allocationResponse{
				Hub:         hub,
				InitialTwin: &azdps.InitialTwin{Tags: azdps.TwinCollection{"region": region}},
				Payload:     map[string]string{"message": "Welcome to " + region + "."},
			}, nil
		}
	}
	return nil, errNoHub
}
