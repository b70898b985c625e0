package emulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// add writes records with ids from a format and numbers.
func (s *tester) add(format string, from, to int) (ids []string) {
	s.t.Helper()
	for i := from; i < to; i++ {
		id := fmt.Sprintf(format, i)
		ids = append(ids, id)
		s.do(200, "PUT", "/enrollments/"+id, symmetric(id))
	}
	return ids
}

// page reads one page; size 0 means the default.
func (s *tester) page(path, token string, size int) (ids []string, next string) {
	s.t.Helper()
	r := s.request("POST", path, "")
	if size > 0 {
		r.Header.Set("x-ms-max-item-count", strconv.Itoa(size))
	}
	if token != "" {
		r.Header.Set("x-ms-continuation", token)
	}
	w := send(s, r)
	require.Equal(s.t, 200, w.Code, "%s", w.Body)
	require.Equal(s.t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	require.Empty(s.t, w.Header().Get("x-ms-max-item-count"))
	var items []struct{ RegistrationID, EnrollmentGroupID string }
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &items))
	for _, item := range items {
		ids = append(ids, item.RegistrationID+item.EnrollmentGroupID)
	}
	return ids, w.Header().Get("x-ms-continuation")
}

// pages reads all pages and returns their sizes.
func (s *tester) pages(path string, size int) (ids []string, sizes []int) {
	s.t.Helper()
	token := ""
	for {
		page, next := s.page(path, token, size)
		ids, sizes = append(ids, page...), append(sizes, len(page))
		if next == "" {
			return ids, sizes
		}
		token = next
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	empty := s.do(200, "POST", "/enrollments/query", `{"query":"SELECT *"}`)
	require.Equal(t, "[]", empty.Body.String())
	require.Equal(t, "Enrollment", empty.Header().Get("x-ms-item-type"))
	require.NotContains(t, empty.Header(), "X-Ms-Continuation")
	require.Equal(t, "EnrollmentGroup", s.do(200, "POST", "/enrollmentGroups/query", "").Header().Get("x-ms-item-type"))
	require.Equal(t, "DeviceRegistration", s.do(200, "POST", "/registrations/g/query", "").Header().Get("x-ms-item-type"))

	all := s.add("device-%03d", 0, 150)
	for _, test := range []struct {
		size  int
		sizes []int
	}{
		{0, []int{100, 50}}, {50, []int{50, 50, 50}}, {75, []int{75, 75}}, {100, []int{100, 50}}, {149, []int{100, 50}}, {500, []int{100, 50}}, {40, []int{40, 40, 40, 30}},
	} {
		ids, sizes := s.pages("/enrollments/query", test.size)
		require.Equal(t, test.sizes, sizes, "page size %d", test.size)
		require.ElementsMatch(t, all, ids)
		require.False(t, slices.IsSorted(ids), "neither by id nor by time")
	}
	_, hundred := s.page("/enrollments/query", "", 100)
	_, fifty := s.page("/enrollments/query", "", 50)
	_, twice := s.page("/enrollments/query", fifty, 50)
	require.Equal(t, hundred, twice, "a token is a position and no more")

	for _, body := range []string{`{"query":"SELECT * FROM devices WHERE x = 1"}`, `{"query":""}`, `{}`, `"*"`, `{"query":"select *"}`} {
		var items []any
		require.NoError(t, json.Unmarshal(s.do(200, "POST", "/enrollments/query", body).Body.Bytes(), &items))
		require.Len(t, items, 100, "the text is ignored")
	}
	require.Len(t, object(t, s.do(200, "GET", "/enrollments/device-001", ""))["registrationState"], 2)
	require.NotContains(t, s.do(200, "POST", "/enrollments/query", "").Body.String(), "registrationState")
}

func TestMaxPageSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		largest int
		sizes   []int // for sizes of 0, 7 and 1000
	}{{5, []int{5, 5, 5}}, {1000, []int{100, 7, 120}}} {
		s := newTester(t, func(c *Config) { c.MaxPageSize = test.largest })
		s.add("%d", 0, 120)
		for i, size := range []int{0, 7, 1000} {
			page, _ := s.page("/enrollments/query", "", size)
			require.Len(t, page, test.sizes[i])
		}
	}
}

