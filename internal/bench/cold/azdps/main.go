// Command azdps gets one enrollment and ends. Its arguments are the endpoint, the policy, the key and an id.
package main

import (
	"context"
	"log"
	"os"

	"github.com/azdps/azdps"
)

func main() {
	credential, err := azdps.NewSharedAccessKeyCredential(os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	client, err := azdps.NewDeviceProvisioningClientWithSharedAccessKey(os.Args[1], credential, nil)
	if err != nil {
		log.Fatal(err)
	}
	enrollment, err := client.IndividualEnrollments().Get(context.Background(), os.Args[4], nil)
	if err != nil || enrollment.RegistrationID != os.Args[4] {
		log.Fatal(enrollment, err)
	}
}
