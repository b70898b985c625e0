package fleet

import "time"

// relay makes one progress of those of stages that follow one another.
type relay struct {
	report func(Progress) // nil without one
	total  int64
	start  time.Time

	before Progress // of the stages before
	now    Progress
	held   bool // now has not been reported
}

// take takes the progress of a stage, and makes its rate that of the run. The last of a stage is held back, as it is not the end unless
// there is no other stage.
func (r *relay) take(p Progress) {
	r.held = p.Done == p.Total
	p.Done += r.before.Done
	p.Failed += r.before.Failed
	p.Throttled += r.before.Throttled
	p.Total = r.total
	p.estimate(p.Done, time.Since(r.start))
	r.now = p
	if !r.held {
		r.report(p)
	}
}

// next tells that a stage is complete.
func (r *relay) next() { r.before = r.now }

// end makes the last report of a run, unless a stage that ended early has made it.
func (r *relay) end() {
	if r.report != nil && (r.held || r.total == 0) {
		r.report(r.now)
	}
}
