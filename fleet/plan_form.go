package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/azdps/azdps"
)

// keySet says which symmetric keys a desired record has, and so which of the service's count.
type keySet uint8

const (
	primaryKey keySet = 1 << iota
	secondaryKey
	besideKeys // unknown members
)

func keysOf(attestation *azdps.AttestationMechanism) keySet {
	var set keySet
	primary, secondary := givenKeys(attestation)
	if primary {
		set |= primaryKey
	}
	if secondary {
		set |= secondaryKey
	}
	if attestation.SymmetricKey != nil && len(attestation.SymmetricKey.AdditionalProperties) > 0 {
		set |= besideKeys
	}
	return set
}

// planForm is the normal form of a record in which equal records are equal to the byte, with the keys of a set alone. It is nil
// for a record that cannot be written as JSON.
func (k kind[T]) planForm(record T, keys keySet) map[string]any {
	form := k.normalForm(record)
	if form == nil {
		return nil
	}
	attestation := objectAt(form, "attestation")
	k.showCertificates(objectAt(attestation, "x509"), &record)
	keepKeySet(attestation, keys)
	prune(attestation)
	for name, value := range form {
		if value == nil {
			delete(form, name)
		}
	}
	for _, path := range [][]string{ // from the inside: a twin without content is none
		{"initialTwin", "tags"},
		{"initialTwin", "properties", "desired"},
		{"initialTwin", "properties"},
		{"initialTwin"},
		{"optionalDeviceInformation"},
	} {
		last := len(path) - 1
		parent := objectAt(form, path[:last]...)
		if object, ok := parent[path[last]].(map[string]any); ok && len(object) == 0 {
			delete(parent, path[last])
		}
	}
	return canonical(form).(map[string]any)
}

// formHash identifies a form.
func formHash(form map[string]any) (hash [16]byte) {
	data, _ := json.Marshal(form) // was JSON before
	sum := sha256.Sum256(data)
	copy(hash[:], sum[:])
	return hash
}

// keepKeySet leaves out the keys that are not in a set.
func keepKeySet(attestation map[string]any, keys keySet) {
	object := objectAt(attestation, "symmetricKey")
	if keys&primaryKey == 0 {
		delete(object, "primaryKey")
	}
	if keys&secondaryKey == 0 {
		delete(object, "secondaryKey")
	}
	if keys == 0 {
		delete(attestation, "symmetricKey")
	}
}

// showCertificates puts the thumbprint of each certificate where the JSON of a record has it, beside the unknown members of the
// certificate.
func (k kind[T]) showCertificates(form map[string]any, record *T) {
	for _, certificate := range certificatesOf(k.members(record).attestation) {
		shown := make(map[string]any)
		for name, value := range certificate.AdditionalProperties {
			shown[name] = decodeAny(value)
		}
		if thumbprint := certificate.thumbprint(); thumbprint != "" {
			shown["info"] = map[string]any{"sha256Thumbprint": thumbprint}
		}
		objectAt(form, certificate.kind)[certificate.place] = shown
	}
}

// placedCertificate is a certificate of an attestation, and where it is.
type placedCertificate struct {
	kind, place string
	*azdps.X509CertificateWithInfo
}

// thumbprint is the SHA-256 of the certificate, in any of the forms that the service takes, or else of its info.
func (c placedCertificate) thumbprint() string {
	if c.Certificate != "" {
		return thumbprint(map[string]any{"certificate": c.Certificate})
	}
	if c.Info == nil {
		return ""
	}
	return strings.ToLower(c.Info.SHA256Thumbprint)
}

func certificatesOf(attestation *azdps.AttestationMechanism) []placedCertificate {
	var list []placedCertificate
	add := func(kind string, pair *azdps.X509Certificates) {
		if pair != nil && pair.Primary != nil {
			list = append(list, placedCertificate{kind, "primary", pair.Primary})
		}
		if pair != nil && pair.Secondary != nil {
			list = append(list, placedCertificate{kind, "secondary", pair.Secondary})
		}
	}
	if attestation.X509 != nil {
		add("clientCertificates", attestation.X509.ClientCertificates)
		add("signingCertificates", attestation.X509.SigningCertificates)
	}
	return list
}

// decodeAny reads JSON with its numbers as they are written; what is no JSON gives nil.
func decodeAny(data []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}

// prune leaves out what is null or an object without content, from the inside.
func prune(object map[string]any) {
	for name, value := range object {
		inner, isObject := value.(map[string]any)
		prune(inner)
		if value == nil || isObject && len(inner) == 0 {
			delete(object, name)
		}
	}
}

// canonical writes equal numbers in the same way.
func canonical(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			value[name] = canonical(member)
		}
	case []any:
		for i, item := range value {
			value[i] = canonical(item)
		}
	case json.Number:
		return canonicalNumber(value)
	}
	return value
}

// plainZeros is how many zeros a number may have to be written without an exponent.
const plainZeros = 15

// canonicalNumber keeps all digits of a number that count: 1, 1.0 and 10e-1 are the same, 2^53 and 2^53+1 are not.
func canonicalNumber(number json.Number) json.Number {
	text, isNegative := strings.CutPrefix(strings.ToLower(string(number)), "-")
	mantissa, power, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return number // beyond any use
		}
	}
	short := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(short) - len(fraction)
	sign := ""
	if isNegative {
		sign = "-"
	}
	return json.Number(sign + scientific(short, exponent))
}

// scientific writes digits times a power of ten, without the power if that is short.
func scientific(digits string, exponent int) string {
	point := len(digits) + exponent
	switch {
	case 0 <= exponent && exponent <= plainZeros:
		return digits + strings.Repeat("0", exponent)
	case exponent < 0 && point > 0:
		return digits[:point] + "." + digits[point:]
	case exponent < 0 && -point <= plainZeros:
		return "0." + strings.Repeat("0", -point) + digits
	}
	return digits + "e" + strconv.Itoa(exponent)
}
