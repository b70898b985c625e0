package fleet_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

const (
	generatedKey = `"attestation":{"type":"symmetricKey","symmetricKey":{}}`
	shortKey     = "MDEyMzQ1Njc4OWFiY2Q="
)

// checkOf joins the members of a record after its id.
func checkOf(id string, members ...string) string {
	return "{" + strings.Join(append([]string{`"registrationId":"` + id + `"`}, members...), ",") + "}"
}

// TestCheckRecord lists all faults of records that are well-formed.
func TestCheckRecord(t *testing.T) {
	t.Parallel()
	const idRule = "must be up to 128 ASCII letters, digits and -._: that do not end with . _ or :"
	const policyRule = "must be 3 to 63 ASCII letters, digits and dashes that do not begin with a dash"
	for name, test := range map[string]struct {
		line string
		mode azdps.BulkOperationMode
		want []string
	}{
		"good":             {line: checkOf("device-1", generatedKey)},
		"good delete":      {line: checkOf("device-1"), mode: azdps.BulkOperationModeDelete},
		"good longest id":  {line: checkOf(strings.Repeat("a", 128), generatedKey)},
		"good type":        {line: checkOf("a", `"attestation":{"type":"SYMMETRICKEY"}`)},
		"good static":      {line: checkOf("a", generatedKey, `"allocationPolicy":"Static","iotHubs":["one"]`)},
		"good custom":      {line: checkOf("a", generatedKey, `"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://a/b?c","apiVersion":"1"}`)},
		"good info update": {line: checkOf("a", `"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{}}}}}`), mode: azdps.BulkOperationModeUpdate},

		"id with a slash":  {line: checkOf("a/b", generatedKey), want: []string{"column 19: registrationId: " + idRule}},
		"id ends in a dot": {line: checkOf("a.", generatedKey), want: []string{"column 19: registrationId: " + idRule}},
		"id too long":      {line: checkOf(strings.Repeat("a", 129), generatedKey), want: []string{"column 19: registrationId: " + idRule}},
		"id to be deleted": {line: checkOf("ä"), mode: azdps.BulkOperationModeDelete, want: []string{"column 19: registrationId: " + idRule}},
		"no attestation":   {line: checkOf("a"), want: []string{"attestation: must say how devices prove themselves; make it with a New...Attestation function"}},
		"two attestations": {line: checkOf("a", `"attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"},"symmetricKey":{}}`), want: []string{"column 37: attestation: has both tpm and symmetricKey; devices prove themselves in one way only"}},
		"no type":          {line: checkOf("a", `"attestation":{"symmetricKey":{}}`), want: []string{"column 37: attestation: must be symmetricKey, which is the member that is set"}},
		"other type":       {line: checkOf("a", `"attestation":{"type":"tpm","symmetricKey":{}}`), want: []string{"column 37: attestation: is tpm, but the member that is set is symmetricKey"}},
		"other type, case": {line: checkOf("a", `"attestation":{"type":"TPM","symmetricKey":{}}`), want: []string{"column 37: attestation: is tpm, but the member that is set is symmetricKey"}},
		"unknown type":     {line: checkOf("a", `"attestation":{"type":"symmetric key"}`), want: []string{"column 45: attestation.type: must be symmetricKey or tpm or x509"}},
		"no proof":         {line: checkOf("a", `"attestation":{"type":"none"}`), want: []string{"column 45: attestation.type: must be symmetricKey or tpm or x509"}},
		"type alone":       {line: checkOf("a", `"attestation":{"type":"x509"}`), want: []string{"column 37: attestation: has the type x509 without the member of that name"}},
		"type alone, and more": {line: checkOf("a/b", `"attestation":{"type":"x509"},"provisioningStatus":"off"`), want: []string{
			"column 19: registrationId: " + idRule,
			"column 76: provisioningStatus: must be disabled or enabled",
			"column 39: attestation: has the type x509 without the member of that name",
		}},
		"no certificates":   {line: checkOf("a", `"attestation":{"type":"x509","x509":{}}`), want: []string{"column 37: attestation: has no certificates and no CA references"}},
		"CA is certificate": {line: checkOf("a", `"attestation":{"type":"x509","x509":{"caReferences":{"primary":"-----BEGIN CERTIFICATE-----"}}}`), want: []string{"column 86: attestation.x509.caReferences.primary: takes the name of a CA certificate that was uploaded to the service, not the certificate itself; that goes to NewX509SigningAttestation"}},
		"keys": {line: checkOf("a", `"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"`+shortKey+`","secondaryKey":"?"}}`), want: []string{
			"column 89: attestation.symmetricKey.primaryKey: has 14 bytes; a key has 16 to 64, written in base64",
			"column 127: attestation.symmetricKey.secondaryKey: must be base64",
		}},
		"TPM keys": {line: checkOf("a", `"attestation":{"type":"tpm","tpm":{"endorsementKey":"","storageRootKey":"?"}}`), want: []string{
			"column 75: attestation.tpm.endorsementKey: must not be empty",
			"column 95: attestation.tpm.storageRootKey: must be base64",
		}},
		"certificates": {line: checkOf("a", `"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"MAA="},"secondary":{"certificate":"?"}}}}`), want: []string{
			"column 107: attestation.x509.clientCertificates.primary.certificate: is not a certificate: x509: malformed tbs certificate",
			"column 142: attestation.x509.clientCertificates.secondary.certificate: is neither PEM, nor DER, nor base64 of them",
		}},
		"info alone":       {line: checkOf("a", `"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{}}}}}`), want: []string{"column 92: attestation.x509.clientCertificates.primary.certificate: is missing, and the info is not enough: the service never returns certificates, so add them to what was exported"}},
		"group's kind":     {line: checkOf("a", `"attestation":{"type":"x509","x509":{"signingCertificates":{"primary":{"info":{}}}}}`), mode: "update", want: []string{"column 82: attestation.x509.signingCertificates: is for enrollment groups; the certificate of a device is a client certificate"}},
		"hubs":             {line: checkOf("a", generatedKey, `"iotHubs":["one"]`), want: []string{"allocationPolicy: is missing; it must be there when iotHubs is"}},
		"static hubs":      {line: checkOf("a", generatedKey, `"allocationPolicy":"static","iotHubs":["one","two"]`), want: []string{"column 117: iotHubs: must be one hub when allocationPolicy is static"}},
		"policy":           {line: checkOf("a", generatedKey, `"allocationPolicy":"nearest"`), want: []string{"column 98: allocationPolicy: must be custom or geoLatency or hashed or static"}},
		"custom":           {line: checkOf("a", generatedKey, `"allocationPolicy":"custom"`), want: []string{"customAllocationDefinition: is missing; it must be there when allocationPolicy is custom"}},
		"webhook":          {line: checkOf("a", generatedKey, `"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"http://a/b?code=c","apiVersion":""}`), want: []string{"column 150: customAllocationDefinition.webhookUrl: must be a URL with https", "column 183: customAllocationDefinition.apiVersion: is missing; it is the version of the webhook's request, such as 2019-03-31"}},
		"status":           {line: checkOf("a", generatedKey, `"provisioningStatus":"off"`), want: []string{"column 100: provisioningStatus: must be disabled or enabled"}},
		"device id":        {line: checkOf("a", generatedKey, `"deviceId":"a b"`), want: []string{"column 90: deviceId: must be up to 128 ASCII letters, digits and -:.+%_#*?!(),=@$'"}},
		"names":            {line: checkOf("a", generatedKey, `"namespaceName":"A","certificateAuthorityName":"-","certificatePolicyName":"b"`), want: []string{"column 95: namespaceName: must be 3 to 64 lower-case ASCII letters, digits and dashes that neither begin nor end with a dash", "column 126: certificateAuthorityName: " + policyRule, "column 154: certificatePolicyName: " + policyRule}},
		"no etag":          {line: checkOf("a", generatedKey), mode: azdps.BulkOperationModeUpdateIfMatchETag, want: []string{"etag: is missing; the update is for the record that has it"}},
		"several together": {line: checkOf("a b", `"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"?"}},"provisioningStatus":"off"`), want: []string{"column 19: registrationId: " + idRule, "column 91: attestation.symmetricKey.primaryKey: must be base64", "column 118: provisioningStatus: must be disabled or enabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, text := range test.want {
				separator := ": "
				if strings.HasPrefix(text, "column ") {
					separator = ", "
				}
				want = append(want, "fleet: line 1"+separator+text)
			}
			require.Equal(t, want, faults(fleet.CheckJSONL[azdps.IndividualEnrollment](strings.NewReader(test.line), test.mode)), test.line)
		})
	}
}

