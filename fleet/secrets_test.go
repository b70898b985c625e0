package fleet_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
	"github.com/azdps/azdps/internal/checks"
)

// plantedText begins every secret of these tests, in whatever form.
const plantedText = "Zqxplanted-"

// planted makes a key of a name.
func planted(name string) string {
	return base64.StdEncoding.EncodeToString([]byte(plantedText + name + "-0123456789"))
}

const plantedWebhook = "https://" + plantedText + "user@hook.example/api?code=" + plantedText + "query"

// requireNotPlanted requires a text to show no secret: as text, as base64, in hexadecimal or as numbers.
func requireNotPlanted(t *testing.T, text string, what ...any) {
	t.Helper()
	for _, form := range []string{plantedText[:9], planted("")[:12]} {
		digits := hex.EncodeToString([]byte(form))
		for _, trace := range []string{form, digits, strings.ToUpper(digits), strings.Trim(fmt.Sprintf("%d", []byte(form)), "[]")} {
			require.NotContains(t, text, trace, what...)
		}
	}
}

// plantedDevice is a record full of secrets.
func plantedDevice(id string) azdps.IndividualEnrollment {
	record := device(id)
	record.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: planted("primary"), SecondaryKey: planted("secondary")}
	record.AllocationPolicy = azdps.AllocationPolicyCustom
	record.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: plantedWebhook, APIVersion: "2019-03-31"}
	return record
}

// plantedRun runs everything that has outcomes, over a network that loses answers, with a journal, and gives what it tells.
func plantedRun(t *testing.T) (told []any, journals []string) {
	server := dpstest.NewUnstartedServer(nil)
	client := clientOf(t, server, nil)
	input := make([]azdps.IndividualEnrollment, 60)
	ids := make([]string, len(input))
	for i := range input {
		ids[i] = fmt.Sprintf("device-%d", i)
		input[i] = plantedDevice(ids[i])
	}
	input[7].Attestation.SymmetricKey.PrimaryKey = plantedText + "no base64!"
	weather := badWeather()
	server.Control(weather, &dpstest.ControlOptions{Times: -1})
	follow := func(name string, start func(options fleet.BulkOptions) iter.Seq2[fleet.Outcome, error]) {
		path := filepath.Join(t.TempDir(), name)
		journal, err := fleet.OpenJournal(path)
		require.NoError(t, err)
		options := fleet.BulkOptions{Journal: journal}
		options.Progress = func(p fleet.Progress) { told = append(told, p) }
		for outcome, err := range start(options) {
			told = append(told, outcome, &outcome, outcome.Err, err)
		}
		told = append(told, options, journal)
		require.NoError(t, journal.Close())
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		journals = append(journals, string(data))
	}
	for _, mode := range []azdps.BulkOperationMode{"create", "create", "update", "updateIfMatchETag"} {
		follow(string(mode), func(options fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
			return fleet.Bulk(t.Context(), client, mode, seqOf(input...), &options)
		})
	}
	follow("rotate", func(options fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
		return fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(ids...), &fleet.RotateOptions{
			BulkOptions: options, NewKey: func(string) (string, error) { return planted("next"), nil },
		})
	})
	follow("rotate to what is no key", func(options fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
		return fleet.RotateKeys[azdps.IndividualEnrollment](t.Context(), client, seqOf(ids...), &fleet.RotateOptions{
			BulkOptions: options, NewKey: func(string) (string, error) { return plantedText + "no base64!", nil },
		})
	})
	desired := append([]azdps.IndividualEnrollment{plantedDevice("new")}, input[0], input[1])
	desired[1].CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: plantedWebhook + "2", APIVersion: "2019-03-31"}
	desired[1].AdditionalProperties = map[string]json.RawMessage{"x": json.RawMessage(`1`)}
	desired[2].Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: planted("other"), SecondaryKey: planted("other")}
	plan := planFor(t, client, nil, desired...)
	require.Positive(t, plan.Len())
	for change := range plan.Changes() {
		told = append(told, change)
	}
	told = append(told, plan, *plan, textOf(t, plan), jsonOf(t, plan))
	for outcome, err := range plan.Apply(t.Context(), nil) {
		told = append(told, outcome, err)
	}
	follow("decommission", func(options fleet.BulkOptions) iter.Seq2[fleet.Outcome, error] {
		return fleet.Decommission(t.Context(), client, seqOf(ids...), &fleet.DecommissionOptions{BulkOptions: options, DisableOnly: true})
	})
	return told, journals
}

