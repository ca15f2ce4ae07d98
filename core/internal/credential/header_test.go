package credential

import "testing"

// TestIsHeaderText: a token with a line break or a tab at its end, as a file may have it, is found
// when the pipeline file is read.
func TestIsHeaderText(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "Token abc": true, "café": true, "abc\n": false, "abc\t": false, "a\x00b": false, "abc\x7f": false,
	} {
		if got := IsHeaderText(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