// TestCheckGroup lists the faults that only groups have.
func TestCheckGroup(t *testing.T) {
	t.Parallel()
	const file = `{"enrollmentGroupId":"a","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA"}}}
{"enrollmentGroupId":"b","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{}}}}}}
{"registrationId":"c"}
{"enrollmentGroupId":"d","attestation":{"type":"symmetricKey"},"allocationPolicy":"static","iotHubs":["one","two"]}
`
	require.Equal(t, []string{
		"fleet: line 1, column 60: attestation.tpm: is for individual enrollments",
		"fleet: line 2, column 84: attestation.x509.clientCertificates: is for individual enrollments; a group has signing certificates or CA references",
		"fleet: line 3: enrollmentGroupId: is missing; this is one of the individual enrollments, by its registrationId",
	}, faults(fleet.CheckJSONL[azdps.EnrollmentGroup](strings.NewReader(file), azdps.BulkOperationModeUpdate)))
}

// TestCheckTable tells the columns and lines of faults in a table, and ids that are there twice.
func TestCheckTable(t *testing.T) {
	t.Parallel()
	const file = `registrationId,attestation,primaryKey,webhookUrl,allocationPolicy,tags.note
one,symmetricKey,,,,"two
lines"
Two,symmetricKey,c2hvcnQ=,,,
ONE,symmetricKey,,http://a,custom,
two,symmetricKey,,,,
,tpm,,,,
`
	require.Equal(t, []string{
		"fleet: line 4, column 18: primaryKey: has 5 bytes; a key has 16 to 64, written in base64",
		"fleet: line 5, column 19: webhookUrl: must be a URL with https",
		"fleet: line 5: customAllocationDefinition.apiVersion: is missing; it is the version of the webhook's request, such as 2019-03-31",
		"fleet: line 5, column 1: registrationId: is the same as in line 2; ids compare without case",
		"fleet: line 6, column 1: registrationId: is the same as in line 4; ids compare without case",
		"fleet: line 7, column 1: registrationId: is missing",
	}, faults(fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(file), "", nil)))
}

