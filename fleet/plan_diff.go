package fleet

import (
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unique"
)

const redacted = `"REDACTED"`

// diff lists the members that differ between two forms, by path.
func diff(old, desired map[string]any) []FieldChange {
	var d differ
	d.objects(nil, old, desired)
	return slices.Clip(d.fields)
}

type differ struct{ fields []FieldChange }

// absent is the value of a member that is not there; null is another.
type absentMember struct{}

func memberOf(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	return absentMember{}
}

func (d *differ) objects(path []string, old, desired map[string]any) {
	names := slices.Collect(maps.Keys(old))
	for name := range desired {
		if _, both := old[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d.values(append(path, name), memberOf(old, name), memberOf(desired, name))
	}
}

// values compares two values. An object that only one side has is listed by its members.
func (d *differ) values(path []string, old, desired any) {
	oldObject, wasObject := old.(map[string]any)
	desiredObject, isObject := desired.(map[string]any)
	switch {
	case wasObject && isObject,
		wasObject && len(oldObject) > 0 && desired == absentMember{},
		isObject && len(desiredObject) > 0 && old == absentMember{}:
		d.objects(path, oldObject, desiredObject)
	case !reflect.DeepEqual(old, desired):
		// Many records change in the same way: their texts are in memory once.
		d.fields = append(d.fields, FieldChange{
			Path: unique.Make(joinPath(path)).Value(),
			Old:  unique.Make(show(path, old)).Value(),
			New:  unique.Make(show(path, desired)).Value(),
		})
	}
}

var simpleName = regexp.MustCompile(`^[\pL\d_$-]+$`)

func joinPath(path []string) string {
	var text strings.Builder
	for i, name := range path {
		switch {
		case !simpleName.MatchString(name):
			text.WriteString("[" + jsonText(name) + "]")
		case i > 0:
			text.WriteString("." + name)
		default:
			text.WriteString(name)
		}
	}
	return text.String()
}

// publicMembers of the objects that hold secrets. All others of them are masked: nobody knows what an unknown one holds.
var publicMembers = regexp.MustCompile(`^(` +
	`attestation\.type|` +
	`attestation\.tpm\.(endorsementKey|storageRootKey)|` +
	`attestation\.x509\.(clientCertificates|signingCertificates)\.(primary|secondary)\.info\.sha256Thumbprint|` +
	`attestation\.x509\.caReferences\.(primary|secondary)|` +
	`customAllocationDefinition\.apiVersion)$`)

// show is the JSON of a value, or what may be told of a secret.
func show(path []string, value any) string {
	if value == (absentMember{}) {
		return ""
	}
	secretive := path[0] == "attestation" || path[0] == "customAllocationDefinition"
	if !secretive || publicMembers.MatchString(joinPath(path)) {
		return jsonText(value)
	}
	text, isText := value.(string)
	if isText && slices.Equal(path, []string{"customAllocationDefinition", "webhookUrl"}) {
		return jsonText(hideQuery(text))
	}
	return redacted
}

// hideQuery keeps of a URL what is no secret: no query, no fragment, no user.
func hideQuery(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return "REDACTED"
	}
	public := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return public.String() + "?REDACTED"
	}
	return public.String()
}

func jsonText(value any) string {
	data, err := encodeJSON(value)
	if err != nil {
		return redacted // the forms come from JSON, so this does not happen
	}
	return string(data)
}
