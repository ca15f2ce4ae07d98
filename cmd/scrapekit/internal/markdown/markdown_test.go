package markdown

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/docs"
)

// shown is a page as plain text.
func shown(t *testing.T, page string, width int) string {
	t.Helper()
	var b strings.Builder
	err := Write(&b, page, Screen{
		Width: width, Link: func(target string) string { return "at " + target },
		Paint: func(_, text string) string { return text },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	for _, c := range []struct{ name, page, want string }{
		{"headings and paragraphs", "# A page\n\nOne *two*\nthree `four`.\n\n## Part\n\nfive\n", `
A page

  One two three
  ` + "`four`." + `

Part

  five
`},
		{"a link", "See [there](x.md).\n", `
  See there (at
  x.md).
`},
		{"lists", "- one two three four\n- five\n\n1. six\n2. seven\n", `
  • one two three
    four
  • five

  1. six
  2. seven
`},
		{"code stays as it is", "```sh\nscrapekit run a-file.hcl  --full\n```\n", `
    scrapekit run a-file.hcl  --full
`},
		{"a table", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | x \\| y |\n", `
  a  b
  ────────
  1  2
  3  x | y
`},
		{"a table without room", "| a | b |\n|---|---|\n| 1 | one two three four |\n| 2 | five |\n", `
  a  b
  ────────────────
  1  one two three
     four

  2  five
`},
		{"a table without any room", "| a | b |\n|---|---|\n| aaaaaaaaaa | bbbbbbbbbb |\n| 2 | |\n", `
  aaaaaaaaaa
    b: bbbbbbbbbb

  2
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := shown(t, c.page, 18); got != strings.TrimPrefix(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestPagesFit: outside of code, no line of a page is wider than its terminal but for a long word.
func TestPagesFit(t *testing.T) {
	for _, subject := range docs.Subjects {
		page, ok := docs.Page(subject)
		if !ok || docs.Title(subject) == "" {
			t.Fatalf("%s: no page or no title", subject)
		}
		for _, width := range []int{60, 80, 120} {
			for line := range strings.Lines(shown(t, page, width)) {
				line = strings.TrimRight(line, "\n")
				if uniseg.StringWidth(line) > width && !strings.HasPrefix(line, "    ") {
					t.Errorf("%s at %d columns: %s", subject, width, line)
				}
			}
		}
	}
}
