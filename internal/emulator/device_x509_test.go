package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testCA is a certificate with its key, which signs others.
type testCA struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// signs makes a certificate that lives for an hour around now, or for life.
func (a *testCA) signs(t *testing.T, name string, ca bool, now time.Time, life ...time.Duration) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := newTemplate(pkix.Name{CommonName: name}, now, time.Hour)
	if len(life) > 0 {
		template.NotBefore, template.NotAfter = now.Add(life[0]), now.Add(life[1])
	}
	template.IsCA, template.BasicConstraintsValid = ca, true
	parent, parentKey := template, key
	if a != nil {
		parent, parentKey = a.Certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &testCA{certificate, key}
}

func newRoot(t *testing.T, name string, now time.Time) *testCA {
	t.Helper()
	return (*testCA)(nil).signs(t, name, true, now)
}

// x509Group is a group with signing certificates.
func x509Group(id string, primary, secondary *testCA) string {
	return signingRecord("enrollmentGroupId", id, "signingCertificates", primary, secondary)
}

// signingRecord is a record with one or two certificates of a kind.
func signingRecord(member, id, kind string, certificates ...*testCA) string {
	var slots []string
	for i, place := range []string{"primary", "secondary"} {
		if i < len(certificates) && certificates[i] != nil {
			text := strings.ReplaceAll(pemOf(certificates[i].Certificate), "\n", `\n`)
			slots = append(slots, `"`+place+`":{"certificate":"`+text+`"}`)
		}
	}
	return `{"` + member + `":"` + id + `","attestation":{"type":"x509","x509":{"` + kind + `":{` + strings.Join(slots, ",") + `}}}}`
}

func TestIndividualCertificates(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	root := newRoot(t, "root", s.now)
	primary, secondary := root.signs(t, "Dev-1", false, s.now), newRoot(t, "dev-1", s.now)
	other := root.signs(t, "dev-1", false, s.now)
	s.do(200, "PUT", "/enrollments/dev-1", signingRecord("registrationId", "dev-1", "clientCertificates", primary, secondary))
	s.do(200, "PUT", "/enrollmentGroups/g", x509Group("g", root, nil))
	s.do(200, "PUT", "/enrollments/keyed", withKeys("keyed", ""))

	state := s.assign("dev-1", `{"registrationId":"dev-1"}`, shows(primary.Certificate, root.Certificate))
	require.Equal(t, map[string]any{}, state["x509"])
	s.assign("dev-1", "", shows(secondary.Certificate))
	device, _ := s.handler.HubDevice("dev-1")
	require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "dev-1",
		PrimaryThumbprint: thumbprint(primary.Raw), SecondaryThumbprint: thumbprint(secondary.Raw)}, device)

	register := devicePath("dev-1") + "/register"
	require.Equal(t, "Invalid certificate.", s.fail(401002, "PUT", register, "", shows(other.Certificate, root.Certificate)),
		"a group does not let in who is enrolled singly")
	s.fail(401002, "PUT", devicePath("dev-2")+"/register", "", shows(primary.Certificate))
	s.fail(401002, "PUT", devicePath("keyed")+"/register", "", shows(root.signs(t, "keyed", false, s.now).Certificate))
	s.fail(401002, "PUT", register, "", s.key("dev-1", testKey))

	s.now = primary.NotAfter.Add(time.Second)
	require.Equal(t, "Invalid certificate.", s.fail(401002, "PUT", register, "", shows(primary.Certificate)))
	s.now = primary.NotBefore.Add(-time.Second)
	s.fail(401002, "PUT", register, "", shows(primary.Certificate))
}

func TestCertificateKnownByInfo(t *testing.T) {
	t.Parallel()
	s := newTester(t)
	root := newRoot(t, "root", s.now)
	middle := root.signs(t, "middle", true, s.now)
	leaf := newRoot(t, "dev-1", s.now)
	info := func(c *testCA) string {
		return `{"primary":{"info":{"sha1Thumbprint":"` + newCertificateInfo(c.Certificate).SHA1Thumbprint + `"}}}`
	}
	s.load(`{"registrationId":"dev-1","attestation":{"type":"x509","x509":{"clientCertificates":`+info(leaf)+`}}}`,
		`{"enrollmentGroupId":"g","attestation":{"type":"x509","x509":{"signingCertificates":`+info(root)+`}}}`)
	s.assign("dev-1", "", shows(leaf.Certificate))
	own := middle.signs(t, "dev-2", false, s.now).Certificate
	s.assign("dev-2", "", shows(own, middle.Certificate, root.Certificate))
	s.fail(401002, "PUT", devicePath("dev-2")+"/register", "", shows(own, middle.Certificate))
}

