package stub

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Kind is what the records of a list have in common.
type Kind string

// Values of [Kind].
const (
	SymmetricKey Kind = "symmetricKey"
	Twin         Kind = "twin" // a symmetric key and an initial twin
	X509         Kind = "x509"
	Mixed        Kind = "mixed" // a third of each of the others
)

// ID is the id of a record.
func ID(i int) string { return "device-" + pad(i) }

// pad writes a number with as many digits as a million has.
func pad(i int) string {
	digits := strconv.Itoa(i)
	return strings.Repeat("0", max(0, 7-len(digits))) + digits
}

// AppendRecord appends a record in the service's wire form, as lists have it. The first records of the kinds are the files of
// testdata/bench.
func AppendRecord(b []byte, kind Kind, i int) []byte {
	if kind == Mixed {
		kind = []Kind{SymmetricKey, Twin, X509}[i%3]
	}
	b = append(b, `{"registrationId":"`...)
	b = append(b, ID(i)...)
	b = append(b, `","attestation":`...)
	b = appendAttestation(b, kind, i, false)
	return appendRest(b, kind, i)
}

// Single is a record as a read of it alone gives it, with its registration state, or a write, with its keys.
func Single(kind Kind, i int, written bool) []byte {
	b := []byte(`{"registrationId":"`)
	b = append(b, ID(i)...)
	if !written {
		b = append(b, `","registrationState":{"registrationId":"`...)
		b = append(b, ID(i)...)
		b = append(b, `","status":"unassigned"}`...)
	} else {
		b = append(b, '"')
	}
	b = append(b, `,"attestation":`...)
	b = appendAttestation(b, kind, i, written)
	return appendRest(b, kind, i)
}

func appendAttestation(b []byte, kind Kind, i int, keys bool) []byte {
	switch {
	case kind == X509:
		b = append(b, `{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"subjectName":"CN=`...)
		b = append(b, ID(i)...)
		b = append(b, `","sha1Thumbprint":"`...)
		b = appendHex(b, i, 20, 1)
		b = append(b, `","sha256Thumbprint":"`...)
		b = appendHex(b, i, 32, 2)
		b = append(b, `","issuerName":"CN=factory-`...)
		b = append(b, pad(i%97)...)
		b = append(b, `","notBeforeUtc":"`...)
		b = day(i).AppendFormat(b, "2006-01-02T15:04:05Z")
		b = append(b, `","notAfterUtc":"`...)
		b = day(i).AddDate(10, 0, 0).AppendFormat(b, "2006-01-02T15:04:05Z")
		b = append(b, `","serialNumber":"`...)
		b = appendHex(b, i, 16, 3)
		return append(b, `","version":3}}}}}`...)
	case keys:
		b = append(b, `{"type":"symmetricKey","symmetricKey":{"primaryKey":"`...)
		b = base64.StdEncoding.AppendEncode(b, random(i, 64, 4))
		b = append(b, `","secondaryKey":"`...)
		b = base64.StdEncoding.AppendEncode(b, random(i, 64, 5))
		return append(b, `"}}`...)
	}
	return append(b, `{"type":"symmetricKey"}`...)
}

func appendRest(b []byte, kind Kind, i int) []byte {
	b = append(b, `,"capabilities":{"iotEdge":false}`...)
	if kind == Twin {
		b = appendTwin(b, i)
	}
	b = append(b, `,"etag":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(`"`+hex.EncodeToString(random(i, 4, 6))+`-0000-0800-0000-`+hex.EncodeToString(random(i, 6, 7))+`"`))
	b = append(b, `","provisioningStatus":"enabled","reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true}`...)
	b = append(b, `,"createdDateTimeUtc":"`...)
	b = day(i).AppendFormat(b, "2006-01-02T15:04:05.9999999Z")
	b = append(b, `","lastUpdatedDateTimeUtc":"`...)
	b = day(i).Add(36*time.Hour).AppendFormat(b, "2006-01-02T15:04:05.9999999Z")
	b = append(b, `","allocationPolicy":"hashed","iotHubs":["hub-`...)
	b = strconv.AppendInt(b, int64(i%50), 10)
	return append(b, `.azure-devices.net"]}`...)
}

func appendTwin(b []byte, i int) []byte {
	b = append(b, `,"initialTwin":{"tags":{"site":"plant-`...)
	b = strconv.AppendInt(b, int64(i%311), 10)
	b = append(b, `","line":`...)
	b = strconv.AppendInt(b, int64(i%17), 10)
	b = append(b, `},"properties":{"desired":{"telemetryInterval":`...)
	b = strconv.AppendInt(b, int64(10+i%600), 10)
	b = append(b, `,"firmware":{"version":"2.`...)
	b = strconv.AppendInt(b, int64(i%41), 10)
	b = append(b, `.1","channel":"stable"},"threshold":`...)
	b = strconv.AppendFloat(b, float64(i%1000)/8, 'f', -1, 64)
	return append(b, `}}}`...)
}

// step is the time between two records; the service's dates have ticks of 100 nanoseconds.
const step = 37*time.Second + 1_234_500*time.Nanosecond

// day is when a record was made.
func day(i int) time.Time {
	return time.Date(2023, 5, 19, 22, 10, 35, 125_625_400, time.UTC).Add(time.Duration(i) * step)
}

func appendHex(b []byte, i, n int, salt uint64) []byte {
	return append(b, strings.ToUpper(hex.EncodeToString(random(i, n, salt)))...)
}

// random gives bytes that only depend on the record and the salt, by SplitMix64.
func random(i, n int, salt uint64) []byte {
	b := make([]byte, 0, n+8)
	state := uint64(i)<<8 | salt
	for len(b) < n {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		for shift := 0; shift < 64; shift += 8 {
			b = append(b, byte(z>>shift))
		}
	}
	return b[:n]
}
