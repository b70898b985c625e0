package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// fast is a limiter that holds up no test.
func fast() fleet.Options { return fleet.Options{Limiter: fleet.NewLimiter(6_000_000)} }

// portable are records of which a service returns everything.
func portable(n int) (records []azdps.IndividualEnrollment) {
	for i := range n {
		record := device(fmt.Sprintf("device-%03d", i))
		switch i % 3 {
		case 1:
			record.Attestation = azdps.AttestationMechanism{Type: "tpm", TPM: &azdps.TPMAttestation{EndorsementKey: "AToA"}}
		case 2:
			record.Attestation = azdps.AttestationMechanism{Type: "x509", X509: &azdps.X509Attestation{CAReferences: &azdps.X509CAReferences{Primary: "ca"}}}
			record.InitialTwin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"n": json.Number("123456789012345678"), "s": "=1\n\"ü\""}}
			record.AllocationPolicy, record.IoTHubs = "static", []string{"hub.azure-devices.net"}
		}
		records = append(records, record)
	}
	return records
}

// holding returns a server with records.
func holding[T fleet.Record](t *testing.T, records ...T) *dpstest.Server {
	t.Helper()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	if len(records) > 0 {
		stock(t, server, records...)
	}
	return server
}

func stock[T fleet.Record](t *testing.T, server *dpstest.Server, records ...T) {
	t.Helper()
	outcomes, err := collect(fleet.Bulk(t.Context(), clientOf(t, server, nil), azdps.BulkOperationModeCreate, seqOf(records...), &fleet.BulkOptions{Options: fast()}))
	require.NoError(t, err)
	require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: len(records)}, results(outcomes), outcomes)
}

// contents are the records of a server by their ids, without what each service makes anew.
func contents(t *testing.T, server *dpstest.Server) map[string]string {
	t.Helper()
	var dump bytes.Buffer
	require.NoError(t, server.Dump(&dump))
	records := make(map[string]string)
	for line := range strings.Lines(dump.String()) {
		var record azdps.TwinCollection // keeps all digits
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		for _, name := range []string{"etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc"} {
			delete(record, name)
		}
		text, err := json.Marshal(record)
		require.NoError(t, err)
		id, ok := record["registrationId"]
		if !ok {
			id = record["enrollmentGroupId"]
		}
		records[id.(string)] = string(text)
	}
	return records
}

// requireEqualContents tells the first record that differs, and not all.
func requireEqualContents(t *testing.T, want, got map[string]string) {
	t.Helper()
	require.Len(t, got, len(want))
	for id := range want {
		require.Equal(t, want[id], got[id])
	}
}

// TestExportAndImport moves the records of a service to another through a file.
func TestExportAndImport(t *testing.T) {
	for _, f := range formats[azdps.IndividualEnrollment]() {
		t.Run(f.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				from, to := holding(t, portable(250)...), holding[azdps.IndividualEnrollment](t)
				var file bytes.Buffer
				options := &fleet.ExportOptions{Options: fast(), Keys: true}
				require.NoError(t, f.write(&file, fleet.Export[azdps.IndividualEnrollment](t.Context(), clientOf(t, from, nil), options)))
				records, err := readAll(f.read(&file))
				require.NoError(t, err)
				require.Len(t, records, 250)
				stock(t, to, records...)
				requireEqualContents(t, contents(t, from), contents(t, to))
			})
		})
	}
}

// TestExportGroups takes the keys of groups, and no certificates.
func TestExportGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		keys := group("keys")
		keys.Attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: testKey, SecondaryKey: testKey}
		server := holding(t, keys)
		for _, want := range []string{"", testKey} {
			options := &fleet.ExportOptions{Options: fast(), Keys: want != ""}
			groups, err := readAll(fleet.Export[azdps.EnrollmentGroup](t.Context(), clientOf(t, server, nil), options))
			require.NoError(t, err)
			require.Len(t, groups, 1)
			got := ""
			if groups[0].Attestation.SymmetricKey != nil {
				got = groups[0].Attestation.SymmetricKey.PrimaryKey
			}
			require.Equal(t, want, got)
		}
	})
}

