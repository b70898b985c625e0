package fleet_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// badWeather breaks 5 % of requests before the service sees them, loses 5 % of its answers after they took effect, answers 2 %
// with 500, half of them after they took effect, and throttles 2 % with and without a Retry-After.
func badWeather() dpstest.Fault {
	var mu sync.Mutex
	random := mathrand.New(mathrand.NewPCG(1, 2))
	fails := dpstest.Respond(500, 500000, "failed", nil)
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		mu.Lock()
		dice := random.IntN(1000)
		mu.Unlock()
		switch {
		case dice < 50:
			dpstest.DropRequest()(w, r, next)
		case dice < 75:
			dpstest.DropResponse()(w, r, next)
		case dice < 100:
			dpstest.Truncate(5)(w, r, next)
		case dice < 110:
			fails(w, r, next)
		case dice < 120:
			next.ServeHTTP(httptest.NewRecorder(), r)
			fails(w, r, next)
		case dice < 130:
			dpstest.Throttle(time.Second)(w, r, next)
		case dice < 140:
			dpstest.Throttle(-1)(w, r, next)
		default:
			next.ServeHTTP(w, r)
		}
	}
}

// TestBulkTellsTheTruth compares the report of a run in bad weather with what the server holds in the end.
func TestBulkTellsTheTruth(t *testing.T) {
	const n = 1500
	all := &dpstest.ControlOptions{Times: -1}
	key := func(i int) string { return fmt.Sprintf("device-%d", i) }
	for _, withKeys := range []bool{false, true} {
		newDevice := func(i int) azdps.IndividualEnrollment {
			record := device(key(i))
			if withKeys {
				record.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
			}
			return record
		}
		t.Run(fmt.Sprint("create, with keys ", withKeys), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				client := clientOf(t, server, after(10*time.Millisecond, 50*time.Millisecond, server.Transport()))
				var input, before []azdps.IndividualEnrollment
				for i := range n {
					record := newDevice(i)
					if i%10 == 0 { // exists, and is another
						record.DeviceID = "other"
						before = append(before, record)
						record.DeviceID = ""
					}
					input = append(input, record)
				}
				_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(before...), nil))
				require.NoError(t, err)
				server.Control(badWeather(), all)
				outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(input...), nil))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: n - n/10, fleet.ResultConflict: n / 10}, results(outcomes))
				after := stored(t, server)
				require.Len(t, after, n)
				for _, outcome := range outcomes {
					require.Equal(t, outcome.Result == fleet.ResultConflict, after[outcome.ID]["deviceId"] == "other", outcome.ID)
				}
			})
		})
		for _, mode := range []azdps.BulkOperationMode{"update", "updateIfMatchETag"} {
			t.Run(fmt.Sprint(mode, ", with keys ", withKeys), func(t *testing.T) {
				bubble(t, func(t *testing.T) { updateInBadWeather(t, mode, n/3, newDevice, withKeys) })
			})
		}
	}
	t.Run("delete", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server := dpstest.NewUnstartedServer(nil)
			client := clientOf(t, server, nil)
			_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(n), nil))
			require.NoError(t, err)
			server.Control(badWeather(), all)
			outcomes, err := collect(fleet.Bulk(t.Context(), client, "delete", devices(n), nil))
			require.NoError(t, err)
			require.Equal(t, map[fleet.Result]int{fleet.ResultDeleted: n}, results(outcomes))
			require.Empty(t, stored(t, server))
		})
	})
}

