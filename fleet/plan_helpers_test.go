package fleet_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

const otherTestKey = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

// planFor makes a plan that must succeed.
func planFor[T fleet.Record](t testing.TB, client *azdps.DeviceProvisioningClient, options *fleet.PlanOptions, desired ...T) *fleet.Plan[T] {
	t.Helper()
	p, err := fleet.NewPlan(t.Context(), client, seqOf(desired...), options)
	require.NoError(t, err)
	return p
}

// applyAll applies a plan, each change of which must succeed.
func applyAll[T fleet.Record](t testing.TB, p *fleet.Plan[T]) []fleet.Outcome {
	t.Helper()
	outcomes, err := collect(p.Apply(t.Context(), nil))
	require.NoError(t, err)
	for _, outcome := range outcomes {
		require.NoError(t, outcome.Err, outcome.ID)
	}
	require.Len(t, outcomes, p.Len())
	return outcomes
}

func textOf[T fleet.Record](t testing.TB, p *fleet.Plan[T]) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, p.WriteText(&text))
	return text.String()
}

func jsonOf[T fleet.Record](t testing.TB, p *fleet.Plan[T]) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, p.WriteJSON(&text))
	return text.String()
}

// recordFrom reads a record from its JSON.
func recordFrom[T fleet.Record](t testing.TB, text string) (r T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &r))
	return r
}

// loadLines gives a server records.
func loadLines(t testing.TB, server *dpstest.Server, lines ...string) {
	t.Helper()
	require.NoError(t, server.Load(strings.NewReader(strings.Join(lines, "\n"))))
}

// planCertificate makes a certificate.
func planCertificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// countRanges counts how often a sequence is ranged over.
func countRanges[T any](in iter.Seq2[T, error], times *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		*times++
		in(yield)
	}
}

// keeper is a service of a later version: it keeps the members that azdps does not know, wherever they are. It does what a plan
// needs and checks little.
type keeper struct {
	idName string

	mu      sync.Mutex
	writes  int
	records map[string]map[string]any
}

func newKeeper(idName string) *keeper {
	return &keeper{idName: idName, records: make(map[string]map[string]any)}
}

// Do implements policy.Transporter.
func (k *keeper) Do(r *http.Request) (*http.Response, error) {
	var body map[string]any
	if r.Body != nil {
		decoder := json.NewDecoder(r.Body)
		decoder.UseNumber()
		if err := decoder.Decode(&body); err != nil && err != io.EOF {
			return nil, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var answer any
	switch {
	case segments[len(segments)-1] == "query":
		list := []any{}
		for _, record := range k.records {
			list = append(list, public(record))
		}
		answer = list
	case segments[len(segments)-1] == "attestationmechanism":
		answer = k.records[segments[1]]["attestation"]
	case r.Method == http.MethodPost:
		answer = k.bulk(body)
	default:
		panic(r.Method + " " + r.URL.Path)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(bytes.NewReader(text)),
		Header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}

// bulk creates records, and replaces those whose ETag is right.
func (k *keeper) bulk(body map[string]any) any {
	items, _ := body["enrollments"].([]any)
	if items == nil {
		items, _ = body["enrollmentGroups"].([]any)
	}
	failures := []any{}
	for _, item := range items {
		record := item.(map[string]any)
		id := record[k.idName].(string)
		stored, exists := k.records[id]
		if exists && record["etag"] != stored["etag"] {
			failures = append(failures, map[string]any{k.idName: id, "errorCode": 412000, "errorStatus": "changed"})
			continue
		}
		k.writes++
		record["etag"] = fmt.Sprintf("etag-%d", k.writes)
		if attestation := record["attestation"].(map[string]any); strings.EqualFold(attestation["type"].(string), "symmetricKey") {
			keys, _ := attestation["symmetricKey"].(map[string]any)
			if keys == nil {
				keys = make(map[string]any)
				attestation["symmetricKey"] = keys
			}
			for _, name := range []string{"primaryKey", "secondaryKey"} {
				if keys[name] == nil {
					keys[name] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%032d", k.writes))
				}
			}
		}
		k.records[id] = record
	}
	return map[string]any{"errors": failures, "isSuccessful": len(failures) == 0}
}

// public is a record as a query shows it: without keys, and with the info of certificates.
func public(record map[string]any) map[string]any {
	shown := maps.Clone(record)
	attestation := maps.Clone(record["attestation"].(map[string]any))
	delete(attestation, "symmetricKey")
	shown["attestation"] = attestation
	x, _ := attestation["x509"].(map[string]any)
	x = maps.Clone(x)
	for _, kind := range []string{"clientCertificates", "signingCertificates"} {
		pair, _ := x[kind].(map[string]any)
		pair = maps.Clone(pair)
		for _, place := range []string{"primary", "secondary"} {
			certificate, _ := pair[place].(map[string]any)
			if text, _ := certificate["certificate"].(string); text != "" {
				certificate = maps.Clone(certificate)
				block, _ := pem.Decode([]byte(text))
				sum := sha256.Sum256(block.Bytes)
				certificate["info"] = map[string]any{
					"subjectName": "CN=a", "issuerName": "CN=a", "sha256Thumbprint": strings.ToUpper(hex.EncodeToString(sum[:])),
				}
				delete(certificate, "certificate")
				pair[place] = certificate
				x[kind] = pair
			}
		}
	}
	if x != nil {
		attestation["x509"] = x
	}
	return shown
}

// keeperClient returns a client of a keeper.
func keeperClient(t testing.TB, k *keeper) *azdps.DeviceProvisioningClient {
	t.Helper()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	return clientOf(t, server, k)
}

// cancelAfter returns a context that ends with the n-th request of an operation.
func cancelAfter(ctx context.Context, server *dpstest.Server, operation dpstest.Operation, n int) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	var count atomic.Int64
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if count.Add(1) == int64(n) {
			cancel()
		}
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: operation, Times: n})
	return ctx
}
