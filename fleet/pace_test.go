package fleet_test

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestRefusedForLong has a service that throttles everything for an hour, and then works. The run waits, and goes on as fast as it may.
func TestRefusedForLong(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault dpstest.Fault
	}{
		{"at once", dpstest.Throttle(0)},
		{"a second", dpstest.Throttle(time.Second)},
		{"a minute", dpstest.Throttle(time.Minute)},
		{"no time", dpstest.Throttle(-1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				stop := server.Control(test.fault, &dpstest.ControlOptions{Times: -1})
				time.AfterFunc(time.Hour, stop)
				start := time.Now()
				outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), "create", devices(5000), nil))
				require.NoError(t, err)
				require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 5000}, results(outcomes))
				require.Less(t, time.Since(start), time.Hour+10*time.Minute)
			})
		})
	}
}

// TestUnreachable ends a run after a while, without a record that was not sent being told as anything.
func TestUnreachable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		client := clientOf(t, dpstest.NewUnstartedServer(nil), transporter(func(*http.Request) (*http.Response, error) { return nil, refused }))
		start := time.Now()
		outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", devices(1000), nil))
		require.ErrorIs(t, err, refused)
		require.Empty(t, outcomes)
		require.Greater(t, time.Since(start), 20*time.Second)
		require.Less(t, time.Since(start), 5*time.Minute)
	})
}

// TestReachableAgain survives a network that is away for a moment.
func TestReachableAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		start := time.Now()
		client := clientOf(t, server, transporter(func(r *http.Request) (*http.Response, error) {
			if away := time.Since(start); away > 2*time.Second && away < 15*time.Second {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			}
			return server.Transport().Do(r)
		}))
		outcomes, err := collect(fleet.Bulk(t.Context(), client, "create", devices(1000), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 1000}, results(outcomes))
	})
}

// TestThrottledTogether throttles many calls that are in flight at once; that counts as one reason to slow down.
func TestThrottledTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		start := time.Now()
		slow := after(2*time.Second, 2100*time.Millisecond, server.Transport())
		server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if minute := time.Since(start); minute > time.Minute && minute < 61*time.Second {
				dpstest.Throttle(time.Second)(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Times: -1})
		_, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, slow), "create", devices(20_000), nil))
		require.NoError(t, err)
		require.Less(t, time.Since(start), 2*time.Minute+30*time.Second)
	})
}