// TestSecretsInRuns prints and logs everything that runs tell, and reads their journals.
func TestSecretsInRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told, journals := plantedRun(t)
		require.Greater(t, len(told), 1000)
		for i, value := range told {
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				requireNotPlanted(t, fmt.Sprintf(format, value), format)
			}
			if i%10 == 0 {
				var text bytes.Buffer
				slog.New(slog.NewTextHandler(&text, nil)).Info("m", "value", value, "list", []any{value})
				slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "value", value, "list", []any{value})
				requireNotPlanted(t, text.String())
			}
			for err, _ := value.(error); err != nil; err = errors.Unwrap(err) {
				requireNotPlanted(t, err.Error())
			}
		}
		for _, journal := range journals {
			requireNotPlanted(t, journal)
			require.NotContains(t, journal, "device-")
		}
	})
}

// TestSecretsAreInWhatIsTold proves that the runs above had secrets: files with keys have them, and files without have not.
func TestSecretsAreInWhatIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, server, nil)
		_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(plantedDevice("a"), plantedDevice("b")), nil))
		require.NoError(t, err)
		for _, keys := range []bool{true, false} {
			var csv, jsonl bytes.Buffer
			options := &fleet.ExportOptions{Keys: keys}
			require.NoError(t, fleet.WriteCSV(&csv, fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options), nil))
			require.NoError(t, fleet.WriteJSONL(&jsonl, fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options)))
			for _, text := range []string{csv.String(), jsonl.String()} {
				for _, key := range []string{planted("primary"), planted("secondary")} {
					if keys {
						assert.Equal(t, 2, strings.Count(text, key))
					} else {
						assert.NotContains(t, text, key)
					}
				}
			}
		}
	})
}

// plantedTypes are the exported types of the package, with secrets in the places for some.
func plantedTypes(t *testing.T) map[string]any {
	t.Helper()
	journal, err := fleet.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, journal.Close()) })
	input := &fleet.InputError{Line: 1, Field: "attestation.symmetricKey.primaryKey", Reason: "must be base64"}
	for _, err := range fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(`{"registrationId":"a","attestation":"` + planted("") + `"}`)) {
		require.ErrorAs(t, err, &input)
	}
	newKey := func(string) (string, error) { return planted("new"), nil }
	refused := &fleet.RecordError{StatusCode: http.StatusConflict, Code: "409201", Reason: "exists"}
	return map[string]any{
		"Action": fleet.ActionCreate, "BulkOptions": fleet.BulkOptions{Journal: journal}, "CSVOptions": fleet.CSVOptions{},
		"Certificate": fleet.Certificate{ID: "a", Next: planCertificate(t, "a")}, "Change": fleet.Change{ID: "a"},
		"CopyOptions": fleet.CopyOptions{From: fleet.NewLimiter(0)}, "DecommissionOptions": fleet.DecommissionOptions{},
		"Expiry": fleet.Expiry{ID: "a", NotAfter: time.Now()}, "ExportOptions": fleet.ExportOptions{}, "FieldChange": fleet.FieldChange{Path: "a"},
		"InputError": input, "Journal": journal, "Limiter": fleet.NewLimiter(0), "Options": fleet.Options{Progress: func(fleet.Progress) {}},
		"Outcome": fleet.Outcome{ID: "a", Result: fleet.ResultRefused, Err: refused}, "Plan": &fleet.Plan[azdps.EnrollmentGroup]{}, "PlanOptions": fleet.PlanOptions{},
		"Progress": fleet.Progress{}, "Record": plantedDevice("a"), "RecordError": refused, "Result": fleet.ResultCreated,
		"RotateOptions": fleet.RotateOptions{NewKey: newKey},
	}
}

