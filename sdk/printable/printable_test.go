package printable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// evil has one of each kind: title, clipboard, cursor, colour, direction, C1, invisible, broken.
const evil = "\x1b]0;T\x07\x1b]52;c;cm0=\x07\x1b[2J\x1b[31mE\u202eA\u202c\r\n" +
	"run FORGED\u009b31m\u2028\u2066\u200b\U000e0041\x7f\xff\x00"

func TestText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"plain, ñ 日本 👩‍💻\n\tnext":         "plain, ñ 日本 👩‍💻\n\tnext",
		"a\x1b[2Jb":                       "a·[2Jb",
		"\u009b31m":                       "·31m",
		"\x9b31m":                         "·31m",
		"a\rb":                            "a·b",
		"\u202eabc\u202c":                 "·abc·",
		"zero\u200bwidth\ufeff\u2060":     "zero·width··",
		"soft\u00adhyphen\u2028line":      "soft·hyphen·line",
		"\ufffd stays, and so does it":    "\ufffd stays, and so does it",
		"tag \U000e0041, none \U0010fffe": "tag ·, none ·",
	} {
		if got := printable.Text(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"a\nb":                     "a; b",
		"a:\n  b\n\n  c.\nd\n":     "a: b; c. d",
		"read: x\r\nrun FORGED":    "read: x; run FORGED",
		"over\rwritten":            "over; written",
		"cell\tcell":               "cell cell",
		"\n":                       "",
		"x\u2028run FORGED\x1b[0m": "x·run FORGED·[0m",
	} {
		if got := printable.Line(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{"", "out", "日本", "a b", "\ufffd"} {
		if err := printable.Check(fine); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
	for given, want := range map[string]string{
		"a\x1b[1A": "it holds the control character U+001B", "a\n": "it holds the control character U+000A",
		"\u009b":  "it holds the control character U+009B",
		"a\u202e": "it holds U+202E, which cannot be seen", "a\u200d": "it holds U+200D, which cannot be seen",
		"a\xff": "it is not valid UTF-8 at byte 1",
	} {
		if err := printable.Check(given); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", given, err, want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"a":"\u001b b"}`:             `{"a":"\u001b b"}`,
		"{\"a\":\"\u009b\u202e\x7f\"}": `{"a":"\u009b\u202e\u007f"}`,
		"[\"\U000e0041\",\r\n\t1]":     "[\"\\udb40\\udc41\",\r\n\t1]",
		"no JSON \x1b[2J\xff\ufffd":    "no JSON \\u001b[2J\\ufffd\ufffd",
	} {
		if got := string(printable.JSON([]byte(given))); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// TestNothingHarmful tries any text, and text that is made of what is harmful.
func TestNothingHarmful(t *testing.T) {
	t.Parallel()
	shown := func(t *rapid.T, text string, also string) {
		for _, r := range text {
			if (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) && !strings.ContainsRune(also, r) {
				t.Fatalf("%q holds %U", text, r)
			}
		}
		if !utf8.ValidString(text) {
			t.Fatalf("%q is no UTF-8", text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(evil)))).Draw(t, "text") +
			string(rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "bytes"))
		shown(t, printable.Text(text), "\n\t")
		shown(t, printable.Line(text), "")
		raw, err := json.MarshalIndent(map[string]string{text: text}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		safe := printable.JSON(raw)
		shown(t, string(safe), "\n\t")
		var before, after map[string]string
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(safe, &after); err != nil {
			t.Fatalf("%v: %q", err, safe)
		}
		for k, v := range before {
			if after[k] != v {
				t.Fatalf("%q became %q", v, after[k])
			}
		}
	})
}
