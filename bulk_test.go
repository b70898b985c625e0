package azdps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// bulkItem is a record of either kind.
type bulkItem struct {
	id   string
	etag azcore.ETag
	hub  string // what a write changes; its absence makes an item without attestation
	bad  bool   // refused by the service
}

// bulker is a bulk operation and what it works on, in a form that is the same for both kinds of records.
type bulker struct {
	operation dpstest.Operation
	parameter string
	exists    azdps.ErrorCode
	missing   azdps.ErrorCode
	run       func(ctx context.Context, c *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, items ...bulkItem) (azdps.BulkOperationResult, error)
	get       func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (bulkItem, error)
	failed    func(azdps.BulkOperationFailure) string // the id
}

var bulkers = map[string]bulker{
	"individual enrollments": {
		dpstest.OperationIndividualEnrollmentRunBulkOperation, "enrollments",
		azdps.ErrorCodeEnrollmentExists, azdps.ErrorCodeEnrollmentNotFound,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, items ...bulkItem) (azdps.BulkOperationResult, error) {
			var records []azdps.IndividualEnrollment
			for _, item := range items {
				record := newEnrollment(item.id)
				record.ETag, record.IoTHubHostName = item.etag, item.hub
				if item.bad {
					record.IoTHubs = []string{"a.azure-devices.net"} // without an allocation policy
				}
				records = append(records, record)
			}
			resp, err := c.IndividualEnrollments().RunBulkOperation(ctx, mode, records, nil)
			return resp.BulkOperationResult, err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (bulkItem, error) {
			got, err := c.IndividualEnrollments().Get(ctx, id, nil)
			return bulkItem{id: got.RegistrationID, etag: got.ETag, hub: got.IoTHubHostName}, err
		},
		func(f azdps.BulkOperationFailure) string { return f.RegistrationID },
	},
	"enrollment groups": {
		dpstest.OperationEnrollmentGroupRunBulkOperation, "groups",
		azdps.ErrorCodeEnrollmentGroupExists, azdps.ErrorCodeEnrollmentGroupNotFound,
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, mode azdps.BulkOperationMode, items ...bulkItem) (azdps.BulkOperationResult, error) {
			var records []azdps.EnrollmentGroup
			for _, item := range items {
				record := newGroup(item.id)
				record.ETag, record.IoTHubHostName = item.etag, item.hub
				if item.bad {
					record.IoTHubs = []string{"a.azure-devices.net"} // without an allocation policy
				}
				records = append(records, record)
			}
			resp, err := c.EnrollmentGroups().RunBulkOperation(ctx, mode, records, nil)
			return resp.BulkOperationResult, err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (bulkItem, error) {
			got, err := c.EnrollmentGroups().Get(ctx, id, nil)
			return bulkItem{id: got.EnrollmentGroupID, etag: got.ETag, hub: got.IoTHubHostName}, err
		},
		func(f azdps.BulkOperationFailure) string { return f.EnrollmentGroupID },
	},
}

func forEachBulk(t *testing.T, test func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, server *dpstest.Server)) {
	t.Helper()
	t.Parallel()
	for name, b := range bulkers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := startService(t)
			test(t, b, client, server)
		})
	}
}

// create makes records by a bulk operation and returns them as stored.
func (b bulker) create(t *testing.T, client *azdps.DeviceProvisioningClient, ids ...string) map[string]bulkItem {
	t.Helper()
	var items []bulkItem
	for _, id := range ids {
		items = append(items, bulkItem{id: id, hub: "old"})
	}
	result, err := b.run(t.Context(), client, azdps.BulkOperationModeCreate, items...)
	require.NoError(t, err)
	assert.Equal(t, azdps.BulkOperationResult{Errors: []azdps.BulkOperationFailure{}, IsSuccessful: true}, result)
	stored := map[string]bulkItem{}
	for _, id := range ids {
		stored[id], err = b.get(t.Context(), client, id)
		require.NoError(t, err)
	}
	return stored
}

