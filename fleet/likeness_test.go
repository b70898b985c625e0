package fleet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestBulkKnowsItsOwn loses the answer to a create that was applied, of a record that the service does not keep to the letter.
func TestBulkKnowsItsOwn(t *testing.T) {
	t.Parallel()
	unknown := func(value string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"x": json.RawMessage(value)}
	}
	for name, test := range map[string]struct {
		edit func(*azdps.IndividualEnrollment)
		want fleet.Result
	}{
		"plain":        {func(*azdps.IndividualEnrollment) {}, fleet.ResultCreated},
		"status":       {func(e *azdps.IndividualEnrollment) { e.ProvisioningStatus = "Enabled" }, fleet.ResultCreated},
		"policy":       {func(e *azdps.IndividualEnrollment) { e.AllocationPolicy = "GeoLatency" }, fleet.ResultCreated},
		"type":         {func(e *azdps.IndividualEnrollment) { e.Attestation.Type = "SymmetricKey" }, fleet.ResultCreated},
		"no hubs":      {func(e *azdps.IndividualEnrollment) { e.IoTHubs = []string{} }, fleet.ResultCreated},
		"no twin":      {func(e *azdps.IndividualEnrollment) { e.InitialTwin = &azdps.InitialTwin{} }, fleet.ResultCreated},
		"TPM":          {func(e *azdps.IndividualEnrollment) { e.Attestation, _ = azdps.NewTPMAttestation("AAAA", "") }, fleet.ResultCreated},
		"null":         {func(e *azdps.IndividualEnrollment) { e.AdditionalProperties = unknown("null") }, fleet.ResultCreated},
		"unknown":      {func(e *azdps.IndividualEnrollment) { e.AdditionalProperties = unknown("1") }, fleet.ResultUnknown},
		"in keys":      {func(e *azdps.IndividualEnrollment) { e.Attestation.SymmetricKey.AdditionalProperties = unknown("1") }, fleet.ResultUnknown},
		"in policy":    {func(e *azdps.IndividualEnrollment) { e.ReprovisionPolicy = reprovision(unknown("1")) }, fleet.ResultUnknown},
		"later member": {func(e *azdps.IndividualEnrollment) { e.NamespaceName = "my-namespace" }, fleet.ResultUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				srv.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
				record := device("a")
				test.edit(&record)
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, srv, nil), azdps.BulkOperationModeCreate, seqOf(record), nil))
				require.NoError(t, err)
				require.Equal(t, test.want, outcomes[0].Result, "%v", outcomes[0].Err)
			})
		})
	}
}

// TestBulkKnowsOthers loses a create of an id that somebody else has.
func TestBulkKnowsOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		others string // members of the record that the service holds
		edit   func(*azdps.IndividualEnrollment)
		want   fleet.Result
	}{
		"status": {`,"provisioningStatus":"disabled"`, func(*azdps.IndividualEnrollment) {}, fleet.ResultConflict},
		"twin":   {`,"initialTwin":{"tags":{"a":1}}`, func(*azdps.IndividualEnrollment) {}, fleet.ResultConflict},
		"no twin": {``, func(e *azdps.IndividualEnrollment) {
			e.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"a": 1}}
		}, fleet.ResultConflict},
		"no policy":      {``, func(e *azdps.IndividualEnrollment) { e.ReprovisionPolicy = reprovision(nil) }, fleet.ResultConflict},
		"no device":      {``, func(e *azdps.IndividualEnrollment) { e.DeviceID = "b" }, fleet.ResultConflict},
		"more than that": {``, func(e *azdps.IndividualEnrollment) { e.DeviceID, e.NamespaceName = "b", "my-namespace" }, fleet.ResultConflict},
		"unknown": {``, func(e *azdps.IndividualEnrollment) {
			e.AdditionalProperties = map[string]json.RawMessage{"x": json.RawMessage("1")}
		}, fleet.ResultUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				load(t, srv, `{"registrationId":"a","attestation":{"type":"symmetricKey"}`+test.others+`}`)
				srv.Control(dpstest.DropRequest(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
				record := device("a")
				test.edit(&record)
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, srv, nil), azdps.BulkOperationModeCreate, seqOf(record), nil))
				require.NoError(t, err)
				require.Equal(t, test.want, outcomes[0].Result, "%v", outcomes[0].Err)
				require.True(t, azdps.HasStatusCode(outcomes[0].Err, 409))
			})
		})
	}
}

// TestBulkAsksAServiceThatAddsMembers cannot tell a record with a member that this version does not know from its own, and can if both
// have one with another value.
func TestBulkAsksAServiceThatAddsMembers(t *testing.T) {
	t.Parallel()
	for found, want := range map[string]fleet.Result{`null`: fleet.ResultCreated, `1`: fleet.ResultUnknown} {
		t.Run(found, func(t *testing.T) { testAddedMember(t, `"added":`+found, nil, want) })
	}
	sent := map[string]json.RawMessage{"added": json.RawMessage("2")}
	t.Run("same", func(t *testing.T) { testAddedMember(t, `"added":2`, sent, fleet.ResultCreated) })
	t.Run("other", func(t *testing.T) { testAddedMember(t, `"added":1`, sent, fleet.ResultConflict) })
}

func testAddedMember(t *testing.T, member string, sent map[string]json.RawMessage, want fleet.Result) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		srv.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
		record := device("a")
		record.AdditionalProperties = sent
		adds := answering(`{"registrationId"`, `{`+member+`,"registrationId"`, srv.Transport())
		outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, srv, adds), azdps.BulkOperationModeCreate, seqOf(record), nil))
		require.NoError(t, err)
		require.Equal(t, want, outcomes[0].Result, "%v", outcomes[0].Err)
	})
}

func reprovision(unknown map[string]json.RawMessage) *azdps.ReprovisionPolicy {
	return &azdps.ReprovisionPolicy{UpdateHubAssignment: true, AdditionalProperties: unknown}
}
