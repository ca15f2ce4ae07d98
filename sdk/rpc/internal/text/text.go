// Package text makes texts fit for a protobuf string.
package text

import (
	"strings"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// MaxBytes is how many bytes of an error's text travel: it goes in a header, which has its limits.
const MaxBytes = 32 << 10

// Bounded makes a text fit for a protobuf string and a header.
func Bounded(s string) string {
	if len(s) > MaxBytes {
		s = s[:MaxBytes] + "…" // the host knows half a secret by what follows it
	}
	return Valid(s)
}

// Valid replaces what is no UTF-8, which a protobuf string may not hold.
func Valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Harmless is a text of the plugin's, or of a server's in it, as the host shows it: not like the
// host's own, and no longer than it may travel.
func Harmless(s string) string { return printable.Line(Bounded(s)) }
