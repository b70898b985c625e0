package azdps_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// hostileEndpoints are refused by every constructor, and so are they as the host of a connection string.
var hostileEndpoints = map[string]string{
	"a user":                            "https://" + wireHost + "@evil.example",
	"a user and a password":             "https://" + wireHost + ":443@evil.example",
	"an empty user":                     "https://@evil.example",
	"a user with a slash":               "https://" + wireHost + "%2f@evil.example",
	"a query":                           "https://evil.example?." + wireHost,
	"an empty query":                    "https://" + wireHost + "?",
	"a fragment":                        "https://evil.example#." + wireHost,
	"a backslash":                       `https://evil.example\.` + wireHost,
	"a backslash and a user":            `https://` + wireHost + `\@evil.example`,
	"CR LF":                             "https://" + wireHost + "\r\nX-Evil: 1",
	"LF at the end":                     "https://" + wireHost + "\n",
	"CR LF in the path":                 "https://" + wireHost + "/\r\nX-Evil: 1",
	"tab":                               "https://evil\t.example",
	"NUL":                               "https://" + wireHost + "\x00.evil.example",
	"a space":                           "https://" + wireHost + " .evil.example",
	"a space at the start":              " https://" + wireHost,
	"an escaped slash":                  "https://evil.example%2f" + wireHost,
	"an escaped NUL":                    "https://evil.example%00" + wireHost,
	"an escaped dot":                    "https://evil%2eexample",
	"an escaped CR LF":                  "https://evil.example%0d%0aX-Evil:1",
	"a port that is none":               "https://" + wireHost + ":evil",
	"two ports":                         "https://" + wireHost + ":443:80",
	"half an address":                   "https://[::1",
	"no host":                           "https:///" + wireHost,
	"another scheme":                    "javascript:alert(1)",
	"a file":                            "file:///etc/passwd",
	"a scheme twice":                    "https://https://" + wireHost + "@evil.example",
	"no scheme":                         "//" + wireHost,
	"an escaped byte that is not UTF-8": "https://evil%ff.example",
	"a port that is empty":              "https://evil.example:",
	"a byte that is not UTF-8":          "https://evil\xff.example",
	"a wide dot":                        "https://evil\uff0eexample/\x7f",
	"a delete":                          "https://evil\x7f.example",
	"without TLS":                       "http://" + wireHost,
}

// TestHostileEndpoints gives them to every constructor.
func TestHostileEndpoints(t *testing.T) {
	t.Parallel()
	for name, endpoint := range hostileEndpoints {
		for constructor, construct := range constructors {
			t.Run(name+" "+constructor, func(t *testing.T) {
				t.Parallel()
				_, err := construct(endpoint, nil)
				requireInvalid(t, err, "endpoint")
				assert.NotContains(t, err.Error(), "evil")
			})
		}
	}
}

// TestHostileHosts puts into a connection string what is more than a host.
func TestHostileHosts(t *testing.T) {
	t.Parallel()
	hosts := map[string]string{
		"a path": wireHost + "/evil", "a slash": wireHost + "/", "a URL": "https://" + wireHost, "a query": wireHost + "?evil", "a fragment": wireHost + "#evil",
	}
	for name, endpoint := range hostileEndpoints {
		if host, ok := strings.CutPrefix(endpoint, "https://"); ok && strings.TrimSpace(host) == host {
			hosts[name] = host
		}
	}
	for name, host := range hosts {
		for _, rest := range []string{";SharedAccessKeyName=a;SharedAccessKey=" + wireKey, ";SharedAccessSignature=SharedAccessSignature sr=a"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				_, err := azdps.NewDeviceProvisioningClientFromConnectionString("HostName="+host+rest, nil)
				require.Error(t, err)
				requireFinal(t, err)
				assert.NotContains(t, err.Error(), "evil")
				assert.NotContains(t, err.Error(), wireKey)
			})
		}
	}
}

// TestHostileHubName keeps the line ends of a host out of an error, and so out of a log.
func TestHostileHubName(t *testing.T) {
	t.Parallel()
	_, err := azdps.NewDeviceProvisioningClientFromConnectionString("HostName=evil\r\n2026-01-02 all is well.azure-devices.net;SharedAccessKeyName=a;SharedAccessKey=a", nil)
	require.ErrorContains(t, err, "IoT Hub")
	assert.NotContains(t, err.Error(), "\n")
	assert.NotContains(t, err.Error(), "\r")
}

// TestOddEndpoints sends to endpoints that look strange but are none of the above: to the host that they name, below their path.
func TestOddEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]struct{ host, address, path string }{
		"https://MY-DPS.Example":              {"MY-DPS.Example", "MY-DPS.Example:443", ""},
		"https://my-dps.example.":             {"my-dps.example.", "my-dps.example.:443", ""},
		"https://my-dps.example:8443/":        {"my-dps.example:8443", "my-dps.example:8443", ""},
		"https://[::1]:8443":                  {"[::1]:8443", "[::1]:8443", ""},
		"https://bücher.example":              {"xn--bcher-kva.example", "xn--bcher-kva.example:443", ""},
		"https://my-dps.example/a/b//":        {"my-dps.example", "my-dps.example:443", "/a/b"},
		"https://my-dps.example/a/../b":       {"my-dps.example", "my-dps.example:443", "/a/../b"},
		"https://my-dps.example/%0d%0aX:%201": {"my-dps.example", "my-dps.example:443", "/%0d%0aX:%201"},
		"https://my-dps.example/%2e%2e/%00":   {"my-dps.example", "my-dps.example:443", "/%2e%2e/%00"},
		"https://my-dps.example/a b":          {"my-dps.example", "my-dps.example:443", "/a%20b"},
		"https://my-dps.example/ü":            {"my-dps.example", "my-dps.example:443", "/%C3%BC"},
		"https://my-dps.example//evil/":       {"my-dps.example", "my-dps.example:443", "//evil"},
	} {
		t.Run(endpoint, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := injectionWire()
				defer w.end(t)
				client, err := constructors["key"](endpoint, optionsOver(&http.Client{Transport: w.transport}))
				require.NoError(t, err)
				err = calls[0].do(t.Context(), client)
				require.True(t, azdps.HasStatusCode(err, http.StatusNotFound), "%v", err)
				requests := w.arrived()
				require.Len(t, requests, 1)
				assert.Len(t, requests[0].header, 5)
				assert.Equal(t, "Host: "+want.host+"\r\n", requests[0].header[0])
				path, query := queryOf(t, requests[0].line)
				assert.Equal(t, want.path+"/enrollments/device-1", path)
				assert.Equal(t, url.Values{"api-version": {"2021-10-01"}}, query)
				assert.Equal(t, []string{want.address}, w.addresses())
			})
		})
	}
}
