package fleet_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// format is a way to write records and to read them again.
type format[T fleet.Record] struct {
	name  string
	write func(io.Writer, iter.Seq2[T, error]) error
	read  func(io.Reader) iter.Seq2[T, error]
}

func formats[T fleet.Record]() []format[T] {
	table := func(name string, options *fleet.CSVOptions) format[T] {
		return format[T]{
			name:  name,
			write: func(w io.Writer, records iter.Seq2[T, error]) error { return fleet.WriteCSV(w, records, options) },
			read:  func(r io.Reader) iter.Seq2[T, error] { return fleet.ReadCSV[T](r, options) },
		}
	}
	return []format[T]{
		{"JSONL", fleet.WriteJSONL[T], fleet.ReadJSONL[T]},
		table("CSV", nil),
		table("raw CSV", &fleet.CSVOptions{RawCells: true}),
	}
}

// trip writes records and reads them again.
func (f format[T]) trip(t testing.TB, records []T) []T {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, f.write(&file, seqOf(records...)))
	again, err := readAll(f.read(&file))
	require.NoError(t, err)
	return again
}

// enrollmentsOfAllKinds has a record for each thing that a format could lose.
func enrollmentsOfAllKinds() []azdps.IndividualEnrollment {
	const pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
	day := time.Date(2026, 1, 31, 9, 30, 0, 123456700, time.UTC)
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	unknown := map[string]json.RawMessage{"later": raw(`{"a":[1,2.50,"<&>"]}`)}
	x509 := func(x azdps.X509Attestation) azdps.AttestationMechanism {
		return azdps.AttestationMechanism{Type: azdps.AttestationTypeX509, X509: &x}
	}
	record := func(id string, change func(e *azdps.IndividualEnrollment)) azdps.IndividualEnrollment {
		e := device(id)
		change(&e)
		return e
	}
	return []azdps.IndividualEnrollment{
		device("generated"),
		record("nothing", func(e *azdps.IndividualEnrollment) { e.Attestation = azdps.AttestationMechanism{} }),
		record("keys", func(e *azdps.IndividualEnrollment) {
			e.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey, AdditionalProperties: unknown}
		}),
		record("one-key", func(e *azdps.IndividualEnrollment) {
			e.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{SecondaryKey: testKey}
		}),
		record("tpm", func(e *azdps.IndividualEnrollment) {
			e.Attestation = azdps.AttestationMechanism{Type: azdps.AttestationTypeTPM, TPM: &azdps.TPMAttestation{EndorsementKey: "AToA", StorageRootKey: "AToB"}}
		}),
		record("client", func(e *azdps.IndividualEnrollment) {
			e.Attestation = x509(azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{
				Primary:   &azdps.X509CertificateWithInfo{Certificate: pem},
				Secondary: &azdps.X509CertificateWithInfo{Certificate: strings.ReplaceAll(pem, "\n", "\r\n")},
			}})
		}),
		record("info", func(e *azdps.IndividualEnrollment) {
			e.Attestation = x509(azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{
				Primary: &azdps.X509CertificateWithInfo{Info: &azdps.X509CertificateInfo{SubjectName: "CN=a, O=\"b\"", NotAfterUTC: day, Version: 3}},
			}})
		}),
		record("references", func(e *azdps.IndividualEnrollment) {
			e.Attestation = x509(azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{Primary: "=one", Secondary: "'two"}})
		}),
		record("empty", func(e *azdps.IndividualEnrollment) {
			e.Attestation = x509(azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{}})
			e.IoTHubs = []string{}
			e.OptionalDeviceInformation = azdps.TwinCollection{}
			e.InitialTwin = &azdps.InitialTwin{}
			e.Capabilities = &azdps.DeviceCapabilities{}
			e.ReprovisionPolicy = &azdps.ReprovisionPolicy{}
			e.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{}
			e.RegistrationState = &azdps.DeviceRegistrationState{}
		}),
		record("empty-twin", func(e *azdps.IndividualEnrollment) {
			e.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{}, Properties: &azdps.InitialTwinProperties{}}
		}),
		record("twin", func(e *azdps.IndividualEnrollment) {
			e.InitialTwin = &azdps.InitialTwin{
				Tags: azdps.TwinCollection{"näme": "日本 \"quoted\", \n\r\n\ttab ' = 😀 <&>\u2028", "": "", "a.b": nil},
				Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{
					"long": json.Number("123456789012345678"), "exact": json.Number("1.50"), "big": json.Number("1e400"), "no": false,
					"list": []any{json.Number("1"), "a", map[string]any{}, []any{}},
				}},
				AdditionalProperties: unknown,
			}
		}),
		record("everything", func(e *azdps.IndividualEnrollment) {
			e.DeviceID = "@device"
			e.RegistrationState = &azdps.DeviceRegistrationState{RegistrationID: "everything", Status: "assigned", LastUpdatedDateTimeUTC: day, Payload: raw(`[1]`)}
			e.OptionalDeviceInformation = azdps.TwinCollection{"a": json.Number("1")}
			e.Capabilities = &azdps.DeviceCapabilities{IoTEdge: true, AdditionalProperties: unknown}
			e.IoTHubHostName = "hub.azure-devices.net"
			e.IoTHubs = []string{"one.azure-devices.net", "two.azure-devices.net"}
			e.ETag = "\"AAAA\""
			e.ProvisioningStatus, e.AllocationPolicy = "disabled", "custom"
			e.ReprovisionPolicy = &azdps.ReprovisionPolicy{UpdateHubAssignment: true}
			e.CreatedDateTimeUTC, e.LastUpdatedDateTimeUTC = day, day
			e.CustomAllocationDefinition = &azdps.CustomAllocationDefinition{WebhookURL: "https://a/b?c=d", APIVersion: "2019-03-31"}
			e.NamespaceName, e.CertificateAuthorityName, e.CertificatePolicyName = "namespace", "authority", "policy"
			e.AdditionalProperties = map[string]json.RawMessage{"later": raw(`"x"`), "none": raw(`null`)}
		}),
		record("awkward", func(e *azdps.IndividualEnrollment) {
			e.DeviceID = "'=\r\n"
			e.IoTHubs = []string{"a;b", " c ", ""}
			e.IoTHubHostName = "\r"
			e.NamespaceName = " leading, trailing \n"
			e.CertificatePolicyName = `\.`
		}),
	}
}

