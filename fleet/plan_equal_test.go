package fleet_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/fleet"
)

// The members of a record beside its attestation, in the ways in which a desired record may have them.
var memberSets = map[string]string{
	"absent": ``,
	"null": `,"deviceId":null,"capabilities":null,"iotHubHostName":null,"initialTwin":null,"provisioningStatus":null,
		"reprovisionPolicy":null,"iotHubs":null,"customAllocationDefinition":null,"optionalDeviceInformation":null`,
	"default": `,"capabilities":{"iotEdge":false},"provisioningStatus":"enabled","allocationPolicy":"Hashed","iotHubs":[],
		"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true},"initialTwin":{"tags":{},"properties":{"desired":{}}}`,
	"partial": `,"capabilities":{},"reprovisionPolicy":{"migrateDeviceData":true},"initialTwin":{"properties":{}}`,
	"explicit": `,"capabilities":{"iotEdge":true},"provisioningStatus":"Disabled","allocationPolicy":"custom",
		"iotHubs":["b.azure-devices.net","a.azure-devices.net"],"reprovisionPolicy":{"updateHubAssignment":false,"migrateDeviceData":true},
		"initialTwin":{"tags":{"a.b":1.50,"none":null,"big":123456789012345678901},"properties":{"desired":{"list":[1e2,{"x":1.0}]}}},
		"customAllocationDefinition":{"webhookUrl":"https://example.com/hook?code=secret","apiVersion":"2019-03-31"}`,
}

func attestations(t testing.TB, isGroup bool) map[string]string {
	pair := func(kind string) string {
		return fmt.Sprintf(`{"type":"x509","x509":{%q:{"primary":{"certificate":%q},"secondary":{"certificate":%q}}}}`,
			kind, pemOf(planCertificate(t, "a")), pemOf(planCertificate(t, "b")))
	}
	all := map[string]string{
		"generated keys": `{"type":"symmetricKey"}`,
		"another case":   `{"type":"SymmetricKey"}`,
		"empty keys":     `{"type":"symmetricKey","symmetricKey":{"primaryKey":"","secondaryKey":""}}`,
		"own keys":       `{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey + `","secondaryKey":"` + otherTestKey + `"}}`,
		"one key":        `{"type":"symmetricKey","symmetricKey":{"secondaryKey":"` + otherTestKey + `"}}`,
		"references":     `{"type":"x509","x509":{"caReferences":{"primary":"ca-1","secondary":"ca-2"},"clientCertificates":null}}`,
	}
	if isGroup {
		all["signing"] = pair("signingCertificates")
		return all
	}
	all["client"] = pair("clientCertificates")
	all["tpm"] = `{"type":"tpm","tpm":{"endorsementKey":"` + testKey + `","storageRootKey":""}}`
	return all
}

// equalCases calls test with every attestation with every set of members, as a record of its own.
func equalCases[T fleet.Record](t *testing.T, idName string, test func(t *testing.T, text string)) {
	for attestation, text := range attestations(t, idName == "enrollmentGroupId") {
		for members, more := range memberSets {
			t.Run(attestation+"/"+members, func(t *testing.T) {
				test(t, fmt.Sprintf(`{%q:"Device-1","attestation":%s%s}`, idName, text, more))
			})
		}
	}
}

// TestPlanApplyPlan shows that after Apply the next plan is empty, for a record that is created, for one that is updated, and
// with the id in another case.
func TestPlanApplyPlan(t *testing.T) {
	t.Parallel()
	t.Run("enrollment", func(t *testing.T) { testPlanApplyPlan[azdps.IndividualEnrollment](t, "registrationId") })
	t.Run("group", func(t *testing.T) { testPlanApplyPlan[azdps.EnrollmentGroup](t, "enrollmentGroupId") })
}

