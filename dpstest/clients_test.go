package dpstest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

// crowd is many clients of one server, and what they were told.
type crowd struct {
	t       *testing.T
	srv     *dpstest.Server
	service *service

	mu      sync.Mutex
	etags   map[string]bool // of all writes
	wins    map[string]int  // conditional writes by counter
	created map[string]int  // creations of ids that all fight for
	deleted map[string]int
}

func (c *crowd) note(counts map[string]int, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts[id]++
}

// written is a record as the answer to a write shows it.
type written struct {
	RegistrationID string `json:"registrationId"`
	ETag           string `json:"etag"`
	InitialTwin    struct {
		Tags struct{ Count int } `json:"tags"`
	} `json:"initialTwin"`
}

// write notes the etag of an answer to a write, which nobody may have got before.
func (c *crowd) write(body []byte) (record written) {
	assert.NoError(c.t, json.Unmarshal(body, &record), "%s", body)
	c.mu.Lock()
	defer c.mu.Unlock()
	assert.Len(c.t, record.ETag, 52)
	assert.False(c.t, c.etags[record.ETag], "%s was the etag of another write", record.ETag)
	c.etags[record.ETag] = true
	return record
}

// client is one of a crowd.
type client struct {
	*crowd
	number int
}

// send sends a request that must be answered with one of the statuses, under If-Match if that is not empty.
func (c *client) send(method, path, body, ifMatch string, statuses ...int) *answer {
	one := *c.service
	one.header = http.Header{}
	if ifMatch != "" {
		one.header.Set("If-Match", ifMatch)
	}
	got, err := one.try(context.Background(), method, path, body)
	if !assert.NoError(c.t, err) {
		return &answer{Response: &http.Response{}}
	}
	assert.NoError(c.t, got.err)
	assert.Contains(c.t, statuses, got.StatusCode, "%s %s: %s", method, path, got.body)
	return got
}

func enrollment(id string, count int) string {
	return fmt.Sprintf(`{"registrationId":%q,"attestation":{"type":"symmetricKey"},"initialTwin":{"tags":{"count":%d}}}`, id, count)
}

// count adds one to a counter that others add to, too, and tries again until nobody came between.
func (c *client) count(id string) {
	path := "/enrollments/" + id
	for range 3 {
		var seen written
		assert.NoError(c.t, json.Unmarshal(c.send("GET", path, "", "", 200).body, &seen))
		put := c.send("PUT", path, enrollment(id, seen.InitialTwin.Tags.Count+1), seen.ETag, 200, 412)
		if put.StatusCode == 200 {
			c.write(put.body)
			c.note(c.wins, id)
			return
		}
	}
}

// fight creates and deletes what the others create and delete, too.
func (c *client) fight(id string) {
	put := c.send("PUT", "/enrollments/"+id, enrollment(id, 0), "", 200, 409)
	if put.StatusCode == 200 {
		c.write(put.body)
		c.note(c.created, id)
	}
	if c.number%3 == 0 && c.send("DELETE", "/enrollments/"+id, "", "", 204, 404).StatusCode == 204 {
		c.note(c.deleted, id)
	}
}

// own writes records that are the client's alone, so that everything succeeds: "keep" stays, "drop" goes.
func (c *client) own(round int) {
	keep, drop := fmt.Sprintf("keep-%d-%d", c.number, round), fmt.Sprintf("drop-%d-%d", c.number, round)
	for _, id := range []string{keep, drop} {
		first := c.write(c.send("PUT", "/enrollments/"+id, enrollment(id, 0), "", 200).body)
		next := c.write(c.send("PUT", "/enrollments/"+id, enrollment(id, 1), first.ETag, 200).body)
		c.send("DELETE", "/enrollments/"+id, "", first.ETag, 412)
		if id == drop {
			c.send("DELETE", "/enrollments/"+id, "", next.ETag, 204)
		}
	}
	bulk := func(mode string, ids ...string) {
		items := make([]string, len(ids))
		for i, id := range ids {
			items[i] = enrollment(id, 0)
		}
		got := c.send("POST", "/enrollments", `{"mode":"`+mode+`","enrollments":[`+strings.Join(items, ",")+`]}`, "", 200)
		assert.Equal(c.t, `{"errors":[],"isSuccessful":true}`, string(got.body))
	}
	bulk("create", keep+"-bulk", drop+"-bulk")
	bulk("delete", drop+"-bulk")
}

