package fleet_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// Check a whole file before the first request.
func ExampleCheckCSV() {
	const table = `registrationId,attestation,primaryKey,iotHubs,tags.site
device-1,symmetricKey,,,north
device-2,symmetricKey,tooshort,hub.azure-devices.net,north
DEVICE-1,symmetricKey,,,south
`
	for err := range fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(table), azdps.BulkOperationModeCreate, nil) {
		fmt.Println(err)
	}
	// Output:
	// fleet: line 3, column 23: primaryKey: has 6 bytes; a key has 16 to 64, written in base64
	// fleet: line 3: allocationPolicy: is missing; it must be there when iotHubs is
	// fleet: line 4, column 1: registrationId: is the same as in line 2; ids compare without case
}

// Turn a table into JSON lines. Cells of the columns for single members of the twin are JSON if they can be.
func ExampleReadCSV() {
	const table = `registrationId,attestation,tags.site,desired.telemetry.interval
device-1,symmetricKey,north,20
device-2,symmetricKey,007,
`
	records := fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(table), nil)
	if err := fleet.WriteJSONL(os.Stdout, records); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"registrationId":"device-1","attestation":{"type":"symmetricKey","symmetricKey":{}},"initialTwin":{"tags":{"site":"north"},"properties":{"desired":{"telemetry":{"interval":20}}}}}
	// {"registrationId":"device-2","attestation":{"type":"symmetricKey","symmetricKey":{}},"initialTwin":{"tags":{"site":"007"}}}
}
