package plain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"
)

// Sign is the shortest code that makes a shared access signature.
func Sign(host, policy string, key []byte, expiry time.Time) string {
	end := strconv.FormatInt(expiry.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(url.QueryEscape(host) + "\n" + end))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return "SharedAccessSignature sr=" + url.QueryEscape(host) + "&sig=" + url.QueryEscape(signature) + "&se=" + end + "&skn=" + policy
}

// SignWithKey is Sign for who has the key as it is handed out.
func SignWithKey(host, policy, key string, expiry time.Time) (string, error) {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", err
	}
	return Sign(host, policy, secret, expiry), nil
}
