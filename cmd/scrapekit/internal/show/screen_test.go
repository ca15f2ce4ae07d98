package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// evil is what a plugin or a server may say: a title, the clipboard, the cursor, a colour,
// direction, a C1 control.
const evil = "\x1b]0;PWNED\x07\x1b]52;c;cm0=\x07\x1b[2J\x1b[32mEVIL\x1b[0m\u202eABC\u202c\rover\u009b31m"

func TestScreen(t *testing.T) {
	t.Parallel()
	const want = "·]0;PWNED··]52;c;cm0=··[2J·[32mEVIL·[0m·ABC··over·31m"
	for _, color := range []bool{true, false} {
		var out bytes.Buffer
		s := &screen{to: &out, color: color}
		fmt.Fprintf(s, "%s: %s\n\tnext %s", Paint(true, Red, "error "+evil), evil, Paint(true, Bold, "日本"))
		text := "error " + want + ": " + want + "\n\tnext 日本"
		if color {
			text = "\x1b[1;31merror " + want + "\x1b[m: " + want + "\n\tnext \x1b[1m日本\x1b[m"
		}
		if got := out.String(); got != text {
			t.Errorf("color %v:\n%q\nwant\n%q", color, got, text)
		}
	}
}

// TestScreenInPieces writes a text in any pieces: what comes out is that of one piece.
func TestScreenInPieces(t *testing.T) {
	t.Parallel()
	parts := []string{"a", "é", "日", "\U0001f469\u200d\U0001f4bb", "\n", "\x1b[31m", "\xff", "\xe6\x97", "\u009b",
		Paint(true, Green, "x"), styleMark, styleMark + "evil", styleMark[:9]}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "parts"), "") + "end"
		var whole, pieces bytes.Buffer
		fmt.Fprint(&screen{to: &whole, color: true}, text)
		s := &screen{to: &pieces, color: true}
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(text)), 0, 5).Draw(t, "cuts")
		slices.Sort(cuts)
		from := 0
		for _, to := range append(cuts, len(text)) {
			if n, err := s.Write([]byte(text[from:to])); n != to-from || err != nil {
				t.Fatal(n, err)
			}
			from = to
		}
		if whole.String() != pieces.String() {
			t.Fatalf("whole  %q\npieces %q", whole.String(), pieces.String())
		}
		if left := strings.NewReplacer("\x1b[32m", "", "\x1b[m", "").Replace(whole.String()); strings.ContainsAny(left,
			"\x1b\u009b") {
			t.Fatalf("an escape that is none of ours: %q", left)
		}
	})
}

// TestScreenLeavesJSON: what is for programs is the same JSON, and shows nothing that a terminal
// acts on.
func TestScreenLeavesJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{to: &out, color: true}
	if err := WriteJSON(s, map[string]string{"said": evil}); err != nil {
		t.Fatal(err)
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["said"] != evil {
		t.Errorf("%v: %q of\n%s", err, back["said"], out.Bytes())
	}
	if strings.ContainsAny(out.String(), "\x1b\u009b\u202e·") {
		t.Errorf("%q", out.String())
	}
}

func TestDumbTerminal(t *testing.T) {
	t.Setenv("TERM", "dumb")
	if !isDumb() || Colorful(new(bytes.Buffer)) {
		t.Error("a dumb terminal has no colours")
	}
}
