package fleet_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// TestMalformedCSV reads what is no table of individual enrollments.
func TestMalformedCSV(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2*fleet.MaxRecordSize)
	for _, test := range []struct {
		file string
		want []string
	}{
		{"registrationId,deviceId\na,\"" + long + "\"\n", []string{
			"fleet: line 2: a row has more than 1048576 bytes; a quote may have been left open",
		}},
		{"", []string{
			"fleet: line 1: the file is empty; a table begins with a header",
		}},
		{"\n\n", []string{
			"fleet: line 1: the file is empty; a table begins with a header",
		}},
		{"a", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row",
		}},
		{"device-1,symmetricKey,MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row",
		}},
		{"registrationId;deviceId\na;b\n", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row; commas separate the columns",
		}},
		{"RegistrationID,deviceId\n", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row; capitals count",
		}},
		{"enrollmentGroupId\ng\n", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row; this is a table of enrollment groups, by its column enrollmentGroupId",
		}},
		{"registrationId,colour,size\na,b,c\n", []string{
			"fleet: line 1, column 16: \"colour\": is no column of this table",
			"fleet: line 1, column 23: \"size\": is no column of this table",
		}},
		{"registrationId,deviceID\n", []string{
			"fleet: line 1, column 16: \"deviceID\": is no column of this table; it is written deviceId",
		}},
		{"registrationId,deviceId,deviceId\na,b,c\n", []string{
			"fleet: line 1, column 25: \"deviceId\": is there twice",
		}},
		{"registrationId,\na,\n", []string{
			"fleet: line 1, column 16: \"\": is no column of this table",
		}},
		{"registrationId, deviceId\n", []string{
			"fleet: line 1, column 16: \" deviceId\": is no column of this table",
		}},
		{"registrationId,tags,tags.site\n", []string{
			"fleet: line 1, column 21: \"tags.site\": is a part of \"tags\", which is a column too",
		}},
		{"registrationId,tags.a.b,tags.a\n", []string{
			"fleet: line 1, column 16: \"tags.a.b\": is a part of \"tags.a\", which is a column too",
		}},
		{"registrationId,tags.\n", []string{
			"fleet: line 1, column 16: \"tags.\": is no column of this table",
		}},
		{"registrationId,tags..a\n", []string{
			"fleet: line 1, column 16: \"tags..a\": is no column of this table",
		}},
		{"registrationId,attestation.type\n", []string{
			"fleet: line 1, column 16: \"attestation.type\": is no column of this table",
		}},
		{"registrationId,\xff\n", []string{
			"fleet: line 1, column 16: \"\\xff\": is no column of this table",
		}},
		{"registrationId,\"deviceId\n", []string{
			"fleet: line 1, column 26: a cell with a quote must begin with one, end with one, and double those between",
		}},
		{"registrationId,de\"viceId\n", []string{
			"fleet: line 1, column 18: a cell with a quote must begin with one, end with one, and double those between",
		}},
		{"\xff\xfer\x00e\x00", []string{
			"fleet: line 1: registrationId: is missing in the header, which is the first row; the file is not UTF-8",
		}},
		{"registrationId,deviceId\na\n", []string{
			"fleet: line 2: has 1 cells; the header has 2",
		}},
		{"registrationId,deviceId\na,b,c\n", []string{
			"fleet: line 2: has 3 cells; the header has 2",
		}},
		{"registrationId,deviceId\n,b\n", []string{
			"fleet: line 2, column 1: registrationId: is missing",
		}},
		{"registrationId,deviceId\n\"a,b\nc,d\n", []string{
			"fleet: line 3, column 5: a cell with a quote must begin with one, end with one, and double those between; the row begins in line 2",
		}},
		{"registrationId,deviceId\na,\"b\"c\nb,\"x\ny\"z\n", []string{
			"fleet: line 2, column 5: a cell with a quote must begin with one, end with one, and double those between",
			"fleet: line 4, column 2: a cell with a quote must begin with one, end with one, and double those between; the row begins in line 3",
		}},
		{"registrationId,deviceId\na,b\"c\n", []string{
			"fleet: line 2, column 4: a cell with a quote must begin with one, end with one, and double those between",
		}},
		{"registrationId,deviceId\na,b\xff\n", []string{
			"fleet: line 2, column 3: deviceId: is not UTF-8",
		}},
		{"registrationId,iotEdge\na,yes\n", []string{
			"fleet: line 2, column 3: iotEdge: must be true or false",
		}},
		{"registrationId,updateHubAssignment,migrateDeviceData\na,1,0\n", []string{
			"fleet: line 2, column 3: updateHubAssignment: must be true or false",
			"fleet: line 2, column 5: migrateDeviceData: must be true or false",
		}},
		{"registrationId,iotHubs\na,one;;two\n", []string{
			"fleet: line 2, column 3: iotHubs: has an empty name between its semicolons",
		}},
		{"registrationId,tags\na,x\n", []string{
			"fleet: line 2, column 3: tags: is not JSON (byte 1 of the cell)",
		}},
		{"registrationId,tags\na,\"[1]\"\n", []string{
			"fleet: line 2, column 3: tags: must be a JSON object, not an array",
		}},
		{"registrationId,desired\na,\"{\"\"a\"\":}\"\n", []string{
			"fleet: line 2, column 3: desired: is not JSON (byte 6 of the cell)",
		}},
		{"registrationId,optionalDeviceInformation\na,null\n", []string{
			"fleet: line 2, column 3: optionalDeviceInformation: must be a JSON object, not null",
		}},
		{"registrationId,createdDateTimeUtc\na,yesterday\n", []string{
			"fleet: line 2, column 3: createdDateTimeUtc: is not a date such as 2006-01-02T15:04:05Z",
		}},
		{"registrationId,additionalProperties\na,x\n", []string{
			"fleet: line 2, column 3: additionalProperties: is not JSON (byte 1 of the cell)",
		}},
		{"registrationId,deviceId,additionalProperties\na,b,\"{\"\"deviceId\"\":\"\"c\"\"}\"\n", []string{
			"fleet: line 2, column 5: additionalProperties.deviceId: is there already, in a column of its own",
		}},
		{"registrationId,additionalProperties\na,\"{\"\"attestation\"\":{\"\"type\"\":7}}\"\n", []string{
			"fleet: line 2, column 3: additionalProperties.attestation.type: cannot be a number",
		}},
		{"registrationId,attestation,additionalProperties\na,tpm,\"{\"\"attestation\"\":7}\"\n", []string{
			"fleet: line 2, column 7: additionalProperties.attestation: is there already, in a column of its own",
		}},
		{"registrationId,registrationState\na,\"{\"\"errorCode\"\":\"\"x\"\"}\"\n", []string{
			"fleet: line 2, column 3: registrationState.errorCode: cannot be a string",
		}},
		{"registrationId,tags\na,\"x\ny\"\nb,\"\n{\"\n", []string{
			"fleet: line 2, column 3: tags: is not JSON (byte 1 of the cell)",
			"fleet: line 4, column 3: tags: is not JSON: it ends too soon (byte 2 of the cell)",
		}},
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			check := fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(test.file), azdps.BulkOperationModeDelete, nil)
			require.Equal(t, test.want, faults(check), "%.200q", test.file)
			_, err := readFirst(fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(test.file), nil))
			require.EqualError(t, err, test.want[0])
		})
	}
}
