package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const hubA, hubB = "a.azure-devices.net", "b.azure-devices.net"

// answering is a webhook that notes what it is asked and gives one answer.
func answering(t *testing.T, status int, answer string) (url string, asked func() string) {
	t.Helper()
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() string { return <-bodies }
}

func custom(url string) string {
	return `"allocationPolicy":"custom","customAllocationDefinition":{"webhookUrl":"` + url + `","apiVersion":"2021-10-01"}`
}

func twoHubs(c *Config) { c.Hubs = []string{hubA, hubB} }

func TestWebhookForAGroup(t *testing.T) {
	t.Parallel()
	url, asked := answering(t, 200, `{"iotHubHostName":"B.azure-devices.net","initialTwin":{"tags":{"by":"hook"}},"payload":{"hello":[1]}}`)
	s := newTester(t, twoHubs)
	stored := object(t, s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", custom(url+"/hook?code=secret")+","+twin)))
	proof := s.key("dev-1", deriveKey(testKey, "dev-1"))
	state := s.assign("dev-1", `{"payload":{"model":7}}`, proof)
	require.Equal(t, hubB, state["assignedHub"])
	require.Equal(t, map[string]any{"hello": []any{1.0}}, state["payload"])
	require.Equal(t, state["payload"], s.get("/registrations/dev-1")["payload"])
	device, _ := s.handler.HubDevice("dev-1")
	require.JSONEq(t, `{"tags":{"by":"hook"}}`, string(device.Twin))

	var tag etag
	require.NoError(t, tag.UnmarshalText([]byte(stored["etag"].(string))))
	quoted, _ := json.Marshal(tag.quoted())
	context := `"deviceRuntimeContext":{"registrationId":"dev-1","symmetricKey":{},"payload":{"model":7}},"linkedHubs":["` + hubA + `","` + hubB + `"]}`
	question := asked()
	require.Equal(t, `POST application/json {"enrollmentGroup":{"enrollmentGroupId":"g","attestation":{"type":"symmetricKey"},`+twin+
		`,"provisioningStatus":"enabled","createdDateTimeUtc":"2023-11-14T22:13:20.1234567Z","lastUpdatedDateTimeUtc":"2023-11-14T22:13:20.1234567Z","allocationPolicy":"custom",`+
		`"customAllocationDefinition":{"webhookUrl":"`+url+`/hook?****","apiVersion":"2021-10-01"},"etag":`+string(quoted)+`},`+context, question)

	// The second time it is told where the device is, and its twin is ignored, since the device stays.
	s.assign("dev-1", "", proof)
	require.Contains(t, asked(), `"deviceRuntimeContext":{"registrationId":"dev-1","currentIotHubHostName":"`+hubB+`","currentDeviceId":"dev-1","symmetricKey":{}},`)
}

func TestWebhookForIndividuals(t *testing.T) {
	t.Parallel()
	url, asked := answering(t, 201, `{"iotHubHostName":"`+hubA+`","initialTwin":null,"payload":null}`)
	s := newTester(t, twoHubs)
	leaf := newRoot(t, "x509", s.now)
	x509Record := signingRecord("registrationId", "x509", "clientCertificates", leaf)
	s.do(200, "PUT", "/enrollments/x509", x509Record[:len(x509Record)-1]+","+custom(url)+`,"iotHubs":["`+hubA+`"],`+twin+"}")
	state := s.assign("x509", "", shows(leaf.Certificate))
	require.NotContains(t, state, "payload")
	question := asked()
	require.Contains(t, question, `"individualEnrollment":{"registrationId":"x509"`)
	require.Contains(t, question, `"x509":{"clientCertificates":{"primary":{"info":{"subjectName":"CN=x509"`)
	require.Contains(t, question, `"linkedHubs":["`+hubA+`"]`)
	device, _ := s.handler.HubDevice("x509")
	require.Equal(t, twin, `"initialTwin":`+string(device.Twin), "the enrollment's, since the webhook has none")

	s.do(200, "PUT", "/enrollments/tpm", `{"registrationId":"tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"EK"}},`+custom(url)+`}`)
	nonce := object(t, s.do(401, "PUT", devicePath("tpm")+"/register", `{"tpm":{"endorsementKey":"EK"}}`, nobody))["authenticationKey"].(string)
	s.assign("tpm", "", s.key("tpm", nonce))
	require.Contains(t, asked(), `"tpm":{"endorsementKey":"EK"}`)
}

func TestWebhookAndReprovisioning(t *testing.T) {
	t.Parallel()
	url, asked := answering(t, 200, `{"iotHubHostName":"`+hubB+`","initialTwin":{"tags":{"by":"hook"}}}`)
	s := newTester(t, twoHubs)
	static := `"allocationPolicy":"static","initialTwin":{"tags":{"by":"enrollment"}}`
	for id, test := range map[string]struct{ policy, status, twin, offered string }{
		"reset":   {`{"updateHubAssignment":true,"migrateDeviceData":false}`, "deviceDataReset", `{"tags":{"by":"hook"}}`, hubA + `","` + hubB},
		"migrate": {`{"updateHubAssignment":true,"migrateDeviceData":true}`, "deviceDataMigrated", `{"tags":{"by":"enrollment"}}`, hubA + `","` + hubB},
		"never":   {`{"updateHubAssignment":false,"migrateDeviceData":false}`, "", "", hubA},
	} {
		s.do(200, "PUT", "/enrollments/"+id, withKeys(id, static))
		s.assign(id, "", s.key(id, testKey))
		s.do(200, "PUT", "/enrollments/"+id, withKeys(id, custom(url)+`,"reprovisionPolicy":`+test.policy), with("If-Match", "*"))
		status, raw := s.register(id, "", s.key(id, testKey))
		require.Contains(t, asked(), `"linkedHubs":["`+test.offered+`"]`)
		if test.status == "" {
			require.Equal(t, "failed", status, "the webhook chose a hub that it was not offered")
			require.Contains(t, string(raw), `"errorCode":401001,"errorMessage":"IoT hub not found"`)
			continue
		}
		require.Contains(t, string(raw), `"substatus":"`+test.status+`"`)
		device, _ := s.handler.HubDevice(id)
		require.JSONEq(t, test.twin, string(device.Twin))
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says is an answer that needs no socket.
func says(status int, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(body), Header: http.Header{}}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("cut off") }

func TestWebhookFailures(t *testing.T) {
	t.Parallel()
	const unanswered = "Custom allocation failed: the webhook did not answer."
	const noHub = "Custom allocation failed: the webhook did not answer with an iotHubHostName."
	for name, test := range map[string]struct {
		answer  *http.Response
		url     string
		code    int
		message string
	}{
		"refused":     {says(400, strings.NewReader("no")), "https://hook.test", 400207, "Custom allocation failed with status code: 400"},
		"missing":     {says(404, strings.NewReader("")), "https://hook.test", 400207, "Custom allocation failed with status code: 404"},
		"broken":      {says(500, strings.NewReader("")), "https://hook.test", 400207, "Custom allocation failed with status code: 500"},
		"not changed": {says(304, strings.NewReader(`{"iotHubHostName":"`+DefaultHub+`"}`)), "https://hook.test", 400207, "Custom allocation failed with status code: 304"},
		"unreachable": {nil, "https://hook.test/?code=secret", 400207, unanswered},
		"cut off":     {says(200, failingReader{}), "https://hook.test", 400207, unanswered},
		"no URL":      {nil, "://", 400207, unanswered},
		"not JSON":    {says(200, strings.NewReader("<html>")), "https://hook.test", 400207, noHub},
		"no hub":      {says(200, strings.NewReader(`{"payload":{}}`)), "https://hook.test", 400207, noHub},
		"another hub": {says(200, strings.NewReader(`{"iotHubHostName":"x.azure-devices.net"}`)), "https://hook.test", 401001, "IoT hub not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t, func(c *Config) {
				c.Webhooks = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					if test.answer == nil {
						return nil, errors.New("unreachable")
					}
					return test.answer, nil
				})}
			})
			s.do(200, "PUT", "/enrollments/own", withKeys("own", custom(test.url)))
			status, raw := s.register("own", "", s.key("own", testKey))
			require.Equal(t, "failed", status)
			var state registrationState
			require.NoError(t, json.Unmarshal(raw, &state))
			require.Equal(t, test.code, state.ErrorCode)
			require.Equal(t, test.message, state.ErrorMessage)
			require.Regexp(t, `^\{"registrationId":"own","createdDateTimeUtc":"[^"]+","status":"failed","errorCode":\d+,"errorMessage":"[^"]+","lastUpdatedDateTimeUtc":"[^"]+","etag":"[^"]+"\}$`, string(raw))
			require.JSONEq(t, string(raw), s.do(200, "GET", "/registrations/own", "").Body.String())
		})
	}
}

