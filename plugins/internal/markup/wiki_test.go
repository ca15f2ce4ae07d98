// The wiki reader: its grammar, its options, hostile bodies, and how fast it is.

package markup_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// grammarRow is a body and the Markdown that it becomes.
type grammarRow struct{ wiki, want string }

// The sections are those of Jira's help on text formatting, and what it leaves unsaid. Where Jira's
// own renderer and the parser that Atlassian wrote for Cloud disagree, Jira's is followed, and the
// row says so.
func TestWiki(t *testing.T) {
	t.Parallel()
	for section, rows := range map[string][]grammarRow{
		"headings":            wikiHeadings,
		"text effects":        wikiTextEffects,
		"breaks":              wikiBreaks,
		"links":               wikiLinks,
		"lists":               wikiLists,
		"images":              wikiImages,
		"tables":              wikiTables,
		"advanced formatting": wikiAdvancedFormatting,
		"other":               wikiOther,
	} {
		for _, row := range rows {
			if got := markup.WikiToMarkdown(row.wiki, markup.Options{}); got != row.want {
				t.Errorf("%s: %q\n got %q\nwant %q", section, row.wiki, got, row.want)
			}
			checkRoundTrip(t, fmt.Sprintf("%s: %q", section, row.wiki), markup.ParseWiki(row.wiki))
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	got := markup.WikiToMarkdown("[~jdoe]: {code:go}a{code}", markup.Options{
		Mention: func(id, name string) string { return "<" + id + ">" },
		Code:    func(lang, text string) string { return lang + " " + text + "!" },
	})
	if want := "<jdoe>:\n\n```go\ngo a!\n```"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// hostile are bodies that make a careless reader quadratic or worse.
var hostile = map[string]string{
	"open marks":       "(*a(_b(-c(+d(^e(~f(??g(",
	"open brackets":    "[[[[[[[[",
	"open links":       "[a|http://",
	"open code":        "{code:java}x",
	"open quotes":      "{quote}*x{panel}",
	"open colours":     "{color:red}*a",
	"open monospace":   "{{a {{b",
	"braces":           "{{{{{{{{",
	"closed and open":  "*a* *b",
	"images":           "!a !b.png",
	"bars":             "|a !b{code}\n",
	"one line of bars": "||||||||",
	"rows of no cells": "||\n",
	"empty row":        "|\n",
	"list marks":       "**** a\n",
	"deep lists":       "#*#*#*#*#*#*#*#*#*#* a\n* b\n",
	"list of macros":   "* {code}\n* {quote}\n",
	"blank lines":      "\n \n\n",
	"backslashes":      `\\\\\\\*`,
	"colons":           "http:mailto::",
	"headings":         "h1. *\n",
	"rules":            "----\n",
	"lists 100 deep":   strings.Repeat("*", 100) + " a\n",
	"deeper lists":     "* a\n** a\n*** a\n**** a\n***** a\n****** a\n",
	"nested panels":    "{quote}{panel}",
	"one bracket":      "[",
	"one star":         "*",
	"one bar":          "|",
	"one brace":        "{",
	"one exclamation":  "!",
	"cells":            "|a|b|c\n",
	"one row of cells": "|a",
	"emphasis":         "*a* _b_ ",
	"ampersands":       "&a",
	"definitions":      "[a\n",
	"double slashes":   "x://*",
	"open URLs":        "[*http://*",
	"hashes":           "#\n",
}

// A body of 512 KiB of the worst kinds takes a fraction of a second; what is quadratic takes
// minutes.
func TestLinearTime(t *testing.T) {
	const limit = 20 * time.Second // for busy machines and the race detector
	for name, part := range hostile {
		src := strings.Repeat(part, 512<<10/len(part))
		start := time.Now()
		out := markup.WikiToMarkdown(src, markup.Options{})
		took := time.Since(start)
		if testing.Verbose() {
			t.Logf("%-18s %8v, %d bytes", name, took.Round(time.Millisecond), len(out))
		}
		if took > limit {
			t.Errorf("%s took %v", name, took)
		}
		if len(out) > 40*len(src) {
			t.Errorf("%s: %d bytes became %d", name, len(src), len(out))
		}
	}
}

// Lines of plain text are one node, and levels that a list skips cost no allocation each: a long
// log and a list 20 deep would take a hundred times their length otherwise.
func TestFewNodes(t *testing.T) {
	doc := markup.ParseWiki("one\ntwo #\n>three\n\nfour\n five\nsix *b*\n*c*")
	if len(doc.Content) != 2 || len(doc.Content[0].Content) != 1 ||
		doc.Content[0].Content[0].Text != "one\ntwo #\n>three" {
		t.Errorf("first paragraph: %+v", doc.Content)
	}
	if got, want := markup.Markdown(doc,
		markup.Options{}), "one\ntwo #\n\\>three\n\nfour\nfive\nsix **b**\n**c**"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	const lines = 200
	deep := strings.Repeat(strings.Repeat("#*", 10)+" a\n* b\n", lines)
	if n := testing.AllocsPerRun(5, func() { markup.ParseWiki(deep) }); n > 10*lines {
		t.Errorf("%.0f allocations for %d deep items", n, lines)
	}
}

// A space that does not break ends no text that the next line goes on with.
func TestEmptyLineOfHardSpace(t *testing.T) {
	t.Parallel()
	if got := markup.WikiToMarkdown("a\n\u00a0\n\u00a0\n{code}b{code}", markup.Options{}); got != "a\n\n```\nb\n```" {
		t.Errorf("got %q", got)
	}
}

func FuzzWiki(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("||a|b\n* c {code}d{code}\n{quote}e{quote}")
	f.Fuzz(func(t *testing.T, s string) {
		out := markup.WikiToMarkdown(s, markup.Options{})
		if again := markup.WikiToMarkdown(s, markup.Options{}); again != out {
			t.Errorf("two readings of %q differ", s)
		}
		if utf8.ValidString(s) {
			checkGarbage(t, strconv.Quote(s), markup.ParseWiki(s))
		}
		// What has nothing special in it is kept to the letter.
		if !strings.ContainsAny(s, "\\[]{}!-+*^~_?:;()|#>&<`hb.=@\x00\v\f\r\n\t \u00a0\u0085\u2028\u2029\u3000") &&
			strings.TrimSpace(s) == s && out != s && !(s[0] >= '0' && s[0] <= '9') {
			t.Errorf("%q became %q", s, out)
		}
	})
}

func FuzzADF(f *testing.F) {
	f.Add([]byte(`{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"link","attrs":{"href":"x"}}]}]}]}`))
	f.Add([]byte(`{"type":"doc","content":[{"type":"table","content":[{"type":"tableRow","content":[{"type":"text","text":1}]}]},{"type":"listItem"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, errA := markup.ADFToMarkdown(raw, markup.Options{})
		b, errB := markup.ADFToMarkdown(raw, markup.Options{})
		if a != b || (errA == nil) != (errB == nil) {
			t.Errorf("two readings differ")
		}
		if doc, err := markup.ParseADF(raw); err == nil {
			checkGarbage(t, string(raw), doc)
		}
	})
}

func BenchmarkWiki(b *testing.B) {
	refs := references(b)
	size := 0
	for _, r := range refs {
		size += len(r.Wiki)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range refs {
			markup.WikiToMarkdown(r.Wiki, markup.Options{})
		}
	}
}

// BenchmarkHostile reads 3 MB of each of the worst kinds.
func BenchmarkHostile(b *testing.B) {
	for name, part := range hostile {
		src := strings.Repeat(part, 3<<20/len(part))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				markup.WikiToMarkdown(src, markup.Options{})
			}
		})
	}
}

func BenchmarkADF(b *testing.B) {
	refs := references(b)
	size := 0
	for _, r := range refs {
		size += len(r.ADF)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range refs {
			if _, err := markup.ADFToMarkdown(r.ADF, markup.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
