package azdps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// benchRecords are the files of testdata/bench, which are records as lists of the service have them, and how many allocations
// reading one may take.
func benchRecords() map[string]float64 {
	return map[string]float64{"symmetric_key": 8, "twin": 34, "x509": 18}
}

// benchPage is a page of records that are like the one in a file, but of which no two are alike in what differs in a list of
// the service: ids, ETags, dates, and what a certificate says.
func benchPage(tb testing.TB, name string, count int) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/bench/" + name + ".json")
	require.NoError(tb, err)
	var record plainEnrollment
	require.NoError(tb, json.Unmarshal(data, &record))
	var page bytes.Buffer
	for i := range count {
		separator := ","
		if i == 0 {
			separator = "["
		}
		page.WriteString(separator)
		number := fmt.Sprintf("%07d", i)
		changes := []string{
			record.RegistrationID, "device-" + number,
			record.ETag[10:17], number,
			record.CreatedDateTimeUTC.Format("04:05.9999999"), time.UnixMilli(int64(i)).Format("04:05.000") + "0001",
		}
		if x509 := record.Attestation.X509; x509 != nil {
			info := x509.ClientCertificates.Primary.Info
			changes = append(changes, info.SHA1Thumbprint[:7], number, info.SHA256Thumbprint[:7], number, info.SerialNumber[:7], number)
		}
		if twin := record.InitialTwin; twin != nil {
			changes = append(changes, `"plant-0"`, fmt.Sprintf(`"plant-%d"`, i), `"threshold":0`, fmt.Sprintf(`"threshold":%d.5`, i))
		}
		page.WriteString(strings.NewReplacer(changes...).Replace(strings.TrimSpace(string(data))))
	}
	page.WriteString("]")
	return page.Bytes()
}

// BenchmarkDecodePage reads pages of 100 records, and the same by encoding/json into structs that keep no unknown member, in
// turns. The ratio is that of the medians.
func BenchmarkDecodePage(b *testing.B) {
	const records = 100
	for name := range benchRecords() {
		b.Run(name, func(b *testing.B) {
			data := benchPage(b, name, records)
			var own, plain []time.Duration
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				start := time.Now()
				_, err := decodeBenchPage(data)
				between := time.Now()
				plainError := json.Unmarshal(data, &[]plainEnrollment{})
				own, plain = append(own, between.Sub(start)), append(plain, time.Since(between))
				if err != nil || plainError != nil {
					b.Fatal(err, plainError)
				}
			}
			perRecord := func(times []time.Duration) float64 {
				slices.Sort(times)
				return float64(times[len(times)/2].Nanoseconds()) / records
			}
			b.ReportMetric(0, "ns/op") // of both together, which says nothing
			b.ReportMetric(0, "MB/s")
			b.ReportMetric(perRecord(own), "ns/record")
			b.ReportMetric(perRecord(plain), "plain-ns/record")
			b.ReportMetric(perRecord(own)/perRecord(plain), "ratio")
			b.ReportMetric(allocationsPerRecord(b, name), "allocs/record")
		})
	}
}

func decodeBenchPage(data []byte) ([]IndividualEnrollment, error) {
	return decodePage[IndividualEnrollment](data)
}

// allocationsPerRecord counts what a record of a page takes when the page itself is paid for.
func allocationsPerRecord(tb testing.TB, name string) float64 {
	tb.Helper()
	count := func(records int) float64 {
		data := benchPage(tb, name, records)
		return testing.AllocsPerRun(20, func() {
			if _, err := decodeBenchPage(data); err != nil {
				tb.Fatal(err)
			}
		})
	}
	return (count(300) - count(100)) / 200
}

