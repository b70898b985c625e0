package fleet_test

import (
	"fmt"
	"iter"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// costs are rows of the table in the package's documentation, and what they say.
var costs = []struct {
	function   string
	says       string
	operations float64 // a record
	keys       bool    // the records of the input have symmetric keys
	run        func(*costRun) error
}{
	{"Bulk create, delete", "0.1", 0.1, false, func(c *costRun) error { return c.bulk("create", c.fresh()) }},
	{"Bulk create, delete", "0.1", 0.1, false, func(c *costRun) error { return c.bulk("delete", c.changed()) }},
	{"Bulk update", "1.1;", 1.1, true, func(c *costRun) error { return c.bulk("update", c.changed()) }},
	{"Bulk update", "2.1 for symmetric keys", 2.1, false, func(c *costRun) error { return c.bulk("update", c.changed()) }},
	{"Bulk updateIfMatchETag", "0.1;", 0.1, true, func(c *costRun) error { return c.bulk("updateIfMatchETag", c.changed()) }},
	{"Bulk updateIfMatchETag", "1.1 for symmetric keys", 1.1, false, func(c *costRun) error { return c.bulk("updateIfMatchETag", c.changed()) }},
	{"Export, NewPlan, Expiring", "0.01, one a page", 0.01, false, func(c *costRun) error { return c.export(false) }},
	{"Export, NewPlan, Expiring", "1 for a record with symmetric keys", 1.01, false, func(c *costRun) error { return c.export(true) }},
	{"Export, NewPlan, Expiring", "0.01, one a page", 0.01, false, func(c *costRun) error { return c.plan(false) }},
	{"Export, NewPlan, Expiring", "1 for a record with symmetric keys", 1.01, true, func(c *costRun) error { return c.plan(false) }},
	{"Export, NewPlan, Expiring", "0.01, one a page", 0.01, false, func(c *costRun) error {
		options := fast()
		return drain(fleet.Expiring[azdps.IndividualEnrollment](c.t.Context(), c.client, time.Now(), &options))
	}},
	{"Plan.Apply", "0.1 to create or update", 0.1, true, func(c *costRun) error { return c.plan(true) }},
	{"Plan.Apply", "1.1 to update a record whose keys are kept", 1.1, false, func(c *costRun) error { return c.plan(true) }},
	{"Plan.Apply", "1 to delete", 1, false, func(c *costRun) error {
		c.input = nil
		return c.plan(true)
	}},
	{"Copy", "0.01 to 1.01 of the one service", 1.01, false, (*costRun).copy},
	{"RotateKeys", "3;", 3, false, func(c *costRun) error {
		options := &fleet.RotateOptions{BulkOptions: fleet.BulkOptions{Options: fast()}}
		return c.outcomes(fleet.RotateKeys[azdps.IndividualEnrollment](c.t.Context(), c.client, c.ids(), options))
	}},
	{"States", "1.01", 1.01, false, func(c *costRun) error {
		options := fast()
		return drain(fleet.States(c.t.Context(), c.client, &options))
	}},
	{"Decommission", "3;", 3, false, func(c *costRun) error { return c.decommission(false) }},
	{"Decommission", "with DisableOnly 1 more for symmetric keys", 4, false, func(c *costRun) error { return c.decommission(true) }},
}

// costRecords is a page of the list.
const costRecords = 100

var nextRow = regexp.MustCompile(`\n(\t\S|\n)`)

// TestCosts counts the operations of a hundred records, for each row of the table in the package's documentation.
func TestCosts(t *testing.T) {
	guide, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for i, test := range costs {
		t.Run(fmt.Sprintf("%d %s", i, test.function), func(t *testing.T) {
			_, row, found := strings.Cut(string(guide), "\n\t"+test.function+"  ")
			require.True(t, found, "the table has no such row")
			row = row[:nextRow.FindStringIndex(row)[0]]
			assert.Contains(t, row, test.says, "the table")
			bubble(t, func(t *testing.T) {
				c := newCostRun(t, test.keys)
				before := len(c.server.Requests())
				require.NoError(t, test.run(c))
				require.InDelta(t, test.operations*costRecords, len(c.server.Requests())-before-c.planned, 0.1)
			})
		})
	}
}

// costRun is a server with a hundred records, and the same records with a change.
type costRun struct {
	t       *testing.T
	server  *dpstest.Server
	client  *azdps.DeviceProvisioningClient
	input   []azdps.IndividualEnrollment
	planned int // requests that are not of what is measured
}

func newCostRun(t *testing.T, keys bool) *costRun {
	c := &costRun{t: t, server: dpstest.NewUnstartedServer(nil)}
	c.client = clientOf(t, c.server, nil)
	require.NoError(t, c.outcomes(fleet.Bulk(t.Context(), c.client, "create", devices(costRecords), &fleet.BulkOptions{Options: fast()})))
	for record, err := range c.client.IndividualEnrollments().All(t.Context(), nil) {
		require.NoError(t, err)
		record.DeviceID = "other-" + record.RegistrationID
		record.Attestation.SymmetricKey = nil
		if keys {
			record.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
		}
		c.input = append(c.input, record)
		load(t, c.server, fmt.Sprintf(`{"registrationId":%q,"status":"assigned"}`, record.RegistrationID))
	}
	return c
}

func (c *costRun) changed() iter.Seq2[azdps.IndividualEnrollment, error] { return seqOf(c.input...) }

// fresh are records that do not exist.
func (c *costRun) fresh() iter.Seq2[azdps.IndividualEnrollment, error] {
	for i := range c.input {
		c.input[i].RegistrationID = "new-" + c.input[i].RegistrationID
	}
	return c.changed()
}

func (c *costRun) ids() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, record := range c.input {
			if !yield(record.RegistrationID, nil) {
				return
			}
		}
	}
}

