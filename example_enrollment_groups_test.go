package azdps_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/azdps/azdps"
)

func ExampleEnrollmentGroupsClient_Get() {
	ctx := context.Background()
	client := exampleClient(exampleLine1)

	group, err := client.EnrollmentGroups().Get(ctx, "line-1", nil)
	if azdps.HasStatusCode(err, http.StatusNotFound) {
		log.Fatal("there is no line-1")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(group.EnrollmentGroupID, group.Attestation.Type)
	// Output: line-1 symmetricKey
}

func ExampleEnrollmentGroupsClient_CreateOrUpdate() {
	ctx := context.Background()
	client := exampleClient()

	created, err := client.EnrollmentGroups().CreateOrUpdate(ctx, azdps.EnrollmentGroup{
		EnrollmentGroupID: "line-1",
		Attestation:       azdps.NewGeneratedKeyAttestation(),
		AllocationPolicy:  azdps.AllocationPolicyGeoLatency,
		ReprovisionPolicy: &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.EnrollmentGroupID, created.AllocationPolicy)
	// Output: line-1 geoLatency
}

func ExampleEnrollmentGroupsClient_Update() {
	ctx := context.Background()
	client := exampleClient(exampleLine1)

	updated, err := client.EnrollmentGroups().Update(ctx, "line-1", func(group *azdps.EnrollmentGroup) error {
		group.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"factory": "north"}}
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.EnrollmentGroupID, updated.InitialTwin.Tags["factory"])
	// Output: line-1 north
}

// With an ETag, a group that somebody has changed meanwhile is not deleted.
func ExampleEnrollmentGroupsClient_Delete() {
	ctx := context.Background()
	client := exampleClient(exampleLine1)
	group, err := client.EnrollmentGroups().Get(ctx, "line-1", nil)
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.EnrollmentGroups().Delete(ctx, "line-1", &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: &group.ETag})
	switch {
	case azdps.HasStatusCode(err, http.StatusPreconditionFailed):
		log.Fatal("line-1 has changed, look at it again")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("deleted", group.EnrollmentGroupID)
	// Output: deleted line-1
}

func ExampleEnrollmentGroupsClient_GetAttestationMechanism() {
	ctx := context.Background()
	client := exampleClient(exampleLine1)

	mechanism, err := client.EnrollmentGroups().GetAttestationMechanism(ctx, "line-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	if keys := mechanism.SymmetricKey; keys != nil {
		fmt.Println(len(keys.PrimaryKey), "characters of base64")
	}
	// Output: 88 characters of base64
}

// Each item is replaced only if its ETag is still current.
func ExampleEnrollmentGroupsClient_RunBulkOperation() {
	ctx := context.Background()
	client := exampleClient(exampleLine1, exampleLine2)
	var groups []azdps.EnrollmentGroup
	for group, err := range client.EnrollmentGroups().All(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		group.Attestation = azdps.NewGeneratedKeyAttestation() // new keys
		groups = append(groups, group)
	}

	_, err := client.EnrollmentGroups().RunBulkOperation(ctx, azdps.BulkOperationModeUpdateIfMatchETag, groups, nil)
	if refused, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		for _, failure := range refused.Failures {
			fmt.Println(failure.EnrollmentGroupID, failure.ErrorCode, failure.ErrorStatus)
		}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println("replaced the keys of", len(groups), "groups")
	// Output: replaced the keys of 2 groups
}

// MaxItems limits the total, PageSize what is fetched at once.
func ExampleEnrollmentGroupsClient_All() {
	ctx := context.Background()
	client := exampleClient(exampleLine1, exampleLine2)

	count := 0
	for _, err := range client.EnrollmentGroups().All(ctx, &azdps.EnrollmentGroupsClientAllOptions{MaxItems: 1}) {
		if err != nil {
			log.Fatal(err)
		}
		count++
	}
	fmt.Println(count, "group")
	// Output: 1 group
}

func ExampleEnrollmentGroupsClient_NewQueryPager() {
	ctx := context.Background()
	client := exampleClient(exampleLine1, exampleLine2)

	pager := client.EnrollmentGroups().NewQueryPager(nil)
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		for _, group := range page.Items {
			fmt.Println(group.EnrollmentGroupID)
		}
	}
	// Unordered output:
	// line-1
	// line-2
}
