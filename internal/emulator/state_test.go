package emulator

import (
	"bytes"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const assigned = `{"registrationId":"%s","createdDateTimeUtc":"2023-05-19T23:10:28.8800437Z","assignedHub":"hub.azure-devices.net","deviceId":"%[1]s","status":"assigned",` +
	`"substatus":"initialAssignment","lastUpdatedDateTimeUtc":"2023-05-19T23:10:29.1734179Z","etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="}`

// inGroup is a registration state that came through a group.
func inGroup(state, group string) string {
	return strings.Replace(state, "{", `{"enrollmentGroupId":"`+group+`",`, 1)
}

func (s *tester) load(lines ...string) {
	s.t.Helper()
	require.NoError(s.t, s.handler.Load(strings.NewReader(strings.Join(lines, "\n"))))
}

func (s *tester) dump() string {
	s.t.Helper()
	var out bytes.Buffer
	require.NoError(s.t, s.handler.Dump(&out))
	return out.String()
}

func TestRegistrations(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	state := fmt.Sprintf(assigned, "Dev-1")
	failed := `{"registrationId":"dev-2","createdDateTimeUtc":"2023-05-19T23:10:28Z","status":"failed","errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400",` +
		`"lastUpdatedDateTimeUtc":"2023-05-19T23:10:29Z","etag":"IjAwMDAwNGVlLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI=","payload":{"n":123456789012345678}}`
	s.load(inGroup(state, "Group"), inGroup(failed, "group"), fmt.Sprintf(assigned, "dev-3"))
	require.Equal(t, state, s.do(200, "GET", "/registrations/dev-1", "").Body.String())
	require.Equal(t, failed, s.do(200, "GET", "/registrations/dev-2", "").Body.String())
	s.fail(404203, "GET", "/registrations/dev-4", "")

	ids, _ := s.pages("/registrations/GROUP/query", 0)
	require.ElementsMatch(t, []string{"Dev-1", "dev-2"}, ids)
	require.Contains(t, s.do(200, "POST", "/registrations/group/query", `{"query":"*"}`).Body.String(), state)
	require.Equal(t, "[]", s.do(200, "POST", "/registrations/other/query", "").Body.String())

	s.fail(412001, "DELETE", "/registrations/dev-1", "", with("If-Match", newETag(1, 0).String()))
	s.fail(400004, "DELETE", "/registrations/dev-1", "", with("If-Match", "bad"))
	s.do(204, "DELETE", "/registrations/DEV-1", "", with("If-Match", `"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI="`))
	s.fail(404203, "DELETE", "/registrations/dev-1", "")
	s.fail(404203, "GET", "/registrations/dev-1", "")
	ids, _ = s.pages("/registrations/group/query", 0)
	require.Equal(t, []string{"dev-2"}, ids)
	s.do(204, "DELETE", "/registrations/dev-2", "", with("If-Match", "*"))
	s.do(204, "DELETE", "/registrations/dev-3", "")
	require.Empty(t, s.dump())
}

func TestRegistrationsOfDeletedEnrollments(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollmentGroups/g", symmetricGroup("g"))
	s.do(200, "PUT", "/enrollments/own", symmetric("own"))
	s.do(200, "PUT", "/enrollments/grouped", symmetric("grouped"))
	s.load(fmt.Sprintf(assigned, "own"), inGroup(fmt.Sprintf(assigned, "grouped"), "g"))
	require.Equal(t, "assigned", s.get("/enrollments/own")["registrationState"].(map[string]any)["status"])
	require.Contains(t, s.do(200, "GET", "/enrollments/own", "").Body.String(), `"registrationState":`+fmt.Sprintf(assigned, "own"))

	s.do(204, "DELETE", "/enrollments/own", "")
	s.fail(404203, "GET", "/registrations/own", "")
	s.do(204, "DELETE", "/enrollments/grouped", "")
	s.do(204, "DELETE", "/enrollmentGroups/g", "")
	s.do(200, "GET", "/registrations/grouped", "")
	ids, _ := s.pages("/registrations/g/query", 0)
	require.Equal(t, []string{"grouped"}, ids)
}

func TestRegistrationPaging(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	var lines, want []string
	for i := range 120 {
		id := fmt.Sprintf("dev-%03d", i)
		lines = append(lines, inGroup(fmt.Sprintf(assigned, id), []string{"a", "b"}[i%2]))
		if i%2 == 0 {
			want = append(want, id)
		}
	}
	s.load(lines...)
	ids, sizes := s.pages("/registrations/a/query", 25)
	require.Equal(t, []int{25, 25, 10}, sizes)
	require.ElementsMatch(t, want, ids)
	_, token := s.page("/registrations/a/query", "", 1)
	s.fail(400000, "POST", "/registrations/b/query", "", with("x-ms-continuation", token))

	s.load(inGroup(fmt.Sprintf(assigned, "dev-000"), "b"), inGroup(fmt.Sprintf(assigned, "dev-002"), "A"), fmt.Sprintf(assigned, "dev-001"))
	ids, _ = s.pages("/registrations/a/query", 0)
	require.ElementsMatch(t, want[1:], ids)
	ids, _ = s.pages("/registrations/b/query", 0)
	require.Len(t, ids, 60)
	require.Contains(t, ids, "dev-000")
	require.NotContains(t, ids, "dev-001")
}

func TestDumpAndLoad(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.version = versionOfPolicies
	s.add("Device-%d", 0, 30)
	certificate := pemOf(newCertificate(t, pkix.Name{CommonName: "a"}, 1))
	s.do(200, "PUT", "/enrollments/a", x509Record("clientCertificates", map[string]any{"certificate": certificate}, nil))
	s.do(200, "PUT", "/enrollmentGroups/a", x509Record("signingCertificates", nil, map[string]any{"certificate": certificate}))
	s.do(200, "PUT", "/enrollments/n", `{"registrationId":"n","attestation":{"type":"tpm","tpm":{"endorsementKey":"e"}},"provisioningStatus":null,"namespaceName":"name",
		"initialTwin":{"tags":{"n":123456789012345678,"<":"&"}},"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://a?b","apiVersion":"1"}}`)
	s.load(inGroup(fmt.Sprintf(assigned, "dev-1"), "a"), fmt.Sprintf(assigned, "a"), "", "  ", `{"registrationId":"new","status":"Disabled","payload":null}`)
	dump := s.dump()
	require.Equal(t, 36, strings.Count(dump, "\n"))
	require.Contains(t, dump, `{"registrationId":"new","createdDateTimeUtc":"2023-11-14T22:13:20.1234567Z","status":"disabled"`)

	other := newTester(t)
	other.version = versionOfPolicies
	other.load(dump)
	require.Equal(t, dump, other.dump())
	wantIDs, _ := s.pages("/enrollments/query", 7)
	gotIDs, _ := other.pages("/enrollments/query", 7)
	require.Equal(t, wantIDs, gotIDs, "the order is the same, too")
	for _, path := range []string{"/enrollments/a", "/enrollments/n", "/enrollments/Device-3", "/enrollmentGroups/a", "/registrations/dev-1"} {
		require.Equal(t, s.do(200, "GET", path, "").Body.String(), other.do(200, "GET", path, "").Body.String())
	}
	etags := map[any]bool{}
	for _, id := range wantIDs {
		etags[other.get("/enrollments/" + id)["etag"]] = true
	}
	written := object(t, other.do(200, "PUT", "/enrollments/a", symmetric("a"), with("If-Match", "*")))
	require.False(t, etags[written["etag"]], "a new etag is no old one")
	require.Equal(t, dump, s.dump())
}

func TestLoadFillsIn(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	info := `{"subjectName":"CN=a","sha256Thumbprint":"AB"}`
	s.load(
		`{"registrationId":"Dev","attestation":{"type":"symmetricKey"},"createdDateTimeUtc":"2020-01-01T00:00:00Z"}`,
		`{"registrationId":"cert","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":`+info+`}}}}}`,
	)
	got := s.get("/enrollments/dev")
	require.Equal(t, "2020-01-01T00:00:00Z", got["lastUpdatedDateTimeUtc"])
	require.Len(t, got["etag"], 52)
	require.Equal(t, "enabled", got["provisioningStatus"])
	require.Len(t, object(t, s.do(200, "POST", "/enrollments/dev/attestationmechanism", ""))["symmetricKey"], 2)
	require.Contains(t, s.do(200, "GET", "/enrollments/cert", "").Body.String(), `"sha256Thumbprint":"AB"`)

	s.load(`{"registrationId":"DEV","deviceId":"d","attestation":{"type":"symmetricKey"}}`)
	require.Equal(t, "d", s.get("/enrollments/dev")["deviceId"], "a record replaces that of its id")
	require.Equal(t, 2, s.handler.store.individuals.records.len())
	require.Equal(t, 2, s.handler.store.individuals.counts["individual enrollments"])
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"{", "5", `{"registrationId":"a"}`, `{"registrationId":"a","status":"lost"}`, `{"registrationId":"a.","status":"assigned"}`,
		`{"registrationId":"a","enrollmentGroupId":"g.","status":"assigned"}`, `{"registrationId":"a","status":5}`,
		`{"attestation":{"type":"symmetricKey"}}`, `{"registrationId":"a","attestation":{"type":"symmetricKey"},"etag":"x"}`,
		`{"registrationId":"a","attestation":{"type":"symmetricKey"},"createdDateTimeUtc":"soon"}`, `{"enrollmentGroupId":"a","attestation":{"type":"tpm"}}`,
	} {
		s := newTester(t)
		err := s.handler.Load(strings.NewReader(symmetric("first") + "\n\n" + line + "\n" + symmetric("last")))
		require.ErrorContains(t, err, "load: line 3: ", "%s", line)
		s.do(200, "GET", "/enrollments/first", "")
		s.fail(404201, "GET", "/enrollments/last", "")
	}
	broken := errors.New("broken")
	require.ErrorIs(t, newTester(t).handler.Load(iotest.ErrReader(broken)), broken)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestDumpReportsFailures(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.add("%d", 0, 1)
	require.ErrorContains(t, s.handler.Dump(brokenWriter{}), "full")
	s.add("%d", 1, 20)
	require.ErrorContains(t, s.handler.Dump(brokenWriter{}), "full")
	s.handler = New(Config{})
	require.NoError(t, s.handler.Dump(brokenWriter{}), "nothing is nothing to write")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.add("shared-%d", 0, 4)
	const workers, rounds = 8, 40
	var replaced sync.Map // etags that a write was made under
	var writes atomic.Int64
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for round := range rounds {
				id := fmt.Sprintf("shared-%d", round%4)
				etag := etagOf(t, send(s, s.request("GET", "/enrollments/"+id, "")).Body.Bytes())
				if send(s, s.request("PUT", "/enrollments/"+id, symmetric(id), with("If-Match", etag))).Code == 200 {
					writes.Add(1)
					_, twice := replaced.LoadOrStore(etag, true)
					assert.False(t, twice, "a write was lost under If-Match")
				}
				own := fmt.Sprintf("own-%d-%d", worker, round)
				send(s, s.request("PUT", "/enrollments/"+own, symmetric(own)))
				send(s, s.request("POST", "/enrollments/query", ""))
				if round%2 == 0 {
					send(s, s.request("DELETE", "/enrollments/"+own, ""))
				}
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 4+workers*rounds+int(writes.Load()), s.handler.store.writes)
	ids, _ := s.pages("/enrollments/query", 0)
	require.Len(t, ids, 4+workers*rounds/2)
	require.Equal(t, len(ids), s.handler.store.individuals.counts["individual enrollments"])
}
