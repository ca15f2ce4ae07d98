// The forms in which a secret may turn up in text.

package redact

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// forms returns secret as it is and as URLs, JSON, quoted text and base64 spell it.
func forms(secret string) []string {
	if len(secret) < shortest {
		return nil
	}
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	all := []string{secret, query, path, lowerEscapes(query), lowerEscapes(path), inJSON(secret)}
	all = append(all, base64Forms(secret)...)
	// A secret of several lines, such as a private key, is often shown line by line.
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= 16 {
			all = append(all, line)
		}
	}
	return all
}

func base64Forms(secret string) []string {
	b := []byte(secret)
	return []string{
		base64.StdEncoding.EncodeToString(b), base64.RawStdEncoding.EncodeToString(b),
		base64.URLEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b),
	}
}

// lowerEscapes writes %2F as %2f: both are in use.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// inJSON is secret as it stands between the quotes of a JSON string.
func inJSON(secret string) string {
	b, err := json.Marshal(secret)
	if err != nil {
		return secret // cannot be: every string has a JSON form
	}
	return string(b[1 : len(b)-1])
}
