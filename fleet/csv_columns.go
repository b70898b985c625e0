package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// column is a column of a table and its member in the JSON of a record.
type column struct {
	name string
	path []string // none for additionalProperties

	// parse makes JSON of a cell that is not empty, or says why it cannot.
	parse func(cell string) (value json.RawMessage, problem string)

	// format undoes it; it returns false if a cell cannot hold the value.
	format func(value json.RawMessage) (cell string, ok bool)
}

// read makes JSON of a cell that is not empty, or says why it cannot.
func (c column) read(cell string) (value json.RawMessage, problem string) {
	if !utf8.ValidString(cell) {
		return nil, "is not UTF-8"
	}
	return c.parse(cell)
}

// below returns the name of a member of the JSON that is in the column, or in what is there.
func (c column) below(path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path+".", strings.Join(c.path, ".")+".")
	if len(c.path) == 0 || !ok {
		return "", false
	}
	return strings.TrimSuffix(c.name+"."+rest, "."), true
}

// additional is the name of the column for what has none.
const additional = "additionalProperties"

// columnsOf are the columns of a kind of records, in the order in which they are written; the first is the id. See [CSVOptions].
func columnsOf[T Record]() []column {
	const (
		symmetricKey = "attestation.symmetricKey."
		tpm          = "attestation.tpm."
		x509         = "attestation.x509."
		definition   = "customAllocationDefinition."
	)
	id := kindOf[T](nil).idName
	columns := []column{
		textColumn(id, id),
		textColumn("deviceId", "deviceId"),
		textColumn("provisioningStatus", "provisioningStatus"),
		textColumn("attestation", "attestation.type"),
		textColumn("primaryKey", symmetricKey+"primaryKey"),
		textColumn("secondaryKey", symmetricKey+"secondaryKey"),
		textColumn("endorsementKey", tpm+"endorsementKey"),
		textColumn("storageRootKey", tpm+"storageRootKey"),
		textColumn("certificate", x509+"clientCertificates.primary.certificate"),
		textColumn("secondaryCertificate", x509+"clientCertificates.secondary.certificate"),
		textColumn("signingCertificate", x509+"signingCertificates.primary.certificate"),
		textColumn("secondarySigningCertificate", x509+"signingCertificates.secondary.certificate"),
		textColumn("caReference", x509+"caReferences.primary"),
		textColumn("secondaryCaReference", x509+"caReferences.secondary"),
		textColumn("allocationPolicy", "allocationPolicy"),
		{"iotHubs", []string{"iotHubs"}, parseList, formatList},
		textColumn("iotHubHostName", "iotHubHostName"),
		textColumn("webhookUrl", definition+"webhookUrl"),
		textColumn("webhookApiVersion", definition+"apiVersion"),
		flagColumn("iotEdge", "capabilities.iotEdge"),
		flagColumn("updateHubAssignment", "reprovisionPolicy.updateHubAssignment"),
		flagColumn("migrateDeviceData", "reprovisionPolicy.migrateDeviceData"),
		textColumn("namespaceName", "namespaceName"),
		textColumn("certificateAuthorityName", "certificateAuthorityName"),
		textColumn("certificatePolicyName", "certificatePolicyName"),
		objectColumn("tags", "initialTwin.tags"),
		objectColumn("desired", "initialTwin.properties.desired"),
		objectColumn("optionalDeviceInformation", "optionalDeviceInformation"),
		textColumn("etag", "etag"),
		textColumn("createdDateTimeUtc", "createdDateTimeUtc"),
		textColumn("lastUpdatedDateTimeUtc", "lastUpdatedDateTimeUtc"),
		objectColumn("registrationState", "registrationState"),
		{additional, nil, parseObject, formatObject},
	}
	if id == "registrationId" {
		return columns
	}
	return slices.DeleteFunc(columns, func(c column) bool {
		return c.name == "deviceId" || c.name == "optionalDeviceInformation" || c.name == "registrationState"
	})
}

