package fleet

import "github.com/azdps/azdps"

// attestationTypes are the types that the service takes.
var attestationTypes = []azdps.AttestationType{azdps.AttestationTypeSymmetricKey, azdps.AttestationTypeTPM, azdps.AttestationTypeX509}

// attestation checks keys and certificates one by one, so that each fault is told; how they go together is for refusal.
func (c *recordCheck) attestation(a *azdps.AttestationMechanism) {
	oneOf(c, "attestation.type", a.Type, attestationTypes)
	if keys := a.SymmetricKey; keys != nil {
		c.key("attestation.symmetricKey.primaryKey", keys.PrimaryKey)
		c.key("attestation.symmetricKey.secondaryKey", keys.SecondaryKey)
	}
	if tpm := a.TPM; tpm != nil {
		c.tpmKey("attestation.tpm.endorsementKey", tpm.EndorsementKey)
		if tpm.StorageRootKey != "" {
			c.tpmKey("attestation.tpm.storageRootKey", tpm.StorageRootKey)
		}
	}
	if x509 := a.X509; x509 != nil {
		c.certificates("attestation.x509.clientCertificates", x509.ClientCertificates)
		c.certificates("attestation.x509.signingCertificates", x509.SigningCertificates)
		if references := x509.CAReferences; references != nil {
			c.caReference("attestation.x509.caReferences.primary", references.Primary)
			c.caReference("attestation.x509.caReferences.secondary", references.Secondary)
		}
	}
}

func (c *recordCheck) key(path, key string) {
	if key == "" {
		return // the service makes one
	}
	_, err := azdps.NewSymmetricKeyAttestation(key, key)
	c.err(path, err)
}

func (c *recordCheck) tpmKey(path, key string) {
	_, err := azdps.NewTPMAttestation(key, "")
	c.err(path, err)
}

func (c *recordCheck) caReference(path, name string) {
	if name == "" {
		return
	}
	_, err := azdps.NewX509CAReferenceAttestation(name, "")
	c.err(path, err)
}

func (c *recordCheck) certificates(path string, certificates *azdps.X509Certificates) {
	if certificates != nil {
		c.certificate(path+".primary", certificates.Primary)
		c.certificate(path+".secondary", certificates.Secondary)
	}
}

func (c *recordCheck) certificate(path string, certificate *azdps.X509CertificateWithInfo) {
	switch {
	case certificate == nil:
	case certificate.Certificate != "":
		_, err := azdps.ParseCertificate([]byte(certificate.Certificate))
		c.err(path+".certificate", err)
	case c.mode == azdps.BulkOperationModeCreate && certificate.Info != nil:
		c.add(path+".certificate", "is missing, and the info is not enough: the service never returns certificates, so"+
			" add them to what was exported")
	}
}
