package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]settings{
		"":                     {},
		"-all":                 {all: true},
		"-prefix a-":           {prefix: "a-"},
		"-delete -all":         {delete: true, all: true},
		"-delete -prefix a-":   {delete: true, prefix: "a-"},
		"-prefix=a- -delete=1": {delete: true, prefix: "a-"},
	} {
		got, err := parse(strings.Fields(args))
		require.NoError(t, err, args)
		assert.Equal(t, want, got, args)
	}
	for args, text := range map[string]string{
		"-delete":              errNoSelection.Error(),
		"-delete -prefix=":     "-prefix is empty",
		"-prefix=":             "-prefix is empty",
		"-all -prefix a":       "exclude each other",
		"-delete -all=0":       errNoSelection.Error(),
		"-prefix a- all":       `"all" is no flag`,
		"-delete -prefix a- b": `"b" is no flag`,
		"-everything":          "-everything",
		"-h":                   flag.ErrHelp.Error(),
	} {
		got, err := parse(strings.Fields(args))
		require.ErrorContains(t, err, text, args)
		assert.Zero(t, got, args)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	usage(&out)
	for _, name := range []string{"-delete", "-all", "-prefix PREFIX"} {
		assert.Contains(t, out.String(), name)
	}
}

func TestRun_cleansUpWhatItMadeInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(settings{}.program())
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.Len(t, strings.Split(strings.TrimSpace(stage.Held()), "\n"), 19)
		assert.Contains(t, stage.Output(), "deleted 12 individual enrollments, 3 enrollment groups and 4 registration states")
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
		assert.Len(t, bulks(stage.Server), 3, "ten and two enrollments, and three groups")
	})
}

// bulks are the bodies of bulk operations.
func bulks(server *dpstest.Server) (bodies []string) {
	for _, request := range server.Requests() {
		if strings.HasSuffix(string(request.Operation), "_RunBulkOperation") {
			bodies = append(bodies, string(request.Body))
		}
	}
	return bodies
}

// A real service holds what others made, too.
const others = `{"registrationId":"Pump-1","attestation":{"type":"symmetricKey"}}
{"registrationId":"pump-2","attestation":{"type":"symmetricKey"}}
{"registrationId":"camera-1","attestation":{"type":"symmetricKey"}}
{"enrollmentGroupId":"pump-line","attestation":{"type":"symmetricKey"}}
{"enrollmentGroupId":"camera-line","attestation":{"type":"symmetricKey"}}
{"registrationId":"of-pump-line","enrollmentGroupId":"pump-line","status":"assigned"}
{"registrationId":"pump-of-camera-line","enrollmentGroupId":"camera-line","status":"assigned"}
`

// realService is a service with the records of others, and an environment that names it.
func realService(t *testing.T, records string) (*dpstest.Server, func(string) string) {
	t.Helper()
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	require.NoError(t, server.Load(strings.NewReader(records)))
	environment, err := exampletest.Environment(server, t.TempDir())
	require.NoError(t, err)
	return server, func(name string) string { return environment[name] }
}

func TestRun_deletesInARealServiceWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	const pumps, everything = `Pump-1 pump-2 pump-line of-pump-line`, `Pump-1 pump-2 camera-1 pump-line camera-line of-pump-line pump-of-camera-line`
	for name, test := range map[string]struct {
		settings        settings
		listed, deleted string // ids
	}{
		"nothing":             {settings{}, everything, ""},
		"all without delete":  {settings{all: true}, everything, ""},
		"some without delete": {settings{prefix: "pump-"}, pumps, ""},
		"some":                {settings{prefix: "pump-", delete: true}, pumps, pumps},
		"none":                {settings{prefix: "pump-1234567890", delete: true}, "", ""},
		"all":                 {settings{all: true, delete: true}, everything, everything},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, getenv := realService(t, others)
			before := exampletest.Records(server)
			var out bytes.Buffer
			require.NoError(t, test.settings.program().Run(t.Context(), &out, getenv))
			for id := range strings.FieldsSeq(everything) {
				listed, deleted := has(test.listed, id), has(test.deleted, id)
				assert.Equal(t, listed, strings.Contains(out.String(), "   ->   "+id+"\n"), id)
				assert.Equal(t, deleted, !strings.Contains(exampletest.Records(server), fmt.Sprintf("Id\":%q,", id)), id)
			}
			if !test.settings.delete {
				assert.Equal(t, before, exampletest.Records(server))
				assert.Contains(t, out.String(), "nothing was deleted")
				for _, request := range server.Requests() {
					assert.Contains(t, string(request.Operation), "_Query")
				}
			}
		})
	}
}

func has(ids, id string) bool { return strings.Contains(" "+ids+" ", " "+id+" ") }

func TestRun_showsTheFirstIDs(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for i := range 150 {
		fmt.Fprintf(&records, `{"registrationId":"device-%03d","attestation":{"type":"symmetricKey"}}`+"\n", i)
	}
	_, getenv := realService(t, records.String())
	var out bytes.Buffer
	require.NoError(t, settings{}.program().Run(t.Context(), &out, getenv))
	assert.Contains(t, out.String(), "150 individual enrollments\n")
	assert.Contains(t, out.String(), "device-019\n   ->   and 130 more\n")
}

func TestRun_goesOnWhenOthersDeleteToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(settings{}.program())
		defer stage.Server.Close()
		for operation, body := range map[dpstest.Operation]string{
			dpstest.OperationIndividualEnrollmentRunBulkOperation: `{"enrollments":[{"registrationId":"thermostat-1"}],"mode":"delete"}`,
			dpstest.OperationEnrollmentGroupRunBulkOperation:      `{"enrollmentGroups":[{"enrollmentGroupId":"line-3"}],"mode":"delete"}`,
			dpstest.OperationDeviceRegistrationStateDelete:        "",
		} {
			stage.Server.Control(first(body), &dpstest.ControlOptions{Operation: operation})
		}
		require.NoError(t, stage.Run(t.Context()))
		assert.Contains(t, stage.Output(), "deleted 11 individual enrollments, 2 enrollment groups and 3 registration states")
		assert.Empty(t, stage.Left())
	})
}

// first sends a request of somebody else, with another body, before one that passes.
func first(body string) dpstest.Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		another := r.Clone(r.Context())
		another.Body = http.NoBody
		if body != "" {
			another = r.Clone(r.Context())
			another.Body = readCloser{strings.NewReader(body)}
			another.ContentLength = int64(len(body))
		}
		next.ServeHTTP(discard{http.Header{}}, another)
		next.ServeHTTP(w, r)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// A device registers between the deletion of the states and that of its group.
func TestRun_deletesStatesThatCameMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(settings{}.program())
		defer stage.Server.Close()
		stage.Server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			late := `{"registrationId":"late","enrollmentGroupId":"line-3","status":"assigned"}`
			assert.NoError(t, stage.Server.Load(strings.NewReader(late)))
			next.ServeHTTP(w, r)
		}, &dpstest.ControlOptions{Operation: dpstest.OperationEnrollmentGroupRunBulkOperation})
		require.NoError(t, stage.Run(t.Context()))
		assert.Contains(t, stage.Output(), "and 5 registration states")
		assert.Empty(t, stage.Left())
	})
}

func TestRun_saysHowFarItCame(t *testing.T) {
	t.Parallel()
	refused := dpstest.Respond(http.StatusForbidden, 403000, "Forbidden", nil)
	for name, test := range map[string]struct {
		operation dpstest.Operation
		fault     dpstest.Fault
		err, told string
	}{
		"the list of enrollments": {dpstest.OperationIndividualEnrollmentQuery, refused, "list the individual enrollments: ", ""},
		"the list of groups":      {dpstest.OperationEnrollmentGroupQuery, refused, "list the enrollment groups: ", ""},
		"the list of states":      {dpstest.OperationDeviceRegistrationStateQuery, refused, "list the registration states of line-", ""},
		"enrollments": {
			dpstest.OperationIndividualEnrollmentRunBulkOperation, refused, "403",
			"deleted 0 individual enrollments, 0 enrollment groups and 0 registration states",
		},
		"some enrollments": {
			dpstest.OperationIndividualEnrollmentRunBulkOperation, refuseItem, "thermostat-1: 403000 Forbidden",
			"deleted 9 individual enrollments, 0 enrollment groups and 0 registration states",
		},
		"a state": {
			dpstest.OperationDeviceRegistrationStateDelete, refused, "delete the registration state of pump-",
			"deleted 12 individual enrollments, 0 enrollment groups and 0 registration states",
		},
		"groups": {
			dpstest.OperationEnrollmentGroupRunBulkOperation, refused, "403",
			"deleted 12 individual enrollments, 0 enrollment groups and 4 registration states",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				stage := exampletest.New(settings{}.program())
				defer stage.Server.Close()
				stage.Server.Control(test.fault, &dpstest.ControlOptions{Operation: test.operation})
				require.ErrorContains(t, stage.Run(t.Context()), test.err)
				assert.Contains(t, stage.Output(), test.told)
				assert.Equal(t, test.told == "", !regexp.MustCompile(`deleted \d`).MatchString(stage.Output()))
				assert.NotEmpty(t, stage.Left())
			})
		})
	}
}

// refuseItem answers a bulk operation as if it had taken all items but one.
func refuseItem(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"errors":[{"registrationId":"thermostat-1","errorCode":403000,"errorStatus":"Forbidden"}],"isSuccessful":false}`))
}

// An interrupt ends the run after the request under way, and the next run goes on.
func TestRun_isInterrupted(t *testing.T) {
	t.Parallel()
	server, getenv := realService(t, others)
	all := settings{all: true, delete: true}
	ctx, interrupt := context.WithCancel(t.Context())
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		interrupt()
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationDeviceRegistrationStateDelete})

	var out bytes.Buffer
	require.ErrorIs(t, all.program().Run(ctx, &out, getenv), context.Canceled)
	assert.Contains(t, out.String(), "deleted 3 individual enrollments, 0 enrollment groups and 1 registration state\n")
	require.NoError(t, all.program().Run(t.Context(), &out, getenv))
	assert.Empty(t, exampletest.Records(server))
}
