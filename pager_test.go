package azdps_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func TestPages(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, want := l.withItems(t, 25)
		pager := l.pages(client, "", 10)
		var got []string
		var sizes []int
		for pager.more() {
			ids, token, err := pager.next(t.Context())
			require.NoError(t, err)
			assert.Equal(t, token != "", pager.more())
			got, sizes = append(got, ids...), append(sizes, len(ids))
		}
		assert.ElementsMatch(t, want, got)
		assert.Equal(t, []int{10, 10, 5}, sizes)
		for _, request := range server.Requests() {
			assert.Equal(t, []string{"10"}, request.Header["X-Ms-Max-Item-Count"], "on every page")
			assert.Equal(t, server.Requests()[0].Body, request.Body, "the same body on every page")
		}
		_, _, err := pager.next(t.Context())
		require.Error(t, err, "there are no more pages")
		assert.Len(t, server.Requests(), 3)
	})
}

func TestFullLastPage(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, want := l.withItems(t, 20)
		got, err := collect(l.all(t.Context(), client, 0, 10))
		require.NoError(t, err)
		assert.ElementsMatch(t, want, got)
		assert.Len(t, server.Requests(), 2)
	})
}

func TestPagerGoesOnInAnotherClient(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, _, want := l.withItems(t, 25)
		var got []string
		token := ""
		for range 3 {
			client := connect(t, server.ConnectionString(), server.Transport())
			ids, next, err := l.pages(client, token, 10).next(t.Context())
			require.NoError(t, err)
			got, token = append(got, ids...), next
		}
		assert.Empty(t, token)
		assert.ElementsMatch(t, want, got)
	})
}

func TestEmptyPageGoesOn(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, want := l.withItems(t, 15)
		server.Control(dpstest.EmptyPage(), &dpstest.ControlOptions{Times: 3})
		got, err := collect(l.all(t.Context(), client, 0, 10))
		require.NoError(t, err)
		assert.ElementsMatch(t, want, got)
		assert.Len(t, server.Requests(), 5)
	})
}

func TestEmptyList(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		_, client, _ := l.withItems(t, 0)
		ids, token, err := l.pages(client, "", 0).next(t.Context())
		require.NoError(t, err)
		assert.Empty(t, ids)
		assert.Empty(t, token)
		got, err := collect(l.all(t.Context(), client, 0, 0))
		require.NoError(t, err)
		assert.Empty(t, got)
	})
}

// TestRepeatedTokenEndsTheList follows tokens that lead in a circle.
func TestRepeatedTokenEndsTheList(t *testing.T) {
	tests := map[string]struct {
		start    string
		tokens   []string // that the pages answer with, again and again
		requests int
	}{
		"the token that was asked for":      {"token-a", []string{"token-a"}, 1},
		"the token of the page before":      {"", []string{"token-a"}, 2},
		"a cycle of two":                    {"", []string{"token-a", "token-b"}, 3},
		"a cycle of three":                  {"", []string{"token-a", "token-b", "token-c"}, 4},
		"a cycle that begins at the resume": {"token-a", []string{"token-b", "token-c", "token-a"}, 3},
	}
	t.Parallel()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			forEachList(t, func(t *testing.T, l lister) {
				var answers []answer
				for range 3 {
					for _, token := range test.tokens {
						answers = append(answers, reply(http.StatusOK, "[]", "X-Ms-Continuation", token))
					}
				}
				transport := newScript(answers...)
				pager := l.pages(clientOver(t, transport), test.start, 0)
				var err error
				for pager.more() {
					_, _, err = pager.next(t.Context())
				}
				require.ErrorContains(t, err, "repeated a continuation token")
				assert.NotContains(t, err.Error(), "token-")
				assert.Len(t, transport.sent(), test.requests)
			})
		})
	}
}

func TestRepeatedTokenOfTheService(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, _ := l.withItems(t, 15)
		server.Control(dpstest.RepeatToken(), &dpstest.ControlOptions{Times: -1})
		got, err := collect(l.all(t.Context(), client, 0, 10))
		require.ErrorContains(t, err, "repeated a continuation token")
		assert.Len(t, got, 10)
		assert.Len(t, server.Requests(), 2)
	})
}

func TestErrorEndsThePager(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, want := l.withItems(t, 15)
		pager := l.pages(client, "", 10)
		first, token, err := pager.next(t.Context())
		require.NoError(t, err)

		server.Control(dpstest.Respond(http.StatusForbidden, 403000, "No.", nil), nil)
		for range 2 {
			assert.Equal(t, err == nil, pager.more())
			_, _, err = pager.next(t.Context())
			require.True(t, azdps.HasStatusCode(err, http.StatusForbidden), "%v", err)
		}
		assert.False(t, pager.more())
		assert.Len(t, server.Requests(), 2)

		rest, _, err := l.pages(client, token, 10).next(t.Context())
		require.NoError(t, err, "a new pager starts at the last token")
		assert.ElementsMatch(t, want, append(first, rest...))
	})
}

func TestAllEndsWithItsError(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, _ := l.withItems(t, 15)
		server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("X-Ms-Continuation") != "" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Times: -1})
		count, errs := 0, 0
		for id, err := range l.all(t.Context(), client, 0, 10) {
			require.Zero(t, errs, "the error is the last")
			if err != nil {
				errs++
				require.True(t, azdps.HasStatusCode(err, http.StatusForbidden), "%v", err)
				require.Empty(t, id)
				continue // even if the loop goes on
			}
			count++
		}
		assert.Equal(t, 10, count)
		assert.Equal(t, 1, errs)
	})
}

func TestAllOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limit    int
		size     int32
		want     int
		requests int
		sent     []string // the page size that is asked for
	}{
		"everything":               {0, 0, 25, 3, nil},
		"pages":                    {0, 5, 25, 5, []string{"5"}},
		"some":                     {7, 0, 7, 1, []string{"7"}},
		"some of the first page":   {7, 8, 7, 1, []string{"7"}},
		"the first page":           {8, 8, 8, 1, []string{"8"}},
		"more than the first page": {9, 8, 9, 2, []string{"8"}},
		"more than the service":    {12, 0, 12, 2, []string{"12"}},
		"more than its default":    {110, 0, 25, 3, nil},
		"more than there is":       {1000, 100, 25, 3, []string{"100"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			forEachList(t, func(t *testing.T, l lister) {
				server, client, _ := l.withItems(t, 25)
				got, err := collect(l.all(t.Context(), client, test.limit, test.size))
				require.NoError(t, err)
				assert.Len(t, got, test.want)
				assert.Len(t, server.Requests(), test.requests)
				for _, request := range server.Requests() {
					assert.Equal(t, test.sent, request.Header["X-Ms-Max-Item-Count"])
				}
			})
		})
	}
}

func TestBreakStopsFetching(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, want := l.withItems(t, 25)
		items := l.all(t.Context(), client, 0, 10)
		assert.Empty(t, server.Requests(), "nothing is fetched before the loop")
		count := 0
		for _, err := range items {
			require.NoError(t, err)
			if count++; count == 10 {
				break
			}
		}
		assert.Len(t, server.Requests(), 1, "the second page is not needed")

		got, err := collect(items)
		require.NoError(t, err)
		assert.ElementsMatch(t, want, got, "a second loop starts again")
	})
}

func TestListOptionsThatMakeNoSense(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, _ := l.withItems(t, 1)
		_, _, err := l.pages(client, "", -1).next(t.Context())
		require.ErrorContains(t, err, "options.PageSize")
		_, _, err = l.pages(client, "secret\ntoken", 0).next(t.Context())
		require.ErrorContains(t, err, "options.ContinuationToken")
		assert.NotContains(t, err.Error(), "secret")
		_, err = collect(l.all(t.Context(), client, -1, 0))
		require.ErrorContains(t, err, "options.MaxItems")
		_, err = collect(l.all(t.Context(), client, 0, -1))
		require.ErrorContains(t, err, "options.PageSize")
		_, err = collect(l.all(t.Context(), client, 5, -1))
		require.ErrorContains(t, err, "options.PageSize")
		assert.Empty(t, server.Requests())

		_, _, err = l.pages(client, "made-up", 0).next(t.Context())
		assert.True(t, azdps.HasStatusCode(err, http.StatusBadRequest), "the service knows its tokens: %v", err)
	})
}

func TestRegistrationsOfNoGroup(t *testing.T) {
	t.Parallel()
	server, client := startService(t)
	pager := client.DeviceRegistrationStates().NewQueryPager("../enrollments", nil)
	_, err := pager.NextPage(t.Context())
	require.ErrorContains(t, err, "enrollmentGroupID")
	assert.False(t, pager.More())
	assert.Empty(t, server.Requests())
}

// TestListsWithoutOptions takes nil for them.
func TestListsWithoutOptions(t *testing.T) {
	t.Parallel()
	_, client := startService(t)
	enrollments, err := collect(mapIDs(client.IndividualEnrollments().All(t.Context(), nil), enrollmentID))
	require.NoError(t, err)
	assert.Equal(t, []string{"device-1"}, enrollments)
	groups, err := collect(mapIDs(client.EnrollmentGroups().All(t.Context(), nil), groupID))
	require.NoError(t, err)
	assert.Equal(t, []string{"group-1"}, groups)
	states, err := collect(mapIDs(client.DeviceRegistrationStates().All(t.Context(), "group-1", nil), stateID))
	require.NoError(t, err)
	assert.Equal(t, []string{"device-9"}, states)
}

// TestRecordsComeAndGoBetweenPages sees every record that is there all the time once.
func TestRecordsComeAndGoBetweenPages(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, stay := l.withItems(t, 30)
		for i := range 9 {
			l.load(t, server, "goes-"+strconv.Itoa(i))
		}
		seen := map[string]int{}
		pager := l.pages(client, "", 10)
		for page := 0; pager.more(); page++ {
			ids, _, err := pager.next(t.Context())
			require.NoError(t, err)
			for _, id := range ids {
				seen[id]++
			}
			for i := range 3 {
				l.load(t, server, fmt.Sprintf("comes-%d-%d", page, i))
				l.remove(t, client, "goes-"+strconv.Itoa(page%3*3+i))
			}
			require.Less(t, page, 20)
		}
		for _, id := range stay {
			assert.Equal(t, 1, seen[id], id)
		}
		for id, times := range seen {
			assert.Equal(t, 1, times, id)
		}
	})
}

// TestCancelledList ends between two pages.
func TestCancelledList(t *testing.T) {
	forEachList(t, func(t *testing.T, l lister) {
		server, client, _ := l.withItems(t, 25)
		server.Control(dpstest.Delay(time.Second), &dpstest.ControlOptions{Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		got, err := collect(l.all(ctx, client, 0, 10))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, got, 10)
		assert.Len(t, server.Requests(), 2)
	})
}
