package azdps

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
)

const redacted = "REDACTED"

// hide is what is printed for a secret: whether it is there.
func hide(secret string) string {
	if secret == "" {
		return ""
	}
	return redacted
}

// Format implements [fmt.Formatter], so that no verb prints a key.
func (k SymmetricKeyAttestation) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{PrimaryKey:%s SecondaryKey:%s}", hide(k.PrimaryKey), hide(k.SecondaryKey))
}

// LogValue implements [slog.LogValuer]; it keeps keys out of logs.
func (k SymmetricKeyAttestation) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("primaryKey", hide(k.PrimaryKey)),
		slog.String("secondaryKey", hide(k.SecondaryKey)),
	)
}

// Format implements [fmt.Formatter], so that no verb prints the query of the webhook's URL.
func (d CustomAllocationDefinition) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{WebhookURL:%s APIVersion:%s}", hideQuery(d.WebhookURL), d.APIVersion)
}

// LogValue implements [slog.LogValuer]; it keeps the query of the webhook's URL out of logs.
func (d CustomAllocationDefinition) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("webhookUrl", hideQuery(d.WebhookURL)),
		slog.String("apiVersion", d.APIVersion),
	)
}

// hideQuery keeps of a URL what is no secret: no query, no fragment, no user.
func hideQuery(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return hide(text)
	}
	hidden := u.RawQuery != "" || u.Fragment != "" || u.User != nil
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
	if hidden {
		return u.String() + "?" + redacted
	}
	return u.String()
}

// LogValue implements [slog.LogValuer]; it keeps keys out of logs.
func (a AttestationMechanism) LogValue() slog.Value {
	attributes := []slog.Attr{slog.String("type", string(a.Type))}
	if a.SymmetricKey != nil {
		attributes = append(attributes, slog.Any("symmetricKey", *a.SymmetricKey))
	}
	if a.X509 != nil {
		attributes = append(attributes, a.X509.logAttributes()...)
	}
	return slog.GroupValue(attributes...)
}

// logAttributes tells certificates apart by thumbprint, and CA references by name.
func (x *X509Attestation) logAttributes() []slog.Attr {
	var attributes []slog.Attr
	for _, kind := range []struct {
		name         string
		certificates *X509Certificates
	}{{"clientCertificates", x.ClientCertificates}, {"signingCertificates", x.SigningCertificates}} {
		if kind.certificates != nil {
			attributes = append(attributes, slog.Group(kind.name,
				slog.String("primary", kind.certificates.Primary.thumbprint()),
				slog.String("secondary", kind.certificates.Secondary.thumbprint())))
		}
	}
	if x.CAReferences != nil {
		attributes = append(attributes, slog.Group("caReferences",
			slog.String("primary", x.CAReferences.Primary),
			slog.String("secondary", x.CAReferences.Secondary)))
	}
	return attributes
}

// thumbprint is the SHA-256 thumbprint of a certificate that the service holds.
func (c *X509CertificateWithInfo) thumbprint() string {
	if c == nil || c.Info == nil {
		return ""
	}
	return c.Info.SHA256Thumbprint
}

// LogValue implements [slog.LogValuer]; it logs what tells the record from others, without keys. The JSON of a record is
// complete, so a record within a slice or a struct of the caller's is logged with its keys by [slog.JSONHandler].
func (e IndividualEnrollment) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("registrationId", e.RegistrationID),
		slog.String("deviceId", e.DeviceID),
		slog.Any("attestation", e.Attestation),
		slog.String("etag", string(e.ETag)),
		slog.String("provisioningStatus", string(e.ProvisioningStatus)),
	)
}

// LogValue implements [slog.LogValuer]; it logs what tells the group from others, without keys. The JSON of a group is
// complete, so a group within a slice or a struct of the caller's is logged with its keys by [slog.JSONHandler].
func (g EnrollmentGroup) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("enrollmentGroupId", g.EnrollmentGroupID),
		slog.Any("attestation", g.Attestation),
		slog.String("etag", string(g.ETag)),
		slog.String("provisioningStatus", string(g.ProvisioningStatus)),
	)
}

// LogValue implements [slog.LogValuer]; it logs the number of items instead of the items.
func (r IndividualEnrollmentsClientQueryResponse) LogValue() slog.Value {
	return pageLogValue(len(r.Items), r.ContinuationToken)
}

// LogValue implements [slog.LogValuer]; it logs the number of items instead of the items.
func (r EnrollmentGroupsClientQueryResponse) LogValue() slog.Value {
	return pageLogValue(len(r.Items), r.ContinuationToken)
}

func pageLogValue(items int, continuationToken string) slog.Value {
	return slog.GroupValue(slog.Int("items", items), slog.Bool("more", continuationToken != ""))
}

// Format implements [fmt.Formatter], so that no verb prints the key.
func (c *SharedAccessKeyCredential) Format(f fmt.State, _ rune) {
	if c == nil {
		_, _ = io.WriteString(f, "<nil>")
		return
	}
	fmt.Fprintf(f, "{PolicyName:%s Key:%s}", c.policyName, redacted)
}
