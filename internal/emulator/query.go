package emulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

// serveQuery returns a page of the records as a bare array. The text of the query is ignored, as the service does.
//
// Inferred: that a query without a body, or with any JSON for one, is a query.
func (c *collection) serveQuery(call *call) (any, error) {
	if len(call.body) > 0 && !json.Valid(call.body) {
		return nil, invalid("The body is not valid JSON.")
	}
	q, err := call.newQuery(c.itemType)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	records, end, more := c.records.order.page(q.after, q.limit)
	c.mu.RUnlock()
	page := make([]*enrollment, len(records))
	for i, record := range records {
		page[i] = call.show(record, false)
	}
	q.setHeaders(call.header, end, more)
	return page, nil
}

// query is a request for one page.
type query struct {
	itemType string
	scope    uint32 // what the continuation token is good for
	after    position
	limit    int
}

// newQuery reads the headers of a request for a page.
//
// Inferred: that a page size beyond the largest is taken for that, and that one below 0 or not a number is refused.
func (c *call) newQuery(itemType string) (q query, err error) {
	q = query{itemType: itemType, scope: scopeOf(itemType, c.id), limit: min(defaultPageSize, c.maxPageSize)}
	if text := c.request.Header.Get("x-ms-max-item-count"); text != "" {
		size, err := strconv.ParseInt(text, 10, 32)
		if err != nil || size < 0 {
			return q, invalid("Invalid x-ms-max-item-count")
		}
		if size > 0 {
			q.limit = min(int(size), c.maxPageSize)
		}
	}
	if text := c.request.Header.Get("x-ms-continuation"); text != "" {
		q.after, _, err = parseContinuation(text, q.scope)
	}
	return q, err
}

// setHeaders announces the page, and where the next one starts if there is one.
func (q *query) setHeaders(header http.Header, end position, more bool) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("x-ms-item-type", q.itemType)
	if more {
		header.Set("x-ms-continuation", newContinuation(q.scope, end, 1))
	}
}

// continuation is what a token is the base64 of: a list of one. It looks like the service's and holds a position only,
// so that it does not depend on the page size, nor on any record.
type continuation struct {
	Token string `json:"token"`
	Range struct {
		Min string `json:"min"`
		Max string `json:"max"`
	} `json:"range"`
}

const continuationFormat = "+RID:~%08x%016x#RT:%d#TRC:0#ISV:2"

// newContinuation makes a token. Tokens of different rounds continue at the same place.
func newContinuation(scope uint32, after position, round int) string {
	var c continuation
	c.Token = fmt.Sprintf(continuationFormat, scope, after.number, round)
	c.Range.Min, c.Range.Max = fmt.Sprintf("%02X", after.part), fmt.Sprintf("%02X", after.part+1)
	text, _ := encode([]continuation{c}) // strings, which never fail
	return base64.StdEncoding.EncodeToString(text)
}

// parseContinuation reads a token that newContinuation made for this scope, and refuses every other.
func parseContinuation(token string, scope uint32) (after position, round int, err error) {
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return after, 0, errContinuation
	}
	var list []continuation
	if json.Unmarshal(text, &list) != nil || len(list) != 1 {
		return after, 0, errContinuation
	}
	var madeFor uint32
	if _, err := fmt.Sscanf(list[0].Token, continuationFormat, &madeFor, &after.number, &round); err != nil {
		return after, 0, errContinuation
	}
	part, err := strconv.ParseUint(list[0].Range.Min, 16, 8)
	after.part = int(part)
	if err != nil || part >= partitions || madeFor != scope || newContinuation(scope, after, round) != token {
		return after, 0, errContinuation
	}
	return after, round, nil
}

// scopeOf names the list that a query pages through.
func scopeOf(itemType, id string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(itemType + "/" + strings.ToLower(id))) // never fails
	return hash.Sum32()
}

// AnotherToken returns a continuation token that differs from the one of a query and continues at the same place; for a
// query without one, that is the start.
func AnotherToken(r *http.Request) (string, error) {
	operation, id := Match(r)
	itemType, ok := itemTypes[operation]
	if !ok {
		return "", fmt.Errorf("emulator: %s %s is not a query", r.Method, r.URL.Path)
	}
	scope := scopeOf(itemType, id)
	token := r.Header.Get("x-ms-continuation")
	if token == "" {
		return newContinuation(scope, position{}, 1), nil
	}
	after, round, err := parseContinuation(token, scope)
	if err != nil {
		return "", err
	}
	return newContinuation(scope, after, round+1), nil
}

// itemTypes are what the queries return.
var itemTypes = map[Operation]string{
	IndividualEnrollmentQuery:    "Enrollment",
	EnrollmentGroupQuery:         "EnrollmentGroup",
	DeviceRegistrationStateQuery: "DeviceRegistration",
}
