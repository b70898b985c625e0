package dpstest

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const redacted = "REDACTED"

// secrets have the secret in their group. They are for text without the escapes that plain takes out.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?i)"(?:primaryKey|secondaryKey|authenticationKey)"\s*:\s*"((?:[^"\\]|\\.)+)`),
	regexp.MustCompile(`(?i)"webhookUrl"\s*:\s*"(?:[a-z0-9+.-]*://)?((?:[^"\\?#]|\\.)*)@`), // the user: all up to the last @, for a password may have slashes
	regexp.MustCompile(`(?i)"webhookUrl"\s*:\s*"(?:[^"\\?#]|\\.)*[?#]((?:[^"\\]|\\.)+)`),   // what comes after the path
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----((?:[^"\\]|\\.)*)`),
}

// redactBody replaces symmetric keys, private keys in the place of certificates, and of a webhook the user and what comes
// after the path, however their characters are escaped. It keeps every other byte, also of a body that is not JSON.
func redactBody(body []byte) []byte {
	body = append([]byte(nil), body...) // it is kept, without the spare room that a reader leaves
	for _, secret := range secrets {
		text, place := plain(body)
		var kept []byte
		end := 0
		for _, match := range secret.FindAllSubmatchIndex(text, -1) {
			kept = append(append(kept, body[end:place(match[2])]...), redacted...)
			end = place(match[3])
		}
		if end > 0 {
			body = append(kept, body[end:]...)
		}
	}
	return body
}

// plain takes the escapes out of JSON that stand for a character that needs none. place finds a byte of the text, and its end, in the
// JSON.
func plain(body []byte) (text []byte, place func(int) int) {
	if !bytes.Contains(body, []byte{'\\'}) {
		return body, func(i int) int { return i }
	}
	places := make([]int, 0, len(body)+1)
	for i := 0; i < len(body); {
		c, size := body[i], 1
		if c == '\\' {
			c, size = unescape(body[i:])
		}
		text, places = append(text, c), append(places, i)
		if c == '\\' && size == 2 { // the byte after it begins no escape
			text, places = append(text, body[i+1]), append(places, i+1)
		}
		i += size
	}
	places = append(places, len(body))
	return text, func(i int) int { return places[i] }
}

// unescape reads the escape at the beginning of JSON. One that has to stay is a backslash with the byte after it.
func unescape(escape []byte) (c byte, size int) {
	const size16 = len(`\u0000`)
	if len(escape) >= size16 && escape[1] == 'u' {
		code, err := strconv.ParseUint(string(escape[2:size16]), 16, 16)
		if err == nil && ' ' <= code && code <= '~' && code != '"' && code != '\\' {
			return byte(code), size16
		}
	}
	if len(escape) > 1 && escape[1] == '/' {
		return '/', 2
	}
	return '\\', min(2, len(escape))
}

// redactHeader replaces credentials.
func redactHeader(header http.Header) http.Header {
	header = header.Clone()
	for name, values := range header {
		for i, value := range values {
			switch http.CanonicalHeaderKey(name) {
			case "Authorization", "Proxy-Authorization":
				values[i] = redactAuthorization(value)
			case "Cookie":
				values[i] = redacted
			}
		}
	}
	return header
}

// redactAuthorization keeps of a shared access signature what is no secret.
func redactAuthorization(value string) string {
	scheme, secret, _ := strings.Cut(value, " ")
	if secret == "" {
		return redacted
	}
	if !strings.EqualFold(scheme, "SharedAccessSignature") {
		return scheme + " " + redacted
	}
	members := strings.Split(secret, "&")
	for i, member := range members {
		name, _, found := strings.Cut(member, "=")
		switch {
		case found && slices.Contains([]string{"sr", "se", "skn"}, name):
		case found && name == "sig":
			members[i] = name + "=" + redacted
		default: // a key in place of a signature ends in "=", too
			members[i] = redacted
		}
	}
	return scheme + " " + strings.Join(members, "&")
}
