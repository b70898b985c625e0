// Command authentication shows each way for a backend to prove who it is: a connection string, a shared access policy and its
// key, a shared access signature, and three credentials of Microsoft Entra ID.
//
// Without any environment it runs against a Device Provisioning Service in memory, and a stand-in for Microsoft Entra ID answers
// in its place. With DPS_CONNECTION_STRING, DPS_ENDPOINT or both it runs against a real service and says which ways it leaves out
// for want of a variable. It reads one enrollment each time and changes nothing.
package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
)

func main() { program.Main() }

var program = example.Program{
	Name: "authentication",
	Introduction: `A request to the service carries either a signature made with the key of a shared access policy, or a token of
Microsoft Entra ID. Prefer the latter: rights go by identity, and with a managed identity no secret is stored at
all. A client is made once, and is safe for concurrent use.`,
	Tell: tell,
}

// sample is one run.
type sample struct{ *example.Run }

func tell(ctx context.Context, run *example.Run) error {
	s := &sample{run}
	for _, way := range []example.Step{
		s.byConnectionString,
		s.byPolicyKey,
		s.bySignature,
		s.byDefaultCredential,
		s.byClientSecret,
		s.inSovereignCloud,
	} {
		if err := way(ctx); err != nil {
			return err
		}
	}
	return nil
}

// read makes a call with a client: it looks for a single enrollment.
func read(ctx context.Context, client *azdps.DeviceProvisioningClient) error {
	options := &azdps.IndividualEnrollmentsClientAllOptions{MaxItems: 1, PageSize: 1}
	for _, err := range client.IndividualEnrollments().All(ctx, options) {
		if err != nil {
			return err
		}
	}
	return nil
}

// succeed makes a call that should be answered.
func (s *sample) succeed(ctx context.Context, client *azdps.DeviceProvisioningClient) error {
	if err := read(ctx, client); err != nil {
		return fmt.Errorf("read with the credential: %w", err)
	}
	s.Say("a call was answered: the service knows who asks")
	return nil
}

// refused makes a call that should be answered 401.
func (s *sample) refused(ctx context.Context, client *azdps.DeviceProvisioningClient, why string) error {
	err := read(ctx, client)
	if !azdps.HasStatusCode(err, http.StatusUnauthorized) {
		return fmt.Errorf("the call should have been refused with 401, but the result is: %w", example.OrUnexpected(err))
	}
	s.Say("a call was refused with 401: %s", why)
	return nil
}
