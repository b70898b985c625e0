package fleet

import (
	"context"
	"iter"
	"sync"
)

// pool runs jobs, as many at once as keep the limiter busy. It belongs to the goroutine that starts and collects them, which closes it.
type pool[J any] struct {
	pace     *pacer
	progress *progress
	work     func(J)
	jobs     chan J // to the goroutines that are idle
	done     chan J
	busy     int

	goroutines sync.WaitGroup // they stay, since a new one would have to let its stack grow
	started    int
}

func newPool[J any](pace *pacer, progress *progress, work func(J)) *pool[J] {
	return &pool[J]{pace: pace, progress: progress, work: work, jobs: make(chan J), done: make(chan J)}
}

// full says whether a job has to end before another one may start.
func (p *pool[J]) full() bool { return p.busy >= p.pace.concurrency() }

func (p *pool[J]) start(job J) {
	if p.busy == p.started {
		p.started++
		p.goroutines.Go(p.run)
	}
	p.busy++
	p.jobs <- job
}

func (p *pool[J]) run() {
	for job := range p.jobs {
		p.work(job)
		p.done <- job
	}
}

// close waits for the jobs that are under way, hands them to collected, and ends the goroutines. No job may be started after it.
func (p *pool[J]) close(collected func(J)) {
	for p.busy > 0 {
		collected(p.collect())
	}
	close(p.jobs)
	p.goroutines.Wait()
}

// collect waits for a job to end. There must be one.
func (p *pool[J]) collect() J {
	for {
		select {
		case job := <-p.done:
			p.busy--
			return job
		case <-p.progress.due():
			p.progress.tick()
		}
	}
}

// poll collects a job that has ended, if there is one.
func (p *pool[J]) poll() (job J, ok bool) {
	select {
	case job = <-p.done:
		p.busy--
		return job, true
	default:
		return job, false
	}
}

// each runs work on the items of a sequence, several at once, and yields what it makes of them as it comes. An error of the
// sequence, or of work, ends it: it is yielded last, after what was under way. When the consumer leaves or ctx ends, so
// does the context of work; each returns after the last work has.
func each[In, Out any](ctx context.Context, pace *pacer, progress *progress, in iter.Seq2[In, error], work func(context.Context, In) (Out, error)) iter.Seq2[Out, error] {
	type job struct {
		in  In
		out Out
		err error
	}
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		p := newPool(pace, progress, func(j *job) { j.out, j.err = work(ctx, j.in) })
		defer func() {
			cancel()
			p.close(func(*job) {})
		}()
		var failure error
		left := false
		take := func(j *job) {
			switch {
			case j.err != nil && failure == nil:
				failure = j.err
			case j.err == nil && !left:
				left = !yield(j.out, nil)
			}
		}
		for item, err := range in {
			if failure == nil && err != nil {
				failure = err
			}
			for j, ok := p.poll(); ok && !left; j, ok = p.poll() {
				take(j)
			}
			for p.full() && !left && failure == nil {
				take(p.collect())
			}
			if left || failure != nil {
				break
			}
			p.start(&job{in: item})
		}
		for p.busy > 0 && !left {
			take(p.collect())
		}
		if failure != nil && !left {
			yield(*new(Out), failure)
		}
	}
}
