package entra_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/entra"
)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	client = "22222222-2222-2222-2222-222222222222"
	scope  = "https://azure-devices-provisioning.net/.default"
)

func credential(t *testing.T, directory *entra.Directory) azcore.TokenCredential {
	t.Helper()
	options := &azidentity.ClientSecretCredentialOptions{}
	options.Transport = directory
	options.Retry.MaxRetries = -1
	credential, err := azidentity.NewClientSecretCredential(tenant, client, "secret", options)
	require.NoError(t, err)
	return credential
}

func TestDirectory_handsOutTokens(t *testing.T) {
	t.Parallel()
	server := dpstest.NewUnstartedServer(nil)
	defer server.Close()
	directory := entra.New(server.Credential())
	token, err := credential(t, directory).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(token.Token, "."), "it is a JWT")
	assert.Equal(t, []entra.Request{{Authority: "https://login.microsoftonline.com/" + tenant, ClientID: client, Scope: scope}},
		directory.Requests())
}

type noTokens struct{}

var errNoTokens = errors.New("no tokens today")

func (noTokens) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errNoTokens
}

func TestDirectory_failsWithItsTokens(t *testing.T) {
	t.Parallel()
	_, err := credential(t, entra.New(noTokens{})).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	require.ErrorContains(t, err, errNoTokens.Error())
}

func TestDirectory_refusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	directory := entra.New(noTokens{})
	for path, status := range map[string]int{
		"/" + tenant + "/oauth2/v2.0/devicecode": http.StatusNotFound,
		"/" + tenant + "/oauth2/v2.0/token":      http.StatusBadRequest, // without a secret
	} {
		request, err := http.NewRequest(http.MethodPost, "https://login.microsoftonline.com"+path, strings.NewReader("scope=x"))
		require.NoError(t, err)
		response, err := directory.Do(request)
		require.NoError(t, err)
		assert.Equal(t, status, response.StatusCode, path)
	}
	assert.Empty(t, directory.Requests())
}