// failures checks the error of a bulk operation against its response, and returns the codes by id.
func (b bulker) failures(t *testing.T, result azdps.BulkOperationResult, err error) map[string]azdps.ErrorCode {
	t.Helper()
	refused, ok := errors.AsType[*azdps.BulkOperationError](err)
	require.True(t, ok, "%v", err)
	require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown)
	assert.Equal(t, result.Errors, refused.Failures, "the response is filled beside the error")
	codes := map[string]azdps.ErrorCode{}
	for _, failure := range refused.Failures {
		code := azdps.ErrorCode(strconv.Itoa(int(failure.ErrorCode)))
		codes[b.failed(failure)] = code
		assert.NotEmpty(t, failure.ErrorStatus)
		assert.False(t, azdps.HasCode(err, code), "HasCode does not look at items")
	}
	assert.False(t, azdps.HasStatusCode(err, http.StatusOK))
	return codes
}

func TestBulkCreate(t *testing.T) {
	forEachBulk(t, func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, _ *dpstest.Server) {
		b.create(t, client, "a", "b")
		result, err := b.run(t.Context(), client, azdps.BulkOperationModeCreate,
			bulkItem{id: "c", hub: "new"}, bulkItem{id: "B", hub: "new"}, bulkItem{id: "d", bad: true}, bulkItem{id: "e", hub: "new"})
		codes := b.failures(t, result, err)
		assert.Equal(t, map[string]azdps.ErrorCode{"B": b.exists, "d": azdps.ErrorCodeInvalidArgument}, codes)
		assert.False(t, result.IsSuccessful)

		for id, hub := range map[string]string{"b": "old", "c": "new", "e": "new"} {
			got, err := b.get(t.Context(), client, id)
			require.NoError(t, err)
			assert.Equal(t, hub, got.hub, id)
		}
		_, err = b.get(t.Context(), client, "d")
		assert.True(t, azdps.HasCode(err, b.missing), "%v", err)
	})
}

// TestBulkCreateSendsNoETag copies a record, ETag and all, to a service that does not have it.
func TestBulkCreateSendsNoETag(t *testing.T) {
	forEachBulk(t, func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, server *dpstest.Server) {
		stored := b.create(t, client, "a")
		_, err := b.run(t.Context(), client, azdps.BulkOperationModeCreate, bulkItem{id: "b", etag: stored["a"].etag})
		require.NoError(t, err)
		requests := server.Requests()
		assert.NotContains(t, string(requests[len(requests)-1].Body), "etag")
	})
}

func TestBulkUpdate(t *testing.T) {
	for _, mode := range []azdps.BulkOperationMode{azdps.BulkOperationModeUpdate, azdps.BulkOperationModeUpdateIfMatchETag} {
		t.Run(string(mode), func(t *testing.T) {
			forEachBulk(t, func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, _ *dpstest.Server) {
				stored := b.create(t, client, "a", "b", "c")
				result, err := b.run(t.Context(), client, mode,
					bulkItem{id: "a", etag: stored["a"].etag, hub: "new"},
					bulkItem{id: "b", etag: stored["a"].etag, hub: "new"},
					bulkItem{id: "c", hub: "new"},
				)
				codes := b.failures(t, result, err)
				assert.Len(t, codes, 2)
				assert.Equal(t, azdps.ErrorCode("412"), codes["b"][:3], "the ETag of another record")
				if mode == azdps.BulkOperationModeUpdate {
					assert.Equal(t, b.exists, codes["c"], "recorded: without an ETag an update is a create")
				}
				for id, hub := range map[string]string{"a": "new", "b": "old", "c": "old"} {
					got, err := b.get(t.Context(), client, id)
					require.NoError(t, err)
					assert.Equal(t, hub, got.hub, id)
				}
				_, err = b.run(t.Context(), client, mode, bulkItem{id: "c", etag: stored["c"].etag, hub: "newer"})
				require.NoError(t, err)
			})
		})
	}
}

