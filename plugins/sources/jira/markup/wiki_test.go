// The grammar of wiki markup, construct by construct, as Markdown.

package markup_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/markup"
)

func TestWiki(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, wiki, want string }{
		{"empty", "", ""},
		{"paragraphs", "one\r\ntwo\r\n\r\nthree", "one\ntwo\n\nthree"},
		{"headings", "h1. Top\nh3. Deep *down*\ntext", "# Top\n\n### Deep **down**\n\ntext"},
		{"marks", "*b* _i_ -s- +u+ x^2^ H ~2~ {{c}}", "**b** *i* ~~s~~ u x^2^ H <sub>2</sub> `c`"},
		{"braced marks", "a{*}b{*}c and {{{}a(){}}}", "a**b**c and `a()`"},
		{"nested marks", "*bold _both_ bold*", "**bold *both* bold**"},
		{"marks within words", "snake_case_name and a*b*c, 1-2-3", `snake_case_name and a\*b\*c, 1-2-3`},
		{"marks that are not closed", "*one\ntwo* and _x", "\\*one\ntwo\\* and _x"},
		{"a mark before a space", "2 * 3 * 4", "2 * 3 * 4"},
		{"escapes", `\*not bold\* and C:\temp`, `\*not bold\* and C:\temp`},
		{"forced break", `a\\b and \\host\share`, "a\nb and \\\\\\host\\share"},
		{"dashes", "a -- b --- c --opt", "a – b — c --opt"},
		{"citation", "??who??", "*— who*"},
		{"colour", "{color:red}red *bold*{color} {color:#fff}x{color}", "red **bold** x"},
		{"anchor", "{anchor:here}text", "text"},
		{"unknown macro", "{foo:bar}text{foo}", "{foo:bar}text{foo}"},

		{"code", "before\n{code:java}\nint a;\n  int b;\n{code}\nafter", "before\n\n```java\nint a;\n  int b;\n```\n\nafter"},
		{"code keeps markup", "{code}*a* [b|http://c] h1. d\n\n* e{code}", "```\n*a* [b|http://c] h1. d\n\n* e\n```"},
		{"code with title", "{code:title=A.java|language=Java}x{code}", "**A.java**\n\n```java\nx\n```"},
		{"code keeps indentation", "{noformat}\n  a\n b\n{noformat}", "```\n  a\n b\n```"},
		{"code with a fence in it", "{code}```{code}", "````\n```\n````"},
		{"code that is not closed", "{code}\nint a;", "int a;"},
		{"code in a line", "see {code}x{code} here", "see\n\n```\nx\n```\n\nhere"},
		{"quote", "{quote}a\n\nb{quote}c", "> a\n>\n> b\n\nc"},
		{"quote line", "bq. said *so*\nme", "> said **so**\n\nme"},
		{"quote with code and list", "{quote}a\n* b\n{code}c{code}\n{quote}", "> a\n>\n> - b\n>\n>   ```\n>   c\n>   ```"},
		{"panel", "{panel:title=Note}text{panel}", "> **Note**\n>\n> text"},
		{"rule", "a\n----\nb", "a\n\n---\n\nb"},

		{"bullets", "* a\n* b\n** c\n*** d\n* e", "- a\n- b\n  - c\n    - d\n- e"},
		{"dash bullets", "- a\n- b", "- a\n- b"},
		{"numbers", "# a\n# b\n## c", "1. a\n2. b\n   1. c"},
		{"mixed", "# a\n#* b\n#* c\n# d", "1. a\n   - b\n   - c\n2. d"},
		{"list kinds in a row", "* a\n# b", "- a\n\n1. b"},
		{"list after text", "text:\n * a\n * b\n\nend", "text:\n\n- a\n- b\n\nend"},
		{"item over lines", "* a\nb\n* c", "- a\n  b\n- c"},
		{"code in an item", "* a\n{code}\nx\n\n* y\n{code}\n* b", "- a\n\n  ```\n  x\n\n  * y\n  ```\n- b"},
		{"no list", "*bold* start\n#hash\n-minus", "**bold** start\n#hash\n-minus"},

		{"table", "||a||b||\n|1|2|\n|3|*4*|", "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | **4** |"},
		{"table without a header", "|1|2|\n|3|", "| 1 | 2 |\n| --- | --- |\n| 3 |  |"},
		{"cell over lines", "|a\nb|c\nd|\ne", "| a<br>b | c<br>d |\n| --- | --- |\n\ne"},
		{"bars in links", "|[t|http://x.org]|b|", "| [t](http://x.org) | b |\n| --- | --- |"},
		{"empty cells", "| |b|\n|c| |", "|  | b |\n| --- | --- |\n| c |  |"},

		{"links", "[text|http://x.org/a_b_c] [http://x.org] [m|mailto:a@x.org]", "[text](http://x.org/a_b_c) http://x.org [m](mailto:a@x.org)"},
		{"link with a tip", "[text|http://x.org|tip]", "[text](http://x.org)"},
		{"marked label", "[a *b* {{c}}|http://x.org]", "[a **b** `c`](http://x.org)"},
		{"anchors", "[#top] [Up|#top]", "[#top](#top) [Up](#top)"},
		{"brackets", "a[0] [x] [WIP] foo", "a[0] [x] [WIP] foo"},
		{"mention", "[~jdoe] and [~accountid:5b10:a]", "@jdoe and @5b10:a"},
		{"attachment", "see [^log.txt] there", "see [log.txt] there"},
		{"image", "!shot.png|width=10,alt=\"A shot\"! and !http://x.org/a.png!", "![A shot](shot.png) and ![a.png](http://x.org/a.png)"},
		{"no image", "Wow! Great! !important!", "Wow! Great! !important!"},
		{"bare URL", "see https://x.org/a?b=c_d_e. (http://y.org)", "see https://x.org/a?b=c_d_e. (http://y.org)"},
		{"a link that touches text", "[http://x.org]or [http://x.org].", "<http://x.org>or http://x.org."},
		{"issue key", "as KAFKA-1 says", "as KAFKA-1 says"},
		{"emoticons", ":) (/) f(x) count(*)", "🙂 ✅ f(x) count(*)"},
		{"what Markdown would take for a block", "#1 fails\n> quoted\n\\# one", "#1 fails\n\\> quoted\n\\# one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := markup.WikiToMarkdown(tt.wiki, markup.Options{}); got != tt.want {
				t.Errorf("%q\n got %q\nwant %q", tt.wiki, got, tt.want)
			}
		})
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

// A body of 512 KiB of the worst kinds takes a fraction of a second; what is quadratic takes minutes.
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

// Lines of plain text are one node, and levels that a list skips cost no allocation each: a long log and a list 20
// deep would take a hundred times their length otherwise.
func TestFewNodes(t *testing.T) {
	doc := markup.ParseWiki("one\ntwo #\n>three\n\nfour\n five\nsix *b*\n*c*")
	if len(doc.Content) != 2 || len(doc.Content[0].Content) != 1 || doc.Content[0].Content[0].Text != "one\ntwo #\n>three" {
		t.Errorf("first paragraph: %+v", doc.Content)
	}
	if got, want := markup.Markdown(doc, markup.Options{}), "one\ntwo #\n\\>three\n\nfour\nfive\nsix **b**\n**c**"; got != want {
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
		if !strings.ContainsAny(s, "\\[]{}!-+*^~_?:;()|#>&<`hb.=@\x00\v\f\r\n\t \u00a0\u0085\u2028\u2029\u3000") && strings.TrimSpace(s) == s && out != s && !(s[0] >= '0' && s[0] <= '9') {
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
