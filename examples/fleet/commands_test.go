package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

func TestPlan_showsWhatApplyDoes(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("same"), device("changed"), device("gone"))
	changed := strings.TrimSuffix(device("changed"), "}") + `,"provisioningStatus":"disabled"}`
	b.write("devices.jsonl", strings.Join([]string{device("same"), changed, device("new")}, "\n"))
	flags := " -in @devices.jsonl -delete -max-deletes 1" + fast

	r := b.must("plan" + flags)
	for _, line := range []string{"+ create new", "~ update changed", "provisioningStatus: ", "- delete gone", "1 to create, 1 to update, 1 to delete; 1 unchanged"} {
		assert.Contains(t, r.stdout, line)
	}
	var plan map[string]any
	require.NoError(t, json.Unmarshal([]byte(b.must("plan -json"+flags).stdout), &plan))
	assert.InDelta(t, 1, plan["creates"], 0)

	r = b.must("apply" + flags)
	assert.Contains(t, r.stdout, "~ update changed")
	assert.Contains(t, r.stdout, "1 created, 1 deleted, 1 updated")
	assert.Contains(t, b.must("plan"+flags).stdout, "Nothing to change.")
}

func TestApply_refusesToDeleteMoreThanAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, enrollments(0, 5))
	b.write("devices.jsonl", enrollments(0, 2))
	before := b.dump()
	for _, command := range []string{"plan", "apply"} {
		r := b.run(command + " -in @devices.jsonl -delete -max-deletes 2" + fast)
		assert.Equal(t, exitFailed, r.code)
		assert.Contains(t, r.stderr, "nothing was changed: ")
	}
	assert.Equal(t, before, b.dump())
}

func TestApply_listsWhatFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 12))
	b.server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		assert.NoError(t, b.server.Load(strings.NewReader(device("DEVICE-7")+"\n"))) // somebody else is faster
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: 1})
	r := b.run("apply -json -in @devices.jsonl" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.InDelta(t, 1, b.summary(r)["conflict"], 0)
	assert.Equal(t, enrollments(7, 8), b.read("devices.failed.jsonl"))
	assert.Contains(t, b.must("apply -in @devices.failed.jsonl"+fast).stdout, "Nothing to change.")
}

func TestApply_isInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("devices.jsonl", enrollments(0, 1000))
	ctx, interrupt := context.WithCancel(t.Context())
	b.server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		interrupt()
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
	r := b.runUntil(ctx, "apply -in @devices.jsonl -rate 6000")
	assert.Equal(t, exitInterrupted, r.code)
	assert.Contains(t, r.stderr, "a new plan has what is left to do")
	b.must("apply -in @devices.jsonl" + fast)
	assert.Equal(t, 1000, b.held())
}

func TestRotate_rollsKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, text, flags string }{
		"ids":     {"ids.txt", "\ufeffdevice-1\r\n\n device-2 \n", ""},
		"records": {"ids.csv", "registrationId\ndevice-1\ndevice-2\n", ""},
		"secret":  {"ids.txt", "device-1\ndevice-2\n", " -secret-file @secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, device("device-1"), device("device-2"), device("device-3"))
			b.write("secret", testKey("secret"))
			b.write(test.file, test.text)
			line := "rotate -in @" + test.file + test.flags + fast
			assert.Equal(t, "2 updated\n", b.must(line+" -journal @a.journal").stdout)
			assert.Contains(t, b.dump(), `"secondaryKey":"`+testKey("pdevice-1")+`"`)
			assert.NotContains(t, b.dump(), testKey("sdevice-2"))
			assert.Contains(t, b.dump(), testKey("sdevice-3"))
			after := b.dump()
			assert.Equal(t, "2 updated\n", b.must(line+" -journal @a.journal").stdout)
			if name == "secret" {
				assert.Equal(t, "2 unchanged\n", b.must(line+" -journal @b.journal").stdout)
			}
			assert.Equal(t, after, b.dump())
		})
	}
}

func TestRotate_listsWhatFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"))
	b.write("ids.txt", "none\ndevice-1\n")
	r := b.run("rotate -in @ids.txt -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stdout, "1 refused, 1 updated")
	assert.Equal(t, "none\n", b.read("ids.failed.txt"))
}

