package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/azdps/azdps/fleet"
)

// display shows how far a run is.
type display interface {
	show(fleet.Progress)
	every() time.Duration
	clear() // before a line of text
}

// newDisplay chooses a bar for a terminal, objects for programs, and lines for anything else.
func newDisplay(j *job) display {
	switch {
	case j.settings.json:
		return &objects{j}
	case j.getenv("NO_COLOR") == "" && j.getenv("CI") == "" && j.getenv("TERM") != "dumb" && isTerminal(j.stderr):
		return &bar{out: j.stderr}
	}
	return &lines{j.stderr}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// lines prints a line now and then, for logs.
type lines struct{ out io.Writer }

func (l *lines) every() time.Duration { return 10 * time.Second }
func (l *lines) clear()               {}

func (l *lines) show(p fleet.Progress) {
	of := ""
	if p.Total > 0 {
		of = fmt.Sprintf(" of %d", p.Total)
	}
	fmt.Fprintf(l.out, "%d%s done%s\n", p.Done, of, details(p))
}

// details are what the numbers of a progress say besides how much is done.
func details(p fleet.Progress) string {
	text := fmt.Sprintf(", %d failed, %.1f a second", p.Failed, p.PerSecond)
	if p.Throttled > 0 {
		text += fmt.Sprintf(", throttled for %s", p.Throttled.Round(time.Second))
	}
	if p.Remaining > 0 {
		text += fmt.Sprintf(", %s left", p.Remaining.Round(time.Second))
	}
	return text
}

// bar is a progress bar on a terminal.
type bar struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

func (b *bar) every() time.Duration { return 200 * time.Millisecond }

func (b *bar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear() // it is only an ornament
	}
}

func (b *bar) show(p fleet.Progress) {
	if b.bar == nil {
		b.bar = newBar(b.out, p.Total)
	}
	b.bar.Describe(fmt.Sprintf("%d done%s", p.Done, details(p)))
	_ = b.bar.Set64(p.Done)
}

// newBar makes a bar, or a spinner if the total is not known. The numbers are in its description: the library would guess the rate
// and the time left from what it sees, without what an earlier run did.
func newBar(out io.Writer, total int64) *progressbar.ProgressBar {
	if total <= 0 {
		total = -1
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // or it would draw from a goroutine of its own
		progressbar.OptionSetWidth(24),
	)
}

// objects prints progress for programs.
type objects struct{ job *job }

func (o *objects) every() time.Duration { return 5 * time.Second }
func (o *objects) clear()               {}

func (o *objects) show(p fleet.Progress) {
	o.job.printJSON(struct {
		Type      string  `json:"type"`
		Done      int64   `json:"done"`
		Failed    int64   `json:"failed"`
		Total     int64   `json:"total,omitempty"`
		PerSecond float64 `json:"perSecond"`
		Throttled float64 `json:"throttledSeconds"`
		Remaining float64 `json:"remainingSeconds,omitempty"`
	}{"progress", p.Done, p.Failed, p.Total, p.PerSecond, p.Throttled.Seconds(), p.Remaining.Seconds()})
}
