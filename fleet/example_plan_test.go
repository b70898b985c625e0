package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// desiredRecords are the records that a service should hold. A plan ranges over them several times, so the file is opened anew
// each time: here it is a string.
func desiredRecords(file string) iter.Seq2[azdps.IndividualEnrollment, error] {
	return func(yield func(azdps.IndividualEnrollment, error) bool) {
		fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(file))(yield)
	}
}

const exampleDesired = `
{"registrationId":"device-1","attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"site":"berlin"}}}
{"registrationId":"device-4","attestation":{"type":"symmetricKey"}}`

// Look at the plan, then apply it. The next one has nothing to do.
func ExampleNewPlan() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2)
	desired := desiredRecords(exampleDesired)

	for range 2 {
		plan, err := fleet.NewPlan(ctx, client, desired, nil)
		if err != nil {
			log.Fatal(err)
		}
		if err := plan.WriteText(os.Stdout); err != nil {
			log.Fatal(err)
		}
		for outcome, err := range plan.Apply(ctx, nil) {
			if err != nil {
				log.Fatal("ended early: ", err)
			}
			fmt.Println(outcome.ID, outcome.Result)
		}
	}
	// Output:
	// + create device-4
	// ~ update device-1
	//     initialTwin.tags.site: (none) -> "berlin"
	// 1 to create, 1 to update, 0 to delete; 0 unchanged, 1 not desired and left alone.
	// device-4 created
	// device-1 updated
	// Nothing to change.
	// 0 to create, 0 to update, 0 to delete; 2 unchanged, 1 not desired and left alone.
}

// For programs, a plan is a sequence of changes, or JSON. Keys are never in it.
func ExamplePlan() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	plan, err := fleet.NewPlan(ctx, client, desiredRecords(exampleDesired), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Len(), "changes")
	for change := range plan.Changes() {
		fmt.Println(change.Action, change.ID)
		for _, field := range change.Fields {
			fmt.Println("  ", field.Path, "becomes", field.New)
		}
	}
	if err := plan.WriteJSON(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2 changes
	// create device-4
	// update device-1
	//    initialTwin.tags.site becomes "berlin"
	// {"changes":[
	// {"id":"device-4","action":"create"},
	// {"id":"device-1","action":"update","fields":[{"path":"initialTwin.tags.site","new":"berlin"}]}
	// ],"creates":1,"updates":1,"deletes":0,"unchanged":0,"others":0}
}

// What somebody changed since the plan was made is left alone.
func ExamplePlan_Apply() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)
	plan, err := fleet.NewPlan(ctx, client, desiredRecords(exampleDesired), nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.IndividualEnrollments().Update(ctx, "device-1", func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	for outcome, err := range plan.Apply(ctx, nil) {
		if err != nil {
			log.Fatal("ended early: ", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	// Unordered output:
	// device-4 created
	// device-1 conflict
}

// Records that are not desired are deleted only if the options say so, and how many may be.
func ExamplePlanOptions() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2, exampleDevice3)

	options := &fleet.PlanOptions{Delete: true, MaxDeletes: 1}
	_, err := fleet.NewPlan(ctx, client, desiredRecords(exampleDesired), options)
	if errors.Is(err, fleet.ErrTooManyDeletes) {
		fmt.Println(err)
	}

	options.MaxDeletes = 10
	plan, err := fleet.NewPlan(ctx, client, desiredRecords(exampleDesired), options)
	if err != nil {
		log.Fatal(err)
	}
	for change := range plan.Changes() {
		fmt.Println(change.Action, change.ID)
	}
	// Output:
	// fleet: the plan deletes too many records: MaxDeletes allows 1
	// create device-4
	// update device-1
	// delete device-2
	// delete device-3
}