// TestSecretsOfEveryType prints and logs each exported type, and keeps a new one from being forgotten.
func TestSecretsOfEveryType(t *testing.T) {
	t.Parallel()
	values := plantedTypes(t)
	exported, err := checks.ExportedTypes(".")
	require.NoError(t, err)
	require.NotEmpty(t, exported)
	for _, name := range exported {
		require.Contains(t, values, name)
	}
	for name, value := range values {
		for verb := 'A'; verb <= 'z'; verb++ {
			if verb == 'p' || verb == 'w' || 'Z' < verb && verb < 'a' {
				continue
			}
			for _, flags := range []string{"", "+", "#", " "} {
				for _, printed := range []any{value, &value, []any{value}, struct{ X any }{value}} {
					requireNotPlanted(t, fmt.Sprintf("%"+flags+string(verb), printed), name, string(verb))
				}
			}
		}
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "value", value)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "value", value)
		requireNotPlanted(t, text.String(), name)
	}
}

// csvColumns are all columns of a table.
const csvColumns = `registrationId deviceId provisioningStatus attestation primaryKey secondaryKey endorsementKey storageRootKey certificate
	secondaryCertificate signingCertificate caReference allocationPolicy iotHubs iotHubHostName webhookUrl webhookApiVersion iotEdge
	updateHubAssignment migrateDeviceData namespaceName tags desired optionalDeviceInformation etag createdDateTimeUtc
	lastUpdatedDateTimeUtc registrationState additionalProperties tags.site nothing`

// TestSecretsInFaultsOfInput reads and checks files with a secret in each member and each column.
func TestSecretsInFaultsOfInput(t *testing.T) {
	t.Parallel()
	looked := 0
	look := func(err error, what string) {
		if err != nil {
			looked++
			requireNotPlanted(t, fmt.Sprintf("%v %+v %#v %q", err, err, err, err), what)
		}
	}
	secrets := []string{planted("key"), plantedText + "!", "SharedAccessSignature sr=h&sig=" + plantedText, plantedWebhook, "-----BEGIN PRIVATE KEY-----" + plantedText, "=" + plantedText + "()"}
	for _, secret := range secrets {
		for column := range strings.FieldsSeq(csvColumns) {
			table := "registrationId,attestation," + column + "\na,symmetricKey,\"" + secret + "\"\nb,tpm,\"" + secret + "\"\nc,x509,\"" + secret + "\"\n"
			if column == "registrationId" || column == "attestation" {
				table = column + "\n\"" + secret + "\"\n"
			}
			for err := range fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(table), "create", nil) {
				look(err, column)
			}
			for _, err := range fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(table), nil) {
				look(err, column)
			}
			for _, err := range fleet.ReadCSV[azdps.EnrollmentGroup](strings.NewReader(table), nil) {
				look(err, column)
			}
		}
		for _, header := range []string{secret, "a," + secret, secret + "," + secret} { // the first row is data
			for _, err := range fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(header+"\na,b\n"), nil) {
				look(err, "header")
			}
		}
		quoted := `"` + secret + `"`
		for _, line := range []string{
			secret, quoted, `{"registrationId":` + quoted + `}`, `{"registrationId":"a","attestation":` + quoted + `}`,
			`{"registrationId":"a","attestation":{"type":` + quoted + `}}`, `{"registrationId":"a","provisioningStatus":` + quoted + `}`,
			`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":` + quoted + `}}}`,
			`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":[` + quoted + `]}}}`,
			`{"registrationId":"a","attestation":{"type":"tpm","tpm":{"endorsementKey":` + quoted + `}}}`,
			`{"registrationId":"a","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":` + quoted + `}}}}}`,
			`{"registrationId":"a","capabilities":` + quoted + `}`, `{"registrationId":"a","createdDateTimeUtc":` + quoted + `}`,
			`{"registrationId":"a","iotHubs":` + quoted + `}`, `{"registrationId":"a","initialTwin":` + quoted + `}`, `{"registrationId":"a",` + quoted,
			`{"registrationId":"a","customAllocationDefinition":{"webhookUrl":` + quoted + `}}`, `{"registrationId":"a","allocationPolicy":` + quoted + `}`,
		} {
			for err := range fleet.CheckJSONL[azdps.IndividualEnrollment](strings.NewReader(line), "create") {
				look(err, line)
			}
			for _, err := range fleet.ReadJSONL[azdps.IndividualEnrollment](strings.NewReader(line)) {
				look(err, line)
			}
		}
	}
	require.Greater(t, looked, 200)
}
