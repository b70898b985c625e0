package azdps_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// recordView is what the tests of Update look at and change, of either kind of record.
type recordView struct {
	id               *string
	attestation      *azdps.AttestationMechanism
	twin             **azdps.InitialTwin
	status           *azdps.ProvisioningStatus
	etag             *azcore.ETag
	created, updated *time.Time
	state            *azdps.DeviceRegistrationState
	record           any
}

func viewEnrollment(e *azdps.IndividualEnrollment) recordView {
	return recordView{&e.RegistrationID, &e.Attestation, &e.InitialTwin, &e.ProvisioningStatus, &e.ETag,
		&e.CreatedDateTimeUTC, &e.LastUpdatedDateTimeUTC, e.RegistrationState, e}
}

func viewGroup(g *azdps.EnrollmentGroup) recordView {
	return recordView{&g.EnrollmentGroupID, &g.Attestation, &g.InitialTwin, &g.ProvisioningStatus, &g.ETag,
		&g.CreatedDateTimeUTC, &g.LastUpdatedDateTimeUTC, nil, g}
}

// updater is the Update of one kind of record, and what the tests need beside it.
type updater struct {
	id        string
	read, put dpstest.Operation
	record    func(azdps.AttestationMechanism) any
	getAny    func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (recordView, error)
	keys      func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (azdps.AttestationMechanism, error)
	write     func(ctx context.Context, c *azdps.DeviceProvisioningClient, v recordView) error
	updateAny func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string, change func(recordView) error) (recordView, error)
}

var anyETag = azcore.ETagAny

