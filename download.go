package azdps

import (
	"bytes"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
)

// download is the body of a page, read into memory of about the right size. azcore lets it grow from 512 bytes, which in a long
// list makes two thirds of what is allocated.
type download struct {
	expected int // the size of the page before
	body     []byte
}

// newDownload is nil, which leaves the body to azcore, if the body can be seen by others than the client: by the log or by policies
// of the caller, which may put another in its place.
func (s *service) newDownload() *download {
	if s.bodiesAreSeen {
		return nil
	}
	return &download{}
}

// bodiesAreSeen reports whether options show the bodies of answers to others than the client.
func bodiesAreSeen(options *policy.ClientOptions) bool {
	return options.Logging.IncludeBody || len(options.PerCallPolicies) > 0 || len(options.PerRetryPolicies) > 0
}

// in makes a request leave the body of its answer to answerPolicy, which reads it within the try, so that one that breaks off is
// tried again.
func (d *download) in(req *policy.Request) {
	if d != nil {
		runtime.SkipBodyDownload(req)
		req.SetOperationValue(d)
	}
}

// downloadBody reads the body of an answer that has a download. That of an error has been read by azcore.
func downloadBody(req *policy.Request, resp *http.Response) error {
	if resp.StatusCode >= http.StatusBadRequest {
		return nil
	}
	var d *download
	if !req.OperationValue(&d) {
		return nil
	}
	buffer := bytes.NewBuffer(make([]byte, 0, d.expected+d.expected/16+bytes.MinRead))
	_, err := buffer.ReadFrom(resp.Body)
	_ = resp.Body.Close() // what was read counts
	if err != nil {
		return err
	}
	d.body = buffer.Bytes()
	d.expected = len(d.body)
	resp.Body = streaming.NopCloser(bytes.NewReader(d.body)) // for who captures the response
	return nil
}

// payload is the body of an answer of success.
func (d *download) payload(resp *http.Response) ([]byte, error) {
	if d == nil {
		return runtime.Payload(resp)
	}
	body := d.body
	d.body = nil
	return body, resp.Body.Close() // which ends the context of the try
}
