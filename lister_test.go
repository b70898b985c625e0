package azdps_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// lister is one of the lists of the service, in a form that is the same for all.
type lister struct {
	operation dpstest.Operation
	record    string // the JSON of a record, with a place for its id
	pages     func(c *azdps.DeviceProvisioningClient, token string, size int32) pages
	all       func(ctx context.Context, c *azdps.DeviceProvisioningClient, limit int, size int32) iter.Seq2[string, error]
}

// pages is a pager that gives the ids and the token of each page.
type pages struct {
	more func() bool
	next func(context.Context) (ids []string, token string, err error)
}

var listers = map[string]lister{
	"individual enrollments": {
		dpstest.OperationIndividualEnrollmentQuery, `{"registrationId":"%s","attestation":{"type":"symmetricKey"}}`,
		func(c *azdps.DeviceProvisioningClient, token string, size int32) pages {
			pager := c.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: token, PageSize: size})
			return pages{pager.More, func(ctx context.Context) ([]string, string, error) {
				page, err := pager.NextPage(ctx)
				return idsOf(page.Items, enrollmentID), page.ContinuationToken, err
			}}
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, limit int, size int32) iter.Seq2[string, error] {
			return mapIDs(c.IndividualEnrollments().All(ctx, &azdps.IndividualEnrollmentsClientAllOptions{MaxItems: limit, PageSize: size}), enrollmentID)
		},
	},
	"enrollment groups": {
		dpstest.OperationEnrollmentGroupQuery, `{"enrollmentGroupId":"%s","attestation":{"type":"symmetricKey"}}`,
		func(c *azdps.DeviceProvisioningClient, token string, size int32) pages {
			pager := c.EnrollmentGroups().NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{ContinuationToken: token, PageSize: size})
			return pages{pager.More, func(ctx context.Context) ([]string, string, error) {
				page, err := pager.NextPage(ctx)
				return idsOf(page.Items, groupID), page.ContinuationToken, err
			}}
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, limit int, size int32) iter.Seq2[string, error] {
			return mapIDs(c.EnrollmentGroups().All(ctx, &azdps.EnrollmentGroupsClientAllOptions{MaxItems: limit, PageSize: size}), groupID)
		},
	},
	"registration states": {
		dpstest.OperationDeviceRegistrationStateQuery, `{"registrationId":"%s","enrollmentGroupId":"group-1","status":"assigned"}`,
		func(c *azdps.DeviceProvisioningClient, token string, size int32) pages {
			pager := c.DeviceRegistrationStates().NewQueryPager("group-1",
				&azdps.DeviceRegistrationStatesClientQueryOptions{ContinuationToken: token, PageSize: size})
			return pages{pager.More, func(ctx context.Context) ([]string, string, error) {
				page, err := pager.NextPage(ctx)
				return idsOf(page.Items, stateID), page.ContinuationToken, err
			}}
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, limit int, size int32) iter.Seq2[string, error] {
			return mapIDs(c.DeviceRegistrationStates().All(ctx, "group-1",
				&azdps.DeviceRegistrationStatesClientAllOptions{MaxItems: limit, PageSize: size}), stateID)
		},
	},
}

func enrollmentID(e azdps.IndividualEnrollment) string { return e.RegistrationID }
func groupID(g azdps.EnrollmentGroup) string           { return g.EnrollmentGroupID }
func stateID(s azdps.DeviceRegistrationState) string   { return s.RegistrationID }

func idsOf[T any](items []T, id func(T) string) []string {
	var ids []string
	for _, item := range items {
		ids = append(ids, id(item))
	}
	return ids
}

func mapIDs[T any](items iter.Seq2[T, error], id func(T) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for item, err := range items {
			if !yield(id(item), err) {
				return
			}
		}
	}
}

func collect(items iter.Seq2[string, error]) (ids []string, err error) {
	for id, itemError := range items {
		if itemError != nil {
			err = itemError
		} else {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// withItems makes a service with n items of a list and pages of at most ten, and returns the ids.
func (l lister) withItems(t *testing.T, n int) (*dpstest.Server, *azdps.DeviceProvisioningClient, []string) {
	t.Helper()
	server := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 10})
	t.Cleanup(server.Close)
	var ids []string
	for i := range n {
		ids = append(ids, "item-"+strconv.Itoa(i))
		l.load(t, server, ids[i])
	}
	return server, connect(t, server.ConnectionString(), server.Transport()), ids
}

func (l lister) load(t *testing.T, server *dpstest.Server, id string) {
	t.Helper()
	require.NoError(t, server.Load(strings.NewReader(fmt.Sprintf(l.record, id))))
}

func forEachList(t *testing.T, test func(t *testing.T, l lister)) {
	t.Helper()
	t.Parallel()
	for name, l := range listers {
		t.Run(name, func(t *testing.T) { bubble(t, func(t *testing.T) { test(t, l) }) })
	}
}

// remove deletes an item that may be gone already.
func (l lister) remove(t *testing.T, client *azdps.DeviceProvisioningClient, id string) {
	t.Helper()
	var err error
	switch l.operation {
	case dpstest.OperationIndividualEnrollmentQuery:
		_, err = client.IndividualEnrollments().Delete(t.Context(), id, nil)
	case dpstest.OperationEnrollmentGroupQuery:
		_, err = client.EnrollmentGroups().Delete(t.Context(), id, nil)
	default:
		_, err = client.DeviceRegistrationStates().Delete(t.Context(), id, nil)
	}
	if !azdps.HasStatusCode(err, http.StatusNotFound) {
		require.NoError(t, err)
	}
}
