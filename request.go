package azdps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Headers of the service API beyond the standard ones.
const (
	headerContinuation = "X-Ms-Continuation"
	headerErrorCode    = "X-Ms-Error-Code"
	headerItemType     = "X-Ms-Item-Type"
	headerMaxItemCount = "X-Ms-Max-Item-Count"
)

// service is what all clients of one service share.
type service struct {
	internal      *azcore.Client
	endpoint      *url.URL // without a trailing slash
	bodiesAreSeen bool     // by others than the client
}

// operation is one request of the service API, the same for each of its tries.
type operation struct {
	name    string // of the span, and for policies that look at runtime.CtxAPINameKey
	method  string
	path    string // within the service; nothing in it needs an escape
	body    []byte // JSON; nil sends none
	ifMatch *azcore.ETag
	page    page
	answer  *download // nil leaves it to azcore to read the answer
	write   *write    // nil for an operation that changes nothing, which may be tried again after any fault
}

// page is the part of a list that a query asks for.
type page struct {
	continuationToken string
	size              int32
}

// do sends an operation in a span of its own and hands the body of the answer to decode.
func (s *service) do(ctx context.Context, op operation, decode func([]byte) error) (err error) {
	ctx, endSpan := runtime.StartSpan(ctx, op.name, s.internal.Tracer(), nil)
	defer func() { endSpan(err) }()
	_, err = s.send(ctx, op, decode)
	return err
}

// send sends an operation and returns the headers of its answer.
func (s *service) send(ctx context.Context, op operation, decode func([]byte) error) (http.Header, error) {
	ctx = context.WithValue(ctx, runtime.CtxAPINameKey{}, op.name)
	req, err := s.newRequest(op.write.context(ctx), op)
	if err != nil {
		return nil, err
	}
	op.answer.in(req)
	resp, err := s.internal.Pipeline().Do(req) //nolint:bodyclose // the pipeline has read and closed it
	if err != nil {
		if op.write != nil && op.write.done {
			op.write.lose() // azcore drops an answer if the context ends after it
		}
		return nil, op.write.outcome(err)
	}
	if op.deletedBefore(resp) {
		return resp.Header, nil
	}
	if !runtime.HasStatusCode(resp, http.StatusOK, http.StatusCreated, http.StatusNoContent) {
		if resp.StatusCode < http.StatusMultipleChoices { // a success that the service does not have
			op.write.lose()
			resp.Body = http.NoBody // it may be a record with its keys, and the text of the error has the body
		}
		return nil, op.write.outcome(newResponseError(resp))
	}
	if err := op.read(resp, decode); err != nil {
		op.write.lose()
		return nil, op.write.outcome(fmt.Errorf("azdps: %s: answer %d is not the JSON of the service (Content-Type %q): %w",
			op.name, resp.StatusCode, resp.Header.Get("Content-Type"), err))
	}
	return resp.Header, nil
}

// deletedBefore reports whether the record is gone because an earlier try, whose answer was lost, deleted it.
func (op operation) deletedBefore(resp *http.Response) bool {
	return op.method == http.MethodDelete && op.write.lost && resp.StatusCode == http.StatusNotFound
}

func (op operation) read(resp *http.Response, decode func([]byte) error) error {
	body, err := op.answer.payload(resp)
	if err != nil {
		return err
	}
	return decode(withoutBOM(body))
}

// decodeAnswer reads one JSON value into out. Null would leave out empty, as if that were the record.
func decodeAnswer(body []byte, out any) error {
	if string(bytes.TrimSpace(body)) == "null" {
		return errors.New("it is null")
	}
	return decode(body, out)
}

// notTheRecord is the error of an answer that is a JSON object, but of somebody else, as that of a proxy may be.
func notTheRecord(idField string) error {
	return fmt.Errorf("its %s is not the one that was asked for", idField)
}

// withoutBOM takes off the byte order mark that some servers put before JSON.
func withoutBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

func (s *service) newRequest(ctx context.Context, op operation) (*policy.Request, error) {
	raw, err := http.NewRequestWithContext(ctx, op.method, "", nil) // the endpoint is parsed already
	if err != nil {
		return nil, err
	}
	s.locate(raw.URL, op.path)
	raw.Host = raw.URL.Host
	req, err := runtime.NewRequestFromRequest(raw)
	if err != nil {
		return nil, err
	}
	header := raw.Header
	header["Accept"] = []string{"application/json"}
	if op.ifMatch != nil {
		header["If-Match"] = []string{string(*op.ifMatch)}
	}
	if op.page.continuationToken != "" {
		header[headerContinuation] = []string{op.page.continuationToken}
	}
	if op.page.size > 0 {
		header[headerMaxItemCount] = []string{strconv.Itoa(int(op.page.size))}
	}
	if op.body != nil {
		body := &requestBody{bytes.NewReader(op.body), op.body}
		err = req.SetBody(body, "application/json")
		raw.GetBody = body.reopen
	}
	return req, err
}

// locate sets the URL of what is at a path of the service.
func (s *service) locate(u *url.URL, path string) {
	*u = *s.endpoint
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	u.RawQuery = "api-version=" + APIVersion2021_10_01
}

// requestBody is a body that is in memory.
type requestBody struct {
	*bytes.Reader
	content []byte
}

// Close implements [io.Closer].
func (*requestBody) Close() error { return nil }

// reopen gives one more body of the same content, which shares nothing with this one.
func (b *requestBody) reopen() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b.content)), nil
}

// inMemory gives net/http a body that it knows to be in memory, so that it sends header and body at once. Behind the wrapper of
// azcore, which is needed for bodies that are not, it sends the header alone first.
func inMemory(req *policy.Request) {
	if body, ok := req.Body().(*requestBody); ok {
		req.Raw().Body, _ = body.reopen()
	}
}

// itemPath is the path of one record. Its id is checked before anything is sent, and has no character that needs an escape: see idProblem.
func itemPath(collection, id string) string { return collection + "/" + id }