func (c *costRun) bulk(mode azdps.BulkOperationMode, records iter.Seq2[azdps.IndividualEnrollment, error]) error {
	return c.outcomes(fleet.Bulk(c.t.Context(), c.client, mode, records, &fleet.BulkOptions{Options: fast()}))
}

func (c *costRun) export(keys bool) error {
	options := &fleet.ExportOptions{Options: fast(), Keys: keys}
	return drain(fleet.Export[azdps.IndividualEnrollment](c.t.Context(), c.client, options))
}

func (c *costRun) copy() error {
	other := dpstest.NewUnstartedServer(nil)
	options := &fleet.CopyOptions{BulkOptions: fleet.BulkOptions{Options: fast()}, From: fast().Limiter}
	err := c.outcomes(fleet.Copy[azdps.IndividualEnrollment](c.t.Context(), c.client, clientOf(c.t, other, nil), options))
	require.Len(c.t, other.Requests(), costRecords/10)
	return err
}

func (c *costRun) plan(apply bool) error {
	before := len(c.server.Requests())
	plan, err := fleet.NewPlan(c.t.Context(), c.client, c.changed(),
		&fleet.PlanOptions{Options: fast(), Delete: true, MaxDeletes: costRecords})
	if err != nil || !apply {
		return err
	}
	c.planned = len(c.server.Requests()) - before
	require.Equal(c.t, costRecords, plan.Len())
	return c.outcomes(plan.Apply(c.t.Context(), &fleet.BulkOptions{Options: fast()}))
}

func (c *costRun) decommission(disable bool) error {
	options := &fleet.DecommissionOptions{BulkOptions: fleet.BulkOptions{Options: fast()}, DisableOnly: disable}
	return c.outcomes(fleet.Decommission(c.t.Context(), c.client, c.ids(), options))
}

// outcomes are those of a run that succeeds with each record.
func (c *costRun) outcomes(run iter.Seq2[fleet.Outcome, error]) error {
	for outcome, err := range run {
		if err != nil {
			return err
		}
		require.NoError(c.t, outcome.Err, outcome.ID)
	}
	return nil
}

func drain[T any](records iter.Seq2[T, error]) error {
	for _, err := range records {
		if err != nil {
			return err
		}
	}
	return nil
}
