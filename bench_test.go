package azdps_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/internal/bench/plain"
	"github.com/azdps/azdps/internal/bench/stub"
)

// The program internal/bench measures whole processes; the benchmarks here measure parts, and tell what a change does. They run both
// sides in turn, so that what disturbs one disturbs the other.

// compare runs the client and the same work by hand in turns, and reports the medians of both and their ratio.
func compare(b *testing.B, byHand, client func() error) {
	b.Helper()
	var hand, own []time.Duration
	for b.Loop() {
		start := time.Now()
		handError := byHand()
		between := time.Now()
		ownError := client()
		own, hand = append(own, time.Since(between)), append(hand, between.Sub(start))
		if handError != nil || ownError != nil {
			b.Fatal(handError, ownError)
		}
	}
	slices.Sort(own)
	slices.Sort(hand)
	ownMedian, handMedian := float64(own[len(own)/2]), float64(hand[len(hand)/2])
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
	b.ReportMetric(ownMedian, "ns")
	b.ReportMetric(handMedian, "plain-ns")
	b.ReportMetric(ownMedian/handMedian, "ratio")
	b.ReportMetric(testing.AllocsPerRun(100, func() { _ = client() }), "allocs")
	b.ReportMetric(testing.AllocsPerRun(100, func() { _ = byHand() }), "plain-allocs")
}

// memoryService answers from memory with the first record of the stub, so that there is no network to measure.
type memoryService struct{}

var memoryAnswers = map[string][]byte{
	http.MethodGet:  stub.Single(stub.SymmetricKey, 0, false),
	http.MethodPut:  stub.Single(stub.SymmetricKey, 0, true),
	http.MethodPost: []byte(`{"errors":[],"isSuccessful":true}`),
}

// RoundTrip implements http.RoundTripper.
func (memoryService) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Request: req, ContentLength: -1,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   io.NopCloser(bytes.NewReader(memoryAnswers[req.Method])),
	}, nil
}

// inMemory makes a client and one by hand, whose requests are all answered from memory.
func inMemory(tb testing.TB) (*azdps.IndividualEnrollmentsClient, *plain.Client) {
	tb.Helper()
	memory := &http.Client{Transport: memoryService{}}
	client, err := constructors["key"]("https://"+wireHost, optionsOver(memory))
	require.NoError(tb, err)
	byHand, err := plain.NewClient("https://"+wireHost, wirePolicy, wireKey, memory)
	require.NoError(tb, err)
	return client.IndividualEnrollments(), byHand
}

// benchEnrollment is a device with keys of its own, as the benchmarks write it.
func benchEnrollment(id string) azdps.IndividualEnrollment {
	return azdps.IndividualEnrollment{
		RegistrationID: id,
		Attestation: azdps.AttestationMechanism{
			Type:         azdps.AttestationTypeSymmetricKey,
			SymmetricKey: &azdps.SymmetricKeyAttestation{PrimaryKey: wireKey, SecondaryKey: otherKey},
		},
		Capabilities:       &azdps.DeviceCapabilities{},
		ProvisioningStatus: azdps.ProvisioningStatusEnabled,
		ReprovisionPolicy:  &azdps.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true},
		AllocationPolicy:   azdps.AllocationPolicyHashed,
		IoTHubs:            []string{"hub-1.azure-devices.net"},
	}
}

// plainEnrollment is the same by hand.
func plainEnrollment(id string) plain.Enrollment {
	return plain.Enrollment{
		RegistrationID: id,
		Attestation: plain.Attestation{
			Type:         "symmetricKey",
			SymmetricKey: &plain.SymmetricKey{PrimaryKey: wireKey, SecondaryKey: otherKey},
		},
		Capabilities:       &plain.Capabilities{},
		ProvisioningStatus: "enabled",
		ReprovisionPolicy:  &plain.ReprovisionPolicy{UpdateHubAssignment: true, MigrateDeviceData: true},
		AllocationPolicy:   "hashed",
		IoTHubs:            []string{"hub-1.azure-devices.net"},
	}
}

func BenchmarkGet(b *testing.B) {
	client, byHand := inMemory(b)
	compare(b,
		func() error { _, err := byHand.Get(b.Context(), stub.ID(0)); return err },
		func() error { _, err := client.Get(b.Context(), stub.ID(0), nil); return err })
}

func BenchmarkCreate(b *testing.B) {
	client, byHand := inMemory(b)
	record, hand := benchEnrollment(stub.ID(0)), plainEnrollment(stub.ID(0))
	compare(b,
		func() error { _, err := byHand.Create(b.Context(), &hand); return err },
		func() error { _, err := client.CreateOrUpdate(b.Context(), record, nil); return err })
}

