package dpstest_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/internal/checks"
)

// planted is a key that is found in whatever form it is printed: as text, in hexadecimal, as numbers or decoded.
const planted = "cGxhbnRlZC1zZWNyZXQtb2YtMzItYnl0ZXMtaW4tYWxsIQ=="

func requireNotPlanted(t *testing.T, text string, what ...any) {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(planted)
	require.NoError(t, err)
	for _, form := range [][]byte{[]byte(planted[:12]), decoded[:9]} {
		digits := hex.EncodeToString(form)
		for _, trace := range []string{string(form), digits, strings.ToUpper(digits), strings.Trim(fmt.Sprintf("%d", form), "[]"), fmt.Sprintf("% x", form)} {
			require.NotContains(t, text, trace, what...)
		}
	}
}

// secretsOfPackage has a value of every exported type, with a secret in each place for one.
func secretsOfPackage(t *testing.T) map[string]any {
	t.Helper()
	policy := dpstest.AccessPolicy{Name: "owner", PrimaryKey: planted, SecondaryKey: planted, Permissions: dpstest.PossiblePermissionValues()}
	srv := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{policy}})
	t.Cleanup(srv.Close)
	client := connect(t, srv, srv.Transport(), time.Now)
	client.do(200, "PUT", "/enrollments/a", `{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"`+planted+`","secondaryKey":"`+planted+`"}},`+
		`"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"https://`+planted+`@hook/?code=`+planted+`","apiVersion":"2019-03-31"}}`)
	client.do(400, "PUT", "/enrollments/b", `{"registrationId":"b","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"-----BEGIN PRIVATE KEY-----\n`+planted+`\n-----END PRIVATE KEY-----"}}}}}`)
	client.do(200, "POST", "/enrollments/a/attestationmechanism", "")
	require.Len(t, srv.Requests(), 3)
	return map[string]any{
		"AccessPolicy":   policy,
		"ControlOptions": dpstest.ControlOptions{},
		"Fault":          dpstest.Respond(500, 500000, "failed", nil),
		"HubDevice":      dpstest.HubDevice{Hub: "hub", DeviceID: "a", PrimaryKey: planted, SecondaryKey: planted, Twin: json.RawMessage(`"` + planted + `"`)},
		"Operation":      dpstest.OperationIndividualEnrollmentGet,
		"Options":        dpstest.Options{Policies: []dpstest.AccessPolicy{policy}},
		"Permission":     dpstest.PermissionEnrollmentRead,
		"Request":        srv.Requests()[0],
		"Request second": srv.Requests()[1],
		"Request third":  srv.Requests()[2],
		"Server":         srv,
		"Server value":   struct{ *dpstest.Server }{srv},
		"Client":         srv.Client,
		"Transport":      srv.Transport(),
		"Credential":     srv.Credential(),
	}
}

// TestSecretsAreOfEveryType keeps a new type from being forgotten.
func TestSecretsAreOfEveryType(t *testing.T) {
	t.Parallel()
	values := secretsOfPackage(t)
	exported, err := checks.ExportedTypes(".")
	require.NoError(t, err)
	require.NotEmpty(t, exported)
	for _, name := range exported {
		require.Contains(t, values, name)
	}
}

// TestSecretsInFormat prints each exported type in some places with each verb. Package fmt asks no type for %p and %w, which
// go vet refuses.
func TestSecretsInFormat(t *testing.T) {
	t.Parallel()
	for name, value := range secretsOfPackage(t) {
		for place, printed := range map[string]any{
			"value": value, "slice": []any{value}, "map": map[string]any{"x": value}, "field": struct{ X any }{value}, "pointer": &struct{ X any }{value},
		} {
			for verb := 'A'; verb <= 'z'; verb++ {
				if verb == 'p' || verb == 'w' || 'Z' < verb && verb < 'a' {
					continue
				}
				for _, flags := range []string{"", "+", "#", " ", "-60", ".3"} {
					requireNotPlanted(t, fmt.Sprintf("%"+flags+string(verb), printed), name, place, string(verb))
				}
			}
			requireNotPlanted(t, fmt.Sprintln(printed)+fmt.Errorf("broken: %v", printed).Error(), name, place)
		}
	}
}

