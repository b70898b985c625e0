package azdps

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
)

// same reports whether the service holds a record as it was sent: equal but for what the service adds, which is its defaults,
// keys that it was asked to generate in place of the old ones, and the info of certificates in place of the certificates.
func (c *collection[T]) same(old SymmetricKeyAttestation, sent, found *T) bool {
	a, b := c.normalForm(*sent), c.normalForm(*found)
	if a == nil || b == nil {
		return false
	}
	if !forgetGeneratedKeys(old, a, b) {
		return false
	}
	return reflect.DeepEqual(a, b)
}

// normalForm is the JSON of a record with the defaults of the service filled in. The id is left out, which may differ in case.
func (c *collection[T]) normalForm(record T) TwinCollection {
	data, err := c.appendJSON(nil, &record, "")
	if err != nil {
		return nil
	}
	var object TwinCollection
	if decode(data, &object) != nil {
		return nil
	}
	delete(object, "registrationId")
	delete(object, "enrollmentGroupId")
	if hubs, ok := object["iotHubs"].([]any); ok && len(hubs) == 0 {
		delete(object, "iotHubs")
	}
	fill(object, "provisioningStatus", string(ProvisioningStatusEnabled))
	fill(object, "allocationPolicy", string(AllocationPolicyHashed))
	fill(object, "capabilities", map[string]any{"iotEdge": false})
	fill(object, "reprovisionPolicy", map[string]any{"updateHubAssignment": true, "migrateDeviceData": true})
	object["allocationPolicy"] = strings.ToLower(text(object["allocationPolicy"])) // the service takes any case
	for _, kind := range []string{"clientCertificates", "signingCertificates"} {
		for _, place := range []string{"primary", "secondary"} {
			if certificates := member(object, "attestation", "x509", kind); certificates[place] != nil {
				certificates[place] = thumbprint(member(certificates, place))
			}
		}
	}
	return object
}

// fill sets a member that is missing.
func fill(object map[string]any, name string, value any) {
	if _, ok := object[name]; !ok {
		object[name] = value
	}
}

// member follows a path of objects; what is not there gives nil.
func member(object map[string]any, path ...string) map[string]any {
	for _, name := range path {
		object, _ = object[name].(map[string]any)
	}
	return object
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// thumbprint identifies a certificate by the SHA-256 of its DER, whether it is there itself or only its info.
func thumbprint(certificate map[string]any) string {
	if pem := text(certificate["certificate"]); pem != "" {
		if certificates, problem := readCertificates([]byte(pem)); problem == "" {
			sum := sha256.Sum256(certificates[0])
			return hex.EncodeToString(sum[:])
		}
	}
	return strings.ToLower(text(member(certificate, "info")["sha256Thumbprint"]))
}

// forgetGeneratedKeys leaves out of found the keys that were not sent, which the service has made. It reports false if one of
// them is the old one, so that none was made.
func forgetGeneratedKeys(old SymmetricKeyAttestation, sent, found TwinCollection) bool {
	if text(member(sent, "attestation")["type"]) != string(AttestationTypeSymmetricKey) {
		return true
	}
	sentKeys, foundKeys := member(sent, "attestation", "symmetricKey"), member(found, "attestation", "symmetricKey")
	for name, oldKey := range map[string]string{"primaryKey": old.PrimaryKey, "secondaryKey": old.SecondaryKey} {
		if text(sentKeys[name]) != "" {
			continue
		}
		if text(foundKeys[name]) == oldKey {
			return false
		}
		delete(foundKeys, name)
	}
	if sentKeys == nil && len(foundKeys) == 0 {
		delete(member(found, "attestation"), "symmetricKey")
	}
	return true
}
