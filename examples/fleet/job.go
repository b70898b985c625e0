package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// job is one command at work.
type job struct {
	settings *settings
	stdout   io.Writer
	stderr   io.Writer
	getenv   func(string) string
	display  display
	goOn     string // what to do after an interrupt
	closers  []func() error
}

func newJob(s *settings, stdout, stderr io.Writer, getenv func(string) string) *job {
	j := &job{settings: s, stdout: stdout, stderr: stderr, getenv: getenv, goOn: "nothing was changed"}
	j.display = newDisplay(j)
	return j
}

// onClose runs a function at the end of the job.
func (j *job) onClose(f func() error) { j.closers = append(j.closers, f) }

func (j *job) close() error {
	var errs []error
	for _, closer := range slices.Backward(j.closers) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}

// say prints a message about the job as a whole.
func (j *job) say(text string) {
	j.display.clear()
	if j.settings.json {
		j.printJSON(map[string]any{"type": "message", "message": text})
		return
	}
	fmt.Fprintln(j.stderr, "fleet:", text)
}

// printJSON prints an object on a line.
func (j *job) printJSON(object any) {
	encoder := json.NewEncoder(j.stdout)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(object) // whoever reads it has left
}

// options are those that all runs have.
func (j *job) options(total int64) fleet.Options {
	return fleet.Options{
		Limiter:       fleet.NewLimiter(j.settings.rate),
		MaxFailures:   j.settings.maxFailures,
		Total:         total,
		Progress:      j.display.show,
		ProgressEvery: j.display.every(),
	}
}

// bulkOptions are the options of a run with the journal that the settings name, if they do.
func (j *job) bulkOptions(total int64) (fleet.BulkOptions, error) {
	options := fleet.BulkOptions{Options: j.options(total)}
	if j.settings.journal == "" {
		return options, nil
	}
	journal, err := fleet.OpenJournal(j.settings.journal)
	if err != nil {
		return options, err
	}
	j.onClose(journal.Close)
	options.Journal = journal
	j.goOn = fmt.Sprintf("the journal %s knows what is done: give the same command again to go on", j.settings.journal)
	return options, nil
}

// byKind makes the function of a command of those for the two kinds of records.
func byKind(enrollments, groups func(context.Context, *job) error) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		if j.settings.groups {
			return groups(ctx, j)
		}
		return enrollments(ctx, j)
	}
}

// idOf returns the id of a record.
func idOf[T fleet.Record](record T) string {
	switch r := any(record).(type) {
	case azdps.IndividualEnrollment:
		return r.RegistrationID
	case azdps.EnrollmentGroup:
		return r.EnrollmentGroupID
	}
	return ""
}

// grace is how long the calls under way have after an interrupt.
const grace = 5 * time.Second

// gently makes a context that ends a while after ctx, so that an interrupt lets the calls under way finish. The input of the run
// must end with ctx, as that of this program does.
func gently(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-later.Done():
		}
	})
	return later, func() { stop(); cancel() }
}

// oneLine is the text of an error without line breaks, which the errors of azcore have, and without the name of the package.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "fleet: ", "")), " ")
}
