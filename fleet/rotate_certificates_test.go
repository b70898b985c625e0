package fleet_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// certificatesOf are the names of the certificates that a server holds, which it must hold itself, not their info alone.
func certificatesOf(t *testing.T, srv *dpstest.Server, kind, id string) (names []string) {
	t.Helper()
	for _, place := range []string{"primary", "secondary"} {
		text, _ := at(stored(t, srv)[id], "attestation", "x509", kind, place, "certificate").(string)
		if text == "" {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(text)
		require.NoError(t, err)
		parsed, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		names = append(names, parsed.Subject.CommonName)
	}
	return names
}

func TestRotateCertificates(t *testing.T) {
	t.Parallel()
	for _, side := range sides {
		t.Run(side.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := dpstest.NewUnstartedServer(nil)
				end := time.Now().Add(time.Hour)
				a, b, c := issue(t, "a", end), issue(t, "b", end), issue(t, "c", end)
				load(t, srv,
					certified(side.member, side.certificates, "pair", a, b),
					certified(side.member, side.certificates, "single", a),
					certified(side.member, side.certificates, "is-next", a, c),
					certified(side.member, side.certificates, "is-further", c, a),
					certified(side.member, side.certificates, "without-next", a, b),
					certified(side.member, side.certificates, "refused", a, b),
					keyed(side.member, "keyed"),
					`{"`+side.member+`":"by-name","attestation":{"type":"x509","x509":{"caReferences":{"primary":"root"}}}}`,
					`{"`+side.member+`":"untold","attestation":{"type":"x509","x509":{"`+side.certificates+`":{"primary":{"info":{"sha1Thumbprint":"AB"}}}}}}`,
				)
				srv.Control(dpstest.Respond(400, 400004, "No.", nil), &dpstest.ControlOptions{Operation: side.put, ID: "refused"})
				client := clientOf(t, srv, nil)
				wanted := func(yield func(fleet.Certificate, error) bool) {
					for _, id := range []string{"pair", "single", "is-next", "is-further", "without-next", "refused", "keyed", "by-name", "untold", "missing"} {
						certificate := fleet.Certificate{ID: id, Next: c.Leaf}
						if id == "without-next" {
							certificate.Next = nil
						}
						if !yield(certificate, nil) {
							return
						}
					}
				}
				for run, changed := range []fleet.Result{fleet.ResultUpdated, fleet.ResultUnchanged} {
					byID := map[string]fleet.Outcome{}
					for _, outcome := range mustCollect(t, rotateCertificates(t.Context(), side.member, client, wanted, nil)) {
						byID[outcome.ID] = outcome
					}
					require.Equal(t, changed, byID["pair"].Result)
					require.Equal(t, changed, byID["single"].Result)
					require.Equal(t, fleet.ResultUnchanged, byID["is-next"].Result)
					require.Equal(t, fleet.ResultUnchanged, byID["is-further"].Result)
					require.EqualError(t, byID["without-next"].Err, "fleet: there is no next certificate for the record")
					require.EqualError(t, byID["keyed"].Err, "fleet: the record has no certificates")
					require.EqualError(t, byID["by-name"].Err, "fleet: the record refers to CA certificates by name, and has none of its own")
					require.ErrorContains(t, byID["untold"].Err, "no SHA-256 thumbprint")
					require.True(t, azdps.HasStatusCode(byID["missing"].Err, http.StatusNotFound))
					if run == 0 {
						require.True(t, azdps.HasCode(byID["refused"].Err, azdps.ErrorCodeInvalidArgument))
						require.Equal(t, []string{"a", "b"}, certificatesOf(t, srv, side.certificates, "refused"))
					}
					require.Equal(t, []string{"b", "c"}, certificatesOf(t, srv, side.certificates, "pair"))
					require.Equal(t, []string{"a", "c"}, certificatesOf(t, srv, side.certificates, "single"))
					require.Equal(t, []string{"a", "c"}, certificatesOf(t, srv, side.certificates, "is-next"))
					require.Equal(t, []string{"c", "a"}, certificatesOf(t, srv, side.certificates, "is-further"))
					require.Equal(t, []string{"a", "b"}, certificatesOf(t, srv, side.certificates, "without-next"))
				}
			})
		})
	}
}

func TestRotateCertificatesLetsDevicesIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		end := time.Now().Add(time.Hour)
		a, b, c := issue(t, "d", end), issue(t, "d", end), issue(t, "d", end)
		load(t, srv, certified("registrationId", "clientCertificates", "d", a, b))
		mustCollect(t, fleet.RotateCertificates[azdps.IndividualEnrollment](t.Context(), clientOf(t, srv, nil), seqOf(fleet.Certificate{ID: "d", Next: c.Leaf}), nil))
		for i, expected := range []int{http.StatusUnauthorized, http.StatusAccepted, http.StatusAccepted} {
			device := srv.DeviceTransport([]tls.Certificate{a, b, c}[i])
			require.Equal(t, expected, register(t, srv, device, "d", ""), "certificate %d", i)
		}
	})
}

func TestRotateCertificatesAfterFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		fault dpstest.Fault
		times int
	}{
		{"answer lost", dpstest.DropResponse(), 3},
		{"answer cut off", dpstest.Truncate(20), 1},
		{"request lost", dpstest.DropRequest(), 2},
		{"failed", dpstest.Respond(500, 500001, "Oops.", nil), 3},
		{"throttled", dpstest.Throttle(30 * time.Second), 2},
		{"changed", dpstest.Respond(412, 412001, "Changed.", nil), 2},
	}
	for _, side := range sides {
		for _, c := range cases {
			t.Run(side.name+" "+c.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := dpstest.NewUnstartedServer(nil)
					end := time.Now().Add(time.Hour)
					first, second, third := issue(t, "a", end), issue(t, "b", end), issue(t, "c", end)
					load(t, srv, certified(side.member, side.certificates, "r", first, second))
					srv.Control(c.fault, &dpstest.ControlOptions{Operation: side.put, Times: c.times})
					if c.name != "changed" { // which no read answers
						srv.Control(c.fault, &dpstest.ControlOptions{Operation: side.get, Times: c.times})
					}
					outcomes := mustCollect(t, rotateCertificates(t.Context(), side.member, clientOf(t, srv, nil), seqOf(fleet.Certificate{ID: "r", Next: third.Leaf}), nil))
					require.Equal(t, fleet.ResultUpdated, outcomes[0].Result)
					require.Equal(t, []string{"b", "c"}, certificatesOf(t, srv, side.certificates, "r"))
				})
			})
		}
	}
}

func TestRotateCertificatesLeavesOthersAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := dpstest.NewUnstartedServer(nil)
		end := time.Now().Add(time.Hour)
		a, b, c, x := issue(t, "a", end), issue(t, "b", end), issue(t, "c", end), issue(t, "x", end)
		load(t, srv, certified("registrationId", "clientCertificates", "r", a, b))
		client := clientOf(t, srv, nil)
		srv.Control(before(change(t, client, "r", func(e *azdps.IndividualEnrollment) {
			attestation, err := azdps.NewX509ClientAttestation(b.Leaf, x.Leaf)
			if err != nil {
				t.Error(err)
			}
			e.Attestation = attestation
		})), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate})
		outcomes := mustCollect(t, fleet.RotateCertificates[azdps.IndividualEnrollment](t.Context(), client, seqOf(fleet.Certificate{ID: "r", Next: c.Leaf}), nil))
		require.Equal(t, fleet.ResultConflict, outcomes[0].Result)
		require.ErrorContains(t, outcomes[0].Err, "somebody else changed the attestation")
		require.Equal(t, []string{"b", "x"}, certificatesOf(t, srv, "clientCertificates", "r"))
	})
}