func TestDeviceThatLeavesTheWebhook(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(context.Background())
	s := newTester(t, func(c *Config) {
		c.Webhooks = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			leave()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
	})
	s.do(200, "PUT", "/enrollments/own", withKeys("own", custom("https://hook.test")))
	send(s, s.request("PUT", devicePath("own")+"/register", "", s.key("own", testKey)).WithContext(ctx))
	s.fail(404203, "GET", "/registrations/own", "")
}

func TestEnrollmentThatGoesWhileTheWebhookIsAsked(t *testing.T) {
	t.Parallel()
	var s *tester
	s = newTester(t, func(c *Config) {
		c.Webhooks = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			record := strings.TrimPrefix(r.URL.Path, "/")
			send(s, s.request("DELETE", "/"+record, ""))
			return says(200, strings.NewReader(`{"iotHubHostName":"`+DefaultHub+`"}`)), nil
		})}
	})
	s.do(200, "PUT", "/enrollments/own", withKeys("own", custom("https://hook.test/enrollments/own")))
	s.fail(404201, "PUT", devicePath("own")+"/register", "", s.key("own", testKey))
	s.do(200, "PUT", "/enrollmentGroups/g", groupWithKeys("g", custom("https://hook.test/enrollmentGroups/g")))
	s.fail(404202, "PUT", devicePath("dev-1")+"/register", "", s.key("dev-1", deriveKey(testKey, "dev-1")))
	require.Empty(t, s.dump())
}

func TestDeviceThatRegistersAgainMeanwhile(t *testing.T) {
	t.Parallel()
	var s *tester
	var asked []string
	register := func() int {
		return send(s, s.request("PUT", devicePath("own")+"/register", "", s.key("own", testKey))).Code
	}
	s = newTester(t, twoHubs, func(c *Config) {
		c.Webhooks = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			asked = append(asked, string(body))
			chosen := hubA
			switch len(asked) {
			case 2:
				require.Equal(t, 202, register())
			case 3:
				chosen = hubB
			}
			return says(200, strings.NewReader(`{"iotHubHostName":"`+chosen+`"}`)), nil
		})}
	})
	s.do(200, "PUT", "/enrollments/own", withKeys("own", custom("https://hook.test")))
	require.Equal(t, 202, register())
	require.Equal(t, 202, register())
	require.Len(t, asked, 4, "what the second was told is out of date once the third was through")
	require.Contains(t, asked[1], `"currentIotHubHostName":"`+hubA)
	require.Contains(t, asked[3], `"currentIotHubHostName":"`+hubB)
	require.Equal(t, "deviceDataMigrated", s.get("/registrations/own")["substatus"])
}
