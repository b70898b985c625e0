package fleet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/azdps/azdps"
)

// maxDiffering is how many records of the service are held until the desired ones that they differ from are looked up.
const maxDiffering = 4096

// comparison makes a plan.
type comparison[T Record] struct {
	kind      kind[T]
	options   *PlanOptions
	plan      *Plan[T]
	byID      []place             // of the desired records, sorted by id
	seen      []bool              // of the desired records, which the service has in some form
	differing map[int]T           // what the service holds instead of desired records, by their position
	deletes   map[string]deletion // by key of the id
	others    *idSet              // of the records that are neither desired nor deleted
}

// place is where the desired record of an id is.
type place struct {
	id       [16]byte // hash
	position uint32
}

func placeOf(id string, position int) place {
	sum := sha256.Sum256([]byte(key(id)))
	return place{id: [16]byte(sum[:16]), position: uint32(position)} //nolint:gosec // a service holds a million records
}

func (p place) compare(other place) int {
	return cmp.Or(bytes.Compare(p.id[:], other.id[:]), cmp.Compare(p.position, other.position))
}

// readDesired notes the hashes of the desired records.
func (c *comparison[T]) readDesired(ctx context.Context) error {
	for record, err := range c.plan.desired {
		position := len(c.plan.wanted)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("fleet: desired record %d: %w", position, err)
		case uint64(position) == math.MaxUint32:
			return errors.New("fleet: there are too many desired records for a plan")
		}
		keys := keysOf(c.kind.members(&record).attestation)
		form := c.kind.planForm(record, keys)
		if form == nil {
			return fmt.Errorf("fleet: desired record %d cannot be written as JSON", position)
		}
		c.plan.wanted = append(c.plan.wanted, wanted{hash: formHash(form), keys: keys})
		c.byID = append(c.byID, placeOf(c.kind.id(&record), position))
	}
	c.seen = make([]bool, len(c.plan.wanted))
	return c.checkIDs()
}

// checkIDs refuses desired records with the same id, of all of them those that come first.
func (c *comparison[T]) checkIDs() error {
	slices.SortFunc(c.byID, place.compare)
	first, second := uint32(0), uint32(math.MaxUint32)
	for i := 1; i < len(c.byID); i++ {
		if a, b := c.byID[i-1], c.byID[i]; a.id == b.id && b.position < second {
			first, second = a.position, b.position
		}
	}
	if second < math.MaxUint32 {
		return fmt.Errorf("fleet: desired records %d and %d have the same id; ids compare without case", first, second)
	}
	return nil
}

// position of the desired record with an id.
func (c *comparison[T]) position(id string) (int, bool) {
	sought := placeOf(id, 0)
	i, _ := slices.BinarySearchFunc(c.byID, sought, place.compare)
	if i == len(c.byID) || c.byID[i].id != sought.id {
		return 0, false
	}
	return int(c.byID[i].position), true
}

// readService compares the records of the service with the hashes.
func (c *comparison[T]) readService(ctx context.Context) error {
	e := newExporter[T](c.plan.client, &ExportOptions{Options: c.options.Options})
	defer e.progress.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := func(ctx context.Context, found T) (verdict[T], error) { return c.judge(ctx, e.pace, found) }
	for v, err := range each(ctx, e.pace, e.progress, listed(e.pages(ctx, "")), work) {
		if err == nil {
			err = c.note(ctx, v)
		}
		if err != nil {
			return err
		}
		e.progress.count(ResultUnchanged, false)
	}
	return nil
}

// verdict is how a record of the service compares with what is desired.
type verdict[T Record] struct {
	found                    T
	position                 int // of the desired record
	desired, differs, isGone bool
}

// judge compares one record, with its keys if the desired record has some. It runs in many goroutines.
func (c *comparison[T]) judge(ctx context.Context, pace *pacer, found T) (verdict[T], error) {
	v := verdict[T]{found: found}
	id := c.kind.id(&v.found)
	if v.position, v.desired = c.position(id); !v.desired {
		return v, nil
	}
	wanted := c.plan.wanted[v.position]
	attestation := c.kind.members(&v.found).attestation
	if wanted.keys != 0 && isSymmetricKey(attestation) {
		mechanism, err := read(ctx, pace, func(ctx context.Context) (azdps.AttestationMechanism, error) {
			return c.kind.mechanism(ctx, id)
		})
		if azdps.HasStatusCode(err, http.StatusNotFound) {
			v.isGone = true
			return v, nil
		}
		if err != nil {
			return v, fmt.Errorf("fleet: the keys of %s: %w", id, err)
		}
		attestation.SymmetricKey = mechanism.SymmetricKey
	}
	form := c.kind.planForm(v.found, wanted.keys)
	v.differs = form == nil || formHash(form) != wanted.hash
	return v, nil
}