// TestExportResumes stops after any page and goes on from its token.
func TestExportResumes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := clientOf(t, holding(t, portable(350)...), nil)
		export := func(token string, onPage func(string)) ([]azdps.IndividualEnrollment, error) {
			options := &fleet.ExportOptions{Options: fast(), ContinuationToken: token, OnPage: onPage}
			return readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options))
		}
		var tokens []string
		whole, err := export("", func(token string) { tokens = append(tokens, token) })
		require.NoError(t, err)
		require.Len(t, whole, 350)
		require.Len(t, tokens, 4)
		require.Empty(t, tokens[3])
		for i, token := range tokens[:3] {
			rest, err := export(token, nil)
			require.NoError(t, err)
			require.Equal(t, whole[100*(i+1):], rest)
		}
	})
}

// TestOnPageComesLast keeps the token back until the consumer has taken the last record of the page.
func TestOnPageComesLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		client := clientOf(t, holding(t, portable(120)...), nil)
		taken, pages := 0, []int{}
		options := &fleet.ExportOptions{Options: fast(), OnPage: func(string) { pages = append(pages, taken) }}
		for _, err := range fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options) {
			require.NoError(t, err)
			taken++
		}
		require.Equal(t, []int{100, 120}, pages)

		taken, pages = 0, []int{}
		for range fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options) {
			if taken++; taken == 100 {
				break
			}
		}
		require.Empty(t, pages)
	})
}

// TestExportIsPaced counts the operations of an export with keys and the time that they take.
func TestExportIsPaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(300)...)
		client := clientOf(t, server, after(100*time.Millisecond, 200*time.Millisecond, server.Transport()))
		before, start := len(server.Requests()), time.Now()
		var last fleet.Progress
		options := &fleet.ExportOptions{Keys: true, Options: fleet.Options{Total: 300, Progress: func(p fleet.Progress) { last = p }}}
		records, err := readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options))
		require.NoError(t, err)
		require.Len(t, records, 300)
		require.Equal(t, 3+100, len(server.Requests())-before, "a page each, and a read for each record with keys")
		require.InDelta(t, 6.3, time.Since(start).Seconds(), 1.5, "103 operations at 990 a minute")
		require.Equal(t, int64(300), last.Done)
		require.Zero(t, last.Failed)
	})
}

// TestExportKeepsOrder reads keys in any order and yields records in that of the pages.
func TestExportKeepsOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(200)...)
		client := clientOf(t, server, after(time.Millisecond, time.Second, server.Transport()))
		ids := func(keys bool) (list []string) {
			options := &fleet.ExportOptions{Options: fast(), Keys: keys}
			for record, err := range fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options) {
				require.NoError(t, err)
				list = append(list, record.RegistrationID)
			}
			return list
		}
		require.Equal(t, ids(false), ids(true))
	})
}

// TestExportOverFaults gets everything from a service that throttles and drops.
func TestExportOverFaults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(150)...)
		server.Control(dpstest.Throttle(2*time.Second), &dpstest.ControlOptions{Times: 2})
		server.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Times: 2})
		records, err := readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), clientOf(t, server, nil), &fleet.ExportOptions{Options: fast(), Keys: true}))
		require.NoError(t, err)
		require.Len(t, records, 150)
	})
}

// TestExportIsEndless follows a service whose third page leads back to the second.
func TestExportIsEndless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(350)...)
		var tokens []string
		loop := transporter(func(r *http.Request) (*http.Response, error) {
			const header = "X-Ms-Continuation"
			response, err := server.Transport().Do(r)
			if tokens = append(tokens, response.Header.Get(header)); len(tokens) == 3 {
				response.Header.Set(header, tokens[0])
			}
			return response, err
		})
		_, err := readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), clientOf(t, server, loop), nil))
		require.EqualError(t, err, "fleet: the service repeated a continuation token, so the list would never end")
	})
}

