// Command raw gets one enrollment by hand and ends. Its arguments are the endpoint, the policy, the key and an id.
package main

import (
	"context"
	"log"
	"os"

	"github.com/azdps/azdps/internal/bench/plain"
)

func main() {
	client, err := plain.NewClient(os.Args[1], os.Args[2], os.Args[3], nil)
	if err != nil {
		log.Fatal(err)
	}
	enrollment, err := client.Get(context.Background(), os.Args[4])
	if err != nil || enrollment.RegistrationID != os.Args[4] {
		log.Fatal(enrollment, err)
	}
}