func testPlanApplyPlan[T fleet.Record](t *testing.T, idName string) {
	equalCases[T](t, idName, func(t *testing.T, text string) {
		bubble(t, func(t *testing.T) {
			server := dpstest.NewUnstartedServer(&dpstest.Options{Hubs: []string{"a.azure-devices.net", "b.azure-devices.net"}})
			defer server.Close()
			client := clientOf(t, server, nil)
			desired := recordFrom[T](t, text)
			created := planFor(t, client, nil, desired)
			assert.Equal(t, 1, created.Len())
			applyAll(t, created)
			again := planFor(t, client, nil, desired)
			assert.Zero(t, again.Len(), textOf(t, again))

			other := recordFrom[T](t, strings.Replace(text, "Device-1", "DEVICE-1", 1))
			assert.Zero(t, planFor(t, client, nil, other).Len())

			changed := recordFrom[T](t, fmt.Sprintf(`{%q:"device-1","attestation":{"type":"symmetricKey"},"iotHubHostName":"c.azure-devices.net"}`, idName))
			applyAll(t, planFor(t, client, nil, changed))
			applyAll(t, planFor(t, client, nil, desired))
			again = planFor(t, client, nil, desired)
			assert.Zero(t, again.Len(), textOf(t, again))
		})
	})
}

// TestPlanUnknownMembers does the same against a service that keeps the members that azdps does not know, at every level.
func TestPlanUnknownMembers(t *testing.T) {
	t.Parallel()
	t.Run("enrollment", func(t *testing.T) { testUnknownMembers[azdps.IndividualEnrollment](t, "registrationId") })
	t.Run("group", func(t *testing.T) { testUnknownMembers[azdps.EnrollmentGroup](t, "enrollmentGroupId") })
}

func testUnknownMembers[T fleet.Record](t *testing.T, idName string) {
	equalCases[T](t, idName, func(t *testing.T, text string) {
		bubble(t, func(t *testing.T) {
			service := newKeeper(idName)
			client := keeperClient(t, service)
			for value := range 3 { // created, then updated
				var tree map[string]any
				require.NoError(t, json.Unmarshal([]byte(text), &tree))
				addUnknown(tree, json.Number(fmt.Sprintf("%d.0", value)))
				full, err := json.Marshal(tree)
				require.NoError(t, err)
				desired := recordFrom[T](t, string(full))
				before := planFor(t, client, nil, desired)
				assert.Equal(t, 1, before.Len())
				applyAll(t, before)
				again := planFor(t, client, nil, desired)
				assert.Zero(t, again.Len(), textOf(t, again))
				// The same value in another form, and without it.
				other := recordFrom[T](t, strings.ReplaceAll(string(full), fmt.Sprintf(`:%d.0`, value), fmt.Sprintf(`:%de0`, value)))
				assert.Zero(t, planFor(t, client, nil, other).Len())
			}
			assert.Positive(t, planFor(t, client, nil, recordFrom[T](t, text)).Len(), "unknown members count")
			assert.NotZero(t, service.writes)
		})
	})
}

// addUnknown adds a member to every object that azdps knows.
func addUnknown(object map[string]any, value any) {
	for name, member := range object {
		if inner, ok := member.(map[string]any); ok && name != "tags" && name != "desired" {
			addUnknown(inner, value)
		}
	}
	object["x-later"] = value
	object["x-object"] = map[string]any{"list": []any{value}}
}