var updaters = map[string]updater{
	"individual enrollment": {
		"record-1", dpstest.OperationIndividualEnrollmentGet, dpstest.OperationIndividualEnrollmentCreateOrUpdate,
		func(a azdps.AttestationMechanism) any {
			record := fullEnrollment()
			record.RegistrationID, record.Attestation, record.IoTHubs, record.InitialTwin = "record-1", a, []string{"hub.azure-devices.net"}, nil
			record.ProvisioningStatus, record.AdditionalProperties, record.ETag, record.RegistrationState = "", nil, "", nil
			return record
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (recordView, error) {
			resp, err := c.IndividualEnrollments().Get(ctx, id, nil)
			return viewEnrollment(&resp.IndividualEnrollment), err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (azdps.AttestationMechanism, error) {
			resp, err := c.IndividualEnrollments().GetAttestationMechanism(ctx, id, nil)
			return resp.AttestationMechanism, err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, v recordView) error {
			_, err := c.IndividualEnrollments().CreateOrUpdate(ctx, *v.record.(*azdps.IndividualEnrollment),
				&azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &anyETag})
			return err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string, change func(recordView) error) (recordView, error) {
			var edit func(*azdps.IndividualEnrollment) error
			if change != nil {
				edit = func(e *azdps.IndividualEnrollment) error { return change(viewEnrollment(e)) }
			}
			resp, err := c.IndividualEnrollments().Update(ctx, id, edit, nil)
			return viewEnrollment(&resp.IndividualEnrollment), err
		},
	},
	"enrollment group": {
		"record-1", dpstest.OperationEnrollmentGroupGet, dpstest.OperationEnrollmentGroupCreateOrUpdate,
		func(a azdps.AttestationMechanism) any {
			record := fullGroup()
			record.EnrollmentGroupID, record.Attestation, record.InitialTwin, record.ETag = "record-1", a, nil, ""
			return record
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (recordView, error) {
			resp, err := c.EnrollmentGroups().Get(ctx, id, nil)
			return viewGroup(&resp.EnrollmentGroup), err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string) (azdps.AttestationMechanism, error) {
			resp, err := c.EnrollmentGroups().GetAttestationMechanism(ctx, id, nil)
			return resp.AttestationMechanism, err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, v recordView) error {
			_, err := c.EnrollmentGroups().CreateOrUpdate(ctx, *v.record.(*azdps.EnrollmentGroup),
				&azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: &anyETag})
			return err
		},
		func(ctx context.Context, c *azdps.DeviceProvisioningClient, id string, change func(recordView) error) (recordView, error) {
			var edit func(*azdps.EnrollmentGroup) error
			if change != nil {
				edit = func(g *azdps.EnrollmentGroup) error { return change(viewGroup(g)) }
			}
			resp, err := c.EnrollmentGroups().Update(ctx, id, edit, nil)
			return viewGroup(&resp.EnrollmentGroup), err
		},
	},
}

// create puts a record into a service, without a request.
func (u updater) create(t *testing.T, server *dpstest.Server, attestation azdps.AttestationMechanism) {
	t.Helper()
	line, err := json.Marshal(u.record(attestation))
	require.NoError(t, err)
	require.NoError(t, server.Load(bytes.NewReader(line)))
}

func (u updater) get(ctx context.Context, c *azdps.DeviceProvisioningClient) (recordView, error) {
	return u.getAny(ctx, c, u.id)
}

func (u updater) mechanism(ctx context.Context, c *azdps.DeviceProvisioningClient) (azdps.AttestationMechanism, error) {
	return u.keys(ctx, c, u.id)
}

func (u updater) update(ctx context.Context, c *azdps.DeviceProvisioningClient, change func(recordView) error) (recordView, error) {
	return u.updateAny(ctx, c, u.id, change)
}

// replace writes a record whatever its ETag, with its keys, as somebody else does.
func (u updater) replace(ctx context.Context, c *azdps.DeviceProvisioningClient, change func(recordView)) error {
	ctx = foreign(ctx)
	v, err := u.get(ctx, c)
	if err != nil {
		return err
	}
	if *v.attestation, err = u.mechanism(ctx, c); err != nil {
		return err
	}
	change(v)
	return u.write(ctx, c, v)
}

// foreign marks the requests of somebody else.
func foreign(ctx context.Context) context.Context {
	return policy.WithHTTPHeader(ctx, map[string][]string{"X-Foreign": {"yes"}})
}

// withoutTimes is the JSON of a record without what every write changes.
func (u updater) withoutTimes(v recordView) string {
	*v.updated, *v.etag = time.Time{}, ""
	data, err := json.Marshal(v.record)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// attestations are of all kinds that either kind of record takes.
func attestations(t *testing.T) map[string]azdps.AttestationMechanism {
	t.Helper()
	certificate := func(name string) *azdps.X509CertificateWithInfo {
		return &azdps.X509CertificateWithInfo{Certificate: pemCertificate(t, name)}
	}
	given, err := azdps.NewSymmetricKeyAttestation(wireKey, otherKey)
	require.NoError(t, err)
	references, err := azdps.NewX509CAReferenceAttestation("ca-1", "ca-2")
	require.NoError(t, err)
	tpm, err := azdps.NewTPMAttestation("AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEA", "AAAA")
	require.NoError(t, err)
	return map[string]azdps.AttestationMechanism{
		"generated keys": azdps.NewGeneratedKeyAttestation(),
		"given keys":     given,
		"CA references":  references,
		"TPM":            tpm,
		"client certificates": {Type: azdps.AttestationTypeX509, X509: &azdps.X509Attestation{
			ClientCertificates: &azdps.X509Certificates{Primary: certificate("a"), Secondary: certificate("b")}}},
		"signing certificate": {Type: azdps.AttestationTypeX509, X509: &azdps.X509Attestation{
			SigningCertificates: &azdps.X509Certificates{Primary: certificate("c")}}},
	}
}

// forEachUpdate runs a test for each kind of record with each kind of attestation that it takes, in virtual time.
func forEachUpdate(t *testing.T, test func(t *testing.T, u updater, server *dpstest.Server, client *azdps.DeviceProvisioningClient)) {
	t.Helper()
	t.Parallel()
	kinds := attestations(t)
	for kind, u := range updaters {
		for name, attestation := range kinds {
			if kind == "enrollment group" && (name == "TPM" || name == "client certificates") || kind != "enrollment group" && name == "signing certificate" {
				continue // it takes none of these
			}
			t.Run(kind+" with "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					server, client := startService(t)
					u.create(t, server, attestation)
					test(t, u, server, client)
				})
			})
		}
	}
}

// addOne is the change of most tests: one that must not be applied twice.
func addOne(v recordView) error {
	if *v.twin == nil {
		*v.twin = &azdps.InitialTwin{Tags: azdps.TwinCollection{"count": json.Number("0")}}
	}
	number, ok := (*v.twin).Tags["count"].(json.Number)
	if !ok {
		number = "0"
	}
	count, err := number.Int64()
	(*v.twin).Tags["count"] = count + 1
	return err
}

// countOf is how often addOne was applied.
func countOf(v recordView) string {
	if *v.twin == nil {
		return "0"
	}
	number, _ := (*v.twin).Tags["count"].(json.Number)
	return number.String()
}
