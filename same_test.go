package azdps_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// lostUpdate updates an enrollment and loses the answer to the write, which the service applied. Then, if foreign is set,
// somebody else changes what was written.
func lostUpdate(t *testing.T, attestation azdps.AttestationMechanism, change, foreign func(*azdps.IndividualEnrollment)) (azdps.IndividualEnrollmentsClientUpdateResponse, *azdps.DeviceProvisioningClient, error) {
	t.Helper()
	u := updaters["individual enrollment"]
	server, client := startService(t)
	other := connect(t, server.ConnectionString(), server.Transport())
	u.create(t, server, attestation)
	server.Control(func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(nowhere{}, r)
		if foreign != nil {
			assert.NoError(t, u.replace(r.Context(), other, func(v recordView) { foreign(v.record.(*azdps.IndividualEnrollment)) }))
		}
		panic(http.ErrAbortHandler)
	}, &dpstest.ControlOptions{Operation: u.put})
	runs := 0
	resp, err := client.IndividualEnrollments().Update(t.Context(), u.id, func(e *azdps.IndividualEnrollment) error {
		runs++
		change(e)
		return nil
	}, nil)
	assert.Equal(t, 1, runs)
	return resp, client, err
}

// TestLostWritesThatTheServiceCompletes finds its own write although the service does not return it as it was sent.
func TestLostWritesThatTheServiceCompletes(t *testing.T) {
	t.Parallel()
	certificate := pemCertificate(t, "next")
	block, _ := pem.Decode([]byte(certificate))
	x509Of := func(e *azdps.IndividualEnrollment) *azdps.X509Certificates {
		return e.Attestation.X509.ClientCertificates
	}
	tests := map[string]struct {
		attestation string
		change      func(*azdps.IndividualEnrollment)
	}{
		"nothing":               {"given keys", func(*azdps.IndividualEnrollment) {}},
		"a status":              {"TPM", func(e *azdps.IndividualEnrollment) { e.ProvisioningStatus = azdps.ProvisioningStatusDisabled }},
		"no status":             {"TPM", func(e *azdps.IndividualEnrollment) { e.ProvisioningStatus = "" }},
		"no policies":           {"TPM", func(e *azdps.IndividualEnrollment) { e.ReprovisionPolicy, e.Capabilities = nil, nil }},
		"the default policies":  {"TPM", setDefaults},
		"no hubs":               {"TPM", func(e *azdps.IndividualEnrollment) { e.IoTHubs = nil }},
		"an empty list of hubs": {"TPM", func(e *azdps.IndividualEnrollment) { e.IoTHubs = []string{} }},
		"no allocation": {"TPM", func(e *azdps.IndividualEnrollment) {
			e.AllocationPolicy, e.CustomAllocationDefinition, e.IoTHubs = "", nil, nil
		}},
		"another case": {"TPM", func(e *azdps.IndividualEnrollment) {
			e.AllocationPolicy, e.CustomAllocationDefinition = "GeoLatency", nil
		}},
		"generated keys":        {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation = azdps.NewGeneratedKeyAttestation() }},
		"no keys":               {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation.SymmetricKey = nil }},
		"a generated secondary": {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation.SymmetricKey.SecondaryKey = "" }},
		"a certificate": {"client certificates", func(e *azdps.IndividualEnrollment) {
			x509Of(e).Secondary = &azdps.X509CertificateWithInfo{Certificate: certificate}
		}},
		"a certificate beside its old info": {"client certificates", func(e *azdps.IndividualEnrollment) { x509Of(e).Secondary.Certificate = certificate }},
		"a certificate in base64": {"client certificates", func(e *azdps.IndividualEnrollment) {
			x509Of(e).Primary.Certificate = base64.StdEncoding.EncodeToString(block.Bytes)
		}},
		"certificates swapped": {"client certificates", func(e *azdps.IndividualEnrollment) {
			x509Of(e).Primary, x509Of(e).Secondary = x509Of(e).Secondary, x509Of(e).Primary
		}},
		"one certificate less": {"client certificates", func(e *azdps.IndividualEnrollment) { x509Of(e).Secondary = nil }},
		"keys for certificates": {"client certificates", func(e *azdps.IndividualEnrollment) {
			e.Attestation = azdps.NewGeneratedKeyAttestation()
		}},
		"a twin": {"CA references", func(e *azdps.IndividualEnrollment) { e.InitialTwin = oddTwin() }},
		"an empty twin": {"CA references", func(e *azdps.IndividualEnrollment) {
			e.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{}, Properties: &azdps.InitialTwinProperties{}}
			e.OptionalDeviceInformation = azdps.TwinCollection{}
		}},
	}
	kinds := attestations(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				resp, client, err := lostUpdate(t, kinds[test.attestation], test.change, nil)
				require.NoError(t, err)
				stored, err := client.IndividualEnrollments().Get(t.Context(), "record-1", nil)
				require.NoError(t, err)
				assert.Equal(t, stored.ETag, resp.ETag)
				assert.Nil(t, resp.RegistrationState)
				assert.Equal(t, stored.InitialTwin, resp.InitialTwin)
			})
		})
	}
}

func setDefaults(e *azdps.IndividualEnrollment) {
	e.ReprovisionPolicy = &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true}
	e.Capabilities = &azdps.DeviceCapabilities{}
	e.ProvisioningStatus = azdps.ProvisioningStatusEnabled
	e.AllocationPolicy, e.CustomAllocationDefinition = azdps.AllocationPolicyHashed, nil
}

