package redact_test

import (
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// A secret is found wherever the pieces of a text end, plain and escaped, and nothing else is.
func TestFinder(t *testing.T) {
	t.Parallel()
	var set redact.Set
	set.Add("sesame/open")
	long := strings.Repeat("no secret sesame open ", 10_000)
	for _, text := range []string{long + "sesame/open" + long, long + `\u0073esame\/open`, "sesame%252fopen" + long} {
		for _, size := range []int{1 << 10, 7, len(text)} {
			f := set.Finder()
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				f.Add([]byte(rest[:n]))
				rest = rest[n:]
			}
			f.End()
			if !f.Found() {
				t.Errorf("in pieces of %d: not found", size)
			}
		}
	}
	f := set.Finder()
	f.Add([]byte(long))
	if f.End(); f.Found() {
		t.Error("found where it is not")
	}
	var none *redact.Set
	f = none.Finder()
	f.Add([]byte("sesame/open"))
	if f.End(); f.Found() {
		t.Error("found without a secret")
	}
}
