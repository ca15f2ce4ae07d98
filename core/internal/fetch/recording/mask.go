// mask computes the identity of a request: normalised and without secrets. Recording and replay use
// the same mask, so a request with another credential is the same.

package recording

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

type mask struct {
	set  *redact.Set
	salt []byte
}

// unimportant headers do not identify a request: the host sets them, they are credentials, or they
// differ each time.
var unimportant = map[string]bool{
	"Accept-Encoding": true, "Connection": true, "Content-Length": true, "Expect": true, "Host": true,
	"Keep-Alive": true, "Te": true,
	"Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "Referer": true,
	"Idempotency-Key": true, "X-Request-Id": true, "X-Correlation-Id": true, "Traceparent": true, "Tracestate": true,
}

// credentials are headers that contain only credentials, in requests or replies.
var credentials = map[string]bool{
	"Authorization": true, "Cookie": true, "Set-Cookie": true, "Set-Cookie2": true, "Authentication-Info": true,
	"Www-Authenticate": true,
	"X-Auth-Token":     true, "X-Csrf-Token": true, "X-Xsrf-Token": true, "X-Subject-Token": true,
	"X-Vault-Token":        true,
	"X-Amz-Security-Token": true, "X-Session-Id": true, "X-Session-Token": true, "X-Access-Token": true,
	"X-Refresh-Token": true,
}

func left(name string) bool {
	return credentials[name] || strings.HasPrefix(name, "Proxy-")
}

func (m mask) request(req *http.Request, body []byte) Request {
	out := Request{Method: req.Method, URL: m.url(req.URL), Header: map[string]string{}}
	if out.Method == "" {
		out.Method = http.MethodGet
	}
	for name, values := range req.Header {
		name = http.CanonicalHeaderKey(name)
		if !unimportant[name] && !left(name) {
			out.Header[name] = m.value(name, strings.Join(values, ", "))
		}
	}
	if len(body) > 0 {
		out.Body = m.hash(m.set.Known(string(body)))
	}
	return out
}

// url normalises u: lower case where case is insignificant, sorted query, no fragment.
func (m mask) url(u *url.URL) string {
	if u == nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && (u.Scheme != "http" || port != "80") && (u.Scheme != "https" || port != "443") {
		host += ":" + port
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	out := strings.ToLower(u.Scheme) + "://" + host + m.set.Known(path)
	if query := m.query(u.RawQuery); query != "" {
		out += "?" + query
	}
	return out
}

func (m mask) query(raw string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescaped(name)
		pairs = append(pairs, escape(m.set.Known(name))+"="+escape(m.value(name, unescaped(value))))
	}
	slices.SortStableFunc(pairs, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	return strings.Join(pairs, "&")
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// escape keeps the mask readable.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "%5Bredacted%5D", "[redacted]")
}

// value returns what may be stored of a named value. Secrets of the pipeline are masked. A value
// whose name indicates a secret is hashed, because it may be a page token.
func (m mask) value(name, value string) string {
	switch known := m.set.Known(value); {
	case known != value:
		return known
	case value != "" && redact.NamesSecret(name):
		return "redacted-" + m.hash(value)[:12]
	}
	return value
}

func (m mask) hash(text string) string {
	mac := hmac.New(sha256.New, m.salt)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// reply returns the headers of a reply to store.
func (m mask) reply(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		if left(name) {
			continue
		}
		for _, v := range values {
			out.Add(name, m.set.Known(v))
		}
	}
	return out
}

// login reports whether a request asks for a credential, so that its reply contains one.
func login(body []byte) bool {
	if len(body) == 0 || len(body) > 64<<10 {
		return false
	}
	text := strings.ToLower(string(body))
	for _, sign := range []string{"grant_type", "client_secret", "client_assertion", "refresh_token", "password="} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return strings.Contains(text, `"password"`)
}
