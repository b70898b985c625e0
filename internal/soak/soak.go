package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// noteEvery is the time between two lines of the log.
const noteEvery = time.Minute

// soaker is a run.
type soaker struct {
	settings     settings
	service      service
	authority    *authority
	certificates *pool
	upstream     *http.Transport                 // to the service
	direct       *azdps.DeviceProvisioningClient // to the service, without faults
	tamper       middleware
	tally        *tally
	pace         *fleet.Limiter
	workers      []*worker
	pausing      sync.Mutex // is held by who holds others up
	early        int64      // memory in use at the first checkpoint
}

// soak works on a service for the time in the settings, and returns an error if anything was not as it must be. tamper is
// nil but in tests.
func soak(ctx context.Context, set settings, target service, tamper middleware, log io.Writer) error {
	ctx, stop := context.WithTimeout(ctx, set.length)
	defer stop()
	goroutines := runtime.NumGoroutine()
	s := &soaker{settings: set, service: target, tamper: tamper, tally: newTally(log, stop), pace: fleet.NewLimiter(set.rate)}
	s.tally.note("seed %d, %d + %d workers, %d steps a minute, for %s", set.seed, set.fleets, set.workers, set.rate, set.length)
	if err := s.start(ctx); err != nil {
		return err
	}
	var working sync.WaitGroup
	for i, w := range s.workers {
		all := steps
		if i < set.fleets {
			all = runs
		}
		working.Go(func() { w.work(ctx, all) })
	}
	s.watch(ctx)
	working.Wait()
	s.compareAll(context.WithoutCancel(ctx), true)
	s.end(goroutines)
	return s.tally.report(set.seed)
}

// start makes the clients, the workers and the records that all workers share. The first workers run fleets.
func (s *soaker) start(ctx context.Context) (err error) {
	if s.authority, err = newAuthority(s.service.certificate); err != nil {
		return err
	}
	if s.certificates, err = newPool(poolSize); err != nil {
		return err
	}
	s.upstream = s.authority.transport()
	options := &azdps.ClientOptions{}
	options.Transport = &http.Client{Transport: s.upstream}
	options.Retry.MaxRetries = -1
	if s.direct, err = s.client(s.service.url, options); err != nil {
		return err
	}
	for i := range s.settings.fleets + s.settings.workers {
		individuals := individualsOfWorker
		if i < s.settings.fleets {
			individuals = individualsOfFleet
		}
		w, err := s.newWorker(ctx, i, individuals)
		if err != nil {
			return err
		}
		s.workers = append(s.workers, w)
	}
	s.tally.trail = s.trail
	for _, id := range sharedRecords {
		record := azdps.IndividualEnrollment{
			RegistrationID: id, Attestation: azdps.NewGeneratedKeyAttestation(),
			InitialTwin: &azdps.InitialTwin{Tags: azdps.TwinCollection{"made": "by soak"}},
		}
		if _, err := s.direct.IndividualEnrollments().CreateOrUpdate(ctx, record, nil); err != nil {
			return fmt.Errorf("make %s: %w", id, err)
		}
	}
	return nil
}

// pause holds the workers up between two steps until resume is called. A run of a fleet takes seconds: without patience,
// those that run one go on, and are not among the paused.
func (s *soaker) pause(patient bool) (paused []*worker, resume func()) {
	s.pausing.Lock()
	for _, w := range s.workers { // those that run fleets come first, and the others work on until they are done
		if !patient && w.number < s.settings.fleets && !w.stepping.TryLock() {
			continue
		}
		if patient || w.number >= s.settings.fleets {
			w.stepping.Lock()
		}
		paused = append(paused, w)
	}
	return paused, func() {
		for _, w := range paused {
			w.stepping.Unlock()
		}
		s.pausing.Unlock()
	}
}

// trail is what happened to the first record that a text names.
func (s *soaker) trail(text string) string {
	id := idInBody.FindString(text)
	for _, w := range s.workers {
		if strings.HasPrefix(id, w.name()+"-") {
			return w.proxy.about(id)
		}
	}
	return ""
}

// client makes a client for an endpoint with the key of the service.
func (s *soaker) client(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
	host := strings.TrimPrefix(s.service.url, "https://")
	connectionString := strings.Replace(s.service.connectionString, host, strings.TrimPrefix(endpoint, "https://"), 1)
	return azdps.NewDeviceProvisioningClientFromConnectionString(connectionString, options)
}

// watch compares everything at intervals until ctx ends.
func (s *soaker) watch(ctx context.Context) {
	ticker := time.NewTicker(s.settings.interval)
	defer ticker.Stop()
	noted := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.compareAll(context.WithoutCancel(ctx), false)
		if s.early == 0 {
			s.early = heap()
		}
		if time.Since(noted) > noteEvery {
			s.tally.note("%s, %s", s.tally.summary(), used())
			noted = time.Now()
		}
	}
}

// number is a number of a twin.
func number(value any) int {
	n, ok := value.(json.Number)
	if !ok {
		return 0
	}
	whole, _ := n.Int64() // 0 if it is none
	return int(whole)
}
