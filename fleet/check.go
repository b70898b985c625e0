package fleet

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azdps/azdps"
)

// errPassed is the answer to a request that a check let pass; it is sent nowhere.
var errPassed = errors.New("fleet: the record passed the checks")

type passed struct{}

func (passed) Do(*http.Request) (*http.Response, error) { return nil, errPassed }

// checker is a client whose requests go nowhere. Azdps checks records as it sends them, and a client of its own does so without
// credentials, network and a place in the quota.
var checker = sync.OnceValues(func() (*azdps.DeviceProvisioningClient, error) {
	options := &azdps.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: passed{}}}
	return azdps.NewDeviceProvisioningClientWithSAS("https://check.invalid", azcore.NewSASCredential("none"), options)
})

// check returns why azdps refuses to send a record in a bulk operation, or nil.
func check[T Record](mode azdps.BulkOperationMode, record T) error {
	client, err := checker()
	if err != nil {
		return err
	}
	ctx := policy.WithRetryOptions(context.Background(), oneTry)
	if _, err := kindOf[T](client).bulk(ctx, mode, []T{record}); !errors.Is(err, errPassed) {
		return err
	}
	return nil
}