func TestRotate_goesOnAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	const devices = 300
	var seed []string
	for _, id := range numbered("device-%d", devices) {
		seed = append(seed, device(id))
	}
	b := newBench(t, seed...)
	b.write("ids.txt", strings.Join(numbered("device-%d", devices), "\n"))
	ctx, interrupt := context.WithCancel(t.Context())
	var writes atomic.Int32
	b.server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if writes.Add(1) == 10 {
			interrupt()
		}
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate, Times: -1})
	line := "rotate -in @ids.txt -journal @a.journal -rate 30000"
	require.Equal(t, exitInterrupted, b.runUntil(ctx, line).code)
	assert.Less(t, int(writes.Load()), devices)
	assert.Equal(t, fmt.Sprintf("%d updated\n", devices), b.must(line).stdout)
	assert.EqualValues(t, devices, writes.Load(), "none is rotated twice")
	after := b.dump()
	for _, id := range numbered("device-%d", devices) {
		assert.Contains(t, after, `"secondaryKey":"`+testKey("p"+id)+`"`)
	}
}

func TestRotate_rollsCertificates(t *testing.T) {
	t.Parallel()
	old, next := certificate(t, "device-1", 10), certificate(t, "device-1", 400)
	b := newBench(t, x509Device(t, "device-1", old), device("device-2"))
	b.write("next.csv", "registrationId,certificate\ndevice-1,"+next+"\ndevice-2,"+next+"\ndevice-1,\n")
	r := b.run("rotate -certificates -in @next.csv -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stdout, "2 refused, 1 updated")
	assert.Contains(t, b.dump(), next)
	assert.Contains(t, b.read("next.failed.csv"), "device-2,")
	r = b.run("rotate -certificates -in @next.failed.csv -journal @b.journal" + fast)
	assert.Contains(t, r.stdout, "2 refused")
}

func TestExpiry_listsCertificatesByTheirEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t,
		x509Device(t, "later", certificate(t, "later", 20)), x509Device(t, "soon", certificate(t, "soon", 3)),
		x509Device(t, "ended", certificate(t, "ended", -2)), x509Device(t, "long", certificate(t, "long", 300)), device("keys"))
	r := b.must("expiry" + fast)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.Len(t, lines, 4)
	assert.Regexp(t, `^-2 days +\d{4}-\d\d-\d\d +primary +ended$`, lines[0])
	assert.Regexp(t, `^3 days .* soon$`, lines[1])
	assert.Regexp(t, `^20 days .* later$`, lines[2])
	assert.Equal(t, "3 certificates end within 30 days", lines[3])

	r = b.must("expiry -json -days 1000" + fast)
	assert.InDelta(t, 4, b.summary(r)["certificates"], 0)
	assert.Contains(t, b.must("expiry -groups"+fast).stdout, "0 certificates")
}

func TestDeriveKeys_writesATable(t *testing.T) {
	t.Parallel()
	group := strings.ReplaceAll(device("line-1"), "registrationId", "enrollmentGroupId")
	b := newBench(t, group)
	b.write("ids.txt", "device-1\ndevice-2\n")
	b.write("group.key", testKey("pline-1")+"\n"+testKey("sline-1")+"\n")
	want := "registrationId,primaryKey,secondaryKey\n"
	for _, id := range []string{"device-1", "device-2"} {
		primary, err := azdps.DeriveDeviceKey(testKey("pline-1"), id)
		require.NoError(t, err)
		secondary, err := azdps.DeriveDeviceKey(testKey("sline-1"), id)
		require.NoError(t, err)
		want += id + "," + primary + "," + secondary + "\n"
	}
	for name, flags := range map[string]string{"service": "-group line-1", "file": "-key-file @group.key"} {
		r := b.must("derive-keys -in @ids.txt " + flags + " -out @" + name + ".csv")
		assert.Contains(t, r.stdout, "the keys of 2 devices are in "+b.path(name+".csv"))
		assert.NotContains(t, r.stdout+r.stderr, strings.Split(want, ",")[3])
		assert.Equal(t, want, b.read(name+".csv"))
		b.assertPrivate(name + ".csv")
	}
	assert.InDelta(t, 2, b.summary(b.must("derive-keys -json -in @ids.txt -key-file @group.key -out @json.csv"))["devices"], 0)
}

