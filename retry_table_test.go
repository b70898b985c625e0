package azdps_test

import (
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// ending is what a caller is told of a call that went wrong.
type ending string

const (
	refusal ending = ""          // the error of the last try
	success ending = "success"   // no error
	unknown ending = "unknown"   // that error, and it matches ErrOutcomeUnknown
	settled ending = "settled"   // success if the record is found as it was sent, else unknown
	partly  ending = "see below" // TestBulkAfterLostAnswer
)

// retried is a cell of a table of what is retried.
type retried struct {
	tries int
	ending
}

func (r retried) String() string {
	text := strconv.Itoa(r.tries) + " tries"
	if r.tries == 1 {
		text = "1 try"
	}
	if r.ending != refusal {
		text += ", " + string(r.ending)
	}
	return text
}

// retryColumns are the classes of operations that the documentation tells apart.
var retryColumns = []string{"reads", "CreateOrUpdate, Delete", "RunBulkOperation", "Update"}

// same is a row with the same for every class.
func same(tries int) [4]retried {
	return [4]retried{{tries: tries}, {tries: tries}, {tries: tries}, {tries: tries}}
}

// open is a row that leaves the outcome of a write open.
func open(tries, bulk int) [4]retried {
	return [4]retried{{tries: tries}, {tries, unknown}, {bulk, unknown}, {tries, settled}}
}

func statuses(codes ...int) map[string]answer {
	answers := map[string]answer{}
	for _, code := range codes {
		answers[strconv.Itoa(code)] = reply(code, `{"errorCode":`+strconv.Itoa(code)+`001,"message":"No."}`)
		answers[strconv.Itoa(code)+" with HTML"] = reply(code, "<html>", "Content-Type", "text/html")
	}
	return answers
}

// breaking are answers that end too soon, and so are no ResponseError.
func breaking(codes ...int) map[string]answer {
	answers := map[string]answer{}
	for _, code := range codes {
		for name, body := range map[string]string{"at once": "", "later": `{"`} {
			answers[name+" "+strconv.Itoa(code)] = func(r *http.Request) (*http.Response, error) {
				resp, err := breaksOff(body)(r)
				resp.StatusCode = code
				return resp, err
			}
		}
	}
	return answers
}

// oversize are answers that are too large, or say so.
func oversize(codes ...int) map[string]answer {
	answers := map[string]answer{}
	for _, code := range codes {
		answers["read "+strconv.Itoa(code)] = reply(code, strings.Repeat(" ", maxBody+1))
		answers["announced "+strconv.Itoa(code)] = func(r *http.Request) (*http.Response, error) {
			resp, err := announced(maxBody + 1)(r)
			resp.StatusCode = code
			return resp, err
		}
	}
	return answers
}

// noConnection fails before anything is sent.
var noConnection = map[string]answer{
	"refused": fails(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), "no such host": fails(&net.DNSError{Err: "no such host"}),
}

// lostConnection fails when the service may have the request.
var lostConnection = map[string]answer{
	"reset before it is read": fails(&net.OpError{Op: "write", Err: syscall.ECONNRESET}), "reset after it is read": fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET}),
	"closed": fails(io.EOF),
}

// retryTable is what becomes of a call whose tries all meet the same fault, as doc.go has it.
var retryTable = []struct {
	fault   string
	answers map[string]answer
	cells   [4]retried
}{
	{"408, 429 or 503", statuses(408, 429, 503), same(4)},
	{"408, 429 or 503 with a Retry-After above 60 s", map[string]answer{
		"408": reply(408, "", "Retry-After", "61"), "429": reply(429, "", "Retry-After", "61"), "503": reply(503, "", "Retry-After", "3600"),
	}, same(1)},
	{"500, 502 or 504", statuses(500, 502, 504), open(4, 4)},
	{"another open 5xx", statuses(507, 508, 511, 520, 524, 598, 599), open(1, 1)},
	{"412", statuses(412), [4]retried{{tries: 1}, {tries: 1}, {tries: 1}, {tries: 6}}},
	{"another status of 300 and above", statuses(300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 417, 422, 431, 451, 501, 505), same(1)},
	{"a success that the service does not have, as 202", statuses(202, 203, 205, 206), open(1, 1)},
	{"no connection", noConnection, same(4)},
	{"a connection that ends before the answer", lostConnection, open(4, 4)},
	{"no answer within TryTimeout", map[string]answer{"hangs": hangs}, open(4, 4)},
	{"a body of 2xx or an open 5xx that breaks off", breaking(200, 201, 202, 204, 500, 502, 504, 524), open(4, 1)},
	{"a body of another status that breaks off", breaking(301, 400, 401, 404, 409, 412, 429, 501, 503), [4]retried{{tries: 4}, {tries: 4}, {tries: 1}, {tries: 4}}},
	{"a body of 2xx or an open 5xx above MaxResponseBody", oversize(200, 201, 202, 500, 502, 504, 524), open(1, 1)},
	{"a body of another status above MaxResponseBody", oversize(301, 400, 401, 404, 409, 412, 429, 501, 503), same(1)},
	{"a success that is not JSON of the service", map[string]answer{
		"HTML": reply(200, "<html>", "Content-Type", "text/html"), "half": reply(200, "[{"), "two": reply(200, "{}[]"), "of somebody else": reply(200, `{"error":"log in"}`),
	}, open(1, 1)},
}