func textColumn(name, path string) column {
	return column{name, strings.Split(path, "."), parseText, formatText}
}

func flagColumn(name, path string) column {
	return column{name, strings.Split(path, "."), parseFlag, formatFlag}
}

func objectColumn(name, path string) column {
	return column{name, strings.Split(path, "."), parseObject, formatObject}
}

func parseText(cell string) (json.RawMessage, string) {
	value, _ := encodeJSON(cell) // a string is always JSON
	return value, ""
}

func formatText(value json.RawMessage) (string, bool) {
	var cell string
	if value[0] != '"' || json.Unmarshal(value, &cell) != nil {
		return "", false
	}
	return cell, cell != "" && isCell(cell)
}

// isCell tells whether a text is read from a table as it was written.
func isCell(cell string) bool { return !strings.Contains(cell, "\r\n") }

func parseFlag(cell string) (json.RawMessage, string) {
	if value := strings.ToLower(cell); value == "true" || value == "false" {
		return json.RawMessage(value), ""
	}
	return nil, "must be true or false"
}

func formatFlag(value json.RawMessage) (string, bool) {
	cell := string(value)
	return cell, cell == "true" || cell == "false"
}

const listSeparator = ";"

func parseList(cell string) (json.RawMessage, string) {
	var list []string
	for item := range strings.SplitSeq(cell, listSeparator) {
		if item = strings.TrimSpace(item); item == "" {
			return nil, "has an empty name between its semicolons"
		}
		list = append(list, item)
	}
	value, _ := encodeJSON(list) // strings are always JSON
	return value, ""
}

func formatList(value json.RawMessage) (string, bool) {
	var list []string
	if json.Unmarshal(value, &list) != nil || len(list) == 0 {
		return "", false
	}
	for _, item := range list {
		if item == "" || item != strings.TrimSpace(item) || strings.Contains(item, listSeparator) || !isCell(item) {
			return "", false
		}
	}
	return strings.Join(list, listSeparator), true
}

func parseObject(cell string) (json.RawMessage, string) {
	value := json.RawMessage(strings.TrimSpace(cell))
	if position, problem := jsonProblem(value); problem != "" {
		return nil, fmt.Sprintf("%s (byte %d of the cell)", problem, position)
	}
	if value[0] != '{' {
		return nil, "must be a JSON object, not " + kindOfJSON(value)
	}
	return value, ""
}

func formatObject(value json.RawMessage) (string, bool) {
	return string(value), value[0] == '{'
}

// parseAny takes a cell for JSON if it is that, and else for a string.
func parseAny(cell string) (json.RawMessage, string) {
	if json.Valid([]byte(cell)) {
		return json.RawMessage(cell), ""
	}
	return parseText(cell)
}

// jsonObject is an object that is put together: its values are of this type or json.RawMessage.
type jsonObject map[string]any

// set puts a value at a path where nothing is.
func (o jsonObject) set(path []string, value json.RawMessage) {
	for _, name := range path[:len(path)-1] {
		below, ok := o[name].(jsonObject)
		if !ok {
			below = make(jsonObject)
			o[name] = below
		}
		o = below
	}
	o[path[len(path)-1]] = value
}

// merge adds the members of a JSON object at the places where nothing is, and returns the paths of the others.
func (o jsonObject) merge(data json.RawMessage, path []string) (taken []string) {
	for _, m := range membersOf(data) {
		inner := slices.Concat(path, []string{m.name})
		switch present := o[m.name].(type) {
		case nil:
			o[m.name] = m.value
		case jsonObject:
			if m.value[0] == '{' {
				taken = append(taken, present.merge(m.value, inner)...)
				continue
			}
			taken = append(taken, strings.Join(inner, "."))
		default:
			taken = append(taken, strings.Join(inner, "."))
		}
	}
	return taken
}

// isText tells whether a value of a jsonObject is a string.
func isText(value any, text string) bool {
	raw, _ := value.(json.RawMessage)
	return string(raw) == strconv.Quote(text)
}