// updateInBadWeather updates records of which a third is equal already, and some are missing or changed by somebody.
func updateInBadWeather(t *testing.T, mode azdps.BulkOperationMode, n int, newDevice func(int) azdps.IndividualEnrollment, withKeys bool) {
	server := dpstest.NewUnstartedServer(nil)
	client := clientOf(t, server, after(10*time.Millisecond, 50*time.Millisecond, server.Transport()))
	var old []azdps.IndividualEnrollment
	for i := range n {
		if i%20 != 0 {
			old = append(old, newDevice(i))
		}
	}
	_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(old...), nil))
	require.NoError(t, err)
	before := stored(t, server)
	var input []azdps.IndividualEnrollment
	missing, stale, equal := 0, 0, 0
	for i := range n {
		record := newDevice(i)
		record.ETag = `"none"`
		exists := i%20 != 0
		switch {
		case !exists:
			missing++
		case i%7 == 0:
			stale++
			record.ETag = azcore.ETag(before["device-1"]["etag"].(string))
		default:
			record.ETag = azcore.ETag(before[record.RegistrationID]["etag"].(string))
		}
		if i%3 != 0 {
			record.DeviceID = "changed"
		} else if exists {
			equal++
		}
		input = append(input, record)
	}
	server.Control(badWeather(), &dpstest.ControlOptions{Times: -1})
	outcomes, err := collect(fleet.Bulk(t.Context(), client, mode, seqOf(input...), nil))
	require.NoError(t, err)
	counts := results(outcomes)
	assert.Zero(t, counts[fleet.ResultUnknown])
	after := stored(t, server)
	require.Len(t, after, n-missing)
	for _, outcome := range outcomes {
		is, was := after[outcome.ID], before[outcome.ID]
		require.Equal(t, was["attestation"], is["attestation"], "keys are kept")
		switch outcome.Result {
		case fleet.ResultUpdated:
			require.Equal(t, input[outcome.Index].DeviceID == "changed", is["deviceId"] == "changed")
		case fleet.ResultUnchanged, fleet.ResultConflict:
			require.Equal(t, was["etag"], is["etag"])
		}
	}
	if mode == azdps.BulkOperationModeUpdate {
		require.Equal(t, missing, counts[fleet.ResultRefused])
		if !withKeys {
			require.Equal(t, equal, counts[fleet.ResultUnchanged])
		}
		require.Equal(t, n-missing, counts[fleet.ResultUpdated]+counts[fleet.ResultUnchanged])
	} else {
		require.Equal(t, missing, counts[fleet.ResultRefused])
		require.Equal(t, n-missing, counts[fleet.ResultUpdated]+counts[fleet.ResultConflict])
		require.InDelta(t, stale, counts[fleet.ResultConflict], float64(stale)/4+1, "an equal record whose answer was lost passes for updated")
	}
}

// TestBulkWritesOnce counts how often each record is written while every third answer is lost.
func TestBulkWritesOnce(t *testing.T) {
	for _, mode := range []azdps.BulkOperationMode{"create", "update", "updateIfMatchETag", "delete"} {
		t.Run(string(mode), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				client := clientOf(t, server, nil)
				input := make([]azdps.IndividualEnrollment, 200)
				for i := range input {
					input[i] = device(fmt.Sprintf("device-%d", i))
				}
				if mode != "create" {
					_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(input...), nil))
					require.NoError(t, err)
				}
				before := stored(t, server)
				etags := make(map[string]map[any]bool)
				for i := range input {
					id := input[i].RegistrationID
					etags[id] = map[any]bool{before[id]["etag"]: true}
					if mode != "create" {
						input[i].DeviceID, input[i].ETag = "changed", azcore.ETag(before[id]["etag"].(string))
					}
				}
				var mu sync.Mutex
				calls := 0
				server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					body, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(strings.NewReader(string(body)))
					mu.Lock()
					defer mu.Unlock()
					calls++
					defer func() {
						for id, record := range stored(t, server) {
							etags[id][record["etag"]] = true
						}
					}()
					if calls%3 == 0 {
						dpstest.DropResponse()(w, r, next)
					}
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
				outcomes, err := collect(fleet.Bulk(t.Context(), client, mode, seqOf(input...), nil))
				require.NoError(t, err)
				for _, outcome := range outcomes {
					require.False(t, outcome.Result == fleet.ResultConflict || outcome.Result == fleet.ResultUnknown, outcome.Err)
				}
				for id, seen := range etags {
					want := 2 // before and after
					if mode == "delete" {
						want = 1
					}
					require.Len(t, seen, want, id)
				}
			})
		})
	}
}

// TestBulkReplacesWhatIsThere has somebody else write between the read and the write of an update.
func TestBulkReplacesWhatIsThere(t *testing.T) {
	for _, test := range []struct {
		times int
		want  fleet.Result
	}{{1, fleet.ResultUpdated}, {3, fleet.ResultUpdated}, {-1, fleet.ResultConflict}} {
		t.Run(fmt.Sprint(test.times), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				client := clientOf(t, server, nil)
				_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(1), nil))
				require.NoError(t, err)
				others := 0
				server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					_, err := client.IndividualEnrollments().Update(r.Context(), "device-0", func(e *azdps.IndividualEnrollment) error {
						others++
						e.DeviceID = fmt.Sprintf("other-%d", others)
						return nil
					}, nil)
					assert.NoError(t, err)
					next.ServeHTTP(w, r)
				}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: test.times})
				wanted := device("device-0")
				wanted.DeviceID = "mine"
				outcomes, err := collect(fleet.Bulk(t.Context(), client, "update", seqOf(wanted), nil))
				require.NoError(t, err)
				require.Equal(t, test.want, outcomes[0].Result)
				require.Equal(t, test.want == fleet.ResultUpdated, stored(t, server)["device-0"]["deviceId"] == "mine")
			})
		})
	}
}

// TestBulkWhenItCannotAsk loses all answers and fails all reads.
func TestBulkWhenItCannotAsk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		server.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
		server.Control(dpstest.Respond(500, 500000, "failed", nil), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet, Times: -1})
		outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", devices(12), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultUnknown: 12}, results(outcomes))
	})
}

