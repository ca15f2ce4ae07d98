// The forms in which a secret may turn up in text. Those of escapes that mix are not listed: see
// escaped.go.

package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// forms returns secret as it is, in upper and lower case, as programs spell it, in base64, in hex,
// and in lines.
func forms(secret string) []string {
	if len(secret) < shortest {
		return nil
	}
	lower := hex.EncodeToString([]byte(secret))
	all := append([]string{secret, strings.ToUpper(secret), strings.ToLower(secret), lower, strings.ToUpper(lower)},
		base64Forms(secret)...)
	all = append(all, spellings(secret)...)
	// a text from a plugin comes so
	all = append(all, printable.Line(secret), printable.Text(secret), printable.Printed(secret))
	// A secret of several lines, such as a private key, is often shown line by line.
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= 16 {
			all = append(append(all, line), spellings(line)...)
		}
	}
	return all
}

// base64Forms returns the base64 of secret, and what is the same in the base64 of every text that
// holds secret after one or two bytes of a group of three.
func base64Forms(secret string) []string {
	b := []byte(secret)
	all := []string{base64.StdEncoding.EncodeToString(b), base64.URLEncoding.EncodeToString(b)}
	for before := range 3 {
		whole := append(make([]byte, before), b...)
		whole = whole[:len(whole)/3*3] // the characters of a last, partial group hang on what follows
		from := []int{0, 2, 3}[before] // and so do these on what comes before
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if s := encoding.EncodeToString(whole); len(s) > from+inBase64 {
				all = append(all, s[from:])
			}
		}
	}
	for _, s := range all[:2] {
		all = append(all, strings.TrimRight(s, "="))
	}
	return all
}

// inBase64 is the length up to which the base64 of a part of a secret is not looked for.
const inBase64 = 8

// spellings returns secret as programs write it: in JSON, Go's %q and %+q, hclog's quotes, a URL's
// query and path, and HTML. Undoing escapes one by one does not find a secret that itself looks
// like an escape.
func spellings(secret string) []string {
	var asIs bytes.Buffer
	e := json.NewEncoder(&asIs)
	e.SetEscapeHTML(false)
	_ = e.Encode(secret) // a string has a form in JSON
	escaped, _ := json.Marshal(secret)
	return []string{
		inQuotes(strings.TrimSpace(asIs.String())), inQuotes(string(escaped)),
		inQuotes(strconv.Quote(secret)), inQuotes(strconv.QuoteToASCII(secret)), strings.ReplaceAll(secret, `"`, `\"`),
		url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
	}
}

func inQuotes(s string) string { return s[1 : len(s)-1] }