// register registers a device of the group, and deletes the registration of another.
func (c *client) register(round int) {
	keep, drop := fmt.Sprintf("dev-%d", c.number), fmt.Sprintf("gone-%d-%d", c.number, round)
	for _, id := range []string{keep, drop} {
		path := c.srv.IDScope() + "/registrations/" + id
		one := *c
		signed := *c.service
		signed.sign = func() string { return sas(path, "registration", derived(id), time.Now().Add(time.Hour)) }
		one.crowd = &crowd{t: c.t, service: &signed}
		var told registered
		assert.NoError(c.t, json.Unmarshal(one.send("PUT", "/"+path+"/register", "", "", 202).body, &told))
		assert.NoError(c.t, json.Unmarshal(one.send("GET", "/"+path+"/operations/"+told.OperationID, "", "", 200).body, &told))
		assert.Equal(c.t, "assigned", told.Status)
		state := c.send("GET", "/registrations/"+id, "", "", 200)
		assert.Equal(c.t, told.RegistrationState.ETag, c.write(state.body).ETag)
	}
	c.send("DELETE", "/registrations/"+drop, "", "", 204)
}

// walk reads all pages of a query and returns how often it saw each id.
func (c *client) walk(path string) map[string]int {
	seen := map[string]int{}
	one := *c.service
	one.header = http.Header{"X-Ms-Max-Item-Count": {fmt.Sprint(30 + c.number)}}
	for {
		got, err := one.try(context.Background(), "POST", path, "")
		if !assert.NoError(c.t, err) || !assert.Equal(c.t, 200, got.StatusCode, "%s", got.body) {
			return seen
		}
		var page []written
		assert.NoError(c.t, json.Unmarshal(got.body, &page))
		for _, record := range page {
			seen[record.RegistrationID]++
		}
		token := got.Header.Get("x-ms-continuation")
		if token == "" {
			return seen
		}
		one.header = http.Header{"X-Ms-Continuation": {token}}
	}
}

func TestHundredClients(t *testing.T) {
	t.Parallel()
	const clients, rounds = 100, 2
	srv := dpstest.NewUnstartedServer(nil)
	t.Cleanup(srv.Close)
	load(t, srv, `{"enrollmentGroupId":"g",`+keyed+`}`, enrollment("counter-0", 0), enrollment("counter-1", 0))
	c := &crowd{
		t: t, srv: srv, service: connect(t, srv, srv.Transport(), time.Now),
		etags: map[string]bool{}, wins: map[string]int{}, created: map[string]int{}, deleted: map[string]int{},
	}
	var group sync.WaitGroup
	for number := range clients {
		one := &client{crowd: c, number: number}
		group.Go(func() {
			for round := range rounds {
				steps := []func(){
					func() { one.count(fmt.Sprintf("counter-%d", number%2)) },
					func() { one.fight(fmt.Sprintf("fight-%d", round)) },
					func() { one.own(round) },
					func() { one.register(round) },
				}
				for _, step := range rand.Perm(len(steps)) {
					steps[step]()
				}
			}
			if number%5 == 0 {
				one.checkWalk(rounds)
			}
		})
	}
	group.Wait()
	c.checkStore(clients, rounds)
}

// checkWalk pages through the enrollments while others write: no record comes twice, and none that stays is missed.
func (c *client) checkWalk(rounds int) {
	seen := c.walk("/enrollments/query")
	for id, times := range seen {
		if !strings.HasPrefix(id, "fight-") { // one that is created anew has a new place
			assert.Equal(c.t, 1, times, id)
		}
	}
	for round := range rounds {
		keep := fmt.Sprintf("keep-%d-%d", c.number, round)
		assert.Equal(c.t, 2, seen[keep]+seen[keep+"-bulk"], keep)
	}
}

// checkStore compares what is left with what the clients were told.
func (c *crowd) checkStore(clients, rounds int) {
	var dump strings.Builder
	require.NoError(c.t, c.srv.Dump(&dump))
	last := map[string]bool{}
	enrollments, registrations := map[string]int{}, map[string]int{}
	for line := range strings.Lines(dump.String()) {
		var record written
		require.NoError(c.t, json.Unmarshal([]byte(line), &record))
		require.False(c.t, last[record.ETag], "two records have the etag %s", record.ETag)
		last[record.ETag] = true
		switch {
		case strings.Contains(line, `"status"`):
			registrations[record.RegistrationID]++
		case record.RegistrationID != "":
			enrollments[record.RegistrationID]++
			if strings.HasPrefix(record.RegistrationID, "counter-") {
				require.Equal(c.t, c.wins[record.RegistrationID], record.InitialTwin.Tags.Count, "an update was lost")
			}
		}
	}
	require.Positive(c.t, c.wins["counter-0"])
	want := 2 + 2*clients*rounds // the counters, and what each client keeps
	for round := range rounds {
		id := fmt.Sprintf("fight-%d", round)
		left := c.created[id] - c.deleted[id]
		require.Equal(c.t, left, enrollments[id], "%d creations and %d deletions succeeded", c.created[id], c.deleted[id])
		want += left
	}
	require.Len(c.t, enrollments, want)
	require.Len(c.t, registrations, clients)

	one := &client{crowd: c}
	require.Equal(c.t, enrollments, one.walk("/enrollments/query"), "paging sees each record once")
	require.Equal(c.t, registrations, one.walk("/registrations/g/query"))
}
