package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// importFile creates the enrollments of a file, and goes on where it was if it is started again with the same journal and file.
func importFile(ctx context.Context, client *azdps.DeviceProvisioningClient, file io.Reader, journalPath string) error {
	journal, err := fleet.OpenJournal(journalPath)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	records := fleet.ReadJSONL[azdps.IndividualEnrollment](file)
	options := &fleet.BulkOptions{Journal: journal}
	for outcome, err := range fleet.Bulk(ctx, client, azdps.BulkOperationModeCreate, records, options) {
		if err != nil {
			return fmt.Errorf("ended early: %w", err)
		}
		fmt.Println(outcome.ID, outcome.Result)
	}
	return journal.Close()
}

// An import with a journal may be killed at any moment. Started again, it reports what was done, and does the rest. Lines may be added
// to the end of the file meanwhile; another file, or another service, is refused.
func ExampleOpenJournal() {
	ctx := context.Background()
	server, client := exampleServer()
	folder, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	journalPath := filepath.Join(folder, "import.journal")

	file := exampleDevice1 + "\n"
	fmt.Println("first:", importFile(ctx, client, strings.NewReader(file), journalPath))
	sent := len(server.Requests())

	fmt.Println("again:", importFile(ctx, client, strings.NewReader(file), journalPath), len(server.Requests())-sent, "requests")

	file += exampleDevice2 + "\n"
	fmt.Println("a longer file:", importFile(ctx, client, strings.NewReader(file), journalPath))

	file = exampleDevice3 + "\n"
	err = importFile(ctx, client, strings.NewReader(file), journalPath)
	fmt.Println("another file:", errors.Is(err, fleet.ErrJournalMismatch))
	// Output:
	// device-1 created
	// first: <nil>
	// device-1 created
	// again: <nil> 0 requests
	// device-1 created
	// device-2 created
	// a longer file: <nil>
	// another file: true
}
