package fleet_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// expiring finds certificates of records of either kind.
func expiring(ctx context.Context, member string, client *azdps.DeviceProvisioningClient, end time.Time, options *fleet.Options) iter.Seq2[fleet.Expiry, error] {
	if member == "registrationId" {
		return fleet.Expiring[azdps.IndividualEnrollment](ctx, client, end, options)
	}
	return fleet.Expiring[azdps.EnrollmentGroup](ctx, client, end, options)
}

// all takes everything from a sequence, and its error.
func all[T any](sequence iter.Seq2[T, error]) (list []T, err error) {
	for item, e := range sequence {
		if e != nil {
			return list, e
		}
		list = append(list, item)
	}
	return list, nil
}

func TestExpiring(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 2})
				today := time.Now().Truncate(time.Second)
				day := func(n int) time.Time { return today.Add(time.Duration(n) * 24 * time.Hour) }
				end := func(n int) tls.Certificate { return issue(t, "x", day(n)) }
				load(t, srv,
					certified(side.member, side.certificates, "both", end(3), end(5)),
					certified(side.member, side.certificates, "primary", end(-1), end(40)),
					certified(side.member, side.certificates, "secondary", end(40), end(29)),
					certified(side.member, side.certificates, "on-the-day", end(30)),
					certified(side.member, side.certificates, "none", end(31)),
					keyed(side.member, "keyed"),
					`{"`+side.member+`":"by-name","attestation":{"type":"x509","x509":{"caReferences":{"primary":"root"}}}}`,
					`{"`+side.member+`":"untold","attestation":{"type":"x509","x509":{"`+side.certificates+`":{"primary":{"info":{"sha256Thumbprint":"AB"}}}}}}`,
				)
				srv.Control(dpstest.Throttle(30*time.Second), nil)
				var last fleet.Progress
				found, err := all(expiring(t.Context(), side.member, clientOf(t, srv, nil), day(30), &fleet.Options{Progress: func(p fleet.Progress) { last = p }}))
				require.NoError(t, err)
				slices.SortFunc(found, func(a, b fleet.Expiry) int { return a.NotAfter.Compare(b.NotAfter) })
				for i := range found {
					require.True(t, found[i].NotAfter.Equal(day([]int{-1, 3, 5, 29}[i])))
					found[i].NotAfter = time.Time{}
				}
				require.Equal(t, []fleet.Expiry{{ID: "primary", Place: "primary"}, {ID: "both", Place: "primary"}, {ID: "both", Place: "secondary"}, {ID: "secondary", Place: "secondary"}}, found)
				require.EqualValues(t, 8, last.Done)
				require.Equal(t, 30*time.Second, last.Throttled)
				require.Len(t, srv.Requests(), 1+4, "one a page, and the one that was throttled")
			})
		})
	}
}

func TestExpiringEnds(t *testing.T) {
	t.Parallel()
	prepare := func(t *testing.T) (*dpstest.Server, *azdps.DeviceProvisioningClient) {
		srv := dpstest.NewUnstartedServer(&dpstest.Options{MaxPageSize: 5})
		certificate := issue(t, "x", time.Now().Add(time.Hour))
		var lines []string
		for i := range 50 {
			lines = append(lines, certified("registrationId", "clientCertificates", fmt.Sprintf("r-%d", i), certificate))
		}
		load(t, srv, strings.Join(lines, "\n"))
		return srv, clientOf(t, srv, nil)
	}
	t.Run("break", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, client := prepare(t)
			for range fleet.Expiring[azdps.IndividualEnrollment](t.Context(), client, time.Now().Add(2*time.Hour), nil) {
				break
			}
			require.Len(t, srv.Requests(), 1)
		})
	})
	t.Run("cancel", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, client := prepare(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var last error
			n := 0
			for _, err := range fleet.Expiring[azdps.IndividualEnrollment](ctx, client, time.Now().Add(2*time.Hour), nil) {
				if last = err; err == nil {
					n++
				}
				cancel()
			}
			require.ErrorIs(t, last, context.Canceled)
			require.Equal(t, 5, n)
		})
	})
	t.Run("refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, client := prepare(t)
			srv.Control(dpstest.Respond(401, 401002, "No.", nil), nil)
			found, err := all(fleet.Expiring[azdps.IndividualEnrollment](t.Context(), client, time.Now().Add(2*time.Hour), nil))
			require.True(t, azdps.HasStatusCode(err, http.StatusUnauthorized))
			require.Empty(t, found)
		})
	})
	t.Run("endless list", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, client := prepare(t)
			srv.Control(dpstest.RepeatToken(), &dpstest.ControlOptions{Times: -1})
			_, err := all(fleet.Expiring[azdps.IndividualEnrollment](t.Context(), client, time.Now().Add(2*time.Hour), nil))
			require.ErrorContains(t, err, "repeated a continuation token")
		})
	})
}
