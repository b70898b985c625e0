package emulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// item is a record in a bulk operation, with an etag unless that is empty.
func item(member, id, etag string) string {
	text := fmt.Sprintf(`{%q:%q,"attestation":{"type":"symmetricKey"}`, member, id)
	if etag != "" {
		text += fmt.Sprintf(`,"etag":%q`, etag)
	}
	return text + "}"
}

func TestBulk(t *testing.T) {
	t.Parallel()
	stale := newETag(99, 0).String()
	for _, kind := range []struct {
		path, list, member string
		exists, missing    string
	}{
		{"/enrollments", "enrollments", "registrationId", `409201,"errorStatus":"Enrollment already exists."`, `404201,"errorStatus":"Enrollment not found."`},
		{"/enrollmentGroups", "enrollmentGroups", "enrollmentGroupId", `409202,"errorStatus":"EnrollmentGroup already exists."`, `404202,"errorStatus":"EnrollmentGroup not found."`},
	} {
		const precondition = `412001,"errorStatus":"Precondition failed."`
		const invalidTag = `400004,"errorStatus":"ETag is invalid"`
		for _, test := range []struct{ mode, id, etag, failure string }{
			{"create", "New", "", ""},
			{"create", "new", stale, ""},
			{"create", "Old", "", kind.exists},
			{"create", "Old", "current", kind.exists},
			{"update", "new", "", ""},
			{"update", "old", "", kind.exists},
			{"update", "old", "current", ""},
			{"update", "old", `"current"`, ""},
			{"update", "OLD", "*", ""},
			{"update", "old", stale, precondition},
			{"update", "old", "bad", invalidTag},
			{"update", "new", "*", kind.missing},
			{"updateIfMatchETag", "old", "current", ""},
			{"updateIfMatchEtag", "old", "current", ""},
			{"updateIfMatchETag", "old", "*", ""},
			{"updateIfMatchETag", "old", stale, precondition},
			{"updateIfMatchETag", "old", "", invalidTag},
			{"updateIfMatchETag", "new", stale, kind.missing},
			{"delete", "OLD", "", ""},
			{"delete", "old", "current", ""},
			{"delete", "old", "*", ""},
			{"delete", "old", stale, precondition},
			{"delete", "New", "", kind.missing},
		} {
			t.Run(kind.path+" "+test.mode+" "+test.id+" "+test.etag, func(t *testing.T) {
				t.Parallel()
				s := newTester(t)
				s.do(200, "PUT", kind.path+"/old", item(kind.member, "old", ""))
				before := s.get(kind.path + "/old")["etag"].(string)
				etag := strings.Replace(test.etag, "current", before, 1)
				body := fmt.Sprintf(`{%q:[%s],"mode":%q}`, kind.list, item(kind.member, test.id, etag), test.mode)
				got := s.do(200, "POST", kind.path, body).Body.String()
				if test.failure == "" {
					require.Equal(t, `{"errors":[],"isSuccessful":true}`, got)
				} else {
					require.Equal(t, fmt.Sprintf(`{"errors":[{%q:%q,"errorCode":%s}],"isSuccessful":false}`, kind.member, test.id, test.failure), got)
				}
				switch {
				case test.mode == "delete" && test.failure == "":
					s.do(404, "GET", kind.path+"/old", "")
				case strings.EqualFold(test.id, "old") && test.failure == "":
					require.NotEqual(t, before, s.get(kind.path + "/old")["etag"])
				case test.failure == "":
					s.do(200, "GET", kind.path+"/"+test.id, "")
				default:
					require.Equal(t, before, s.get(kind.path + "/old")["etag"])
				}
			})
		}
	}
}

func TestBulkGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.do(200, "PUT", "/enrollments/b", symmetric("b"))
	got := s.do(200, "POST", "/enrollments", `{"mode":"create","enrollments":[`+strings.Join([]string{
		symmetric("a"), symmetric("b"), `{"registrationId":"c","attestation":{"type":"tpm"}}`, symmetric("bad id"), `{"attestation":{"type":"symmetricKey"}}`, symmetric("d"),
	}, ",")+`]}`)
	var result struct {
		Errors []struct {
			RegistrationID string
			ErrorCode      int
			ErrorStatus    string
		}
		IsSuccessful bool
	}
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &result))
	require.False(t, result.IsSuccessful)
	require.Len(t, result.Errors, 4)
	for i, want := range []struct {
		id   string
		code int
		text string
	}{{"b", 409201, "exists"}, {"c", 400004, "attestation is required"}, {"bad id", 400004, "Invalid RegistrationId"}, {"", 400004, "Invalid RegistrationId"}} {
		require.Equal(t, want.id, result.Errors[i].RegistrationID)
		require.Equal(t, want.code, result.Errors[i].ErrorCode)
		require.Contains(t, result.Errors[i].ErrorStatus, want.text)
	}
	require.Equal(t, "enabled", s.get("/enrollments/a")["provisioningStatus"])
	s.do(200, "GET", "/enrollments/d", "")
}

func TestRefusedBulks(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		items := make([]string, n)
		for i := range items {
			items[i] = symmetric(fmt.Sprintf("d-%d", i))
		}
		return strings.Join(items, ",")
	}
	for _, test := range []struct{ name, body, message string }{
		{"eleven items", `{"enrollments":[` + many(11) + `],"mode":"create"}`, "at most 10"},
		{"an id twice", `{"enrollments":[` + symmetric("d-0") + "," + symmetric("D-0") + `],"mode":"create"}`, "twice"},
		{"unknown mode", `{"enrollments":[` + many(1) + `],"mode":"upsert"}`, "mode"},
		{"no mode", `{"enrollments":[` + many(1) + `]}`, "mode"},
		{"no items", `{"mode":"create"}`, "no enrollments"},
		{"other items", `{"enrollmentGroups":[` + many(1) + `],"mode":"create"}`, "no enrollments"},
		{"items not a list", `{"enrollments":{},"mode":"create"}`, "not valid"},
		{"item not an object", `{"enrollments":[` + symmetric("d-0") + `,5],"mode":"create"}`, "not valid"},
		{"no body", ``, "not valid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t)
			require.Contains(t, s.fail(400004, "POST", "/enrollments", test.body), test.message)
			s.fail(404201, "GET", "/enrollments/d-0", "")
		})
	}
	s := newTester(t)
	require.Equal(t, `{"errors":[],"isSuccessful":true}`, s.do(200, "POST", "/enrollments", `{"enrollments":[],"mode":"create"}`).Body.String())
	require.Equal(t, `{"errors":[],"isSuccessful":true}`, s.do(200, "POST", "/enrollments", `{"enrollments":[`+many(10)+`],"mode":"create"}`).Body.String())
}
