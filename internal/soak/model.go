package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// shape is what a record is, of either kind, in values that can be compared: what the model holds.
type shape struct {
	ID, DeviceID, Status                   string
	Type                                   azdps.AttestationType
	PrimaryKey, SecondaryKey               string // empty in what is expected: any
	EndorsementKey                         string
	PrimaryThumbprint, SecondaryThumbprint string
	Twin                                   string // the initial twin as JSON, with the stamp of the write
	ETag                                   string // empty in what is expected: any
	Created                                time.Time
}

// anyValue are the members of which a zero value expects nothing, because only the service knows them.
var anyValue = map[string]bool{"PrimaryKey": true, "SecondaryKey": true, "ETag": true, "Created": true}

// secret are the members that no message shows.
var secret = map[string]bool{"PrimaryKey": true, "SecondaryKey": true}

// difference names the members of got that are not as expected, and is empty if there are none.
func (s shape) difference(got shape) string {
	var text strings.Builder
	expected, found := reflect.ValueOf(s), reflect.ValueOf(got)
	for i := range expected.NumField() {
		name := expected.Type().Field(i).Name
		want, is := expected.Field(i), found.Field(i)
		switch {
		case want.Interface() == is.Interface() || anyValue[name] && want.IsZero():
		case secret[name]:
			fmt.Fprintf(&text, "%s differs; ", name)
		default:
			fmt.Fprintf(&text, "%s is %v, not %v; ", name, is, want)
		}
	}
	return text.String()
}

// withoutKeys is how lists and Get show it.
func (s shape) withoutKeys() shape {
	s.PrimaryKey, s.SecondaryKey = "", ""
	return s
}

// parts gives access to the members that both kinds of record have.
type parts struct {
	id          *string
	deviceID    *string // of no record for groups
	hasDevice   bool
	attestation *azdps.AttestationMechanism
	twin        **azdps.InitialTwin
	etag        *azcore.ETag
	status      *azdps.ProvisioningStatus
	allocation  *azdps.AllocationPolicy
	created     *time.Time
	x509        func(*azdps.X509Attestation) **azdps.X509Certificates
}

func partsOf[T fleet.Record](record *T) parts {
	switch r := any(record).(type) {
	case *azdps.IndividualEnrollment:
		return parts{
			&r.RegistrationID, &r.DeviceID, true, &r.Attestation, &r.InitialTwin, &r.ETag, &r.ProvisioningStatus,
			&r.AllocationPolicy, &r.CreatedDateTimeUTC,
			func(x *azdps.X509Attestation) **azdps.X509Certificates { return &x.ClientCertificates },
		}
	case *azdps.EnrollmentGroup:
		return parts{
			&r.EnrollmentGroupID, new(string), false, &r.Attestation, &r.InitialTwin, &r.ETag, &r.ProvisioningStatus,
			&r.AllocationPolicy, &r.CreatedDateTimeUTC,
			func(x *azdps.X509Attestation) **azdps.X509Certificates { return &x.SigningCertificates },
		}
	}
	panic("unreachable")
}

// shapeOf is the shape of a record that the service gave.
func shapeOf[T fleet.Record](record T) shape {
	p := partsOf(&record)
	s := shape{
		ID: *p.id, DeviceID: *p.deviceID, Status: string(*p.status), Type: p.attestation.Type, ETag: string(*p.etag), Created: *p.created,
	}
	if key := p.attestation.SymmetricKey; key != nil {
		s.PrimaryKey, s.SecondaryKey = key.PrimaryKey, key.SecondaryKey
	}
	if tpm := p.attestation.TPM; tpm != nil {
		s.EndorsementKey = tpm.EndorsementKey
	}
	if p.attestation.X509 != nil {
		if certificates := *p.x509(p.attestation.X509); certificates != nil {
			s.PrimaryThumbprint, s.SecondaryThumbprint = thumb(certificates.Primary), thumb(certificates.Secondary)
		}
	}
	if *p.twin != nil {
		text, err := json.Marshal(*p.twin)
		if err != nil {
			text = []byte(err.Error())
		}
		s.Twin = string(text)
	}
	return s
}

func thumb(certificate *azdps.X509CertificateWithInfo) string {
	if certificate == nil || certificate.Info == nil {
		return ""
	}
	return certificate.Info.SHA256Thumbprint
}

// recordOf makes the record that a shape is of, for sending.
func recordOf[T fleet.Record](s shape, certificates *pool) T {
	var record T
	p := partsOf(&record)
	*p.id, *p.deviceID, *p.status = s.ID, s.DeviceID, azdps.ProvisioningStatus(s.Status)
	*p.allocation, *p.etag = azdps.AllocationPolicyHashed, azcore.ETag(s.ETag)
	p.attestation.Type = s.Type
	switch s.Type {
	case azdps.AttestationTypeNone: // for a deletion
	case azdps.AttestationTypeSymmetricKey:
		if s.PrimaryKey != "" {
			p.attestation.SymmetricKey = &azdps.SymmetricKeyAttestation{PrimaryKey: s.PrimaryKey, SecondaryKey: s.SecondaryKey}
		}
	case azdps.AttestationTypeTPM:
		p.attestation.TPM = &azdps.TPMAttestation{EndorsementKey: s.EndorsementKey}
	case azdps.AttestationTypeX509:
		attest := azdps.NewX509ClientAttestation
		if _, isGroup := any(record).(azdps.EnrollmentGroup); isGroup {
			attest = azdps.NewX509SigningAttestation
		}
		attestation, err := attest(certificates.byThumb[s.PrimaryThumbprint], certificates.byThumb[s.SecondaryThumbprint])
		if err != nil {
			panic(err) // the certificates are of the pool
		}
		*p.attestation = attestation
	}
	if s.Twin != "" {
		if err := json.Unmarshal([]byte(s.Twin), p.twin); err != nil {
			panic(err) // it was written by the model, or by the service from that
		}
	}
	return record
}