// lostTable is what becomes of a write after a try whose answer was lost, by the answer to the next, as doc.go has it.
var lostTable = []struct {
	retry string
	last  map[string]answer // nil for the answer of success
	tries int
	cells [4]ending // of CreateOrUpdate, Delete, RunBulkOperation and Update
}{
	{"success", nil, 2, [4]ending{success, success, success, success}},
	{"404", statuses(404), 2, [4]ending{unknown, success, unknown, settled}},
	{"409 or 412", statuses(409, 412), 2, [4]ending{unknown, unknown, unknown, settled}},
	{"another status that is not retried", statuses(400, 401, 403), 2, [4]ending{unknown, unknown, unknown, settled}},
	{"408, 429 or 503 to the end", statuses(408, 429, 503), 4, [4]ending{unknown, unknown, unknown, settled}},
	{"no connection to the end", noConnection, 4, [4]ending{unknown, unknown, unknown, settled}},
	{"a connection that ends, to the end", lostConnection, 4, [4]ending{unknown, unknown, unknown, settled}},
	{"success with items that were refused", nil, 2, [4]ending{"", "", partly, ""}},
}

var lostColumns = []string{"CreateOrUpdate", "Delete", "RunBulkOperation", "Update"}

// retryClasses are the operations of each column of retryTable, with and without a condition.
func retryClasses() map[string][]call {
	classes := map[string][]call{"reads": nil, "RunBulkOperation": nil, "Update": updateCalls, "CreateOrUpdate": nil, "Delete": nil}
	for _, operation := range append(append([]call(nil), calls...), conditionalCalls...) {
		class := map[callKind]string{readCall: "reads", putCall: "CreateOrUpdate", deleteCall: "Delete", bulkCall: "RunBulkOperation"}[operation.kind]
		classes[class] = append(classes[class], operation)
	}
	classes["CreateOrUpdate, Delete"] = append(append([]call(nil), classes["CreateOrUpdate"]...), classes["Delete"]...)
	return classes
}

// TestRetryTable lets every try of every operation meet every fault.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	for _, row := range retryTable {
		for name, every := range row.answers {
			for i, class := range retryColumns {
				runRetryCell(t, row.fault+": "+name, class, row.cells[i], statusOf(name), func(call) []answer { return []answer{every} })
			}
		}
	}
}

// statusOf is the status that the name of an answer begins with, or 0.
func statusOf(name string) int {
	number, _, _ := strings.Cut(name, " ")
	status, _ := strconv.Atoi(number)
	return status
}

// TestLostAnswerTable lets a try be lost in every way and the next meet every answer.
func TestLostAnswerTable(t *testing.T) {
	t.Parallel()
	lost := map[string]answer{"500": reply(500, ""), "502": reply(502, ""), "504": reply(504, ""), "hangs": hangs, "breaks off": breaksOff("{")}
	maps.Copy(lost, lostConnection)
	for _, row := range lostTable {
		last := row.last
		if last == nil {
			last = map[string]answer{"": nil}
		}
		for lostName, first := range lost {
			for lastName, next := range last {
				for i, class := range lostColumns {
					if class == "RunBulkOperation" && lostName == "breaks off" || row.cells[i] == partly || row.cells[i] == refusal {
						continue // it is not sent again, or TestBulkAfterLostAnswer has it
					}
					runRetryCell(t, row.retry+" "+lastName+" after "+lostName, class, retried{row.tries, row.cells[i]}, statusOf(lastName), func(operation call) []answer {
						if next == nil {
							return []answer{first, operation.ok()}
						}
						return []answer{first, next}
					})
				}
			}
		}
	}
}

// runRetryCell runs the operations of a class against a script.
func runRetryCell(t *testing.T, name, class string, want retried, status int, script func(call) []answer) {
	t.Helper()
	for _, operation := range retryClasses()[class] {
		for applied := range 2 {
			if applied == 1 && class != "Update" {
				continue
			}
			t.Run(name+"/"+operation.method+" "+operation.operation+[]string{"", " applied"}[applied], func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					transport := newScript(script(operation)...)
					client := clientOver(t, transport, func(o *azdps.ClientOptions) { o.MaxResponseBody = maxBody })
					if class == "Update" {
						client = clientOver(t, &updateService{script: transport, applied: applied == 1}, func(o *azdps.ClientOptions) { o.MaxResponseBody = maxBody })
					}
					err := operation.do(t.Context(), client)
					assert.Len(t, transport.sent(), want.tries)
					checkEnding(t, want.ending, status, applied == 1, err)
				})
			})
		}
	}
}

func checkEnding(t *testing.T, want ending, status int, applied bool, err error) {
	t.Helper()
	if want == settled {
		want = unknown
		if applied {
			want = success
		}
	}
	if want == success {
		require.NoError(t, err)
		return
	}
	require.Error(t, err)
	assert.Equal(t, want == unknown, isUnknown(err), "%v", err)
	assert.Equal(t, status != 0, azdps.HasStatusCode(err, status), "%v", err)
}
