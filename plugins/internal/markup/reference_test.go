// A comparison with the documents that Atlassian's own parser makes of real bodies.

package markup_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

const fixtures = "../../../../shared/fixtures/jira"

// reference is one line of the fixture.
type reference struct {
	Key, Where, Wiki string
	ADF              json.RawMessage
}

func references(t testing.TB) []reference {
	name := os.Getenv("SCRAPEKIT_WIKI_BODIES") // others of the same form: what the reader was not built by
	if name == "" {
		name = filepath.Join(fixtures, "wiki", "wiki-to-adf.jsonl")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Skipf("no fixtures here: %v", err)
	}
	defer f.Close()
	var out []reference
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r reference
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// words is the text of a document with all white space made one.
func words(n markup.Node) string {
	return strings.Join(strings.Fields(flat(n)), " ")
}

func flat(n markup.Node) string {
	var b strings.Builder
	switch n.Kind {
	case markup.HardBreak:
		return "\n"
	case markup.Mention:
		return "@" + n.Attr
	case markup.Emoji:
		return "" // the two have different signs for some
	case markup.Media:
		return " " // where it stands among the text differs
	}
	b.WriteString(n.Text)
	for _, c := range n.Content {
		b.WriteString(flat(c))
	}
	if n.Block() {
		b.WriteString("\n")
	}
	return b.String()
}

// outline is the block structure: every block but paragraphs on a line with its text, indented by
// depth.
func outline(n markup.Node, depth int, out *[]string) {
	for _, c := range n.Content {
		if c.Block() && c.Kind != markup.Paragraph {
			line := fmt.Sprintf("%*s%d", depth*2, "", c.Kind)
			switch c.Kind {
			case markup.Heading:
				line += fmt.Sprintf(" h%d %s", c.Level, words(c))
			case markup.CodeBlock:
				line += " " + strings.TrimSpace(strings.ReplaceAll(c.Text, "\r\n", "\n"))
			case markup.Cell, markup.HeaderCell:
				line += " " + words(c)
			case markup.ListItem:
				if len(c.Content) > 0 && c.Content[0].Kind == markup.Paragraph {
					// the reference begins items with an empty one
					line += strings.TrimRight(" "+words(c.Content[0]), " ")
				}
			}
			*out = append(*out, line)
		}
		outline(c, depth+1, out)
	}
}

// links lists the addresses in order. The reference loses those of code, so they are left out.
func links(n markup.Node, out *[]string) {
	if n.Kind == markup.Text && n.Href != "" && n.Marks&markup.Code == 0 {
		if k := len(*out); k == 0 || (*out)[k-1] != n.Href {
			*out = append(*out, n.Href)
		}
	}
	for _, c := range n.Content {
		links(c, out)
	}
}

// The shares below are what the reader reaches on the fixture; a change that makes it worse fails.
func TestAgainstReference(t *testing.T) {
	refs := references(t)
	var texts, structures, addresses, all int
	for _, r := range refs {
		want, err := markup.ParseADF(r.ADF)
		if err != nil {
			t.Fatal(err)
		}
		got := markup.ParseWiki(r.Wiki)
		sameText := words(got) == words(want)
		var a, b, la, lb []string
		outline(got, 0, &a)
		outline(want, 0, &b)
		links(got, &la)
		links(want, &lb)
		sameOutline := strings.Join(a, "\n") == strings.Join(b, "\n")
		sameLinks := strings.Join(la, "\n") == strings.Join(lb, "\n")
		count(&texts, sameText)
		count(&structures, sameOutline)
		count(&addresses, sameLinks)
		count(&all, sameText && sameOutline && sameLinks)
		if os.Getenv("SHOW") != "" && !(sameText && sameOutline && sameLinks) {
			t.Logf("=== %s %s text %v outline %v links %v\nGOT  %s\nWANT %s\nGOT\n%s\nWANT\n%s\n%q\n%q", r.Key, r.Where,
				sameText, sameOutline, sameLinks,
				words(got), words(want), strings.Join(a, "\n"), strings.Join(b, "\n"), la, lb)
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(len(refs)) }
	t.Logf("%d bodies: same text %.1f %%, same block structure %.1f %%, same links %.1f %%, all three %.1f %%",
		len(refs), share(texts), share(structures), share(addresses), share(all))
	if share(all) < 98 {
		t.Errorf("too far from the reference")
	}
}

func count(n *int, ok bool) {
	if ok {
		*n++
	}
}

// Every document of the format's own suite that is valid keeps its text; the others do no harm.
func TestADFSuite(t *testing.T) {
	for _, kind := range []string{"valid", "invalid"} {
		files, _ := filepath.Glob(filepath.Join(fixtures, "adf", kind, "*.json"))
		if len(files) == 0 {
			t.Skip("no fixtures here")
		}
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			md, err := markup.ADFToMarkdown(raw, markup.Options{})
			if kind == "invalid" {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
			}
			var doc any
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			for _, s := range texts(doc) {
				if !strings.Contains(md, strings.TrimSpace(s)) {
					t.Errorf("%s: %q is lost in %q", filepath.Base(name), s, md)
				}
			}
		}
	}
}

// texts collects every text in a document, wherever it stands.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		if s, ok := v["text"].(string); ok && v["type"] != "hardBreak" {
			out = append(out, s)
		}
		for k, c := range v {
			if hardBreak := v["type"] == "hardBreak"; k == "content" || k == "attrs" && !hardBreak {
				out = append(out, texts(c)...)
			}
		}
	case []any:
		for _, c := range v {
			out = append(out, texts(c)...)
		}
	}
	return out
}
