// URLs: masks secrets in their queries, by the names of parameters.

package redact

import (
	"net/url"
	"regexp"
	"strings"
)

// URL formats u for people: without user information, with secret parameters and the secrets of s
// masked. A nil u gives "".
func (s *Set) URL(u *url.URL) string {
	if u == nil {
		return ""
	}
	bare := *u
	bare.User = nil
	return s.String(bare.String())
}

// parameter matches name=value in the query or fragment of a URL anywhere in a text.
var parameter = regexp.MustCompile(`([?&;#])([^=&;#?\s"']{1,128})=([^&;#\s"'<>]+)`)

// maskParameters masks the values of parameters whose names indicate secrets.
func maskParameters(text string) string {
	if !strings.ContainsRune(text, '=') || !strings.ContainsAny(text, "?&;#") {
		return text
	}
	return parameter.ReplaceAllStringFunc(text, func(m string) string {
		name, _, _ := strings.Cut(m[1:], "=")
		if !NamesSecret(name) {
			return m
		}
		return m[:1] + name + "=" + mask
	})
}

// secretWords are the words in a parameter's name that indicate a secret.
var secretWords = map[string]bool{
	"token": true, "secret": true, "password": true, "passwd": true, "passphrase": true, "pwd": true, "pass": true,
	"sig": true, "signature": true, "hmac": true, "auth": true, "authorization": true, "oauth": true, "bearer": true,
	"credential": true, "credentials": true, "session": true, "sessionid": true, "jwt": true, "key": true,
}

// harmlessKeys are words before "key" that make it a name rather than a secret. For example, Jira's
// issueKey must stay readable.
var harmlessKeys = map[string]bool{
	"issue": true, "project": true, "sort": true, "primary": true, "order": true, "parent": true, "field": true,
	"fields": true,
}

// NamesSecret reports whether the name of a parameter, header or attribute indicates a secret:
// access_token, apiKey, X-Amz-Signature.
func NamesSecret(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	words := split(name)
	for i, w := range words {
		if w == "key" && i > 0 && harmlessKeys[words[i-1]] {
			continue
		}
		if secretWords[w] {
			return true
		}
	}
	joined := strings.Join(words, "")
	for _, end := range []string{"token", "secret", "password", "apikey", "accesskey", "privatekey", "signature"} {
		if strings.HasSuffix(joined, end) {
			return true
		}
	}
	return false
}

// split splits a name into lower-case words at punctuation and at capitals after small letters.
func split(name string) []string {
	var words []string
	start, small := 0, false
	cut := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(name[start:end]))
		}
	}
	for i, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if small {
				cut(i)
				start = i
			}
			small = false
		case r >= 'a' && r <= 'z':
			small = true
		case r >= '0' && r <= '9':
		default:
			cut(i)
			start, small = i+len(string(r)), false
		}
	}
	cut(len(name))
	return words
}
