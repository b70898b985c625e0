package fleet_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestKeysAreKeptInAnyCase replaces a record whose keys stay with the service, with the type of its attestation in another case: in
// the record, in the answers of the service, or in neither.
func TestKeysAreKeptInAnyCase(t *testing.T) {
	t.Parallel()
	type run func(*testing.T, *azdps.DeviceProvisioningClient, azdps.IndividualEnrollment)
	bulk := func(mode azdps.BulkOperationMode) run {
		return func(t *testing.T, client *azdps.DeviceProvisioningClient, record azdps.IndividualEnrollment) {
			found, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
			require.NoError(t, err)
			record.ETag = found.ETag
			outcomes, err := collect(fleet.Bulk(t.Context(), client, mode, seqOf(record), nil))
			require.NoError(t, err)
			require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 1}, results(outcomes))
		}
	}
	for name, write := range map[string]run{
		"update":            bulk(azdps.BulkOperationModeUpdate),
		"updateIfMatchETag": bulk(azdps.BulkOperationModeUpdateIfMatchETag),
		"apply": func(t *testing.T, client *azdps.DeviceProvisioningClient, record azdps.IndividualEnrollment) {
			applyAll(t, planFor(t, client, nil, record))
			assert.Zero(t, planFor(t, client, nil, record).Len())
		},
	} {
		for _, given := range []azdps.AttestationType{"symmetricKey", "SymmetricKey"} {
			for _, answered := range []string{"symmetricKey", "SYMMETRICKEY"} {
				t.Run(name+"/"+string(given)+"/"+answered, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						srv := dpstest.NewUnstartedServer(nil)
						load(t, srv, keyed("registrationId", "a"))
						client := clientOf(t, srv, answeringType(answered, srv.Transport()))
						record := device("a")
						record.DeviceID, record.Attestation.Type = "other", given
						write(t, client, record)
						primary, secondary := keysOf(t, srv, "a")
						assert.Equal(t, []string{keyOf("P"), keyOf("S")}, []string{primary, secondary})
						assert.Equal(t, "other", stored(t, srv)["a"]["deviceId"])
					})
				})
			}
		}
	}
}

// TestKeysThatChangeMeanwhileAreKept has the keys of a record replaced after an update has read them, and before it writes.
func TestKeysThatChangeMeanwhileAreKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "a"))
		others := clientOf(t, srv, nil).IndividualEnrollments()
		writes := 0
		client := clientOf(t, srv, transporter(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/enrollments" {
				if writes++; writes == 1 {
					rotated := device("a")
					rotated.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: keyOf("P2"), SecondaryKey: keyOf("S2")}
					anything := azcore.ETagAny
					_, err := others.CreateOrUpdate(t.Context(), rotated, &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &anything})
					assert.NoError(t, err)
				}
			}
			return srv.Transport().Do(r)
		}))
		record := device("a")
		record.DeviceID = "other"
		outcomes, err := collect(fleet.Bulk(t.Context(), client, azdps.BulkOperationModeUpdate, seqOf(record), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 1}, results(outcomes))
		assert.Equal(t, 2, writes)
		primary, secondary := keysOf(t, srv, "a")
		assert.Equal(t, []string{keyOf("P2"), keyOf("S2")}, []string{primary, secondary})
		assert.Equal(t, "other", stored(t, srv)["a"]["deviceId"])
	})
}

// TestKeysAreReadInAnyCase exports and rotates keys of a service that writes the type of an attestation in capitals.
func TestKeysAreReadInAnyCase(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		load(t, srv, keyed("registrationId", "a"))
		client := clientOf(t, srv, answeringType("SYMMETRICKEY", srv.Transport()))
		for record, err := range fleet.Export[azdps.IndividualEnrollment](t.Context(), client, &fleet.ExportOptions{Keys: true}) {
			require.NoError(t, err)
			require.Equal(t, keyOf("P"), record.Attestation.SymmetricKey.PrimaryKey)
			record.Attestation.Type = azdps.AttestationTypeSymmetricKey
			require.Zero(t, planFor(t, client, nil, record).Len())
		}
		outcomes, err := collect(fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf("a"), &fleet.RotateOptions{NewKey: next}))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultUpdated: 1}, results(outcomes))
		_, secondary := keysOf(t, srv, "a")
		require.Equal(t, keyOf("P"), secondary)
	})
}

// answeringType writes the type of an attestation by keys in another case, as a service may.
func answeringType(symmetricKey string, service policy.Transporter) policy.Transporter {
	return answering(`"type":"symmetricKey"`, `"type":"`+symmetricKey+`"`, service)
}

// answering replaces a text in all answers.
func answering(old, text string, service policy.Transporter) policy.Transporter {
	return transporter(func(r *http.Request) (*http.Response, error) {
		response, err := service.Do(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.ReplaceAll(body, []byte(old), []byte(text))
		err = response.Body.Close()
		response.Body = io.NopCloser(bytes.NewReader(body))
		return response, err
	})
}
