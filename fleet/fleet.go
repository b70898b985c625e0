package fleet

import (
	"time"

	"github.com/azdps/azdps"
)

// Record is what a run works on.
type Record interface {
	azdps.IndividualEnrollment | azdps.EnrollmentGroup
}

// minRecords is how many records count before a share of failures does.
const minRecords = 100

// Options are common to all runs; the zero value is ready for use. They are read once, when a run starts.
type Options struct {
	// Limiter paces the calls of the run. Share one between all runs against the same service; nil means a new one with the
	// quota of a service.
	Limiter *Limiter

	// MaxConcurrency is the largest number of calls in flight; 0 means 64. A run uses as many as its latency needs to keep
	// the limiter busy.
	MaxConcurrency int

	// MaxFailures ends the run early after so many records that were refused, in conflict or unknown; 1 ends it at the
	// first, 0 means never. Records under way are still finished and reported.
	MaxFailures int

	// MaxFailureShare ends the run early when more than this share of its records failed, from 0 to 1; 0 means never. It
	// counts from MinRecords on.
	MaxFailureShare float64

	// MinRecords is how many records must be done before MaxFailureShare counts; 0 means 100.
	MinRecords int

	// Total is the number of records of the run if it is known, for [Progress]; 0 means unknown.
	Total int64

	// CountItems counts a bulk operation against the quota as many times as it has items. By default it counts once, as the
	// billing of the service suggests; Microsoft does not document it.
	CountItems bool

	// Progress, if set, is called at most once a ProgressEvery, and at the end. It runs in the goroutine that ranges over the
	// run, which waits for it.
	Progress func(Progress)

	// ProgressEvery is the least time between two calls of Progress; 0 means a second.
	ProgressEvery time.Duration
}

// Progress says how far a run is.
type Progress struct {
	// Done counts the records with an outcome, Failed those of them that were refused, in conflict or unknown. Both include
	// the records that an earlier run with the same journal finished.
	Done, Failed int64

	// Total is the number of records of the run; 0 while unknown.
	Total int64

	// PerSecond is the number of records that this run finishes a second, on average.
	PerSecond float64

	// Throttled is how long the limiter held its callers back during the run because the service said so.
	Throttled time.Duration

	// Remaining is the time to the end at this rate; 0 while unknown.
	Remaining time.Duration
}

// Result is what became of a record.
type Result string

// Values of [Result].
const (
	// ResultConflict is a record that was left alone because another one has its id, or because somebody changed it.
	ResultConflict Result = "conflict"

	// ResultCreated is a record that did not exist before.
	ResultCreated Result = "created"

	// ResultDeleted is a record that is gone.
	ResultDeleted Result = "deleted"

	// ResultRefused is a record that was not written; Err says why.
	ResultRefused Result = "refused"

	// ResultUnchanged is a record that the service held as it was wanted, so that nothing was written.
	ResultUnchanged Result = "unchanged"

	// ResultUnknown is a record that may or may not have been written, and the service could not tell; Err says why.
	ResultUnknown Result = "unknown"

	// ResultUpdated is a record that was replaced.
	ResultUpdated Result = "updated"
)

// PossibleResultValues returns all results.
func PossibleResultValues() []Result {
	return []Result{
		ResultConflict,
		ResultCreated,
		ResultDeleted,
		ResultRefused,
		ResultUnchanged,
		ResultUnknown,
		ResultUpdated,
	}
}

// failed says whether a record is not as it was wanted.
func (r Result) failed() bool {
	return r == ResultConflict || r == ResultRefused || r == ResultUnknown
}

// Outcome is what became of one record of a run.
type Outcome struct {
	// ID of the record, as the input has it.
	ID string

	// Index is the position of the record in the input, from 0. Outcomes come in the order in which they are known.
	Index int64

	// Result is what became of the record.
	Result Result

	// Err says why a record was refused, is in conflict or unknown; else it is nil, but for what [Decommission] tells of a success. Package azdps reads it: see
	// [azdps.HasCode] and [azdps.HasStatusCode]. A fault of the input is an [*InputError].
	Err error
}
