package emulator

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzLoad loads any bytes, with some records in the place of the byte 0x01, into a service that holds the same records.
//
//   - An error names a line, and what was loaded is what the lines before it say: the same as if there were no more.
//   - After it, the store holds together, and can be dumped, loaded and read: see requireSound and requireReadable.
//   - A device may register with what was loaded, and is never answered with a 5xx.
func FuzzLoad(f *testing.F) {
	fuzz := newFuzzer(f)
	for _, seed := range []string{
		"\x01", "", "\n\n", "{", "null", "[]", `{"registrationId":"a"}`, `{"registrationId":"a","status":"ASSIGNED","errorCode":1e3}`, "\x01{\n\x01",
		`{"registrationId":"d-key","attestation":{"type":"symmetricKey"},"etag":"IjAwMDAwNGVkLTAwMDAtMDgwMC0wMDAwLTY0NjgwMWU1MDAwMCI=","createdDateTimeUtc":"2023-05-19T23:10:28.8800437Z"}`,
		`{"registrationId":"d-key","attestation":{"type":"symmetricKey"},"createdDateTimeUtc":"9999-12-31T23:59:59-01:00","lastUpdatedDateTimeUtc":"0000-01-01T00:00:00+01:00"}`,
		`{"registrationId":"d-key","attestation":{"type":"symmetricKey"},"createdDateTimeUtc":"1970-01-01T00:00:00Z","etag":"` + etag{255, 255, 255, 255, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 255, 255}.String() + `"}`,
		`{"registrationId":"d-key","status":"assigned","attestationType":"tpm","operationId":"5.1.2"}`,
		`{"registrationId":"d-key","status":"assigned","assignedHub":"elsewhere","attestationType":"x509","issuedCertificateChain":["MAA=",null],"hubDevice":{"hub":"b","twin":null}}`,
		`{"enrollmentGroupId":"a","attestation":{"type":"x509","x509":{"signingCertificates":{"primary":{"info":{"sha256Thumbprint":"00"}},"secondary":{}}}}}`,
		`{"enrollmentGroupId":"g-key","attestation":{"type":"symmetricKey"},"registrationId":"a","deviceId":"b","optionalDeviceInformation":{},"initialTwin":null}`,
		`{"registrationId":"a","attestation":{"type":"tpm","tpm":{"endorsementKey":"AToA","storageRootKey":null}},"payload":null,"iotHubs":[],"provisioningStatus":"DISABLED"}`,
		`{"registrationId":"m-1","enrollmentGroupId":"G-KEY","status":"failed"}` + "\n" + `{"registrationId":"M-1","status":"disabled","payload":null}`,
		"{\"registrationId\":\"a\",\"attestation\":{\"type\":\"symmetricKey\"},\"deviceId\":\"\xff\",\"initialTwin\":{\"\xff\":\"\\ud800\",\"a\":1,\"a\":2}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text := strings.ReplaceAll(string(data), "\x01", strings.TrimSpace(fuzz.state))
		s := fuzz.start(t, nil)
		err := s.handler.Load(strings.NewReader(text))
		if err != nil {
			before := fuzz.start(t, nil)
			before.load(linesBefore(t, err, text))
			require.Equal(t, before.shape(), s.shape())
		}
		s.requireSound()
		s.requireReadable()
		for _, id := range []string{"d-key", "m-1"} {
			for _, request := range []string{"PUT /register", "POST ", "GET /operations/5.1.2"} {
				method, suffix, _ := strings.Cut(request, " ")
				w := newRecorder(s, s.request(method, devicePath(id)+suffix, "", s.key(id, testKey)))
				requireAnswer(t, w)
			}
		}
		s.requireSound()
	})
}

// linesBefore are the lines before the one that an error names.
func linesBefore(t *testing.T, err error, text string) string {
	t.Helper()
	named := regexp.MustCompile(`^load: line (\d+): `).FindStringSubmatch(err.Error())
	require.NotNil(t, named, "%v", err)
	number, _ := strconv.Atoi(named[1])
	lines := strings.SplitAfter(text, "\n")
	require.LessOrEqual(t, number, len(lines))
	return strings.Join(lines[:number-1], "")
}

// shape is the dump without the keys that were made at random.
func (s *tester) shape() string {
	s.t.Helper()
	var shape bytes.Buffer
	for line := range strings.Lines(s.dump()) {
		fmt.Fprint(&shape, generatedKeys.ReplaceAllString(line, `"*"`))
	}
	return shape.String()
}

var generatedKeys = regexp.MustCompile(`"[A-Za-z0-9+/]{86}=="`)
