package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/internal/bench/plain"
	"github.com/azdps/azdps/internal/bench/stub"
)

// The sides that are compared.
const (
	raw  = "raw"   // package plain
	thin = "thin"  // azcore with its defaults and the models of azdps, and nothing else
	full = "azdps" // the client itself
)

const (
	policyName = "provisioningserviceowner"
	policyKey  = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// side does the same work as the other sides do. Records are made by number.
type side interface {
	get(ctx context.Context, i int) error
	create(ctx context.Context, i int) error
	createBulk(ctx context.Context, first, count int) error
	list(ctx context.Context, pageSize int) (int, error)
}

// newSide makes a side. Unless it is nil, memory takes the place of the network.
func newSide(name, endpoint string, memory http.RoundTripper) (side, error) {
	switch name {
	case raw:
		client := rawHTTP()
		if memory != nil {
			client = &http.Client{Transport: memory}
		}
		made, err := plain.NewClient(endpoint, policyName, policyKey, client)
		return &rawSide{made}, err
	case thin:
		return newThinSide(endpoint)
	}
	options := &azdps.ClientOptions{}
	if memory != nil {
		options.Transport = &http.Client{Transport: memory}
	}
	made, err := newFullClient(endpoint, options)
	return &fullSide{made}, err
}

// workers is how many calls are in flight in a bulk run.
const workers = 16

// rawHTTP is the default client of net/http with a connection for each worker, which nobody who counts would go without.
var rawHTTP = sync.OnceValue(func() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	return &http.Client{Transport: transport}
})

type rawSide struct{ client *plain.Client }

func (s *rawSide) get(ctx context.Context, i int) error {
	enrollment, err := s.client.Get(ctx, stub.ID(i))
	return checked(i, enrollment.RegistrationID, err)
}

func (s *rawSide) create(ctx context.Context, i int) error {
	enrollment := plainEnrollment(i)
	created, err := s.client.Create(ctx, &enrollment)
	return checked(i, created.RegistrationID, err)
}

func (s *rawSide) createBulk(ctx context.Context, first, count int) error {
	records := make([]plain.Enrollment, count)
	for i := range records {
		records[i] = plainEnrollment(first + i)
	}
	return s.client.CreateBulk(ctx, records)
}

func (s *rawSide) list(ctx context.Context, pageSize int) (count int, err error) {
	err = s.client.List(ctx, pageSize, func(page []plain.Enrollment) { count += len(page) })
	return count, err
}

type fullSide struct {
	client *azdps.DeviceProvisioningClient
}

func newFullClient(endpoint string, options *azdps.ClientOptions) (*azdps.DeviceProvisioningClient, error) {
	credential, err := azdps.NewSharedAccessKeyCredential(policyName, policyKey)
	if err != nil {
		return nil, err
	}
	return azdps.NewDeviceProvisioningClientWithSharedAccessKey(endpoint, credential, options)
}

func (s *fullSide) get(ctx context.Context, i int) error {
	resp, err := s.client.IndividualEnrollments().Get(ctx, stub.ID(i), nil)
	return checked(i, resp.RegistrationID, err)
}

func (s *fullSide) create(ctx context.Context, i int) error {
	resp, err := s.client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment(i), nil)
	return checked(i, resp.RegistrationID, err)
}

func (s *fullSide) createBulk(ctx context.Context, first, count int) error {
	_, err := s.client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, enrollments(first, count), nil)
	return err
}

func (s *fullSide) list(ctx context.Context, pageSize int) (int, error) {
	count := 0
	options := &azdps.IndividualEnrollmentsClientAllOptions{PageSize: int32(pageSize)}
	for _, err := range s.client.IndividualEnrollments().All(ctx, options) {
		if err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// thinSide is the least that a client on azcore can be: no spans, no checks, the defaults of azcore.
type thinSide struct {
	client   *azcore.Client
	endpoint string
}

func newThinSide(endpoint string) (*thinSide, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	client, err := azcore.NewClient("thin", "v0.0.0", runtime.PipelineOptions{
		PerRetry: []policy.Policy{signer{u.Hostname(), secret}},
	}, nil)
	return &thinSide{client, endpoint}, err
}

type signer struct {
	host string
	key  []byte
}

// Do implements [policy.Policy].
func (s signer) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Set("Authorization", plain.Sign(s.host, policyName, s.key, time.Now().Add(time.Hour)))
	return req.Next()
}

// do returns the answer to a request, and its body.
func (s *thinSide) do(ctx context.Context, method, path string, body []byte, header map[string]string) (*http.Response, []byte, error) {
	req, err := runtime.NewRequest(ctx, method, s.endpoint+path+"?api-version=2021-10-01")
	if err != nil {
		return nil, nil, err
	}
	for name, value := range header {
		req.Raw().Header.Set(name, value)
	}
	if body != nil {
		if err := req.SetBody(streaming.NopCloser(bytes.NewReader(body)), "application/json"); err != nil {
			return nil, nil, err
		}
	}
	resp, err := s.client.Pipeline().Do(req)
	if err != nil {
		return nil, nil, err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return nil, nil, runtime.NewResponseError(resp)
	}
	data, err := runtime.Payload(resp)
	return resp, data, err
}

func (s *thinSide) get(ctx context.Context, i int) error {
	var record azdps.IndividualEnrollment
	_, data, err := s.do(ctx, http.MethodGet, "/enrollments/"+stub.ID(i), nil, nil) //nolint:bodyclose // see do
	if err == nil {
		err = record.UnmarshalJSON(data)
	}
	return checked(i, record.RegistrationID, err)
}

func (s *thinSide) create(ctx context.Context, i int) error {
	record := enrollment(i)
	body, err := record.MarshalJSON()
	if err != nil {
		return err
	}
	_, data, err := s.do(ctx, http.MethodPut, "/enrollments/"+record.RegistrationID, body, nil) //nolint:bodyclose // see do
	if err != nil {
		return err
	}
	var created azdps.IndividualEnrollment
	err = created.UnmarshalJSON(data)
	return checked(i, created.RegistrationID, err)
}

func (s *thinSide) createBulk(ctx context.Context, first, count int) error {
	body, err := json.Marshal(map[string]any{"enrollments": enrollments(first, count), "mode": "create"})
	if err != nil {
		return err
	}
	_, data, err := s.do(ctx, http.MethodPost, "/enrollments", body, nil) //nolint:bodyclose // see do
	if err != nil {
		return err
	}
	var result azdps.BulkOperationResult
	if err := json.Unmarshal(data, &result); err != nil || !result.IsSuccessful {
		return fmt.Errorf("refused: %v: %w", result.Errors, err)
	}
	return nil
}

func (s *thinSide) list(ctx context.Context, pageSize int) (count int, err error) {
	header := map[string]string{"X-Ms-Max-Item-Count": strconv.Itoa(pageSize)}
	for {
		resp, data, err := s.do(ctx, http.MethodPost, "/enrollments/query", []byte(`{"query":"SELECT *"}`), header) //nolint:bodyclose // see do
		if err != nil {
			return count, err
		}
		var page []azdps.IndividualEnrollment
		if err := json.Unmarshal(data, &page); err != nil {
			return count, err
		}
		count += len(page)
		token := resp.Header.Get("X-Ms-Continuation")
		if token == "" {
			return count, nil
		}
		header["X-Ms-Continuation"] = token
	}
}

// checked makes sure that a call was answered with the record that it was about.
func checked(i int, id string, err error) error {
	if err == nil && id != stub.ID(i) {
		err = fmt.Errorf("the answer to record %d is %q", i, id)
	}
	return err
}
