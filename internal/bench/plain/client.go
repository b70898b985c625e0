package plain

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client sends requests with net/http and nothing around it.
type Client struct {
	http     *http.Client
	endpoint string
	host     string
	policy   string
	key      []byte
}

// NewClient makes a client that signs with a key. A nil http.Client means the default of net/http.
func NewClient(endpoint, policy, key string, client *http.Client) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = http.DefaultClient
	}
	return &Client{http: client, endpoint: endpoint, host: u.Hostname(), policy: policy, key: secret}, nil
}

// Get reads an enrollment.
func (c *Client) Get(ctx context.Context, id string) (enrollment Enrollment, err error) {
	_, err = c.do(ctx, http.MethodGet, "/enrollments/"+id, "", 0, nil, &enrollment)
	return enrollment, err
}

// Create writes an enrollment.
func (c *Client) Create(ctx context.Context, enrollment *Enrollment) (created Enrollment, err error) {
	_, err = c.do(ctx, http.MethodPut, "/enrollments/"+enrollment.RegistrationID, "", 0, enrollment, &created)
	return created, err
}

// CreateBulk writes up to ten enrollments.
func (c *Client) CreateBulk(ctx context.Context, enrollments []Enrollment) error {
	var result BulkResult
	_, err := c.do(ctx, http.MethodPost, "/enrollments", "", 0, BulkOperation{enrollments, "create"}, &result)
	if err == nil && !result.IsSuccessful {
		err = fmt.Errorf("refused: %v", result.Errors)
	}
	return err
}

// List hands out all enrollments, page by page.
func (c *Client) List(ctx context.Context, pageSize int, handle func([]Enrollment)) error {
	for token := ""; ; {
		var page []Enrollment
		header, err := c.do(ctx, http.MethodPost, "/enrollments/query", token, pageSize, Query{"SELECT *"}, &page)
		if err != nil {
			return err
		}
		handle(page)
		if token = header.Get("X-Ms-Continuation"); token == "" {
			return nil
		}
	}
}

// do sends a request with a JSON body, unless in is nil, and reads the JSON of the answer.
func (c *Client) do(ctx context.Context, method, path, token string, pageSize int, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path+"?api-version=2021-10-01", body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", Sign(c.host, c.policy, c.key, time.Now().Add(time.Hour)))
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("X-Ms-Continuation", token)
	}
	if pageSize > 0 {
		req.Header.Set("X-Ms-Max-Item-Count", strconv.Itoa(pageSize))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, data)
	}
	return resp.Header, json.Unmarshal(data, out)
}
