// Package text makes texts valid for protobuf strings.
package text

import (
	"strings"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// MaxBytes bounds the text of an error, because it travels in a header.
const MaxBytes = 32 << 10

// Bounded makes a text valid for a protobuf string and short enough for a header.
func Bounded(s string) string {
	if len(s) > MaxBytes {
		s = s[:MaxBytes] + "…" // the ellipsis lets the host recognise half a secret
	}
	return Valid(s)
}

// Valid replaces invalid UTF-8, which a protobuf string must not contain.
func Valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Harmless makes a text from a plugin or server safe to show, and short enough for the wire.
func Harmless(s string) string { return printable.Line(Bounded(s)) }
