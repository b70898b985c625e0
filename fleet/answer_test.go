package fleet_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// TestBulkTakesAllOfAnAnswer ends a run while it asks what became of one record of an operation. What the answer to the operation
// said of the others is known, and not forgotten: no later run sends them again and takes its own work for a conflict.
func TestBulkTakesAllOfAnAnswer(t *testing.T) {
	for _, mode := range []azdps.BulkOperationMode{"create", "updateIfMatchETag", "delete"} {
		t.Run(string(mode), func(t *testing.T) {
			bubble(t, func(t *testing.T) { takeAllOfAnAnswer(t, mode) })
		})
	}
}

func takeAllOfAnAnswer(t *testing.T, mode azdps.BulkOperationMode) {
	server := dpstest.NewUnstartedServer(nil)
	defer server.Close()
	client := clientOf(t, server, nil)
	const n = 12
	input, err := readAll(devices(n))
	require.NoError(t, err)
	if mode != "create" {
		_, err := collect(fleet.Bulk(t.Context(), client, "create", seqOf(input...), nil))
		require.NoError(t, err)
	}
	before := stored(t, server)
	for i := range input {
		input[i].DeviceID = "changed"
		if mode != "create" {
			input[i].ETag = azcore.ETag(before[input[i].RegistrationID]["etag"].(string))
		}
	}
	path := filepath.Join(t.TempDir(), "journal")
	run := func(ctx context.Context) ([]fleet.Outcome, error) {
		journal, err := fleet.OpenJournal(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, journal.Close()) }()
		options := &fleet.BulkOptions{Journal: journal, Options: fleet.Options{MaxConcurrency: 1}}
		return collect(fleet.Bulk(ctx, client, mode, seqOf(input...), options))
	}

	// The first run does not learn what became of the first record.
	ctx, cancel := context.WithCancel(t.Context())
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		_, _ = io.WriteString(w, `{"errors":[{"registrationId":"device-0","errorCode":500001,"errorStatus":"failed"}],"isSuccessful":false}`)
		time.AfterFunc(100*time.Millisecond, cancel) // before it is sent again
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
	_, err = run(ctx)
	require.ErrorIs(t, err, context.Canceled)

	// The second run sends it with records that are new, of which the service fails on one after it wrote it, and ends while
	// it asks for the first, or later if it need not ask.
	ctx, cancel = context.WithCancel(t.Context())
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answered := httptest.NewRecorder()
		next.ServeHTTP(answered, r)
		text := strings.Replace(answered.Body.String(), "]", `,{"registrationId":"device-11","errorCode":500001,"errorStatus":"failed"}]`, 1)
		_, _ = io.WriteString(w, strings.Replace(text, "[,", "[", 1))
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation})
	server.Control(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		cancel()
		<-r.Context().Done()
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet})
	_, err = run(ctx)
	cancel()
	if mode != "delete" {
		require.ErrorIs(t, err, context.Canceled)
	}

	outcomes, err := run(t.Context())
	require.NoError(t, err)
	want := map[azdps.BulkOperationMode]fleet.Result{"create": fleet.ResultCreated, "updateIfMatchETag": fleet.ResultUpdated, "delete": fleet.ResultDeleted}[mode]
	require.Equal(t, map[fleet.Result]int{want: n}, results(outcomes))
}
