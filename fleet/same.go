package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"reflect"
	"strings"

	"github.com/azdps/azdps"
)

// normalForm is the JSON of a record as the service would keep it: with the service's defaults, a thumbprint in place of each
// certificate, and without the id and what only the service writes. It is nil for a record that cannot be written as JSON.
// Two records are equal if their normal forms are; keys that the service hides are not in the form of what it returns.
func (k kind[T]) normalForm(record T) map[string]any {
	data, err := json.Marshal(record)
	if err != nil {
		return nil
	}
	object := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return nil
	}
	for _, readOnly := range []string{k.idName, "etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState"} {
		delete(object, readOnly)
	}
	if hubs, ok := object["iotHubs"].([]any); ok && len(hubs) == 0 {
		delete(object, "iotHubs")
	}
	fill(object, "provisioningStatus", string(azdps.ProvisioningStatusEnabled))
	fill(object, "allocationPolicy", string(azdps.AllocationPolicyHashed))
	fill(object, "capabilities", map[string]any{"iotEdge": false})
	fill(object, "reprovisionPolicy", map[string]any{"updateHubAssignment": true, "migrateDeviceData": true})
	for _, name := range []string{"allocationPolicy", "provisioningStatus"} {
		if value, ok := object[name].(string); ok {
			object[name] = strings.ToLower(value) // the service takes any case
		}
	}
	if attestation := objectAt(object, "attestation"); attestation != nil {
		text, _ := attestation["type"].(string)
		attestation["type"] = string(knownType(azdps.AttestationType(text)))
	}
	normalizeX509(object)
	return object
}

// knownType writes a type of attestation, which the service takes in any case, as this version does. It leaves others as they are.
func knownType(given azdps.AttestationType) azdps.AttestationType {
	for _, known := range azdps.PossibleAttestationTypeValues() {
		if strings.EqualFold(string(given), string(known)) {
			return known
		}
	}
	return given
}

// isSymmetricKey says whether a record has keys. The service takes the type in any case, and so would make new keys for one that is
// written otherwise.
func isSymmetricKey(attestation *azdps.AttestationMechanism) bool {
	return knownType(attestation.Type) == azdps.AttestationTypeSymmetricKey
}

// fill sets a member that is missing.
func fill(object map[string]any, name string, value any) {
	if _, ok := object[name]; !ok {
		object[name] = value
	}
}

// objectAt follows a path of objects; what is not there gives nil.
func objectAt(object map[string]any, path ...string) map[string]any {
	for _, name := range path {
		object, _ = object[name].(map[string]any)
	}
	return object
}

func normalizeX509(object map[string]any) {
	x509 := objectAt(object, "attestation", "x509")
	for _, kind := range []string{"clientCertificates", "signingCertificates"} {
		certificates := objectAt(x509, kind)
		for _, place := range []string{"primary", "secondary"} {
			if certificates[place] != nil {
				certificates[place] = thumbprint(objectAt(certificates, place))
			}
		}
	}
	if references, ok := x509["caReferences"].(map[string]any); ok && len(references) == 0 {
		delete(x509, "caReferences")
	}
}

// thumbprint identifies a certificate by the SHA-256 of its DER, whether it is there itself or only its info.
func thumbprint(certificate map[string]any) string {
	if text, _ := certificate["certificate"].(string); text != "" {
		if der := certificateDER(text); der != nil {
			sum := sha256.Sum256(der)
			return hex.EncodeToString(sum[:])
		}
	}
	text, _ := objectAt(certificate, "info")["sha256Thumbprint"].(string)
	return strings.ToLower(text)
}

// certificateDER reads a certificate as the service does: PEM, of which the first one counts, or base64 of that or of DER.
func certificateDER(text string) []byte {
	if certificate, err := azdps.ParseCertificate([]byte(text)); err == nil {
		return certificate.Raw
	}
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes
	}
	return nil
}

// same reports whether the service, which returned found, holds a record as it was sent. The keys of found count if they were
// read; keys that were left to the service to make are equal to any.
func (k kind[T]) same(sent, found T) bool {
	a, b := k.normalForm(sent), k.normalForm(found)
	if a == nil || b == nil {
		return false
	}
	forgetUnknownKeys(a, b)
	return reflect.DeepEqual(a, b)
}

// forgetUnknownKeys leaves out the keys that one of two records does not have.
func forgetUnknownKeys(a, b map[string]any) {
	for _, name := range []string{"primaryKey", "secondaryKey"} {
		mine, yours := objectAt(a, "attestation", "symmetricKey"), objectAt(b, "attestation", "symmetricKey")
		if absent(mine, name) || absent(yours, name) {
			delete(mine, name)
			delete(yours, name)
		}
	}
	for _, object := range []map[string]any{objectAt(a, "attestation"), objectAt(b, "attestation")} {
		if keys, ok := object["symmetricKey"].(map[string]any); ok && len(keys) == 0 {
			delete(object, "symmetricKey")
		}
	}
}

func absent(keys map[string]any, name string) bool {
	text, _ := keys[name].(string)
	return text == ""
}

// givenKeys says which of the two symmetric keys a record has.
func givenKeys(attestation *azdps.AttestationMechanism) (primary, secondary bool) {
	keys := attestation.SymmetricKey
	return keys != nil && keys.PrimaryKey != "", keys != nil && keys.SecondaryKey != ""
}