// The records as they would be written by hand for encoding/json: all members, but no place for those of another version.
type (
	plainEnrollment struct {
		RegistrationID             string           `json:"registrationId"`
		DeviceID                   string           `json:"deviceId"`
		RegistrationState          *plainState      `json:"registrationState"`
		OptionalDeviceInformation  map[string]any   `json:"optionalDeviceInformation"`
		Attestation                plainAttestation `json:"attestation"`
		Capabilities               *plainDevice     `json:"capabilities"`
		IoTHubHostName             string           `json:"iotHubHostName"`
		InitialTwin                *plainTwin       `json:"initialTwin"`
		ETag                       string           `json:"etag"`
		ProvisioningStatus         string           `json:"provisioningStatus"`
		ReprovisionPolicy          *plainPolicy     `json:"reprovisionPolicy"`
		CreatedDateTimeUTC         time.Time        `json:"createdDateTimeUtc"`
		LastUpdatedDateTimeUTC     time.Time        `json:"lastUpdatedDateTimeUtc"`
		AllocationPolicy           string           `json:"allocationPolicy"`
		IoTHubs                    []string         `json:"iotHubs"`
		CustomAllocationDefinition *plainDefinition `json:"customAllocationDefinition"`
		NamespaceName              string           `json:"namespaceName"`
		CertificateAuthorityName   string           `json:"certificateAuthorityName"`
		CertificatePolicyName      string           `json:"certificatePolicyName"`
	}
	plainState struct {
		RegistrationID         string          `json:"registrationId"`
		CreatedDateTimeUTC     time.Time       `json:"createdDateTimeUtc"`
		AssignedHub            string          `json:"assignedHub"`
		DeviceID               string          `json:"deviceId"`
		Status                 string          `json:"status"`
		Substatus              string          `json:"substatus"`
		ErrorCode              int32           `json:"errorCode"`
		ErrorMessage           string          `json:"errorMessage"`
		LastUpdatedDateTimeUTC time.Time       `json:"lastUpdatedDateTimeUtc"`
		ETag                   string          `json:"etag"`
		Payload                json.RawMessage `json:"payload"`
	}
	plainAttestation struct {
		Type         string     `json:"type"`
		TPM          *plainTPM  `json:"tpm"`
		X509         *plainX509 `json:"x509"`
		SymmetricKey *plainKeys `json:"symmetricKey"`
	}
	plainTPM struct {
		EndorsementKey string `json:"endorsementKey"`
		StorageRootKey string `json:"storageRootKey"`
	}
	plainKeys struct {
		PrimaryKey   string `json:"primaryKey"`
		SecondaryKey string `json:"secondaryKey"`
	}
	plainX509 struct {
		ClientCertificates  *plainCertificates `json:"clientCertificates"`
		SigningCertificates *plainCertificates `json:"signingCertificates"`
		CAReferences        *plainReferences   `json:"caReferences"`
	}
	plainReferences struct {
		Primary   string `json:"primary"`
		Secondary string `json:"secondary"`
	}
	plainCertificates struct {
		Primary   *plainCertificate `json:"primary"`
		Secondary *plainCertificate `json:"secondary"`
	}
	plainCertificate struct {
		Certificate string     `json:"certificate"`
		Info        *plainInfo `json:"info"`
	}
	plainInfo struct {
		SubjectName      string    `json:"subjectName"`
		SHA1Thumbprint   string    `json:"sha1Thumbprint"`
		SHA256Thumbprint string    `json:"sha256Thumbprint"`
		IssuerName       string    `json:"issuerName"`
		NotBeforeUTC     time.Time `json:"notBeforeUtc"`
		NotAfterUTC      time.Time `json:"notAfterUtc"`
		SerialNumber     string    `json:"serialNumber"`
		Version          int32     `json:"version"`
	}
	plainDevice struct {
		IoTEdge bool `json:"iotEdge"`
	}
	plainPolicy struct {
		UpdateHubAssignment bool `json:"updateHubAssignment"`
		MigrateDeviceData   bool `json:"migrateDeviceData"`
	}
	plainTwin struct {
		Tags       map[string]any        `json:"tags"`
		Properties *plainTwinsProperties `json:"properties"`
	}
	plainTwinsProperties struct {
		Desired map[string]any `json:"desired"`
	}
	plainDefinition struct {
		WebhookURL string `json:"webhookUrl"`
		APIVersion string `json:"apiVersion"`
	}
)

// TestAllocationsOfAPage keeps the reading of pages from getting dearer.
func TestAllocationsOfAPage(t *testing.T) {
	for name, most := range benchRecords() {
		assert.LessOrEqual(t, allocationsPerRecord(t, name), most, name)
	}
}