// TestFaultsHoldNoKey looks for the values of files in the texts of their faults.
func TestFaultsHoldNoKey(t *testing.T) {
	t.Parallel()
	const secret = "SECRET0SECRET0SECRET0SECRET0"
	for _, table := range []string{
		"device-1,symmetricKey," + secret + "\n",
		"registrationId,primaryKey\na," + secret + "\"\n",
		"registrationId,attestation,primaryKey,secondaryKey,webhookUrl\n" + secret + "!,symmetricKey,?" + secret + "," + secret + secret + secret + secret + ",http://" + secret + "\n",
		"registrationId,iotEdge,tags,iotHubs,createdDateTimeUtc,additionalProperties\na," + secret + "," + secret + ",;" + secret + "," + secret + "," + secret + "\n",
	} {
		texts := faults(fleet.CheckCSV[azdps.IndividualEnrollment](strings.NewReader(table), "", nil))
		require.NotEmpty(t, texts)
		require.NotContains(t, strings.Join(texts, "\n"), "SECRET")
	}
	for _, line := range []string{
		secret, `{"registrationId":"a",` + secret, checkOf(secret + "!"), checkOf("a", `"createdDateTimeUtc":"`+secret+`"`),
		checkOf("a", `"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"`+secret+`!"}}`),
		checkOf("a", `"attestation":{"type":"symmetricKey","symmetricKey":"`+secret+`"}`),
	} {
		texts := faults(fleet.CheckJSONL[azdps.IndividualEnrollment](strings.NewReader(line), ""))
		require.NotEmpty(t, texts)
		require.NotContains(t, strings.Join(texts, "\n"), "SECRET")
	}
}
