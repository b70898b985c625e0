package fleet_test

import (
	"encoding/csv"
	"fmt"
	"os"

	"github.com/azdps/azdps"
)

// A factory gets the keys of its devices as a table; the key of the group stays at home. Keys are derived offline.
func Example_csvOfDerivedKeys() {
	groupKey := "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
	serials := []string{"sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6", "sn-007-889"}

	table := csv.NewWriter(os.Stdout) // or a file of fleet.CreateFile, which nobody else can read
	_ = table.Write([]string{"registrationId", "key"})
	for _, id := range serials {
		key, err := azdps.DeriveDeviceKey(groupKey, id)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = table.Write([]string{id, key})
	}
	table.Flush() // its Error tells whether all was written
	// Output:
	// registrationId,key
	// sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6,Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=
	// sn-007-889,HCA4GZIUlMVly8ywT1Qhjjh/UzII+HysKETQDUgGp6M=
}
