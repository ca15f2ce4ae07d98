package markup_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

func TestParseMarkdown(t *testing.T) {
	t.Parallel()
	for _, same := range []string{
		"a **bold** and *slanted* and ~~struck~~ `code*`", "# Head\n\nfirst\nsecond", "- a\n- b\n  - c\n\n3. x\n4. y",
		"- [ ] open\n- [x] done", "> quoted\n> twice", "```go\nfunc main() {}\n```",
		"| a | b |\n| --- | --- |\n| 1 | 2 |",
		"[text](https://example.org/x)", "![alt](pic.png)", "---", `1 * 2 \< 3`, "https://example.org/x and text",
	} {
		if got := markup.Markdown(markup.ParseMarkdown(same), markup.Options{}); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
	for in, want := range map[string]string{
		"":                                    "",
		"<details>\n<b>x</b>\n</details>":     "<details>\n<b>x</b>\n</details>",
		"a &amp; \\&amp; <b>c</b>":            "a & &amp; <b>c</b>",
		strings.Repeat("-", 80) + "\n\n**a**": "a",
		"    indented":                        "indented",
		"line\r\n\r\nnext":                    "line\n\nnext",
	} {
		if got := markup.PlainText(markup.ParseMarkdown(in), false); strings.ReplaceAll(got, "\n\n",
			"\n") != strings.ReplaceAll(want, "\n\n", "\n") {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestParsePlain(t *testing.T) {
	t.Parallel()
	if got := markup.PlainText(markup.ParsePlain("*a*\r\nb\n\n\n[c](d)\n"), false); got != "*a*\nb\n\n[c](d)" &&
		got != "*a*\nb\n[c](d)" {
		t.Errorf("got %q", got)
	}
}

// What is written of real texts reads back as the same words.
func TestMarkdownReadsBack(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(fixtures, "apache", "issues.jsonl"))
	if err != nil {
		t.Skipf("no fixtures here: %v", err)
	}
	words := func(n markup.Node) string { return strings.Join(strings.Fields(markup.PlainText(n, false)), " ") }
	n, differ := 0, 0
	for line := range strings.Lines(string(raw)) {
		var issue struct{ Fields struct{ Description string } }
		if err := json.Unmarshal([]byte(line), &issue); err != nil || issue.Fields.Description == "" {
			continue
		}
		doc := markup.ParseWiki(issue.Fields.Description)
		again := markup.ParseMarkdown(markup.Markdown(doc, markup.Options{}))
		if n++; words(doc) != words(again) {
			differ++
		}
	}
	if differ > n/20 { // wiki texts hold what Markdown has no words for
		t.Errorf("%d of %d differ", differ, n)
	}
}

func TestParseHostileMarkdown(t *testing.T) {
	t.Parallel()
	for _, part := range []string{">", "- ", "[", "*a _b ", "**", "`", "![", "<a ", "~", "|a", "&", "\\", "1. ", "<!--",
		"[a](", "# "} {
		src := strings.Repeat(part, 1_000_000/len(part))
		start := time.Now()
		markup.Markdown(markup.ParseMarkdown(src), markup.Options{})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q took %v", part, took)
		}
	}
}
