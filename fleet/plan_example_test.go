package fleet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// The desired records are in a file, which is opened anew each time that the plan ranges over them.
func ExampleNewPlan() {
	ctx := context.Background()
	srv := dpstest.NewUnstartedServer(nil)
	defer srv.Close()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("desired-%d.jsonl", os.Getpid()))
	defer os.Remove(path)
	desired := `{"registrationId":"device-1","attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"site":"berlin"}}}`
	if err := os.WriteFile(path, []byte(desired), 0o600); err != nil {
		panic(err)
	}

	records := func(yield func(azdps.IndividualEnrollment, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(azdps.IndividualEnrollment{}, err)
			return
		}
		defer file.Close()
		fleet.ReadJSONL[azdps.IndividualEnrollment](file)(yield)
	}
	for range 2 {
		plan, err := fleet.NewPlan(ctx, exampleClient(srv), records, nil)
		if err != nil {
			panic(err)
		}
		if err := plan.WriteText(os.Stdout); err != nil {
			panic(err)
		}
		for outcome, err := range plan.Apply(ctx, nil) {
			if err != nil {
				fmt.Println("ended early:", err)
				return
			}
			fmt.Println(outcome.ID, outcome.Result)
		}
	}
	// Output:
	// + create device-1
	// 1 to create, 0 to update, 0 to delete; 0 unchanged, 0 not desired and left alone.
	// device-1 created
	// Nothing to change.
	// 0 to create, 0 to update, 0 to delete; 1 unchanged, 0 not desired and left alone.
}
