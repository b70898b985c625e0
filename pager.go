package azdps

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// defaultPageSize is what the service is recorded to return when the client asks for no size.
const defaultPageSize = 100

// query is a list of the service, read page by page.
type query[T any] struct {
	service *service
	name    string // of the API
	path    string
	body    []byte
	page    page  // the first one
	invalid error // of the options, told by the first page, since making a pager returns no error
}

// newPager makes the pager of a query; response makes a page of the caller's type, and next is its continuation token.
func newPager[T, R any](q query[T], response func([]T, string) R, next func(R) string) *runtime.Pager[R] {
	seen, answer := tokenSet{}, q.service.newDownload()
	return runtime.NewPager(runtime.PagingHandler[R]{
		More: func(current R) bool { return next(current) != "" },
		Fetcher: func(ctx context.Context, current *R) (R, error) {
			wanted := q.page
			if current != nil {
				wanted.continuationToken = next(*current)
			}
			items, token, err := q.fetch(ctx, wanted, answer)
			if err == nil {
				err = seen.follow(wanted.continuationToken, token)
			}
			if err != nil {
				return *new(R), err
			}
			return response(items, token), nil
		},
		Tracer: q.service.internal.Tracer(),
	})
}

// fetch reads one page and the token that leads to the next.
func (q query[T]) fetch(ctx context.Context, wanted page, answer *download) (items []T, token string, err error) {
	if q.invalid != nil {
		return nil, "", q.invalid
	}
	header, err := q.service.send(ctx, operation{
		name: q.name, method: http.MethodPost, path: q.path, body: q.body, page: wanted, answer: answer,
	}, func(body []byte) (err error) {
		items, err = decodePage[T](body)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	token = header.Get(headerContinuation)
	return items, token, checkHeader("the continuation token of the service", token)
}

// errRepeatedToken ends a list that would never end.
var errRepeatedToken = &finalError{errors.New("azdps: the service repeated a continuation token, so the list would never end")}

// tokenSet holds the tokens that a list has followed, as hashes: a list of a million records has ten thousand.
type tokenSet map[uint64]struct{}

var tokenSeed = maphash.MakeSeed()

// follow notes the token that a page was asked for and checks the one that it answers with. The items of a page that leads back
// are not handed out: they are likely to be items that the caller has had.
func (s tokenSet) follow(asked, next string) error {
	s[maphash.String(tokenSeed, asked)] = struct{}{}
	if next == "" {
		return nil
	}
	if _, repeated := s[maphash.String(tokenSeed, next)]; repeated {
		return errRepeatedToken
	}
	return nil
}

// all iterates over the items of a pager until limit, if that is above 0.
func all[T, R any](ctx context.Context, limit int, newPager func() *runtime.Pager[R], items func(R) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if limit < 0 {
			yield(*new(T), invalid("options.MaxItems", "must not be negative"))
			return
		}
		count := 0
		for pager := newPager(); pager.More(); {
			page, err := pager.NextPage(ctx)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for records, i := items(page), 0; i < len(records); i++ {
				if !yield(records[i], nil) { // not by a range, which copies a record once more
					return
				}
				if count++; count == limit {
					return
				}
			}
		}
	}
}

// pageSizeFor fetches no more items than the caller wants.
func pageSizeFor(pageSize int32, maxItems int) int32 {
	size := int(pageSize)
	if size == 0 {
		size = defaultPageSize
	}
	if 0 < maxItems && maxItems < size {
		return int32(maxItems) //nolint:gosec // it is less than a page
	}
	return pageSize
}

// newPage checks the options of a query.
func newPage(continuationToken string, pageSize int32) (page, error) {
	if pageSize < 0 {
		return page{}, invalid("options.PageSize", "must not be negative")
	}
	if err := checkHeader("options.ContinuationToken", continuationToken); err != nil {
		return page{}, err
	}
	return page{continuationToken: continuationToken, size: pageSize}, nil
}