// note takes a verdict in. A record may be listed twice, if it moved between the pages meanwhile.
func (c *comparison[T]) note(ctx context.Context, v verdict[T]) error {
	switch {
	case v.isGone:
		return nil
	case v.desired:
		if !c.seen[v.position] && v.differs {
			c.differing[v.position] = v.found
		}
		c.seen[v.position] = true
	case c.options.Delete:
		id, etag := c.kind.id(&v.found), *c.kind.members(&v.found).etag
		if etag == "" {
			return noETag(id)
		}
		c.deletes[key(id)] = deletion{id: id, etag: etag}
	case c.others.add(c.kind.id(&v.found)):
		c.plan.others++
	}
	if len(c.deletes) > max(0, c.options.MaxDeletes) {
		return fmt.Errorf("%w: MaxDeletes allows %d", ErrTooManyDeletes, max(0, c.options.MaxDeletes))
	}
	if len(c.differing) == maxDiffering {
		return c.lookUp(ctx, false)
	}
	return nil
}

// finish compares what is left, and collects what the service does not have.
func (c *comparison[T]) finish(ctx context.Context) error {
	if slices.Contains(c.seen, false) || len(c.differing) > 0 {
		if err := c.lookUp(ctx, true); err != nil {
			return err
		}
	}
	slices.SortFunc(c.plan.updates, func(a, b update) int { return cmp.Compare(a.position, b.position) })
	c.plan.deletes = slices.SortedFunc(maps.Values(c.deletes), func(a, b deletion) int { return cmp.Compare(key(a.id), key(b.id)) })
	return nil
}

// lookUp ranges over the desired records again, to see in what they differ and, the last time, which of them the service does
// not have.
func (c *comparison[T]) lookUp(ctx context.Context, last bool) error {
	position := 0
	for record, err := range c.plan.desired {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || position == len(c.plan.wanted) {
			return changed(position, err)
		}
		found, differs := c.differing[position]
		delete(c.differing, position)
		switch {
		case differs:
			err = c.update(position, record, found)
		case last && !c.seen[position]:
			err = c.create(position, record)
		}
		if err != nil {
			return err
		}
		position++
		if !last && len(c.differing) == 0 {
			return nil
		}
	}
	if position < len(c.plan.wanted) {
		return changed(position, nil)
	}
	return nil
}

func (c *comparison[T]) create(position int, record T) error {
	if _, err := c.plan.formAgain(c.kind, position, record); err != nil {
		return err
	}
	if err := c.hasCertificates(position, record, nil); err != nil {
		return err
	}
	c.plan.creates = append(c.plan.creates, create{id: c.kind.id(&record), position: position})
	return nil
}

func (c *comparison[T]) update(position int, record, found T) error {
	form, err := c.plan.formAgain(c.kind, position, record)
	if err != nil {
		return err
	}
	if err := c.hasCertificates(position, record, &found); err != nil {
		return err
	}
	id, etag := c.kind.id(&record), *c.kind.members(&found).etag
	if etag == "" {
		return noETag(id)
	}
	fields := diff(c.kind.planForm(found, c.plan.wanted[position].keys), form)
	c.plan.updates = append(c.plan.updates, update{id: id, etag: etag, fields: fields, position: position})
	return nil
}

// hasCertificates refuses a desired record with the info of a certificate that neither it nor the service has.
func (c *comparison[T]) hasCertificates(position int, record T, found *T) error {
	held := make(map[string]bool)
	if found != nil {
		for _, certificate := range certificatesOf(c.kind.members(found).attestation) {
			held[certificate.thumbprint()] = true
		}
	}
	for _, certificate := range certificatesOf(c.kind.members(&record).attestation) {
		if certificate.Certificate == "" && certificate.Info != nil && !held[certificate.thumbprint()] {
			return fmt.Errorf("fleet: desired record %d: attestation.x509.%s.%s.certificate is missing, and the service does not"+
				" hold the certificate of its info", position, certificate.kind, certificate.place)
		}
	}
	return nil
}

// formAgain is the form of a desired record that was read before.
func (p *Plan[T]) formAgain(kind kind[T], position int, record T) (map[string]any, error) {
	keys := keysOf(kind.members(&record).attestation)
	form := kind.planForm(record, keys)
	if wanted := p.wanted[position]; form == nil || keys != wanted.keys || formHash(form) != wanted.hash {
		return nil, changed(position, nil)
	}
	return form, nil
}

// changed is the error of a desired sequence that does not yield what it yielded before. A fault of its file is no fault of
// a record then.
func changed(position int, err error) error {
	if _, isInput := errors.AsType[*InputError](err); err == nil || isInput {
		return fmt.Errorf("fleet: desired record %d is not what it was: a plan ranges over the desired records several times, and"+
			" they must be the same each time", position)
	}
	return fmt.Errorf("fleet: desired record %d: %w", position, err)
}

func noETag(id string) error {
	return fmt.Errorf("fleet: the service gave no ETag for %q, so it cannot be changed safely", id)
}
