// Command custom_allocation shows how a webhook chooses the IoT hubs of devices. handler.go is the webhook, for a program to serve
// or an Azure function to be made of.
//
// Without any environment it runs against a Device Provisioning Service in memory, which calls the webhook in memory too, and two
// devices register. With DPS_CONNECTION_STRING or DPS_ENDPOINT it runs against a real service. That can only call a webhook that it
// reaches, so it creates nothing but the enrollment, and deletes it again, if DPS_WEBHOOK_URL says where one is served.
package main

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

const (
	hubEurope = "contoso-europe.azure-devices.net"
	hubAsia   = "contoso-asia.azure-devices.net"
)

var program = example.Program{
	Name: "custom_allocation",
	Introduction: `The service knows three ways to choose the hub of a device. If none fits, a webhook can choose: the service tells it
who registers, and it answers with a hub, and with an initial twin and a word to the device if it likes.`,
	Emulator: func() *dpstest.Options {
		return &dpstest.Options{
			Hubs:     []string{hubEurope, hubAsia},
			Webhooks: &http.Client{Transport: inMemory{newHandler(functionKey, chooseByRegion)}},
		}
	},
	Tell: tell,
}

// functionKey is what the service in memory shows the webhook. It is part of the URL, which makes the URL a secret.
var functionKey = rand.Text()

// sample is one run.
type sample struct {
	*example.Run

	webhook string   // its URL
	hubs    []string // that it chooses among; none means all that are linked to the service
	line    string   // the id of the enrollment group
	lineKey string
}

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{Run: run}
	if s.Emulator != nil {
		s.webhook = "https://allocation.example/api/allocate?code=" + functionKey
		s.hubs = []string{hubEurope, hubAsia}
		return s.Finish(ctx, s.createEnrollment, s.registerWithCountry, s.registerWithoutCountry)
	}
	s.webhook = s.Getenv("DPS_WEBHOOK_URL")
	if s.webhook == "" {
		s.Begin("Create an enrollment that names the webhook",
			"The service calls the webhook over the internet, so handler.go must be served at a public URL with https.")
		s.Say("left out: the environment has no DPS_WEBHOOK_URL")
		return nil
	}
	return s.Finish(ctx, s.createEnrollment)
}
