// Package entra stands in for Microsoft Entra ID where there is none: it answers in memory what package azidentity asks over the
// network, with tokens of somebody else. So a program can show what a credential asks for, and use it, without an Azure account.
package entra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Directory is a policy.Transporter for the options of a credential. It is safe for concurrent use.
type Directory struct {
	tokens azcore.TokenCredential

	mu       sync.Mutex
	requests []Request
}

var _ policy.Transporter = (*Directory)(nil)

// Request is a token that was asked for.
type Request struct {
	// Authority is the URL of the cloud's authority and the tenant.
	Authority string

	// ClientID is the application that asked, and Scope what for.
	ClientID, Scope string
}

// New returns a directory that hands out tokens of a credential.
func New(tokens azcore.TokenCredential) *Directory { return &Directory{tokens: tokens} }

// Requests returns the tokens that were asked for, oldest first.
func (d *Directory) Requests() []Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Request(nil), d.requests...)
}

// Do answers the three requests that an application with a secret makes: which clouds there are, what the addresses of its
// tenant are, and for a token.
func (d *Directory) Do(request *http.Request) (*http.Response, error) {
	host := "https://" + request.URL.Host
	tenant, path, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	authority := host + "/" + tenant
	switch path {
	case "discovery/instance":
		return answer(request, http.StatusOK, map[string]any{
			"tenant_discovery_endpoint": request.URL.Query().Get("authorization_endpoint"),
			"metadata":                  []any{},
		})
	case "v2.0/.well-known/openid-configuration":
		return answer(request, http.StatusOK, map[string]any{
			"authorization_endpoint": authority + "/oauth2/v2.0/authorize",
			"token_endpoint":         authority + "/oauth2/v2.0/token",
			"issuer":                 authority + "/v2.0",
		})
	case "oauth2/v2.0/token":
		return d.token(request, authority)
	}
	return answer(request, http.StatusNotFound, map[string]any{"error": "not_found"})
}

// token hands out a token for the first scope of the request; the others are about the user.
func (d *Directory) token(request *http.Request, authority string) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("client_secret") == "" {
		return answer(request, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
	}
	scope, _, _ := strings.Cut(form.Get("scope"), " ")
	d.mu.Lock()
	d.requests = append(d.requests, Request{Authority: authority, ClientID: form.Get("client_id"), Scope: scope})
	d.mu.Unlock()
	token, err := d.tokens.GetToken(request.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	return answer(request, http.StatusOK, map[string]any{
		"token_type":   "Bearer",
		"access_token": token.Token,
		"expires_in":   int(time.Until(token.ExpiresOn).Seconds()),
	})
}

func answer(request *http.Request, status int, body map[string]any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	return &http.Response{
		Status:        http.StatusText(status),
		StatusCode:    status,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(text)),
		ContentLength: int64(len(text)),
		Request:       request,
	}, nil
}
