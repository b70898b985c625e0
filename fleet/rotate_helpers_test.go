package fleet_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// sides are the two kinds of records, for tests that hold for both.
var sides = []struct {
	name, member, certificates  string
	get, mechanism, put, delete dpstest.Operation
}{
	{
		"individual", "registrationId", "clientCertificates",
		dpstest.OperationIndividualEnrollmentGet, dpstest.OperationIndividualEnrollmentGetAttestationMechanism,
		dpstest.OperationIndividualEnrollmentCreateOrUpdate, dpstest.OperationIndividualEnrollmentDelete,
	},
	{
		"group", "enrollmentGroupId", "signingCertificates",
		dpstest.OperationEnrollmentGroupGet, dpstest.OperationEnrollmentGroupGetAttestationMechanism,
		dpstest.OperationEnrollmentGroupCreateOrUpdate, dpstest.OperationEnrollmentGroupDelete,
	},
}

// rotateKeys rotates the keys of records of either kind.
func rotateKeys(ctx context.Context, member string, client *azdps.DeviceProvisioningClient, ids iter.Seq2[string, error], options *fleet.RotateOptions) iter.Seq2[fleet.Outcome, error] {
	if member == "registrationId" {
		return fleet.RotateKeys[azdps.IndividualEnrollment](ctx, client, ids, options)
	}
	return fleet.RotateKeys[azdps.EnrollmentGroup](ctx, client, ids, options)
}

// rotateCertificates rotates the certificates of records of either kind.
func rotateCertificates(ctx context.Context, member string, client *azdps.DeviceProvisioningClient, next iter.Seq2[fleet.Certificate, error], options *fleet.RotateOptions) iter.Seq2[fleet.Outcome, error] {
	if member == "registrationId" {
		return fleet.RotateCertificates[azdps.IndividualEnrollment](ctx, client, next, options)
	}
	return fleet.RotateCertificates[azdps.EnrollmentGroup](ctx, client, next, options)
}

func load(t *testing.T, srv *dpstest.Server, lines ...string) {
	t.Helper()
	require.NoError(t, srv.Load(strings.NewReader(strings.Join(lines, "\n"))))
}

// keyOf is a key that tells whose it is.
func keyOf(text string) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%-32s", text))
}

// keyed is the line of a record with the keys P and S.
func keyed(member, id string) string {
	return fmt.Sprintf(`{%q:%q,"initialTwin":{"tags":{"floor":1}},"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":%q,"secondaryKey":%q}}}`,
		member, id, keyOf("P"), keyOf("S"))
}

// loadKeyed loads so many records with the keys P and S, and returns their ids.
func loadKeyed(t *testing.T, srv *dpstest.Server, member string, n int) []string {
	t.Helper()
	var lines, ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("r-%d", i))
		lines = append(lines, keyed(member, ids[i]))
	}
	load(t, srv, lines...)
	return ids
}

// keysOf are the primary and the secondary key that a server holds.
func keysOf(t *testing.T, srv *dpstest.Server, id string) (primary, secondary string) {
	t.Helper()
	keys, _ := at(stored(t, srv)[id], "attestation", "symmetricKey").(map[string]any)
	primary, _ = keys["primaryKey"].(string)
	secondary, _ = keys["secondaryKey"].(string)
	return primary, secondary
}

// at follows a path in JSON.
func at(value any, path ...string) any {
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// next are keys that can be given again.
func next(id string) (string, error) { return keyOf("next of " + id), nil }

// issue makes a certificate that signs itself.
func issue(t *testing.T, name string, notAfter time.Time) tls.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	require.NoError(t, err)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: parsed}
}

// certified is the line of a record with certificates.
func certified(member, kind, id string, certificates ...tls.Certificate) string {
	var places []string
	for i, certificate := range certificates {
		places = append(places, fmt.Sprintf(`%q:{"certificate":%q}`, []string{"primary", "secondary"}[i], base64.StdEncoding.EncodeToString(certificate.Leaf.Raw)))
	}
	return fmt.Sprintf(`{%q:%q,"attestation":{"type":"x509","x509":{%q:{%s}}}}`, member, id, kind, strings.Join(places, ","))
}

// register lets a device register for real, and returns the status of the answer.
func register(t *testing.T, srv *dpstest.Server, client *http.Client, id, key string) int {
	t.Helper()
	audience := srv.IDScope() + "/registrations/" + id
	request, err := http.NewRequest(http.MethodPut, srv.DeviceURL()+"/"+audience+"/register?api-version=2021-10-01", strings.NewReader(`{"registrationId":"`+id+`"}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		token, err := azdps.GenerateSASToken(audience, "registration", key, time.Now().Add(time.Hour))
		require.NoError(t, err)
		request.Header.Set("Authorization", token)
	}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	return response.StatusCode
}

// seqThenError yields values and then an error.
func seqThenError[T any](failure error, values ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, value := range values {
			if !yield(value, nil) {
				return
			}
		}
		yield(*new(T), failure)
	}
}

var errInput = errors.New("the input broke off")

// asked counts the requests of an operation.
func asked(srv *dpstest.Server, operation dpstest.Operation) (n int) {
	for _, request := range srv.Requests() {
		if request.Operation == operation {
			n++
		}
	}
	return n
}

// before runs something once when a request arrives, and then lets it pass.
func before(do func()) dpstest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		do()
		next.ServeHTTP(w, r)
	}
}