func TestDeriveKeys_reportsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write("ids.txt", "device-1\n")
	b.write("empty", "\n")
	b.write("three", "a\nb\nc\n")
	b.write("bad", "secret,which-is-not-base64\n")
	for flags, reason := range map[string]string{
		"-group none": "the keys of group none", "-key-file @none": "no such file", "-key-file @empty": "is empty",
		"-key-file @three": "there are 3 keys", "-key-file @bad": "", "-in @none.txt -key-file @bad": "no such file",
	} {
		r := b.run("derive-keys -in @ids.txt -out @keys.csv " + flags)
		assert.Equal(t, exitFailed, r.code, flags)
		assert.Contains(t, r.stderr, reason)
		assert.NotContains(t, r.stderr, "secret")
	}
}

func TestCopy_createsTheRecordsWithTheirKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, device("device-1"), device("device-2"), x509Device(t, "device-3", certificate(t, "device-3", 9)))
	other, env := b.serve("DPS_TO_", device("device-2"))
	maps.Copy(b.env, env)
	r := b.run("copy -journal @a.journal" + fast)
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stdout, "1 conflict, 1 created, 1 refused")
	assert.Contains(t, r.stdout, "refused device-3: ")
	assert.Contains(t, r.stdout, "2 records that failed are in "+b.path("a.failed.jsonl"))
	b.assertPrivate("a.failed.jsonl")
	assert.Contains(t, b.read("a.failed.jsonl"), testKey("pdevice-2"))
	assert.Contains(t, b.read("a.failed.jsonl"), "device-3")
	assert.Contains(t, dumpOf(t, other), testKey("pdevice-1"))

	assert.Contains(t, b.must("copy -groups -journal @b.journal"+fast).stdout, "no records")
}

func TestDecommission_takesDevicesOut(t *testing.T) {
	t.Parallel()
	const registered = `{"registrationId":"%s","deviceId":"d","status":"assigned"}`
	b := newBench(t, device("both"), fmt.Sprintf(registered, "both"), device("never-registered"),
		fmt.Sprintf(registered, "through-a-group"), device("stays"))
	b.write("ids.txt", "both\nnever-registered\nthrough-a-group\nneither\n")
	r := b.must("decommission -in @ids.txt" + fast)
	assert.Contains(t, r.stdout, "deleted never-registered: the device had no registration\n")
	assert.Contains(t, r.stdout, "deleted through-a-group: the device had no individual enrollment\n")
	assert.Contains(t, r.stdout, "unchanged neither: ")
	assert.Contains(t, r.stdout, "3 deleted, 1 unchanged\n")
	assert.Equal(t, 1, b.held())
	assert.Contains(t, b.must("decommission -in @ids.txt -journal @a.journal"+fast).stdout, "\n4 unchanged\n")

	b.write("stays.txt", "stays\n")
	r = b.must("decommission -json -disable-only -in @stays.txt" + fast)
	assert.InDelta(t, 1, b.summary(r)["updated"], 0)
	assert.Contains(t, b.dump(), `"provisioningStatus":"disabled"`)
	assert.Contains(t, b.dump(), testKey("pstays"))
}

func TestCopy_goesOnAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	b := newBench(t, enrollments(0, 1000))
	other, env := b.serve("DPS_TO_")
	maps.Copy(b.env, env)
	ctx, interrupt := context.WithCancel(t.Context())
	var calls atomic.Int32
	other.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if calls.Add(1) == 20 {
			interrupt()
		}
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentRunBulkOperation, Times: -1})
	line := "copy -journal @a.journal" + fast
	require.Equal(t, exitInterrupted, b.runUntil(ctx, line).code)
	assert.Less(t, strings.Count(dumpOf(t, other), "\n"), 1000)
	assert.Equal(t, "1000 created\n", b.must(line).stdout)
	assert.ElementsMatch(t, keysOf(b.dump()), keysOf(dumpOf(t, other)))
}