func TestBulkDelete(t *testing.T) {
	forEachBulk(t, func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, _ *dpstest.Server) {
		stored := b.create(t, client, "a", "b", "c")
		result, err := b.run(t.Context(), client, azdps.BulkOperationModeDelete,
			bulkItem{id: "a"}, bulkItem{id: "missing"}, bulkItem{id: "b", etag: stored["c"].etag}, bulkItem{id: "C", etag: stored["c"].etag})
		codes := b.failures(t, result, err)
		assert.Len(t, codes, 2)
		assert.Equal(t, b.missing, codes["missing"])
		assert.Equal(t, azdps.ErrorCode("412"), codes["b"][:3])
		for id, there := range map[string]bool{"a": false, "b": true, "c": false} {
			_, err := b.get(t.Context(), client, id)
			assert.Equal(t, there, err == nil, id)
		}
	})
}

// TestBulkDeleteByID needs nothing but ids.
func TestBulkDeleteByID(t *testing.T) {
	t.Parallel()
	_, client := startService(t)
	_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete,
		[]azdps.IndividualEnrollment{{RegistrationID: "device-1"}}, nil)
	require.NoError(t, err)
	_, err = client.EnrollmentGroups().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete,
		[]azdps.EnrollmentGroup{{EnrollmentGroupID: "group-1"}}, nil)
	require.NoError(t, err)
	_, err = client.EnrollmentGroups().Get(t.Context(), "group-1", nil)
	assert.True(t, azdps.HasCode(err, azdps.ErrorCodeEnrollmentGroupNotFound), "%v", err)
}

// TestBulkDeleteSendsNoSecrets deletes records that hold keys, which must not go over the wire for nothing.
func TestBulkDeleteSendsNoSecrets(t *testing.T) {
	t.Parallel()
	client, transport := newStub(t, bulkAnswer)
	keyed, err := azdps.NewSymmetricKeyAttestation(wireKey, otherKey)
	require.NoError(t, err)
	run := func(attestation azdps.AttestationMechanism) error {
		items := []azdps.IndividualEnrollment{{RegistrationID: "device-1", Attestation: attestation}}
		_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeDelete, items, nil)
		return err
	}
	require.NoError(t, run(keyed))
	assert.JSONEq(t, `{"enrollments":[{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}],"mode":"delete"}`, string(transport.last(t).body))
	assert.NotNil(t, keyed.SymmetricKey, "the record of the caller stays")

	certificate := &azdps.X509CertificateWithInfo{Certificate: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}
	err = run(azdps.AttestationMechanism{
		Type: azdps.AttestationTypeX509,
		X509: &azdps.X509Attestation{SigningCertificates: &azdps.X509Certificates{Secondary: certificate}},
	})
	requireInvalid(t, err, "enrollments[0].Attestation.X509")
	require.ErrorContains(t, err, "holds a private key")
	assert.Len(t, transport.requests, 1)
}

func TestBulkThatTheServiceWouldRefuse(t *testing.T) {
	forEachBulk(t, func(t *testing.T, b bulker, client *azdps.DeviceProvisioningClient, server *dpstest.Server) {
		var ten, eleven []bulkItem
		for i := range 11 {
			eleven = append(eleven, bulkItem{id: "item-" + strconv.Itoa(i)})
		}
		ten = eleven[:10]
		const create = azdps.BulkOperationModeCreate
		tests := map[string]struct {
			mode  azdps.BulkOperationMode
			items []bulkItem
			want  string
		}{
			"no mode":     {"", ten, "azdps: mode: must not be empty"},
			"no items":    {create, nil, "azdps: " + b.parameter + ": must not be empty"},
			"eleven":      {create, eleven, b.parameter + ": has 11 items; the service takes up to 10"},
			"twice":       {create, []bulkItem{{id: "a"}, {id: "b"}, {id: "A"}}, "items 0 and 2 have the same id"},
			"no id":       {create, []bulkItem{{id: "a"}, {}}, b.parameter + "[1]."},
			"a slash":     {azdps.BulkOperationModeDelete, []bulkItem{{id: "a/b"}}, b.parameter + "[0]."},
			"a wrong bit": {create, []bulkItem{{id: "ä"}}, `has 'ä'`},
		}
		for name, test := range tests {
			result, err := b.run(t.Context(), client, test.mode, test.items...)
			require.ErrorContains(t, err, test.want, name)
			assert.Zero(t, result, name)
			require.NotErrorIs(t, err, azdps.ErrOutcomeUnknown, name)
		}
		assert.Empty(t, server.Requests(), "nothing is sent")
		_, err := b.run(t.Context(), client, create, ten...)
		require.NoError(t, err)
		_, err = b.run(t.Context(), client, "upsert", ten...)
		assert.True(t, azdps.HasStatusCode(err, http.StatusBadRequest), "an unknown mode is the service's matter: %v", err)
	})
}

