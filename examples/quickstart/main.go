// Command quickstart is a tour of package azdps: it makes enrollments of each kind, changes and lists them, and deletes what it
// made.
//
// Without any environment it runs against a Device Provisioning Service in memory. With DPS_CONNECTION_STRING, or with
// DPS_ENDPOINT and whatever azidentity.NewDefaultAzureCredential finds, it runs against a real one. There it only touches
// records whose ids begin with a random prefix of its own.
package main

import (
	"context"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{Name: "quickstart", Introduction: introduction, Tell: tell}

const introduction = `An IoT hub is where devices and backends exchange messages. A Device Provisioning Service (DPS) tells a new
device which hub is its own, so that none is built into its firmware. For that the service must know whom to let
in, and enrollments tell it. A backend manages them, as this program does now. No device takes part.`

// tour is one run of the story. All ids begin with its prefix.
type tour struct {
	*example.Run
	client *azdps.DeviceProvisioningClient
}

// tell goes through the steps until one fails.
func tell(ctx context.Context, run *example.Run) error {
	t := &tour{Run: run, client: run.Client}
	var enrollment azdps.IndividualEnrollment
	err := t.Finish(ctx,
		func(ctx context.Context) (err error) {
			enrollment, err = t.createWithKeys(ctx)
			return err
		},
		t.createWithTPM,
		t.createWithCertificate,
		t.createGroup,
		func(ctx context.Context) error { return t.replaceUnderETag(ctx, enrollment) },
		func(ctx context.Context) error { return t.update(ctx, enrollment.RegistrationID) },
		func(ctx context.Context) error { return t.readKeys(ctx, enrollment.RegistrationID) },
		t.deriveKey,
		t.createInBulk,
	)
	if err != nil {
		return err
	}
	return t.list(ctx)
}