func TestRoundTripOfEnrollments(t *testing.T) {
	t.Parallel()
	for _, f := range formats[azdps.IndividualEnrollment]() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			records := enrollmentsOfAllKinds()
			require.Equal(t, records, f.trip(t, records))
		})
	}
}

func TestRoundTripOfGroups(t *testing.T) {
	t.Parallel()
	signing := group("signing")
	signing.Attestation = azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{SigningCertificates: &azdps.X509Certificates{
		Primary: &azdps.X509CertificateWithInfo{Certificate: "MAA="}, Secondary: &azdps.X509CertificateWithInfo{Certificate: "MAB="},
	}}}
	full := group("full")
	full.IoTHubs = []string{"one"}
	full.AdditionalProperties = map[string]json.RawMessage{"deviceId": json.RawMessage(`"of no group"`)}
	for _, f := range formats[azdps.EnrollmentGroup]() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			records := []azdps.EnrollmentGroup{group("generated"), signing, full}
			require.Equal(t, records, f.trip(t, records))
		})
	}
}

// TestNoKeysMember shows the one difference that a table makes.
func TestNoKeysMember(t *testing.T) {
	t.Parallel()
	without := device("a")
	without.Attestation.SymmetricKey = nil
	for _, f := range formats[azdps.IndividualEnrollment]() {
		want := device("a")
		if f.name == "JSONL" {
			want = without
		}
		require.Equal(t, []azdps.IndividualEnrollment{want}, f.trip(t, []azdps.IndividualEnrollment{without}), f.name)
	}
}