func TestBadPageHeaders(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.add("%d", 0, 3)
	_, token := s.page("/enrollments/query", "", 1)
	for _, size := range []string{"-1", "x", "1.5", "99999999999"} {
		s.fail(400004, "POST", "/enrollments/query", "", with("x-ms-max-item-count", size))
	}
	s.do(200, "POST", "/enrollments/query", "", with("x-ms-max-item-count", "0"))
	text, err := base64.StdEncoding.DecodeString(token)
	require.NoError(t, err)
	require.Regexp(t, `^\[\{"token":"\+RID:~[0-9a-f]{24}#RT:1#TRC:0#ISV:2","range":\{"min":"[0-9A-F]{2}","max":"[0-9A-F]{2}"\}\}\]$`, string(text))
	edited := func(before, after string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(text), before, after, 1)))
	}
	for _, bad := range []string{
		"x", "e30=", "W10=", edited("RT:1", "RT:x"), edited("#RT", "#RU"), edited(`"min":"`, `"min":"F`), edited(`"min":"`, `"min":"Z`),
		edited(`"max":"`, `"max":"1`), edited("~", "~f"), edited("[", " ["), token + "=", token[:len(token)-1],
	} {
		s.fail(400000, "POST", "/enrollments/query", "", with("x-ms-continuation", bad))
	}
	s.fail(400000, "POST", "/enrollmentGroups/query", "", with("x-ms-continuation", token))
	s.fail(400000, "POST", "/registrations/g/query", "", with("x-ms-continuation", token))
	s.do(200, "POST", "/enrollments/query", "", with("x-ms-continuation", token))
}

func TestPagingWhileRecordsComeAndGo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s, random := newTester(t), rand.New(rand.NewPCG(seed, 0))
			stay := s.add("stay-%03d", 0, 60)
			gone := s.add("gone-%03d", 0, 200)
			var seen []string
			token := ""
			for page := 0; ; page++ {
				ids, next := s.page("/enrollments/query", token, 7)
				again, same := s.page("/enrollments/query", token, 7)
				require.Equal(t, ids, again, "a token can be used twice")
				require.Equal(t, next, same)
				seen = append(seen, ids...)
				if token = next; token == "" {
					break
				}
				for range min(15, len(gone)) {
					i := random.IntN(len(gone))
					s.do(204, "DELETE", "/enrollments/"+gone[i], "")
					gone = slices.Delete(gone, i, i+1)
				}
				s.add(fmt.Sprintf("new-%d-%%d", page), 0, 3)
				id := stay[random.IntN(len(stay))]
				s.do(200, "PUT", "/enrollments/"+id, symmetric(id), with("If-Match", "*"))
			}
			counts := map[string]int{}
			for _, id := range seen {
				counts[id]++
				require.Equal(t, 1, counts[id], "%s came twice", id)
			}
			for _, id := range stay {
				require.Equal(t, 1, counts[id], "%s was skipped", id)
			}
		})
	}
}

func TestTokenOfDeletedRecord(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	all := s.add("%d", 0, 40)
	first, token := s.page("/enrollments/query", "", 10)
	for _, id := range first {
		s.do(204, "DELETE", "/enrollments/"+id, "")
	}
	rest, next := s.page("/enrollments/query", token, 100)
	require.Empty(t, next)
	require.ElementsMatch(t, all, append(first, rest...))
	for _, id := range rest {
		s.do(204, "DELETE", "/enrollments/"+id, "")
	}
	rest, next = s.page("/enrollments/query", token, 100)
	require.Empty(t, rest)
	require.Empty(t, next)
}

func TestAnotherToken(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	s.add("%d", 0, 5)
	all, _ := s.page("/enrollments/query", "", 0)
	query := func(token string) string {
		t.Helper()
		another, err := AnotherToken(s.request("POST", "/enrollments/query", "", with("x-ms-continuation", token)))
		require.NoError(t, err)
		require.NotEqual(t, token, another)
		return another
	}
	start := query("")
	got, _ := s.page("/enrollments/query", start, 0)
	require.Equal(t, all, got)
	first, token := s.page("/enrollments/query", query(start), 2)
	rest, _ := s.page("/enrollments/query", query(token), 0)
	require.Equal(t, all, append(first, rest...))

	_, err := AnotherToken(httptest.NewRequest("GET", "/enrollments/a", nil))
	require.ErrorContains(t, err, "not a query")
	_, err = AnotherToken(s.request("POST", "/enrollments/query", "", with("x-ms-continuation", "x")))
	require.ErrorIs(t, err, errContinuation)
}

func TestIndexForgetsDeletedRows(t *testing.T) {
	t.Parallel()
	records := newTable[int]()
	for i := range 10_000 {
		records.put(strconv.Itoa(i), &i)
	}
	for i := range 9_990 {
		require.NotNil(t, records.delete(strconv.Itoa(i)))
	}
	require.Nil(t, records.delete("0"))
	require.Equal(t, 10, records.len())
	require.Len(t, records.order.all(), 10)
	for _, part := range records.order.parts {
		require.Less(t, len(part.rows), 40)
	}
}

func TestGroupForgetsDeletedRegistrations(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	for i := range 2000 {
		id := strconv.Itoa(i)
		s.load(inGroup(fmt.Sprintf(assigned, id), "g"))
		s.do(204, "DELETE", "/registrations/"+id, "")
	}
	for _, part := range s.handler.store.groupOrder("g").parts {
		require.Less(t, len(part.rows), 40)
	}
}