// TestSecretsInSlog logs each exported type. In JSON, what is within a value of the caller's own is complete, as is documented.
func TestSecretsInSlog(t *testing.T) {
	t.Parallel()
	for name, value := range secretsOfPackage(t) {
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "value", value, "in", []any{value}, slog.Group("g", "value", value))
		slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "value", value, slog.Group("g", "value", value))
		requireNotPlanted(t, text.String(), name)
		require.NotContains(t, text.String(), "panicked")
	}
	var text bytes.Buffer
	slog.New(slog.NewJSONHandler(&text, nil)).Info("m", "policy", dpstest.AccessPolicy{Name: "owner", PrimaryKey: planted}, "device", dpstest.HubDevice{Hub: "hub", DeviceID: "a"})
	require.Contains(t, text.String(), `"policy":{"name":"owner","permissions":null},"device":{"hub":"hub","deviceId":"a"}`)
}

// TestSecretsInRequests looks at each form of a body and a header that a server remembers.
func TestSecretsInRequests(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	t.Cleanup(srv.Close)
	bodies := []string{
		`{"attestation":{"symmetricKey":{"primaryKey":"` + planted + `","SECONDARYKEY" : "` + planted + `"}}}`,
		`{"primaryKey":"\"` + planted + `"}`, `{"primaryKey":"` + planted, `[{"authenticationKey":"` + planted + `"}]`,
		`{"webhookUrl":"https:\/\/user:` + planted + `@hook\/?code=` + planted + `"}`, `{"webhookUrl":"https://hook/#` + planted + `"}`,
		`{"webhookUrl":"https://` + planted + `@hook/a"}`, `{"webhookUrl":"https://hook/?a=\u0026` + planted + `"}`,
		`{"webhookUrl":"https://user:p\u0026` + planted + `@hook/a"}`, `{"webhookUrl":"https://user:p\/` + planted + `@hook\/a"}`,
		`{"webhookUrl":"https:\u002F\u002fuser:` + planted + `\u0040hook/a"}`, `{"webhookUrl":"\u0068ttps://` + planted + `@hook/a"}`,
		`{"webhookUrl":"https://hook/\u003fcode=` + planted + `"}`, `{"webhookUrl":"https://user@name:` + planted + `@hook/a"}`,
		`{"webhookUrl":"https://user:\"` + planted + `@hook/a"}`, `{"webhookUrl":"` + planted + `@hook/a"}`,
		`{"primary\u004bey":"` + planted + `\`, `{"primaryKey":"\u0022` + planted + `\\\u0022","certificate":"\u002d----BEGIN PRIVATE KEY-----\u005c` + planted + `"}`,
		`{"certificate":"-----BEGIN EC PRIVATE KEY-----\n` + planted + `"}`, `{"certificate":"-----BEGIN PRIVATE KEY-----` + planted + `"}`,
	}
	for i, body := range bodies {
		for _, authorization := range []string{
			"SharedAccessSignature sr=h&sig=" + planted + "&se=1&skn=p", "SharedAccessSignature " + planted, "sharedaccesssignature SIG=" + planted,
			"Bearer " + planted, planted, "Basic " + planted, "SharedAccessSignature sr=h&sig=x&sig=" + planted + "&other=" + planted,
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://h/enrollments?api-version=2021-10-01", strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Authorization", authorization)
			request.Header.Set("Proxy-Authorization", authorization)
			request.Header.Set("Cookie", "session="+planted)
			request.Header["authorization"], request.Header["COOKIE"] = []string{authorization, authorization}, []string{planted} //nolint:canonicalheader // as is
			response, err := srv.Transport().Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
		}
		for _, got := range srv.Requests() {
			requireNotPlanted(t, fmt.Sprintf("%+v %s %s", got, got.Body, got.Header), body)
		}
		require.Len(t, srv.Requests(), 7*(i+1))
	}
}

// TestRequestsKeepWhatIsNoSecret byte by byte, escapes included.
func TestRequestsKeepWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	srv := dpstest.NewUnstartedServer(nil)
	t.Cleanup(srv.Close)
	for body, want := range map[string]string{
		"": "",
		`{"a":"\u0026\/\\","primar\u0079Key" : "\u0041","secondaryKey":"B","b":"\u00e9\"\u0022"}`: `{"a":"\u0026\/\\","primar\u0079Key" : "REDACTED","secondaryKey":"REDACTED","b":"\u00e9\"\u0022"}`,
		`{"webhookUrl":"https:\/\/user:p\u003fw\u0040hook\/a\u0026?code=1","b":"\u0040"}`:         `{"webhookUrl":"https:\/\/user:p\u003fREDACTED","b":"\u0040"}`,
		`{"webhookUrl":"https:\/\/user:p\u0040hook\/a\u0026?code=1","b":"\u0040"}`:                `{"webhookUrl":"https:\/\/REDACTED\u0040hook\/a\u0026?REDACTED","b":"\u0040"}`,
		`{"webhookUrl":"https://hook/a","deviceId":"a@b?c"} \`:                                    `{"webhookUrl":"https://hook/a","deviceId":"a@b?c"} \`,
		`\u00`: `\u00`, `"primaryKey":"\u004`: `"primaryKey":"REDACTED`,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://h/enrollments?api-version=2021-10-01", strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("If-Match", "*")
		response, err := srv.Transport().Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		requests := srv.Requests()
		require.Equal(t, want, string(requests[len(requests)-1].Body))
		require.Equal(t, "*", requests[len(requests)-1].Header.Get("If-Match"))
	}
}

// TestSecretsInPanics misuses what panics.
func TestSecretsInPanics(t *testing.T) {
	t.Parallel()
	key := dpstest.AccessPolicy{Name: "a", PrimaryKey: planted}
	for name, misuse := range map[string]func(){
		"key as name, twice": func() {
			dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{key, key}})
		},
		"key that is spoilt": func() {
			dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{{Name: "a", SecondaryKey: planted + "!"}}})
		},
		"no name": func() {
			dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{{PrimaryKey: planted}}})
		},
		"certificate without its key": func() {
			srv := dpstest.NewUnstartedServer(&dpstest.Options{Policies: []dpstest.AccessPolicy{key}})
			defer srv.Close()
			srv.DeviceTransport(tls.Certificate{Certificate: [][]byte{[]byte(planted)}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				reason := recover()
				require.NotNil(t, reason)
				requireNotPlanted(t, fmt.Sprintf("%v %+v %#v", reason, reason, reason))
			}()
			misuse()
		})
	}
}

// TestSecretsInErrorsOfLoad loads secrets in wrong places.
func TestSecretsInErrorsOfLoad(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		planted, `"` + planted + `"`, `{"` + planted, `{"registrationId":"` + planted + `+","attestation":{"type":"symmetricKey"}}`,
		`{"registrationId":"a","attestation":{"type":"` + planted + `"}}`, `{"registrationId":"a","attestation":"` + planted + `"}`,
		`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + planted + `!"}}}`,
		`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":["` + planted + `"]}}}`,
		`{"registrationId":"a","attestation":{"type":"symmetricKey","symmetricKey":"` + planted + `"}}`,
		`{"registrationId":"a","attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"certificate":"` + planted + `"}}}}}`,
		`{"registrationId":"a","status":"` + planted + `"}`, `{"registrationId":"a","createdDateTimeUtc":"` + planted + `","attestation":{"type":"symmetricKey"}}`,
		`{"registrationId":"a","etag":"` + planted + `!","attestation":{"type":"symmetricKey"}}`,
		`{"registrationId":"a","attestation":{"type":"symmetricKey"},"customAllocationDefinition":"` + planted + `"}`,
	} {
		srv := dpstest.NewUnstartedServer(nil)
		err := srv.Load(strings.NewReader(line))
		srv.Close()
		require.Error(t, err, line)
		requireNotPlanted(t, fmt.Sprintf("%v %+v %#v %q", err, err, err, err), line)
	}
}