// TestPathColumns reads members of twins from columns of their own.
func TestPathColumns(t *testing.T) {
	t.Parallel()
	const table = `tags.site,desired.a.b,desired.a.c,desired.d,registrationId,optionalDeviceInformation.note,tags.empty
007,20,123456789012345678,"""20""",one,"[1, {""x"": null}]",
true,null,'=1,-1.50,two,TRUE,
`
	records, err := readAll(fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader(table), nil))
	require.NoError(t, err)
	require.Equal(t, []azdps.IndividualEnrollment{{
		RegistrationID:            "one",
		OptionalDeviceInformation: azdps.TwinCollection{"note": []any{json.Number("1"), map[string]any{"x": nil}}},
		InitialTwin: &azdps.InitialTwin{
			Tags: azdps.TwinCollection{"site": "007"},
			Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{
				"a": map[string]any{"b": json.Number("20"), "c": json.Number("123456789012345678")}, "d": "20",
			}},
		},
	}, {
		RegistrationID:            "two",
		OptionalDeviceInformation: azdps.TwinCollection{"note": "TRUE"},
		InitialTwin: &azdps.InitialTwin{
			Tags: azdps.TwinCollection{"site": true},
			Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{
				"a": map[string]any{"b": nil, "c": "=1"}, "d": json.Number("-1.50"),
			}},
		},
	}}, records)
}

// TestFormulas writes what spreadsheets would run.
func TestFormulas(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "'a", "'"} {
		record := device("a")
		record.DeviceID = id
		var safe, raw bytes.Buffer
		require.NoError(t, fleet.WriteCSV(&safe, seqOf(record), nil))
		require.NoError(t, fleet.WriteCSV(&raw, seqOf(record), &fleet.CSVOptions{RawCells: true, OmitHeader: true}))
		rows, err := csv.NewReader(&safe).ReadAll()
		require.NoError(t, err)
		require.Equal(t, "'"+id, rows[1][1])
		rows, err = csv.NewReader(&raw).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, id, rows[0][1])
	}
	for _, f := range formats[azdps.IndividualEnrollment]() {
		record := device("a")
		record.DeviceID, record.NamespaceName = "'=1", "=1"
		require.Equal(t, []azdps.IndividualEnrollment{record}, f.trip(t, []azdps.IndividualEnrollment{record}))
	}
	byHand, err := readFirst(fleet.ReadCSV[azdps.IndividualEnrollment](strings.NewReader("registrationId,deviceId\na,'b\n"), nil))
	require.NoError(t, err)
	require.Equal(t, "'b", byHand.DeviceID)
}

// TestHeader pins what is written, which other programs may read by position.
func TestHeader(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	require.NoError(t, fleet.WriteCSV(&file, seqOf(group("a")), nil))
	require.Equal(t, "enrollmentGroupId,provisioningStatus,attestation,primaryKey,secondaryKey,endorsementKey,storageRootKey,certificate,"+
		"secondaryCertificate,signingCertificate,secondarySigningCertificate,caReference,secondaryCaReference,allocationPolicy,iotHubs,"+
		"iotHubHostName,webhookUrl,webhookApiVersion,iotEdge,updateHubAssignment,migrateDeviceData,namespaceName,certificateAuthorityName,"+
		"certificatePolicyName,tags,desired,etag,createdDateTimeUtc,lastUpdatedDateTimeUtc,additionalProperties\n"+
		"a,,symmetricKey,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", file.String())
	file.Reset()
	require.NoError(t, fleet.WriteCSV(&file, seqOf[azdps.IndividualEnrollment](), nil))
	require.True(t, strings.HasPrefix(file.String(), "registrationId,deviceId,provisioningStatus,"))
	require.Contains(t, file.String(), ",tags,desired,optionalDeviceInformation,etag,createdDateTimeUtc,lastUpdatedDateTimeUtc,registrationState,additionalProperties\n")
}