func BenchmarkBulkCreate(b *testing.B) {
	client, byHand := inMemory(b)
	var records []azdps.IndividualEnrollment
	var hand []plain.Enrollment
	for i := range azdps.MaxBulkItems {
		records = append(records, benchEnrollment(stub.ID(i)))
		hand = append(hand, plainEnrollment(stub.ID(i)))
	}
	compare(b,
		func() error { return byHand.CreateBulk(b.Context(), hand) },
		func() error {
			_, err := client.RunBulkOperation(b.Context(), azdps.BulkOperationModeCreate, records, nil)
			return err
		})
}

func BenchmarkGenerateSASToken(b *testing.B) {
	expiry := time.Now().Add(time.Hour)
	compare(b,
		func() error { _, err := plain.SignWithKey(wireHost, wirePolicy, wireKey, expiry); return err },
		func() error { _, err := azdps.GenerateSASToken(wireHost, wirePolicy, wireKey, expiry); return err })
}

// BenchmarkModels reads and writes one value of each model that has a counterpart by hand.
func BenchmarkModels(b *testing.B) {
	enrollment := func(kind stub.Kind) string { return string(stub.AppendRecord(nil, kind, 0)) }
	group := strings.Replace(enrollment(stub.X509), "registrationId", "enrollmentGroupId", 1)
	b.Run("enrollment", model[azdps.IndividualEnrollment, plain.Enrollment](enrollment(stub.SymmetricKey)))
	b.Run("enrollment with a twin", model[azdps.IndividualEnrollment, plain.Enrollment](enrollment(stub.Twin)))
	b.Run("enrollment with a certificate", model[azdps.IndividualEnrollment, plain.Enrollment](enrollment(stub.X509)))
	b.Run("group", model[azdps.EnrollmentGroup, plain.Group](group))
	b.Run("registration state", model[azdps.DeviceRegistrationState, plain.RegistrationState](jsonRecordedState))
	b.Run("bulk result", model[azdps.BulkOperationResult, plain.BulkResult](
		`{"errors":[{"registrationId":"device-1","errorCode":409201,"errorStatus":"Enrollment already exists."}],"isSuccessful":false}`))
}

// model compares a model with its counterpart. A model with methods for JSON is read and written by those, as the client does it.
func model[Own, Hand any](data string) func(*testing.B) {
	return func(b *testing.B) {
		var own Own
		var hand Hand
		require.NoError(b, json.Unmarshal([]byte(data), &own))
		require.NoError(b, json.Unmarshal([]byte(data), &hand))
		b.Run("read", func(b *testing.B) {
			compare(b,
				func() error { return json.Unmarshal([]byte(data), new(Hand)) },
				func() error {
					if reader, ok := any(new(Own)).(json.Unmarshaler); ok {
						return reader.UnmarshalJSON([]byte(data))
					}
					return json.Unmarshal([]byte(data), new(Own))
				})
		})
		b.Run("write", func(b *testing.B) {
			compare(b,
				func() error { _, err := json.Marshal(&hand); return err },
				func() error {
					if writer, ok := any(&own).(json.Marshaler); ok {
						_, err := writer.MarshalJSON()
						return err
					}
					_, err := json.Marshal(&own)
					return err
				})
		})
	}
}

// TestRecordsOfTheBenchmarks keeps the files of testdata/bench the first records of the stub.
func TestRecordsOfTheBenchmarks(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]stub.Kind{"symmetric_key": stub.SymmetricKey, "twin": stub.Twin, "x509": stub.X509} {
		data, err := os.ReadFile("testdata/bench/" + name + ".json")
		require.NoError(t, err)
		require.Equal(t, string(stub.AppendRecord(nil, kind, 0)), strings.TrimSpace(string(data)), name)
	}
}

// TestAllocationsOfGet bounds what a call takes above the same call by hand. The pipeline of azcore takes most of it.
func TestAllocationsOfGet(t *testing.T) {
	if underRaceDetector() {
		t.Skip("the race detector allocates, too")
	}
	client, byHand := inMemory(t)
	ctx := t.Context()
	own := testing.AllocsPerRun(200, func() { _, _ = client.Get(ctx, stub.ID(0), nil) })
	hand := testing.AllocsPerRun(200, func() { _, _ = byHand.Get(ctx, stub.ID(0)) })
	require.LessOrEqual(t, own-hand, 40.0, "%v by the client, %v by hand", own, hand)
}

func underRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}
