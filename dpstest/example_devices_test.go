package dpstest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// A device of a group registers with a key that is derived from the group's. Then the service API shows its registration, and
// HubDevice what its IoT hub would have.
func ExampleServer_HubDevice() {
	ctx := context.Background()
	server, client := exampleServer()
	group, err := client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		InitialTwin:       &azdps.InitialTwin{Tags: azdps.TwinCollection{"factory": "north"}},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	key, err := azdps.DeriveDeviceKey(group.Attestation.SymmetricKey.PrimaryKey, "pump-7")
	if err != nil {
		log.Fatal(err)
	}
	audience := server.IDScope() + "/registrations/pump-7"
	token, err := azdps.GenerateSASToken(audience, "registration", key, time.Now().Add(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the device is", registerDevice(server, server.Transport(), "pump-7", token))

	state, err := client.DeviceRegistrationStates().Get(ctx, "pump-7", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the service says", state.Status, state.AssignedHub)
	if device, ok := server.HubDevice("pump-7"); ok {
		fmt.Printf("the hub has %s with %s\n", device.DeviceID, device.Twin)
	}
	// Output:
	// the device is assigned
	// the service says assigned dpstest-hub.azure-devices.net
	// the hub has pump-7 with {"tags":{"factory":"north"}}
}

// A device with a certificate shows it in the TLS handshake; DeviceTransport does so without a socket.
func ExampleServer_DeviceTransport() {
	ctx := context.Background()
	server, client := exampleServer()
	certificate := selfSigned("sensor-1") // the device's own, with its private key
	attestation, err := azdps.NewX509ClientAttestation(certificate.Leaf, nil)
	if err != nil {
		log.Fatal(err)
	}
	enrollment := azdps.IndividualEnrollment{RegistrationID: "sensor-1", Attestation: attestation}
	if _, err := client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, nil); err != nil {
		log.Fatal(err)
	}

	fmt.Println("the device is", registerDevice(server, server.DeviceTransport(certificate), "sensor-1", ""))
	fmt.Println("another one is", registerDevice(server, server.DeviceTransport(selfSigned("sensor-1")), "sensor-1", ""))
	// Output:
	// the device is assigned
	// another one is refused: Invalid certificate.
}

// registerDevice is a small device: it registers, and asks what came of it. A device of the real service waits before it asks.
func registerDevice(server *dpstest.Server, client *http.Client, id, token string) string {
	url := server.DeviceURL() + "/" + server.IDScope() + "/registrations/" + id
	var answer struct{ OperationID, Status, Message string }
	send := func(method, path, body string) {
		request, err := http.NewRequest(method, url+path+"?api-version=2021-10-01", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if token != "" {
			request.Header.Set("Authorization", token)
		}
		response, err := client.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			log.Fatal(err)
		}
	}
	send(http.MethodPut, "/register", `{"registrationId":"`+id+`"}`)
	if answer.OperationID == "" {
		return "refused: " + answer.Message
	}
	send(http.MethodGet, "/operations/"+answer.OperationID, "")
	return answer.Status
}

func selfSigned(commonName string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: commonName},
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
