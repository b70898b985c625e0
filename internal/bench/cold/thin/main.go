// Command thin gets one enrollment by azcore with plain models and ends. Its arguments are the endpoint, the policy, the key and
// an id.
package main

import (
	"context"
	"encoding/base64"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azdps/azdps/internal/bench/plain"
)

type signer struct {
	host string
	key  []byte
}

// Do implements [policy.Policy].
func (s signer) Do(req *policy.Request) (*http.Response, error) {
	req.Raw().Header.Set("Authorization", plain.Sign(s.host, os.Args[2], s.key, time.Now().Add(time.Hour)))
	return req.Next()
}

func main() {
	enrollment, err := get()
	if err != nil || enrollment.RegistrationID != os.Args[4] {
		log.Fatal(enrollment, err)
	}
}

func get() (enrollment plain.Enrollment, err error) {
	u, err := url.Parse(os.Args[1])
	if err != nil {
		return enrollment, err
	}
	key, err := base64.StdEncoding.DecodeString(os.Args[3])
	if err != nil {
		return enrollment, err
	}
	client, err := azcore.NewClient("thin", "v0.0.0", runtime.PipelineOptions{PerRetry: []policy.Policy{signer{u.Hostname(), key}}}, nil)
	if err != nil {
		return enrollment, err
	}
	req, err := runtime.NewRequest(context.Background(), http.MethodGet, os.Args[1]+"/enrollments/"+os.Args[4]+"?api-version=2021-10-01")
	if err != nil {
		return enrollment, err
	}
	resp, err := client.Pipeline().Do(req) //nolint:bodyclose // the pipeline has read and closed it
	if err != nil {
		return enrollment, err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return enrollment, runtime.NewResponseError(resp)
	}
	err = runtime.UnmarshalAsJSON(resp, &enrollment)
	return enrollment, err
}
