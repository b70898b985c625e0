package azdps_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

const (
	workers = 16
	rounds  = 5
)

// twoPolicies is a service with two policies of all rights.
func twoPolicies(t *testing.T) (*dpstest.Server, []dpstest.AccessPolicy) {
	t.Helper()
	policies := []dpstest.AccessPolicy{
		{Name: "first", PrimaryKey: wireKey, SecondaryKey: otherKey, Permissions: dpstest.PossiblePermissionValues()},
		{Name: "second", PrimaryKey: "c2Vjb25kc2Vjb25kMQ==", SecondaryKey: "c2Vjb25kc2Vjb25kMg==", Permissions: dpstest.PossiblePermissionValues()},
	}
	server := dpstest.NewServer(&dpstest.Options{Policies: policies})
	t.Cleanup(server.Close)
	return server, policies
}

// hammer uses one client from many goroutines while its credential changes all the time; nothing may be refused.
func hammer(t *testing.T, client *azdps.DeviceProvisioningClient, change func(i int) error) {
	t.Helper()
	stop := make(chan struct{})
	var changing, working sync.WaitGroup
	changes := 0
	changing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				changes++
				if !assert.NoError(t, change(changes)) {
					return
				}
			}
		}
	})
	for worker := range workers {
		working.Go(func() {
			for round := range rounds {
				if err := work(t, client, fmt.Sprintf("device-%d-%d", worker, round)); !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	working.Wait()
	close(stop)
	changing.Wait()
	assert.Greater(t, changes, workers)
}

// work creates, updates, lists and deletes a record.
func work(t *testing.T, client *azdps.DeviceProvisioningClient, id string) error {
	t.Helper()
	ctx := t.Context()
	enrollments := client.IndividualEnrollments()
	created, err := enrollments.CreateOrUpdate(ctx, newEnrollment(id), nil)
	if err != nil {
		return err
	}
	updated, err := enrollments.Update(ctx, id, func(e *azdps.IndividualEnrollment) error {
		e.DeviceID = "device-of-" + id
		return nil
	}, nil)
	if err != nil {
		return err
	}
	assert.Equal(t, created.Attestation, updated.Attestation)
	found := false
	for e, err := range enrollments.All(ctx, nil) {
		if err != nil {
			return err
		}
		found = found || e.RegistrationID == id && e.DeviceID == "device-of-"+id
	}
	assert.True(t, found, id)
	_, err = enrollments.Delete(ctx, id, &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: &updated.ETag})
	return err
}

func TestKeyRotatesWhileInUse(t *testing.T) {
	t.Parallel()
	server, policies := twoPolicies(t)
	credential, err := azdps.NewSharedAccessKeyCredential(policies[0].Name, policies[0].PrimaryKey)
	require.NoError(t, err)
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey(server.URL(), credential, optionsOver(server.Client()))
	require.NoError(t, err)
	keys := []string{policies[0].PrimaryKey, policies[0].SecondaryKey}
	hammer(t, client, func(i int) error {
		if i%5 == 0 {
			assert.Error(t, credential.Update("not base64?"), "what is no key is not taken")
		}
		return credential.Update(keys[i%2])
	})
}

func TestSignatureChangesWhileInUse(t *testing.T) {
	t.Parallel()
	server, policies := twoPolicies(t)
	token := func(i int) string {
		policy := policies[i%2]
		key := []string{policy.PrimaryKey, policy.SecondaryKey}[i/2%2]
		signed, err := azdps.GenerateSASToken("127.0.0.1", policy.Name, key, time.Now().Add(time.Hour))
		assert.NoError(t, err)
		return signed
	}
	credential := azcore.NewSASCredential(token(0))
	client, err := azdps.NewDeviceProvisioningClientWithSAS(server.URL(), credential, optionsOver(server.Client()))
	require.NoError(t, err)
	hammer(t, client, func(i int) error {
		credential.Update(token(i))
		return nil
	})
}

// TestUpdatesOfOneRecord counts in one record from many goroutines; no count is lost.
func TestUpdatesOfOneRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, client := startService(t)
		var working sync.WaitGroup
		for worker := range 5 { // no more than an Update starts again
			working.Go(func() {
				_, err := client.EnrollmentGroups().Update(t.Context(), "group-1", func(g *azdps.EnrollmentGroup) error {
					if g.InitialTwin == nil {
						g.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{}}
					}
					g.InitialTwin.Tags["worker-"+strconv.Itoa(worker)] = true
					return nil
				}, nil)
				assert.NoError(t, err)
			})
		}
		working.Wait()
		got, err := client.EnrollmentGroups().Get(t.Context(), "group-1", nil)
		require.NoError(t, err)
		assert.Len(t, got.InitialTwin.Tags, 5)
	})
}
