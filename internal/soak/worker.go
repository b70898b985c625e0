package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
)

const (
	individualsOfWorker = 60
	groupsOfWorker      = 8 // a service takes 100 of a kind
	devicesOfGroup      = 6
	poolSize            = 6 // of certificates
	stepTime            = 5 * time.Minute
	shortTime           = 6 * time.Millisecond
)

// worker takes steps on records of its own, so that it knows what they must be, and on shared ones.
type worker struct {
	soak        *soaker
	number      int
	proxy       *proxy
	through     *azdps.DeviceProvisioningClient // by way of the proxy
	individuals *actor[azdps.IndividualEnrollment]
	groups      *actor[azdps.EnrollmentGroup]
	devices     map[string]registration // by registration id
	counted     map[string]int          // what the worker counted in the shared records
	stamps      int
	stepping    sync.Mutex // is held during a step
}

// newWorker makes a worker with a client and a proxy of its own.
func (s *soaker) newWorker(ctx context.Context, number, individuals int) (*worker, error) {
	plan := faultPlan{s.settings.seed, uint64(number)}
	proxy, err := newProxy(ctx, s.service.url, s.authority, s.upstream, plan, s.tamper, s.tally)
	if err != nil {
		return nil, err
	}
	w := &worker{soak: s, number: number, proxy: proxy, devices: make(map[string]registration), counted: make(map[string]int)}
	options := &azdps.ClientOptions{}
	options.Transport = &http.Client{Transport: proxy.client}
	options.Retry = policy.RetryOptions{TryTimeout: tryTimeout, RetryDelay: 5 * time.Millisecond, MaxRetryDelay: 50 * time.Millisecond}
	if w.through, err = s.client(proxy.url, options); err != nil {
		return nil, err
	}
	w.individuals = &actor[azdps.IndividualEnrollment]{
		worker: w, through: individualsOf(w.through), direct: individualsOf(s.direct), held: make(map[string]shape),
		ids: names(fmt.Sprintf("%s-individual-", w.name()), individuals), gone: func(id string) { delete(w.devices, id) },
		types: []azdps.AttestationType{azdps.AttestationTypeSymmetricKey, azdps.AttestationTypeSymmetricKey, azdps.AttestationTypeTPM, azdps.AttestationTypeX509},
	}
	w.groups = &actor[azdps.EnrollmentGroup]{
		worker: w, through: groupsOf(w.through), direct: groupsOf(s.direct), held: make(map[string]shape),
		ids:   names(fmt.Sprintf("%s-group-", w.name()), groupsOfWorker),
		types: []azdps.AttestationType{azdps.AttestationTypeSymmetricKey, azdps.AttestationTypeX509},
	}
	return w, nil
}

func names(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = prefix + strconv.Itoa(i)
	}
	return ids
}

func (w *worker) name() string { return fmt.Sprint("worker-", w.number) }

// twin makes an initial twin that no other write has: the stamp tells whose write a record is of.
func (w *worker) twin(r *rand.Rand) string {
	w.stamps++
	twin := azdps.InitialTwin{
		Tags:       azdps.TwinCollection{"stamp": fmt.Sprint(w.name(), "/", w.stamps)},
		Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"interval": r.IntN(1000)}},
	}
	text, err := json.Marshal(twin)
	if err != nil {
		panic(err) // strings and a number
	}
	return string(text)
}

// step is what a worker can do, and how often it does.
type step struct {
	name  string
	share int
	take  func(w *worker, ctx context.Context, r *rand.Rand)
}

var steps = []step{
	{"create", 14, onEither((*actor[azdps.IndividualEnrollment]).create, (*actor[azdps.EnrollmentGroup]).create)},
	{"replace", 12, onEither((*actor[azdps.IndividualEnrollment]).replace, (*actor[azdps.EnrollmentGroup]).replace)},
	{"update", 12, onEither((*actor[azdps.IndividualEnrollment]).update, (*actor[azdps.EnrollmentGroup]).update)},
	{"delete", 7, onEither((*actor[azdps.IndividualEnrollment]).remove, (*actor[azdps.EnrollmentGroup]).remove)},
	{"impatient", 4, onEither((*actor[azdps.IndividualEnrollment]).impatient, (*actor[azdps.EnrollmentGroup]).impatient)},
	{"get", 10, onEither((*actor[azdps.IndividualEnrollment]).get, (*actor[azdps.EnrollmentGroup]).get)},
	{"attestation", 8, onEither((*actor[azdps.IndividualEnrollment]).mechanism, (*actor[azdps.EnrollmentGroup]).mechanism)},
	{"bulk", 10, onEither((*actor[azdps.IndividualEnrollment]).bulk, (*actor[azdps.EnrollmentGroup]).bulk)},
	{"pages", 2, onEither((*actor[azdps.IndividualEnrollment]).pages, (*actor[azdps.EnrollmentGroup]).pages)},
	{"all", 2, onEither((*actor[azdps.IndividualEnrollment]).all, (*actor[azdps.EnrollmentGroup]).all)},
	{"register", 6, (*worker).register},
	{"get state", 4, (*worker).getState},
	{"delete state", 2, (*worker).deleteState},
	{"list states", 3, (*worker).listStates},
	{"count", 6, (*worker).count},
}

// onEither takes a step on an individual enrollment, or every third time on a group.
func onEither(individual func(*actor[azdps.IndividualEnrollment], context.Context, *rand.Rand), group func(*actor[azdps.EnrollmentGroup], context.Context, *rand.Rand)) func(*worker, context.Context, *rand.Rand) {
	return func(w *worker, ctx context.Context, r *rand.Rand) {
		if r.IntN(3) == 0 {
			group(w.groups, ctx, r)
			return
		}
		individual(w.individuals, ctx, r)
	}
}

// planned is the nth step of a worker, with what it draws from.
func planned(all []step, seed uint64, worker int, n uint64) (step, *rand.Rand) {
	random := rand.New(rand.NewPCG(seed, uint64(worker)<<48|n))
	shares := 0
	for _, s := range all {
		shares += s.share
	}
	dice := random.IntN(shares)
	for _, s := range all[1:] {
		if dice -= s.share; dice < 0 {
			return s, random
		}
	}
	return all[0], random
}

// work takes steps until ctx ends. A step that was begun is finished.
func (w *worker) work(ctx context.Context, all []step) {
	for n := uint64(0); w.soak.pace.Wait(ctx) == nil; n++ {
		s, random := planned(all, w.soak.settings.seed, w.number, n)
		w.stepping.Lock()
		inStep, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTime)
		s.take(w, inStep, random)
		if inStep.Err() != nil {
			w.soak.tally.violate(leak, "%s took longer than %s", s.name, stepTime)
		}
		cancel()
		w.stepping.Unlock()
	}
}
