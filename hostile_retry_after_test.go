package azdps_test

import (
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// retryAfter is what a server says about when to come back, and what a client makes of it.
var retryAfter = map[string]struct {
	header string
	date   time.Duration // the header is the date so far from now
	tries  int
	pause  time.Duration // 0 for the growing delays
}{
	"none":                          {tries: 4},
	"0":                             {header: "Retry-After: 0", tries: 4},
	"5":                             {header: "Retry-After: 5", tries: 4, pause: 5 * time.Second},
	"60":                            {header: "Retry-After: 60", tries: 4, pause: time.Minute},
	"61":                            {header: "Retry-After: 61", tries: 1},
	"3600":                          {header: "Retry-After: 3600", tries: 1},
	"negative":                      {header: "Retry-After: -5", tries: 4},
	"a date in the past":            {date: -time.Hour, tries: 4},
	"a date that is near":           {date: 20 * time.Second, tries: 4, pause: 20 * time.Second},
	"a date that is far":            {date: 61 * time.Second, tries: 1},
	"a date of another form":        {header: "Retry-After: 2000-01-01T00:00:20Z", tries: 4},
	"words":                         {header: "Retry-After: soon", tries: 4},
	"a fraction":                    {header: "Retry-After: 5.5", tries: 4},
	"empty":                         {header: "Retry-After: ", tries: 4},
	"two":                           {header: "Retry-After: 5\r\nRetry-After: 3600", tries: 4, pause: 5 * time.Second},
	"beyond all numbers":            {header: "Retry-After: 99999999999999999999", tries: 4},
	"milliseconds":                  {header: "X-Ms-Retry-After-Ms: 1500", tries: 4, pause: 1500 * time.Millisecond},
	"milliseconds that never end":   {header: "Retry-After-Ms: 3600000", tries: 1},
	"milliseconds that are no such": {header: "Retry-After-Ms: soon\r\nRetry-After: 5", tries: 4, pause: 5 * time.Second},
}

// TestRetryAfter lets every operation be throttled for ever.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		for name, test := range retryAfter {
			t.Run(strconv.Itoa(status)+" "+name, func(t *testing.T) {
				t.Parallel()
				forEachCall(t, func(t *testing.T, operation call) {
					w := newWire(func(p *peer) {
						for p.read() {
							header := test.header
							if test.date != 0 {
								header = "Retry-After: " + time.Now().Add(test.date).UTC().Format(http.TimeFormat)
							}
							if header == "" {
								header = jsonHeader
							}
							p.write(rawAnswer(status, `{"errorCode":429001,"message":"Slow down."}`, header))
						}
					})
					defer w.end(t)
					start := time.Now()
					err := operation.do(t.Context(), w.client(t))
					row := hostile{tries: test.tries, arrive: test.tries, pause: test.pause, status: status, text: "Slow down."}
					row.check(t, w, err, time.Since(start))
					assert.Len(t, w.addresses(), 1, "the connection is used again")
					if response, ok := errors.AsType[*azcore.ResponseError](err); ok && name == "3600" {
						require.Equal(t, "3600", response.RawResponse.Header.Get("Retry-After"), "the caller can see it")
					}
				})
			})
		}
	}
}