// TestExportCanceled ends with its context, in the midst of reading keys.
func TestExportCanceled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(120)...)
		client := clientOf(t, server, after(time.Second, 2*time.Second, server.Transport()))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := readAll(fleet.Export[azdps.IndividualEnrollment](ctx, client, &fleet.ExportOptions{Keys: true}))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// TestExportEnds with an error of the service, but not with a record that is gone.
func TestExportEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(120)...)
		client := clientOf(t, server, nil)
		export := func() ([]azdps.IndividualEnrollment, error) {
			return readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), client, &fleet.ExportOptions{Options: fast(), Keys: true}))
		}
		stop := server.Control(dpstest.Respond(http.StatusForbidden, 403000, "no", nil), &dpstest.ControlOptions{
			Operation: dpstest.OperationIndividualEnrollmentGetAttestationMechanism, ID: "device-003",
		})
		records, err := export()
		stop()
		require.True(t, azdps.HasStatusCode(err, http.StatusForbidden))
		require.ErrorContains(t, err, "fleet: the keys of device-003: ")
		require.Empty(t, records)

		stop = server.Control(dpstest.Respond(http.StatusNotFound, 404201, "gone", nil), &dpstest.ControlOptions{
			Operation: dpstest.OperationIndividualEnrollmentGetAttestationMechanism, Times: 2,
		})
		records, err = export()
		stop()
		require.NoError(t, err)
		require.Len(t, records, 118)
	})
}

// TestExportThatFailsReports where it ended.
func TestExportThatFailsReports(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := holding(t, portable(150)...)
		client := clientOf(t, server, nil)
		options := &fleet.ExportOptions{Options: fast(), OnPage: func(string) {
			server.Control(dpstest.Respond(http.StatusForbidden, 403000, "no", nil), nil)
		}}
		var reports []int64
		options.Progress = func(p fleet.Progress) { reports = append(reports, p.Done) }
		_, err := readAll(fleet.Export[azdps.IndividualEnrollment](t.Context(), client, options))
		require.True(t, azdps.HasStatusCode(err, http.StatusForbidden))
		require.Equal(t, []int64{100}, reports)
	})
}

// TestCopy brings records with their keys to another service, and refuses what it cannot bring.
func TestCopy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		from, to := holding(t, portable(120)...), holding(t, portable(1)...)
		outcomes, err := collect(fleet.Copy[azdps.IndividualEnrollment](t.Context(), clientOf(t, from, nil), clientOf(t, to, nil),
			&fleet.CopyOptions{BulkOptions: fleet.BulkOptions{Options: fast()}, From: fast().Limiter}))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 119, fleet.ResultConflict: 1}, results(outcomes))
		want, got := contents(t, from), contents(t, to)
		delete(want, "device-000") // keeps the keys that it had there
		delete(got, "device-000")
		requireEqualContents(t, want, got)
	})
}

func TestCopyWithoutCertificates(t *testing.T) {
	bubble(t, func(t *testing.T) {
		certificate, err := azdps.ParseCertificate(dpstest.NewUnstartedServer(nil).CertificatePEM())
		require.NoError(t, err)
		signing, references := group("signing"), group("references")
		signing.Attestation, err = azdps.NewX509SigningAttestation(certificate, nil)
		require.NoError(t, err)
		references.Attestation, err = azdps.NewX509CAReferenceAttestation("ca", "")
		require.NoError(t, err)
		from, to := holding(t, signing, references, group("keys")), holding[azdps.EnrollmentGroup](t)
		outcomes, err := collect(fleet.Copy[azdps.EnrollmentGroup](t.Context(), clientOf(t, from, nil), clientOf(t, to, nil), nil))
		require.NoError(t, err)
		require.Equal(t, map[fleet.Result]int{fleet.ResultCreated: 2, fleet.ResultRefused: 1}, results(outcomes))
		for _, outcome := range outcomes {
			if outcome.Result == fleet.ResultRefused {
				require.Equal(t, "signing", outcome.ID)
				require.EqualError(t, outcome.Err, "fleet: attestation.x509.signingCertificates: cannot be copied: the service never returns certificates, only their info")
			}
		}
		require.Len(t, contents(t, to), 2)
	})
}