// TestPlanEqual shows which records are equal, and which are not.
func TestPlanEqual(t *testing.T) {
	t.Parallel()
	const keys = `"attestation":{"type":"symmetricKey"}`
	withTags := func(tags string) string { return keys + `,"initialTwin":{"tags":` + tags + `}` }
	for name, test := range map[string]struct {
		stored, desired string
		differs         string // the path
	}{
		"number by value":          {withTags(`{"a":1.0}`), withTags(`{"a":1}`), ""},
		"number with an exponent":  {withTags(`{"a":1200}`), withTags(`{"a":0.12e4}`), ""},
		"negative number":          {withTags(`{"a":-0.0050}`), withTags(`{"a":-5E-3}`), ""},
		"zero":                     {withTags(`{"a":-0.0}`), withTags(`{"a":0e9}`), ""},
		"beyond any use":           {withTags(`{"a":1e99999999999999999999,"b":1e400,"c":1e-400}`), withTags(`{"a":1e99999999999999999999,"b":10E+399,"c":0.1e-399}`), ""},
		"large numbers count":      {withTags(`{"a":1e400}`), withTags(`{"a":1e401}`), "initialTwin.tags.a"},
		"every digit counts":       {withTags(`{"a":9007199254740992}`), withTags(`{"a":9007199254740993}`), "initialTwin.tags.a"},
		"the sign counts":          {withTags(`{"a":1}`), withTags(`{"a":-1}`), "initialTwin.tags.a"},
		"a string is no number":    {withTags(`{"a":"1"}`), withTags(`{"a":1}`), "initialTwin.tags.a"},
		"null in a twin counts":    {withTags(`{"a":null}`), withTags(`{"b":1}`), "initialTwin.tags.a"},
		"empty object in a twin":   {withTags(`{"a":1}`), withTags(`{"a":1,"b":{}}`), "initialTwin.tags.b"},
		"order of members":         {withTags(`{"a":1,"b":2}`), withTags(`{"b":2,"a":1}`), ""},
		"order in a list counts":   {withTags(`{"a":[1,2]}`), withTags(`{"a":[2,1]}`), "initialTwin.tags.a"},
		"case in a twin counts":    {withTags(`{"a":"X"}`), withTags(`{"a":"x"}`), "initialTwin.tags.a"},
		"empty twin":               {keys, withTags(`{}`), ""},
		"status":                   {keys + `,"provisioningStatus":"disabled"`, keys, "provisioningStatus"},
		"status null":              {keys + `,"provisioningStatus":null`, keys, ""},
		"policy without case":      {keys + `,"allocationPolicy":"geoLatency"`, keys + `,"allocationPolicy":"GEOLATENCY"`, ""},
		"edge":                     {keys + `,"capabilities":{"iotEdge":true}`, keys, "capabilities.iotEdge"},
		"reprovision":              {keys + `,"reprovisionPolicy":{"migrateDeviceData":false}`, keys, "reprovisionPolicy.migrateDeviceData"},
		"keys left out":            {`"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"` + testKey + `"}}`, keys, ""},
		"etag and dates of others": {keys, keys + `,"etag":"YQ==","createdDateTimeUtc":"2020-01-01T00:00:00Z","registrationState":{"status":"assigned"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				loadLines(t, server, `{"registrationId":"a",`+test.stored+`}`)
				p := planFor(t, clientOf(t, server, nil), nil, recordFrom[azdps.IndividualEnrollment](t, `{"registrationId":"A",`+test.desired+`}`))
				if test.differs == "" {
					assert.Zero(t, p.Len(), textOf(t, p))
					return
				}
				require.Equal(t, 1, p.Len())
				for change := range p.Changes() {
					assert.Equal(t, fleet.ActionUpdate, change.Action)
					assert.Equal(t, test.differs, change.Fields[0].Path)
				}
			})
		})
	}
}

// TestPlanCertificates compares certificates by thumbprint, and asks for those that nobody has.
func TestPlanCertificates(t *testing.T) {
	t.Parallel()
	one, two := planCertificate(t, "one"), planCertificate(t, "two")
	bubbled := func(name string, test func(t *testing.T, client *azdps.DeviceProvisioningClient, held azdps.IndividualEnrollment)) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := dpstest.NewUnstartedServer(nil)
				defer server.Close()
				client := clientOf(t, server, nil)
				attestation, err := azdps.NewX509ClientAttestation(one, two)
				require.NoError(t, err)
				applyAll(t, planFor(t, client, nil, azdps.IndividualEnrollment{RegistrationID: "a", Attestation: attestation}))
				held, err := client.IndividualEnrollments().Get(t.Context(), "a", nil)
				require.NoError(t, err)
				test(t, client, held.IndividualEnrollment)
			})
		})
	}
	bubbled("info alone keeps them", func(t *testing.T, client *azdps.DeviceProvisioningClient, held azdps.IndividualEnrollment) {
		assert.Zero(t, planFor(t, client, nil, held).Len())
		held.Attestation.X509.ClientCertificates.Secondary = nil
		held.DeviceID = "other"
		applyAll(t, planFor(t, client, nil, held))
		assert.Zero(t, planFor(t, client, nil, held).Len())
	})
	bubbled("in any form", func(t *testing.T, client *azdps.DeviceProvisioningClient, held azdps.IndividualEnrollment) {
		text := pemOf(one)
		for _, form := range []string{
			text,
			"\ufeffthe one\r\n" + strings.ReplaceAll(text, "\n", "\r\n"),
			base64.StdEncoding.EncodeToString(one.Raw),
			" " + base64.StdEncoding.EncodeToString(one.Raw) + "\n",
			base64.StdEncoding.EncodeToString([]byte(text)),
		} {
			held.Attestation.X509.ClientCertificates.Primary = &azdps.X509CertificateWithInfo{Certificate: form}
			assert.Zero(t, planFor(t, client, nil, held).Len(), form)
		}
		held.Attestation.X509.ClientCertificates.Primary = &azdps.X509CertificateWithInfo{Certificate: "none"}
		outcomes, err := collect(planFor(t, client, nil, held).Apply(t.Context(), nil))
		require.NoError(t, err)
		require.Len(t, outcomes, 1)
		assert.Equal(t, fleet.ResultRefused, outcomes[0].Result)
	})
	bubbled("exchanged", func(t *testing.T, client *azdps.DeviceProvisioningClient, held azdps.IndividualEnrollment) {
		pair := held.Attestation.X509.ClientCertificates
		pair.Primary, pair.Secondary = pair.Secondary, pair.Primary
		p := planFor(t, client, nil, held)
		assert.Equal(t, 1, p.Len())
		applyAll(t, p)
		assert.Zero(t, planFor(t, client, nil, held).Len())
	})
	bubbled("info of another", func(t *testing.T, client *azdps.DeviceProvisioningClient, held azdps.IndividualEnrollment) {
		const missing = "fleet: desired record 0: attestation.x509.clientCertificates.primary.certificate is missing, and the service" +
			" does not hold the certificate of its info"
		info := *held.Attestation.X509.ClientCertificates.Primary.Info
		info.SHA256Thumbprint = strings.Repeat("00", 32)
		held.Attestation.X509.ClientCertificates.Primary.Info = &info
		_, err := fleet.NewPlan(t.Context(), client, seqOf(held), nil)
		assert.EqualError(t, err, missing)
		held.RegistrationID = "new"
		_, err = fleet.NewPlan(t.Context(), client, seqOf(held), nil)
		assert.EqualError(t, err, missing)
	})
}

// TestPlanNeedsETags refuses to change a record that cannot be changed safely.
func TestPlanNeedsETags(t *testing.T) {
	bubble(t, func(t *testing.T) {
		service := newKeeper("registrationId")
		service.records["a"] = map[string]any{"registrationId": "a", "attestation": map[string]any{"type": "symmetricKey"}}
		client := keeperClient(t, service)
		changed := device("A")
		changed.DeviceID = "other"
		_, err := fleet.NewPlan(t.Context(), client, seqOf(changed), nil)
		assert.EqualError(t, err, `fleet: the service gave no ETag for "A", so it cannot be changed safely`)
		_, err = fleet.NewPlan(t.Context(), client, seqOf[azdps.IndividualEnrollment](), &fleet.PlanOptions{Delete: true, MaxDeletes: 1})
		assert.EqualError(t, err, `fleet: the service gave no ETag for "a", so it cannot be changed safely`)
		assert.Zero(t, planFor(t, client, nil, device("a")).Len())
	})
}
