package azdps

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// connectionString is what a connection string of the service says.
type connectionString struct {
	hostName, policyName, key, signature string
}

// Names of the properties, as the Azure portal writes them.
const (
	propertyHostName   = "HostName"
	propertyPolicyName = "SharedAccessKeyName"
	propertyKey        = "SharedAccessKey"
	propertySignature  = "SharedAccessSignature"
)

// parseConnectionString takes the properties in any order and case and ignores those it does not know. Its errors name
// properties and never quote values, but for a host.
func parseConnectionString(text string) (connectionString, error) {
	properties, err := splitConnectionString(text)
	if err != nil {
		return connectionString{}, err
	}
	if err := checkService(properties); err != nil {
		return connectionString{}, err
	}
	parsed := connectionString{
		hostName:   properties[strings.ToLower(propertyHostName)],
		policyName: properties[strings.ToLower(propertyPolicyName)],
		key:        properties[strings.ToLower(propertyKey)],
		signature:  properties[strings.ToLower(propertySignature)],
	}
	return parsed, parsed.check()
}

// splitConnectionString gives the values by lower-case name.
func splitConnectionString(text string) (map[string]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("IoT DPS connection string is empty")
	}
	if strings.ContainsAny(strings.TrimSpace(text)[:1], "\"'") {
		return nil, errors.New("IoT DPS connection string begins with a quotation mark; leave the quotes out")
	}
	properties := make(map[string]string)
	for i, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=") // a value is base64 and may end in "="
		if !found {
			return nil, fmt.Errorf("IoT DPS connection string: part %d is not of the form name=value", i+1)
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if known := knownProperty(name); known != "" {
			if _, duplicate := properties[name]; duplicate {
				return nil, fmt.Errorf("IoT DPS connection string has property %s twice", known)
			}
			if value == "" {
				return nil, fmt.Errorf("IoT DPS connection string has an empty value for property %s", known)
			}
		}
		properties[name] = value
	}
	return properties, nil
}

// knownProperty spells a property as the portal does; an unknown one gives the empty string.
func knownProperty(name string) string {
	for _, known := range []string{propertyHostName, propertyPolicyName, propertyKey, propertySignature} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return ""
}

// checkService refuses the connection strings of other services, which look alike.
func checkService(properties map[string]string) error {
	_, device := properties["deviceid"]
	endpoint := strings.ToLower(properties["endpoint"])
	switch {
	case device:
		return errors.New("IoT DPS connection string is of a device (it has DeviceId); this client manages the service and needs" +
			" the connection string of a shared access policy of the Device Provisioning Service")
	case strings.HasPrefix(endpoint, "sb:"):
		return errors.New("IoT DPS connection string is of Event Hubs or Service Bus (it has Endpoint=sb:); use one of a shared" +
			" access policy of the Device Provisioning Service")
	case isIoTHub(properties["hostname"]):
		return fmt.Errorf("IoT DPS connection string is of an IoT Hub (%s); use one of a shared access policy of the Device"+
			" Provisioning Service, whose host ends in .azure-devices-provisioning.net", strings.Trim(strconv.Quote(bareHost(properties["hostname"])), `"`))
	}
	return nil
}

func (c connectionString) check() error {
	var missing []string
	if c.hostName == "" {
		missing = append(missing, propertyHostName)
	}
	if c.signature == "" {
		if c.policyName == "" {
			missing = append(missing, propertyPolicyName)
		}
		if c.key == "" {
			missing = append(missing, propertyKey)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("IoT DPS connection string has missing property: %s", strings.Join(missing, ", "))
	}
	if u, err := url.Parse("https://" + c.hostName); err != nil || u.Host != c.hostName || u.Hostname() == "" {
		return fmt.Errorf("IoT DPS connection string: %s must be a host alone, such as my-dps.azure-devices-provisioning.net", propertyHostName)
	}
	if c.signature != "" {
		if c.key != "" {
			return fmt.Errorf("IoT DPS connection string has both %s and %s; keep one", propertyKey, propertySignature)
		}
		return nil
	}
	if _, err := base64.StdEncoding.DecodeString(c.key); err != nil {
		return fmt.Errorf("IoT DPS connection string: %s is not base64", propertyKey)
	}
	return nil
}