func oddTwin() *azdps.InitialTwin {
	return &azdps.InitialTwin{
		Tags: azdps.TwinCollection{"int": 1, "float": 1.5, "whole": 2.0, "huge": 1e21, "digits": json.Number("123456789012345678.90"),
			"text": "é<>&\u2028", "list": []any{1, "a", nil, map[string]any{}}, "null": nil, "typed": []int{1, 2}},
		Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"nested": map[string]int{"b": 1, "a": 2}}},
	}
}

// TestLostWritesThatOthersChanged must not take the write of somebody else for its own, however alike they are.
func TestLostWritesThatOthersChanged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attestation string
		foreign     func(*azdps.IndividualEnrollment)
	}{
		"device id":      {"TPM", func(e *azdps.IndividualEnrollment) { e.DeviceID = "other" }},
		"no device id":   {"TPM", func(e *azdps.IndividualEnrollment) { e.DeviceID = "" }},
		"status":         {"TPM", func(e *azdps.IndividualEnrollment) { e.ProvisioningStatus = azdps.ProvisioningStatusDisabled }},
		"capabilities":   {"TPM", func(e *azdps.IndividualEnrollment) { e.Capabilities = nil }},
		"reprovisioning": {"TPM", func(e *azdps.IndividualEnrollment) { e.ReprovisionPolicy = nil }},
		"hubs":           {"TPM", func(e *azdps.IndividualEnrollment) { e.IoTHubs = append(e.IoTHubs, "b.azure-devices.net") }},
		"no hubs":        {"TPM", func(e *azdps.IndividualEnrollment) { e.IoTHubs = nil }},
		"allocation": {"TPM", func(e *azdps.IndividualEnrollment) {
			e.AllocationPolicy, e.CustomAllocationDefinition = azdps.AllocationPolicyStatic, nil
		}},
		"webhook":      {"TPM", func(e *azdps.IndividualEnrollment) { e.CustomAllocationDefinition.WebhookURL += "y" }},
		"a tag's type": {"TPM", func(e *azdps.IndividualEnrollment) { e.InitialTwin.Tags["int"] = "1" }},
		"a tag's last digit": {"TPM", func(e *azdps.IndividualEnrollment) {
			e.InitialTwin.Tags["digits"] = json.Number("123456789012345678.91")
		}},
		"a tag less":         {"TPM", func(e *azdps.IndividualEnrollment) { delete(e.InitialTwin.Tags, "null") }},
		"no twin":            {"TPM", func(e *azdps.IndividualEnrollment) { e.InitialTwin = nil }},
		"endorsement key":    {"TPM", func(e *azdps.IndividualEnrollment) { e.Attestation.TPM.EndorsementKey = "AAAA" }},
		"primary key":        {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation.SymmetricKey.PrimaryKey = otherKey }},
		"secondary key":      {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation.SymmetricKey.SecondaryKey = wireKey }},
		"keys made anew":     {"given keys", func(e *azdps.IndividualEnrollment) { e.Attestation = azdps.NewGeneratedKeyAttestation() }},
		"CA reference":       {"CA references", func(e *azdps.IndividualEnrollment) { e.Attestation.X509.CAReferences.Secondary = "ca-3" }},
		"a certificate less": {"client certificates", func(e *azdps.IndividualEnrollment) { e.Attestation.X509.ClientCertificates.Secondary = nil }},
		"certificates swapped": {"client certificates", func(e *azdps.IndividualEnrollment) {
			both := e.Attestation.X509.ClientCertificates
			both.Primary, both.Secondary = both.Secondary, both.Primary
		}},
		"another attestation": {"client certificates", func(e *azdps.IndividualEnrollment) { e.Attestation = azdps.NewGeneratedKeyAttestation() }},
	}
	kinds := attestations(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, _, err := lostUpdate(t, kinds[test.attestation], func(e *azdps.IndividualEnrollment) { e.InitialTwin = oddTwin() }, test.foreign)
				require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
			})
		})
	}
}

// TestLostWritesWithDefaultsFilledIn meets a service that returns the defaults that were not sent, and the id in another case.
func TestLostWritesWithDefaultsFilledIn(t *testing.T) {
	const attestation = `"attestation":{"type":"tpm","tpm":{"endorsementKey":"AAAA"}}`
	const filled = `{"registrationId":"DEVICE-1","deviceId":"%","registrationState":{"status":"unassigned"},` + attestation + `,"capabilities":{"iotEdge":false},
		"etag":"IjIi","provisioningStatus":"enabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true},
		"createdDateTimeUtc":"2026-01-02T03:04:05Z","lastUpdatedDateTimeUtc":"2026-01-02T03:04:06Z","allocationPolicy":"hashed","iotHubs":[]}`
	t.Parallel()
	for deviceID, found := range map[string]bool{"new": true, "other": false} {
		t.Run(deviceID, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				transport := newScript(
					reply(http.StatusOK, `{"registrationId":"device-1","etag":"IjEi",`+attestation+`}`),
					fails(errReset), serviceError(http.StatusPreconditionFailed, "412001"),
					reply(http.StatusOK, strings.Replace(filled, "%", deviceID, 1)),
				)
				resp, err := clientOver(t, transport).IndividualEnrollments().Update(t.Context(), "device-1", func(e *azdps.IndividualEnrollment) error {
					e.DeviceID = "new"
					return nil
				}, nil)
				assert.Len(t, transport.sent(), 4)
				if !found {
					require.ErrorIs(t, err, azdps.ErrOutcomeUnknown)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, azcore.ETag("IjIi"), resp.ETag)
			})
		})
	}
}
