package fleet_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// A bad line does not end the reading: it comes as an InputError, with the place and without the value.
func ExampleReadJSONL() {
	file := strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device-2","attestation":
{"registrationId":"device-3","attestation":{"type":"symmetricKey"}}
`)

	for record, err := range fleet.ReadJSONL[azdps.IndividualEnrollment](file) {
		if fault, ok := errors.AsType[*fleet.InputError](err); ok {
			fmt.Println("line", fault.Line, "is no JSON")
			continue
		}
		if err != nil {
			log.Fatal(err) // the file cannot be read
		}
		fmt.Println(record.RegistrationID)
	}
	// Output:
	// device-1
	// line 2 is no JSON
	// device-3
}

// Any sequence of records becomes lines of JSON; Export gives that of a service.
func ExampleWriteJSONL() {
	records := func(yield func(azdps.IndividualEnrollment, error) bool) {
		for i := 1; i <= 2; i++ { // in a program: the rows of a query
			record := azdps.IndividualEnrollment{
				RegistrationID: fmt.Sprintf("device-%d", i),
				Attestation:    azdps.NewGeneratedKeyAttestation(),
			}
			if !yield(record, nil) {
				return
			}
		}
	}

	if err := fleet.WriteJSONL(os.Stdout, records); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"registrationId":"device-1","attestation":{"type":"symmetricKey","symmetricKey":{}}}
	// {"registrationId":"device-2","attestation":{"type":"symmetricKey","symmetricKey":{}}}
}

// Turn a table into JSON lines. Cells of the columns for single members of the twin are JSON if they can be.
func ExampleReadCSV() {
	const table = `registrationId,attestation,tags.site,desired.telemetry.interval
device-1,symmetricKey,north,20
device-2,symmetricKey,007,
`
	records := fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(table), nil)
	if err := fleet.WriteJSONL(os.Stdout, records); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"registrationId":"device-1","attestation":{"type":"symmetricKey","symmetricKey":{}},"initialTwin":{"tags":{"site":"north"},"properties":{"desired":{"telemetry":{"interval":20}}}}}
	// {"registrationId":"device-2","attestation":{"type":"symmetricKey","symmetricKey":{}},"initialTwin":{"tags":{"site":"007"}}}
}

// The table has all columns of the kind of record, for a spreadsheet. A cell that a spreadsheet would run as a formula gets an apostrophe.
func ExampleWriteCSV() {
	records := func(yield func(azdps.EnrollmentGroup, error) bool) {
		yield(azdps.EnrollmentGroup{
			EnrollmentGroupID: "line-1",
			Attestation:       azdps.NewGeneratedKeyAttestation(),
			InitialTwin:       &azdps.InitialTwin{Tags: azdps.TwinCollection{"site": "north"}},
		}, nil)
	}

	var table strings.Builder
	if err := fleet.WriteCSV(&table, records, nil); err != nil {
		log.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	for column, name := range rows[0] {
		if cell := rows[1][column]; cell != "" {
			fmt.Println(name+":", cell)
		}
	}
	// Output:
	// enrollmentGroupId: line-1
	// attestation: symmetricKey
	// tags: {"site":"north"}
}

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

// All faults of a file are told, and where they are. What only the service knows, such as whether a record exists, is not checked.
func ExampleCheckJSONL() {
	file := strings.NewReader(`{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"device 2","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"abcd"}}}
`)

	faults := 0
	for err := range fleet.CheckJSONL[azdps.IndividualEnrollment](file, azdps.BulkOperationModeCreate) {
		fmt.Println(err)
		faults++
	}
	fmt.Println(faults, "faults")
	// Output:
	// fleet: line 2, column 19: registrationId: must be up to 128 ASCII letters, digits and -._: that do not end with . _ or :
	// fleet: line 2, column 96: attestation.symmetricKey.primaryKey: has 3 bytes; a key has 16 to 64, written in base64
	// 2 faults
}

// A file with keys must be for its owner alone.
func ExampleCreateFile() {
	folder, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()

	file, err := fleet.CreateFile(filepath.Join(folder, "keys.jsonl"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := fleet.WriteJSONL(file, newDevices(2)); err != nil {
		fmt.Println(err)
		return
	}
	if err := file.Close(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("written", filepath.Base(file.Name()))
	// Output: written keys.jsonl
}
