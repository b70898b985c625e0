package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
)

const fast = " -rate 600000"

// The file that lies beside the program is what its README imports and plans.
func TestImport_takesTheFileOfTheREADME(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	assert.Equal(t, "3 created\n", b.must("import -in devices.csv -journal @devices.journal"+fast).stdout)
	assert.Contains(t, b.must("plan -in devices.csv"+fast).stdout, "Nothing to change.")
}

func TestImport_listsARecordThatFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"))
	b.write("devices.jsonl", device("device-1"))
	r := b.run("import -in @devices.jsonl -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stdout, "1 conflict\n1 record that failed is in "+b.path("devices.failed.jsonl"))
}

func TestImport_createsAllRecords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, text, flags string }{
		"JSON lines": {"devices.jsonl", enrollments(0, 25), ""},
		"CSV":        {"devices.csv", "registrationId,attestation,tags.site\n" + strings.Join(numbered("device-%d,symmetricKey,43", 25), "\n"), ""},
		"groups": {
			"lines.jsonl", strings.Join(numbered(`{"enrollmentGroupId":"line-%d","attestation":{"type":"symmetricKey"}}`, 25), "\n"), "-groups",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.write(test.file, test.text)
			line := "import -in @" + test.file + " -journal @a.journal " + test.flags + fast
			r := b.must(line)
			assert.Equal(t, "25 created\n", r.stdout)
			assert.Contains(t, r.stderr, "25 of 25 done, 0 failed")
			assert.Equal(t, 25, b.held())
			b.assertPrivate("a.journal")

			requests := len(b.server.Requests())
			assert.Equal(t, "25 created\n", b.must(line).stdout, "the journal knows that all is done")
			assert.Len(t, b.server.Requests(), requests)
		})
	}
}

func TestImport_printsObjectsForPrograms(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-2"))
	b.write("devices.jsonl", enrollments(0, 4))
	r := b.run("import -json -in @devices.jsonl -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Empty(t, r.stderr)
	types := map[any]int{}
	for _, object := range b.objects(r) {
		types[object["type"]]++
		if object["id"] == "device-2" {
			assert.Equal(t, "conflict", object["result"])
			assert.InDelta(t, 409, object["status"], 0)
			assert.Equal(t, "409201", object["code"])
			assert.InDelta(t, 2, object["index"], 0)
		}
	}
	assert.Equal(t, map[any]int{"outcome": 4, "progress": 1, "summary": 1}, types)
	summary := b.summary(r)
	assert.InDelta(t, 3, summary["created"], 0)
	assert.InDelta(t, 1, summary["conflict"], 0)
	assert.InDelta(t, 1, summary["failed"], 0)
	assert.Equal(t, b.path("devices.failed.jsonl"), summary["failedFile"])
}

func TestImport_listsWhatFailedForAnotherRun(t *testing.T) {
	t.Parallel()
	csv := "registrationId,attestation,primaryKey,secondaryKey,desired.x\n"
	for i := range 30 {
		csv += fmt.Sprintf("device-%d,symmetricKey,%s,%s,%d\n", i, testKey(fmt.Sprint("p", i)), testKey(fmt.Sprint("s", i)), i)
	}
	for format, text := range map[string]string{"jsonl": enrollments(0, 30), "csv": csv} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, device("device-3"), device("device-17"))
			b.write("devices."+format, text)
			r := b.run("import -in @devices." + format + " -journal @a.journal" + fast)
			assert.Equal(t, exitFailed, r.code)
			assert.Contains(t, r.stdout, "conflict device-3: ")
			assert.Contains(t, r.stdout, "2 conflict, 28 created\n2 records that failed are in "+b.path("devices.failed."+format))
			b.assertPrivate("devices.failed." + format)

			b.must("decommission -in @devices.failed." + format + fast) // which makes room for them
			assert.Equal(t, 28, b.held())
			r = b.must("import -in @devices.failed." + format + " -journal @b.journal" + fast)
			assert.Equal(t, "2 created\n", r.stdout)
			assert.Equal(t, 30, b.held())
			assert.NoFileExists(t, b.path("devices.failed.failed."+format))
			if format == "csv" {
				assert.Contains(t, b.dump(), testKey("p17"))
			}
		})
	}
}

func TestImport_takesAwayTheListOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 3))
	b.write("list.jsonl", "old")
	b.must("import -in @devices.jsonl -journal @a.journal -failed @list.jsonl" + fast)
	assert.NoFileExists(t, b.path("list.jsonl"))
}

func TestImport_checksTheWholeFileFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 2)+"{\n"+enrollments(1, 2)+device("device 5")+"\n")
	r := b.run("import -in @devices.jsonl -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stdout, b.path("devices.jsonl")+":3:")
	assert.Contains(t, r.stdout, b.path("devices.jsonl")+":4:")
	assert.Contains(t, r.stdout, b.path("devices.jsonl")+":5:")
	assert.Contains(t, r.stderr, "nothing was sent")
	assert.Empty(t, b.server.Requests())
	for _, object := range b.objects(b.run("import -json -in @devices.jsonl -journal @a.journal")) {
		assert.Contains(t, []any{"fault", "message"}, object["type"])
	}
	assert.Equal(t, exitFailed, b.run("import -in @none.jsonl -journal @a.journal").code)
}

func TestImport_givesUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, enrollments(0, 100))
	b.write("devices.jsonl", enrollments(0, 100))
	r := b.run("import -in @devices.jsonl -journal @a.journal -max-failures 5" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "too many records failed")

	b.write("few.jsonl", enrollments(0, 60))
	r = b.run("import -in @few.jsonl -journal @b.journal" + fast)
	assert.Equal(t, maxShown, strings.Count(r.stdout, "conflict device-"))
	assert.Contains(t, r.stdout, "60 conflict\n60 records that failed are in")
}

func TestImport_stopsAtARefusedCredential(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 3))
	b.server.Control(dpstest.Respond(http.StatusUnauthorized, 401002, "Unauthorized", nil), nil)
	r := b.run("import -in @devices.jsonl -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "401")
}

func TestImport_goesOnAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	const records = 1000
	for _, after := range []int32{1, 3, 20, 40} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.write("devices.jsonl", enrollments(0, records))
			ctx, interrupt := context.WithCancel(t.Context())
			var calls atomic.Int32
			b.server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if calls.Add(1) == after {
					interrupt()
				}
				next.ServeHTTP(w, r)
			}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})

			line := "import -in @devices.jsonl -journal @a.journal -rate 6000"
			r := b.runUntil(ctx, line)
			require.Equal(t, exitInterrupted, r.code, r.stdout+r.stderr)
			assert.Contains(t, r.stderr, "interrupted; the journal "+b.path("a.journal")+" knows what is done")
			assert.Less(t, b.held(), records)

			assert.Equal(t, fmt.Sprintf("%d created\n", records), b.must(line).stdout, "none is in conflict with itself")
			assert.Equal(t, records, b.held())
			assert.LessOrEqual(t, int(calls.Load()), records/10+1, "nothing was sent twice")
		})
	}
}

func TestImport_isInterruptedBeforeItBegins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 5))
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	r := b.runUntil(ctx, "import -in @devices.jsonl -journal @a.journal")
	assert.Equal(t, exitInterrupted, r.code)
	assert.Contains(t, r.stderr, "nothing was changed")
	assert.Zero(t, b.held())
}

// numbered are lines of a form.
func numbered(form string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(form, i))
	}
	return list
}
