// The forms of a secret in text. Mixed escapes are not listed here; see escaped.go.

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

// forms returns the secret itself, in upper and lower case, as programs write it, in base64 and
// hex, and its lines.
func forms(secret string) []string {
	if len(secret) < shortest {
		return nil
	}
	lower := hex.EncodeToString([]byte(secret))
	all := append([]string{secret, strings.ToUpper(secret), strings.ToLower(secret), lower, strings.ToUpper(lower)},
		base64Forms(secret)...)
	all = append(all, spellings(secret)...)
	// Texts from plugins are cleaned in these ways.
	all = append(all, printable.Line(secret), printable.Text(secret), printable.Printed(secret))
	// A secret with several lines, such as a private key, is often shown line by line.
	for line := range strings.Lines(secret) {
		if line = strings.TrimSpace(line); len(line) >= 16 {
			all = append(append(all, line), spellings(line)...)
		}
	}
	return all
}

// base64Forms returns the base64 of secret, and the constant parts of the base64 of texts in which
// secret follows one or two bytes of a group of three.
func base64Forms(secret string) []string {
	b := []byte(secret)
	all := []string{base64.StdEncoding.EncodeToString(b), base64.URLEncoding.EncodeToString(b)}
	for before := range 3 {
		whole := append(make([]byte, before), b...)
		whole = whole[:len(whole)/3*3] // the characters of a partial last group depend on what follows
		from := []int{0, 2, 3}[before] // and these depend on what precedes
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

// inBase64 is the length up to which parts in base64 are not searched.
const inBase64 = 8

// spellings returns secret as programs write it: in JSON, Go's %q and %+q, hclog's quotes, a URL's
// query and path, and HTML. Undoing escapes one by one does not find a secret that itself looks
// like an escape.
func spellings(secret string) []string {
	var asIs bytes.Buffer
	e := json.NewEncoder(&asIs)
	e.SetEscapeHTML(false)
	_ = e.Encode(secret) // every string can be encoded as JSON
	escaped, _ := json.Marshal(secret)
	return []string{
		inQuotes(strings.TrimSpace(asIs.String())), inQuotes(string(escaped)),
		inQuotes(strconv.Quote(secret)), inQuotes(strconv.QuoteToASCII(secret)), strings.ReplaceAll(secret, `"`, `\"`),
		url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
	}
}

func inQuotes(s string) string { return s[1 : len(s)-1] }