func TestGroupCertificates(t *testing.T) {
	t.Parallel()
	now := newTester(t).now
	root, spare := newRoot(t, "root", now), newRoot(t, "spare", now)
	middle := root.signs(t, "middle", true, now)
	low := middle.signs(t, "low", true, now)
	leaf := low.signs(t, "dev-1", false, now).Certificate
	impostor := newRoot(t, "root", now)
	expired := root.signs(t, "dev-1", false, now, -time.Hour, -time.Second).Certificate
	early := root.signs(t, "dev-1", false, now, time.Second, time.Hour).Certificate
	oldMiddle := root.signs(t, "middle", true, now, -time.Hour, -time.Second)
	noCA := root.signs(t, "middle", false, now)

	rootGroup := x509Group("by-root", spare, root)
	middleGroup := x509Group("by-middle", middle, nil)
	reference := `{"enrollmentGroupId":"by-reference","attestation":{"type":"x509","x509":{"caReferences":{"primary":"gone","secondary":"Our CA"}}}}`
	individual := strings.ReplaceAll(reference, `"enrollmentGroupId":"by-reference"`, `"registrationId":"dev-1"`)
	for name, test := range map[string]struct {
		records []string
		chain   []*x509.Certificate
		group   string
		refused string
	}{
		"intermediates to the root":   {[]string{rootGroup}, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "by-root", ""},
		"the root, too":               {[]string{rootGroup}, []*x509.Certificate{leaf, middle.Certificate, low.Certificate, root.Certificate}, "by-root", ""},
		"intermediate signs":          {[]string{middleGroup}, []*x509.Certificate{leaf, low.Certificate}, "by-middle", ""},
		"nearest group":               {[]string{rootGroup, middleGroup, x509Group("decoy", spare, nil)}, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "by-middle", ""},
		"signed by the root":          {[]string{rootGroup, middleGroup}, []*x509.Certificate{root.signs(t, "dev-1", false, now).Certificate}, "by-root", ""},
		"reference":                   {[]string{reference}, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "by-reference", ""},
		"reference of an individual":  {[]string{individual}, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "", ""},
		"missing intermediate":        {[]string{rootGroup}, []*x509.Certificate{leaf, low.Certificate}, "", "CA certificate not found."},
		"no group":                    {nil, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "", "CA certificate not found."},
		"symmetric group":             {[]string{symmetricGroup("g")}, []*x509.Certificate{leaf}, "", "CA certificate not found."},
		"reference to nothing":        {[]string{strings.ReplaceAll(reference, "Our CA", "gone, too")}, []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, "", "CA certificate not found."},
		"another CA of the same name": {[]string{rootGroup}, []*x509.Certificate{impostor.signs(t, "dev-1", false, now).Certificate}, "", "Signing certificate info did not match chain elements"},
		"self-signed":                 {[]string{rootGroup}, []*x509.Certificate{newRoot(t, "dev-1", now).Certificate}, "", "CA certificate not found."},
		"expired":                     {[]string{rootGroup}, []*x509.Certificate{expired}, "", "Invalid certificate."},
		"not yet valid":               {[]string{rootGroup}, []*x509.Certificate{early}, "", "Invalid certificate."},
		"expired intermediate":        {[]string{rootGroup}, []*x509.Certificate{oldMiddle.signs(t, "dev-1", false, now).Certificate, oldMiddle.Certificate}, "", "Invalid certificate."},
		"intermediate is no CA":       {[]string{rootGroup}, []*x509.Certificate{noCA.signs(t, "dev-1", false, now).Certificate, noCA.Certificate}, "", "Signing certificate info did not match chain elements"},
		"another common name":         {[]string{rootGroup}, []*x509.Certificate{root.signs(t, "dev-2", false, now).Certificate}, "", "Invalid certificate."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTester(t, func(c *Config) { c.CAs = map[string]*x509.Certificate{"Our CA": root.Certificate} })
			s.load(test.records...)
			if test.refused != "" {
				require.Equal(t, test.refused, s.fail(401002, "PUT", devicePath("dev-1")+"/register", "", shows(test.chain...)))
				return
			}
			state := s.assign("dev-1", "", shows(test.chain...))
			group, _ := state["x509"].(map[string]any)["enrollmentGroupId"].(string)
			require.Equal(t, test.group, group)
			device, _ := s.handler.HubDevice("dev-1")
			require.Equal(t, HubDevice{Hub: DefaultHub, DeviceID: "dev-1", PrimaryThumbprint: thumbprint(test.chain[0].Raw)}, device)
		})
	}
}
