package fleet

import "time"

// progress counts the outcomes of a run and reports them at a bounded rate. It belongs to one goroutine.
type progress struct {
	report  func(Progress) // nil without one
	every   time.Duration
	ticker  *time.Ticker
	limiter *Limiter

	start   time.Time
	last    time.Time     // of the last report
	waited  time.Duration // of the limiter, before the run
	earlier int64         // records that an earlier run finished
	now     Progress
}

func newProgress(options *Options, limiter *Limiter) *progress {
	p := &progress{report: options.Progress, every: options.ProgressEvery, limiter: limiter, start: time.Now()}
	p.now.Total = options.Total
	p.waited = limiter.throttledFor()
	if p.every <= 0 {
		p.every = time.Second
	}
	if p.report != nil {
		p.last = p.start
		p.ticker = time.NewTicker(p.every)
	}
	return p
}

// count counts an outcome; earlier says that it is of an earlier run.
func (p *progress) count(result Result, earlier bool) {
	p.now.Done++
	if result.failed() {
		p.now.Failed++
	}
	if earlier {
		p.earlier++
	}
	p.tick()
}

// due tells when tick has something to do; it is nil without a report.
func (p *progress) due() <-chan time.Time {
	if p.ticker == nil {
		return nil
	}
	return p.ticker.C
}

// tick reports if it is time to.
func (p *progress) tick() {
	if p.report != nil && time.Since(p.last) >= p.every {
		p.send()
	}
}

// end makes the last report.
func (p *progress) end() {
	if p.report == nil {
		return
	}
	p.send()
	p.stop()
}

// stop ends the reports.
func (p *progress) stop() {
	if p.report != nil {
		p.ticker.Stop()
		p.ticker, p.report = nil, nil
	}
}

func (p *progress) send() {
	p.last = time.Now()
	now := p.now
	now.Throttled = p.limiter.throttledFor() - p.waited
	now.estimate(now.Done-p.earlier, p.last.Sub(p.start))
	p.report(now)
}

// estimate sets what follows from so many records in some time.
func (p *Progress) estimate(done int64, passed time.Duration) {
	p.PerSecond, p.Remaining = 0, 0
	if passed > 0 {
		p.PerSecond = float64(done) / passed.Seconds()
	}
	if p.PerSecond > 0 && p.Total > p.Done {
		p.Remaining = seconds(float64(p.Total-p.Done) / p.PerSecond)
	}
}