// TestBulkWaitsForTheService holds all callers back for what the service asks for, and does not count it as a failure.
func TestBulkWaitsForTheService(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault dpstest.Fault
		least time.Duration
		most  time.Duration
	}{
		{"429", dpstest.Throttle(5 * time.Minute), 5 * time.Minute, 6 * time.Minute},
		{"429 without a time", dpstest.Throttle(-1), time.Second / 2, time.Minute},
		{"503", dpstest.Respond(503, 503000, "busy", http.Header{"Retry-After": {"120"}}), 2 * time.Minute, 3 * time.Minute},
		{"503 until a date", dpstest.Respond(503, 503000, "busy", http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:03:00 GMT"}}), 2 * time.Minute, 4 * time.Minute},
		{"an answer without end", dpstest.Delay(time.Hour), time.Minute, 2 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				calls := &counter{}
				server.Control(test.fault, nil)
				start := time.Now()
				client := clientOf(t, server, after(10*time.Millisecond, 20*time.Millisecond, calls.count(server.Transport())))
				outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", devices(500), nil))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 500}, results(outcomes))
				require.GreaterOrEqual(t, time.Since(start), test.least)
				require.LessOrEqual(t, time.Since(start), test.most)
				require.LessOrEqual(t, calls.calls, 62)
			})
		})
	}
}

// TestBulkComparesKeys loses the answer to a create whose records exist, equal but for their keys.
func TestBulkComparesKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, server, nil)
		_, err := collect(fleet.Bulk(t.Context(), client, "create", devices(4), nil))
		require.NoError(t, err)
		var input []azdps.IndividualEnrollment
		for record := range devices(6) {
			record.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
			input = append(input, record)
		}
		server.Control(dpstest.DropResponse(), nil)
		outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(input...), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultConflict: 4, fleet.ResultCreated: 2}, results(outcomes))
	})
}

// TestBulkComparesCertificates loses the answer to a create of records with certificates, as PEM and as DER, of which one exists with
// another certificate.
func TestBulkComparesCertificates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		client := clientOf(t, server, nil)
		withCertificates := func(id string, primary, secondary string) azdps.IndividualEnrollment {
			return azdps.IndividualEnrollment{RegistrationID: id, Attestation: azdps.AttestationMechanism{
				Type: azdps.AttestationTypeX509,
				X509: &azdps.X509Attestation{ClientCertificates: &azdps.X509Certificates{
					Primary:   &azdps.X509CertificateWithInfo{Certificate: primary},
					Secondary: &azdps.X509CertificateWithInfo{Certificate: secondary},
				}},
			}}
		}
		inPEM, inDER := selfSigned(t, "a")
		otherPEM, _ := selfSigned(t, "b")
		_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(withCertificates("other", inPEM, otherPEM)), nil))
		require.NoError(t, err)
		server.Control(dpstest.DropResponse(), nil)
		outcomes, err := collect(fleet.Bulk(t.Context(), client, "create",
			seqOf(withCertificates("other", inPEM, inPEM), withCertificates("new", inPEM, inDER)), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultConflict: 1, fleet.ResultCreated: 1}, results(outcomes))
	})
}

// selfSigned makes a certificate, as PEM and as the base64 of its DER.
func selfSigned(t *testing.T, name string) (inPEM, inDER string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), base64.StdEncoding.EncodeToString(der)
}

// TestBulkAnswersThatSayLittle has answers that report a failure of no record, of one that was not sent, or of one that may pass.
func TestBulkAnswersThatSayLittle(t *testing.T) {
	for _, test := range []struct {
		answer  string
		applied bool
		stored  int
	}{
		{`{"errors":[],"isSuccessful":false}`, true, 2},
		{`{"errors":[{"registrationId":"stranger","errorCode":400004,"errorStatus":"bad"}],"isSuccessful":false}`, true, 2},
		{`{"errors":[{"registrationId":"DEVICE-1","errorCode":500001,"errorStatus":"failed"}],"isSuccessful":false}`, true, 2},
		{`{"errors":[],"isSuccessful":false}`, false, 2},
		{`{"errors":[{"registrationId":"stranger","errorCode":400004,"errorStatus":"bad"}],"isSuccessful":false}`, false, 2},
		{`<html>200</html>`, true, 2},
		{`<html>200</html>`, false, 2},
		{`{"errors":[{"registrationId":"device-1","errorCode":429001,"errorStatus":"slowly"}],"isSuccessful":false}`, false, 1}, // device-0 is told to be there
	} {
		t.Run(fmt.Sprint(test.answer, " ", test.applied), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if test.applied {
						next.ServeHTTP(httptest.NewRecorder(), r)
					}
					_, _ = io.WriteString(w, test.answer)
				}, nil)
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", devices(2), nil))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 2}, results(outcomes))
				require.Len(t, stored(t, server), test.stored)
			})
		})
	}
}
