package fleet_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// An export writes the records of a service to a file, one a line. With Keys it is one from which they can be made anew.
func ExampleExport() {
	client := exampleClient(exampleDevice1)

	var file strings.Builder // in a program: fleet.CreateFile, since keys are in it
	records := fleet.Export[azdps.IndividualEnrollment](context.Background(), client, &fleet.ExportOptions{Keys: true})
	if err := fleet.WriteJSONL(&file, records); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Count(file.String(), "\n"), "record")
	fmt.Println("has its keys:", strings.Contains(file.String(), `"primaryKey"`))
	// Output:
	// 1 record
	// has its keys: true
}

// An export that is interrupted goes on from the last page that was written, with the token and the size that the file had then.
func ExampleExport_resume() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2)

	var file strings.Builder
	var token string
	var size int // in a program, both are kept in another file
	options := &fleet.ExportOptions{OnPage: func(continuationToken string) { token, size = continuationToken, file.Len() }}
	for record, err := range fleet.Export[azdps.IndividualEnrollment](ctx, client, options) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(&file, record.RegistrationID)
	}
	fmt.Println("complete:", token == "" && size == file.Len())

	// Had it ended before, then: cut the file to its size, and append what this gives.
	options = &fleet.ExportOptions{ContinuationToken: token}
	again := 0
	for _, err := range fleet.Export[azdps.IndividualEnrollment](ctx, client, options) {
		if err != nil {
			log.Fatal(err)
		}
		again++
	}
	fmt.Println("from the start again, without a token:", again)
	// Output:
	// complete: true
	// from the start again, without a token: 2
}

// A copy takes the symmetric keys along, so that devices need not notice. What the other service has already is left alone.
func ExampleCopy() {
	ctx := context.Background()
	west := exampleClient(exampleDevice1, exampleDevice2)
	north := exampleClient(exampleDevice2)

	for outcome, err := range fleet.Copy[azdps.IndividualEnrollment](ctx, west, north, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}

	there, err := west.IndividualEnrollments().GetAttestationMechanism(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	here, err := north.IndividualEnrollments().GetAttestationMechanism(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("same keys:", there.SymmetricKey.PrimaryKey == here.SymmetricKey.PrimaryKey)
	// Unordered output:
	// device-1 created
	// device-2 conflict
	// same keys: true
}