// TestBulkChecksAttestations before the wire, but not of what is to be deleted.
func TestBulkChecksAttestations(t *testing.T) {
	t.Parallel()
	client := clientOver(t, newScript(reply(http.StatusOK, bulkAnswer)))
	items := []azdps.IndividualEnrollment{{RegistrationID: "a"}}
	for _, mode := range azdps.PossibleBulkOperationModeValues() {
		_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), mode, items, nil)
		if mode == azdps.BulkOperationModeDelete {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "enrollments[0].Attestation", mode)
		}
	}
	items[0].Attestation = azdps.NewGeneratedKeyAttestation()
	items[0].AdditionalProperties = map[string]json.RawMessage{"later": json.RawMessage("{")}
	_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate, items, nil)
	require.ErrorContains(t, err, "cannot be written as JSON")
}

// TestBulkAnswers are successes only if the service says so in every way it has.
func TestBulkAnswers(t *testing.T) {
	t.Parallel()
	failure := func(id string) string {
		return fmt.Sprintf(`{"registrationId":%q,"errorCode":409201,"errorStatus":"Exists."}`, id)
	}
	tests := map[string]struct {
		answer string
		want   string // of the error
		failed int
	}{
		"success":               {`{"errors":[],"isSuccessful":true}`, "", 0},
		"success without list":  {`{"isSuccessful":true}`, "", 0},
		"success with null":     {`{"errors":null,"isSuccessful":true}`, "", 0},
		"success with errors":   {`{"errors":[` + failure("device-1") + `],"isSuccessful":true}`, "azdps: bulk create refused 1 of 2 items: device-1: 409201 Exists.", 1},
		"failure without a why": {`{"errors":[],"isSuccessful":false}`, "azdps: the write may have been applied: azdps: bulk create of 2 items: the service reports a failure, but of no item", 0},
		"an empty object":       {`{}`, "azdps: the write may have been applied: azdps: bulk create of 2 items: the service reports a failure, but of no item", 0},
		"half-way": {`{"errors":[{"registrationId":"device-1","errorCode":500001,"errorStatus":"Oops."}]}`,
			"azdps: the write may have been applied: azdps: bulk create refused 1 of 2 items: device-1: 500001 Oops.", 1},
		"many": {`{"errors":[` + failure("a") + "," + failure("b") + "," + failure("c") + "," + failure("d") + "," + failure("e") + `],"isSuccessful":false}`,
			"azdps: bulk create refused 5 of 2 items: a: 409201 Exists.; b: 409201 Exists.; c: 409201 Exists.; and 2 more", 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, newScript(reply(http.StatusOK, test.answer)))
			items := []azdps.IndividualEnrollment{newEnrollment("device-1"), newEnrollment("device-2")}
			resp, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate, items, nil)
			assert.Len(t, resp.Errors, test.failed)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.want)
			var refused *azdps.BulkOperationError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, azdps.BulkOperationModeCreate, refused.Mode)
			assert.Equal(t, 2, refused.Items)
			assert.Len(t, refused.Failures, test.failed)
		})
	}
}
