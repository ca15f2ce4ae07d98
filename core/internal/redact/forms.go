// The forms in which a secret may turn up in text, escapes left aside: see escaped.go.

package redact

import (
	"encoding/base64"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// forms returns secret as it is, in base64 and in lines.
func forms(secret string) []string {
	if len(secret) < shortest {
		return nil
	}
	all := append([]string{secret}, base64Forms(secret)...)
	all = append(all, printable.Line(secret), printable.Text(secret)) // a text from a plugin comes so
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
