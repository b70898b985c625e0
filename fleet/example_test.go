package fleet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// An import with a journal may be killed at any moment. Started again with the same file, it goes on where it was.
func ExampleBulk() {
	server := dpstest.NewUnstartedServer(nil)
	defer server.Close()
	client := exampleClient(server)
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	journalPath := filepath.Join(folder, "import.journal")
	file := strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device-2","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"too short"}}}
{"registrationId":"device-3","attestation":{"type":"symmetricKey"}}
`)

	journal, err := fleet.OpenJournal(journalPath)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = journal.Close() }()
	records := fleet.ReadJSONL[azdps.IndividualEnrollment](file)
	options := &fleet.BulkOptions{Journal: journal}
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, records, options) {
		if err != nil {
			fmt.Println("ended early:", err)
			return
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	// Unordered output:
	// device-1 created
	// device-2 refused
	// device-3 created
}

// An export writes the records of a service to a file, one a line.
func ExampleExport() {
	server := dpstest.NewUnstartedServer(nil)
	defer server.Close()
	if err := server.Load(strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"tpm","tpm":{"endorsementKey":"AAAA"}}}`)); err != nil {
		fmt.Println(err)
		return
	}
	var file strings.Builder
	records := fleet.Export[azdps.IndividualEnrollment](context.Background(), exampleClient(server), nil)
	if err := fleet.WriteJSONL(&file, records); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(file.String(), "\n"), "record")
	fmt.Println(strings.Contains(file.String(), `"registrationId":"device-1"`))
	// Output:
	// 1 record
	// true
}
