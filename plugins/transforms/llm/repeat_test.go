// Titles that stand in the text in another spelling.

package llm

import (
	"strings"
	"testing"
)

// Each text holds the title, though not byte for byte; no summary is made of it.
func TestTitleInAnotherSpelling(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, title, text string }{
		{"no spaces between words", "系统启动时发生崩溃问题需要修复", "昨天系统启动时发生崩溃问题需要修复，请看。"},
		{"decomposed", "Caf\u00e9 crashes on start", "Cafe\u0301 crashes on start."},
		{"composed", "Cafe\u0301 crashes on start", "Caf\u00e9 crashes on start."},
		{"without accents", "Caf\u00e9 crashes on start", "The cafe crashes on start."},
		{"full width", "Broker crashes on start", "Ｂｒｏｋｅｒ　ｃｒａｓｈｅｓ on start"},
		{"ligature", "The final flush fails", "the ﬁnal ﬂush fails"},
		{"capitals", "ΟΔΟΣ is not found here", "οδος is not found here"},
		{"marks within a word", "Broker crashes on start", "Bro{*}ker{*} crashes on start."},
		{"invisible characters", "Broker crashes on start", "Broker\u200b crashes on st\u00adart."},
		{"branch", "Broker crashes on start", "branch ACME-7_Broker_crashes_on_start2"},
		{"address", "Broker crashes on start", "https://x.example/ACME-7-broker-crashes-on-startup"},
		{"escaped address", "Café crashes on start", "https://x.example/?q=Caf%C3%A9%20crashes%20on%20start"},
		{"link in the middle", "Broker crashes on start", "[Broker|http://x.example/1] crashes on start"},
		{"cell", "Broker crashes on start", "|Broker\ncrashes on start|x|"},
		{"person", "Login of Ivo Kestrel fails", "The login of Ivo Kestrel fails"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := transformed(t, `{}`, newIssue(m{"summary": tt.title, "description": tt.text + "\n" + longText}, nil))
			if rec := res.one("summarization"); rec != nil ||
				res.counts["no summarization/title in the description"] != 1 {
				t.Errorf("input %q, counts %v", input(rec), res.counts)
			}
			res = transformed(t, `{}`, newIssue(m{"summary": tt.title,
				"comment": m{"comments": []m{said(ivo, 3, tt.text), said(ivo, 4, longText)}}}, nil))
			if in := input(res.one("summarization")); strings.Contains(in, "2026-01-03") ||
				!strings.Contains(in, "2026-01-04") {
				t.Errorf("input %q, counts %v", in, res.counts)
			}
		})
	}
}

func TestUnescaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"100% of %d": "100% of %d", "a%20b%2Fc%": "a b/c%", "%": "%", "%4": "%4",
		"%zz%41": "%zzA"} {
		if got := unescaped(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
