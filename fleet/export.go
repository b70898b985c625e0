package fleet

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/http"

	"github.com/azdps/azdps"
)

// ExportOptions are the options of [Export].
type ExportOptions struct {
	Options

	// Keys reads symmetric keys too: one more operation for each record that has some.
	Keys bool

	// ContinuationToken starts after the page that OnPage got it for; empty starts at the first page.
	ContinuationToken string

	// OnPage, if set, gets the token that follows each page after the consumer took all records of the page; it is empty after
	// the last. To go on after an interruption, keep the token together with the size that the file has then, as records of the
	// next page may follow: cut the file to that size and append what an export from the token gives.
	OnPage func(continuationToken string)
}

// Export iterates over all records of the service, in the order of its pages. An error ends it. It holds one page at a time;
// with Keys it reads several keys at once. A record that is deleted meanwhile is left out. options may be nil.
//
// What the service never returns, no export has: certificates come as their info only, and symmetric keys not at all without
// Keys. A record without its keys can be created elsewhere, but with new keys.
//
// It needs the permission EnrollmentRead, and for keys perhaps EnrollmentWrite: the service does not document which. Of the
// options, MaxFailures and MaxFailureShare do not apply.
func Export[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, options *ExportOptions) iter.Seq2[T, error] {
	if options == nil {
		options = &ExportOptions{}
	}
	settings := *options
	return func(yield func(T, error) bool) {
		e := newExporter[T](client, &settings)
		defer e.progress.stop()
		for page, err := range e.pages(ctx, settings.ContinuationToken) {
			if err == nil && settings.Keys {
				page.records, err = e.withKeys(ctx, page.records)
			}
			if err != nil {
				e.progress.end()
				yield(*new(T), err)
				return
			}
			for _, record := range page.records {
				if !yield(record, nil) {
					return
				}
				e.progress.count(ResultUnchanged, false)
			}
			if settings.OnPage != nil {
				settings.OnPage(page.next)
			}
		}
		e.progress.end()
	}
}

// page is some records of a service, and the token of the page after it.
type page[T Record] struct {
	records []T
	next    string
}

// exporter reads the records of a service.
type exporter[T Record] struct {
	kind     kind[T]
	pace     *pacer
	progress *progress
}

func newExporter[T Record](client *azdps.DeviceProvisioningClient, options *ExportOptions) *exporter[T] {
	pace := newPacer(&options.Options)
	return &exporter[T]{kind: kindOf[T](client), pace: pace, progress: newProgress(&options.Options, pace.limiter)}
}

var errRepeatedToken = errors.New("fleet: the service repeated a continuation token, so the list would never end")

// pages reads page by page from a token on.
func (e *exporter[T]) pages(ctx context.Context, token string) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		seed := maphash.MakeSeed()
		seen := make(map[uint64]bool)
		for {
			seen[maphash.String(seed, token)] = true
			p, err := read(ctx, e.pace, func(ctx context.Context) (p page[T], err error) {
				p.records, p.next, err = e.kind.page(ctx, token)
				return p, err
			})
			if err == nil && p.next != "" && seen[maphash.String(seed, p.next)] {
				err = errRepeatedToken
			}
			if err != nil {
				yield(page[T]{}, err)
				return
			}
			if !yield(p, nil) || p.next == "" {
				return
			}
			token = p.next
		}
	}
}

// listed yields the records of pages, and an error last.
func listed[T Record](pages iter.Seq2[page[T], error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, record := range page.records {
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}

// withKeys reads the keys of the records that have some, several at once, and leaves out the records that are gone.
func (e *exporter[T]) withKeys(ctx context.Context, records []T) ([]T, error) {
	gone := make([]bool, len(records))
	work := func(ctx context.Context, i int) (none struct{}, err error) {
		gone[i], err = e.readKeys(ctx, &records[i])
		return none, err
	}
	for _, err := range each(ctx, e.pace, e.progress, e.keyed(records), work) {
		if err != nil {
			return nil, err
		}
	}
	kept := records[:0]
	for i, record := range records {
		if !gone[i] {
			kept = append(kept, record)
		}
	}
	return kept, nil
}

// keyed iterates over the indexes of the records whose keys the service knows.
func (e *exporter[T]) keyed(records []T) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range records {
			if isSymmetricKey(e.kind.members(&records[i]).attestation) && !yield(i, nil) {
				return
			}
		}
	}
}

func (e *exporter[T]) readKeys(ctx context.Context, record *T) (gone bool, err error) {
	id := e.kind.id(record)
	mechanism, err := read(ctx, e.pace, func(ctx context.Context) (azdps.AttestationMechanism, error) {
		return e.kind.mechanism(ctx, id)
	})
	if azdps.HasStatusCode(err, http.StatusNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("fleet: the keys of %s: %w", id, err)
	}
	*e.kind.members(record).attestation = mechanism
	return false, nil
}
