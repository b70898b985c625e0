package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/fleet"
)

func TestLines_tellHowFarARunIs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &lines{&out}
	l.show(fleet.Progress{Done: 5, Failed: 1, PerSecond: 2.5})
	l.show(fleet.Progress{Done: 5, Total: 10, PerSecond: 2.5, Throttled: time.Minute, Remaining: 2 * time.Second})
	assert.Equal(t, "5 done, 1 failed, 2.5 a second\n"+
		"5 of 10 done, 0 failed, 2.5 a second, throttled for 1m0s, 2s left\n", out.String())
}

func TestBar_isDrawnAndTakenAway(t *testing.T) {
	t.Parallel()
	for _, total := range []int64{0, 20} {
		var out bytes.Buffer
		b := &bar{out: &out}
		b.clear()
		b.show(fleet.Progress{Done: 5, Total: total, PerSecond: 2.5})
		time.Sleep(b.every()) // the library draws at a bounded rate
		b.show(fleet.Progress{Done: 10, Total: total, PerSecond: 2.5})
		b.clear()
		b.show(fleet.Progress{Done: 20, Total: total})
		b.clear()
		assert.Contains(t, out.String(), "10 done, 0 failed, 2.5 a second")
		assert.NotContains(t, out.String(), "\n")
		assert.True(t, strings.HasSuffix(strings.TrimRight(out.String(), "\r"), "\x1b[K") ||
			strings.HasSuffix(out.String(), "\r"), "%q", out.String())
	}
}

func TestNewDisplay_drawsABarOnATerminalOnly(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	assert.IsType(t, &lines{}, newJob(&settings{}, nil, &bytes.Buffer{}, none).display)
	assert.IsType(t, &objects{}, newJob(&settings{json: true}, nil, &bytes.Buffer{}, none).display)
}

func TestGently_letsCallsFinishForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		working, cancel := gently(ctx)
		defer cancel()
		interrupt()
		time.Sleep(grace - time.Second)
		synctest.Wait()
		require.NoError(t, working.Err())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.ErrorIs(t, working.Err(), context.Canceled)
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		working, cancel := gently(ctx)
		cancel()
		interrupt() // no goroutine is left behind
		require.ErrorIs(t, working.Err(), context.Canceled)
	})
}
