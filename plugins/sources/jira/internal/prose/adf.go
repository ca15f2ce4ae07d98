// Atlassian documents: wiki markup turned into the JSON that Cloud's v3 gives.
// Only the markup that the synthetic texts use is understood; the rest stays
// plain text, so every document is valid.

package prose

import (
	"encoding/json"
	"regexp"
	"strings"
)

// node is one node of a document.
type node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []node         `json:"content,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []node         `json:"marks,omitempty"`
}

// Document renders wiki markup as a document.
func Document(wiki string, people []Person) []byte {
	b := adf{people: people}
	doc := struct {
		Version int    `json:"version"`
		Type    string `json:"type"`
		Content []node `json:"content"`
	}{1, "doc", b.blocks(strings.Split(strings.ReplaceAll(wiki, "\r\n", "\n"), "\n"))}
	if doc.Content == nil {
		doc.Content = []node{}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err) // strings and maps only: cannot happen
	}
	return raw
}

type adf struct{ people []Person }

// blocks turns lines into block nodes.
func (b adf) blocks(lines []string) []node {
	var out []node
	for len(lines) > 0 {
		n := 1
		var block node
		var tail string
		switch line := lines[0]; {
		case strings.TrimSpace(line) == "":
			lines = lines[1:]
			continue
		case fence(line) != "":
			n, block, tail = b.fenced(lines, fence(line))
		case heading(line) > 0:
			block = node{Type: "heading", Attrs: map[string]any{"level": heading(line)}, Content: b.inline(line[4:])}
		case strings.HasPrefix(line, "bq. "):
			block = node{Type: "blockquote", Content: []node{{Type: "paragraph", Content: b.inline(line[4:])}}}
		case strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "# "):
			n, block = b.list(lines)
		case strings.HasPrefix(line, "|"):
			n, block = b.table(lines)
		default:
			n, block = b.paragraph(lines)
		}
		out = append(out, block)
		lines = lines[n:]
		if strings.TrimSpace(tail) != "" {
			out = append(out, node{Type: "paragraph", Content: b.inline(tail)})
		}
	}
	return out
}

// fence names the block that a line opens: code, noformat or quote.
func fence(line string) string {
	for _, name := range []string{"code", "noformat", "quote"} {
		if strings.HasPrefix(line, "{"+name+"}") || strings.HasPrefix(line, "{"+name+":") {
			return name
		}
	}
	return ""
}

func heading(line string) int {
	if len(line) > 4 && line[0] == 'h' && line[1] >= '1' && line[1] <= '6' && line[2:4] == ". " {
		return int(line[1] - '0')
	}
	return 0
}

// fenced reads to the closing mark, or to the end where there is none. The tail
// is what follows the closing mark on its line.
func (b adf) fenced(lines []string, name string) (n int, block node, tail string) {
	open, first, _ := strings.Cut(lines[0], "}")
	body := []string{first}
	n = 1
	end := "{" + name + "}"
	for closed := strings.Contains(first, end); n < len(lines) && !closed; n++ {
		body = append(body, lines[n])
		closed = strings.Contains(lines[n], end)
	}
	text, tail, _ := strings.Cut(strings.Join(body, "\n"), end)
	text = strings.Trim(text, "\n")
	if name == "quote" {
		return n, b.quotation(text), tail
	}
	block = node{Type: "codeBlock"}
	if _, language, ok := strings.Cut(open, ":"); ok && !strings.Contains(language, "=") {
		block.Attrs = map[string]any{"language": language}
	}
	if text != "" {
		block.Content = []node{{Type: "text", Text: text}}
	}
	return n, block, tail
}

func (b adf) quotation(text string) node {
	block := node{Type: "blockquote"}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) != "" {
			block.Content = append(block.Content, node{Type: "paragraph", Content: b.inline(line)})
		}
	}
	if block.Content == nil {
		return node{Type: "paragraph"}
	}
	return block
}

func (b adf) list(lines []string) (int, node) {
	mark, block, n := lines[0][:2], node{Type: "bulletList"}, 0
	if mark == "# " {
		block.Type = "orderedList"
	}
	for n < len(lines) && strings.HasPrefix(lines[n], mark) {
		item := node{Type: "paragraph", Content: b.inline(lines[n][2:])}
		block.Content = append(block.Content, node{Type: "listItem", Content: []node{item}})
		n++
	}
	return n, block
}

func (b adf) table(lines []string) (int, node) {
	block, n := node{Type: "table"}, 0
	for n < len(lines) && strings.HasPrefix(lines[n], "|") {
		kind, separator := "tableCell", "|"
		if strings.HasPrefix(lines[n], "||") {
			kind, separator = "tableHeader", "||"
		}
		row := node{Type: "tableRow"}
		for cell := range strings.SplitSeq(strings.Trim(lines[n], "|"), separator) {
			row.Content = append(row.Content,
				node{Type: kind, Content: []node{{Type: "paragraph", Content: b.inline(strings.TrimSpace(cell))}}})
		}
		block.Content = append(block.Content, row)
		n++
	}
	return n, block
}

func (b adf) paragraph(lines []string) (int, node) {
	block, n := node{Type: "paragraph"}, 0
	for n < len(lines) && strings.TrimSpace(lines[n]) != "" &&
		(n == 0 || fence(lines[n]) == "" && !strings.HasPrefix(lines[n], "* ")) {
		if n > 0 {
			block.Content = append(block.Content, node{Type: "hardBreak"})
		}
		block.Content = append(block.Content, b.inline(lines[n])...)
		n++
	}
	return n, block
}

// inlineMarkup matches mentions, links, monospace, bold and bare addresses.
var inlineMarkup = regexp.MustCompile(`\[~([\w.@-]+)\]|\[([^|\]\n]+)\|(https?://[^\]\s]+)\]|\{\{([^}\n]+)\}\}|\*(\w[^*\n]*)\*|(https?://[^\s\])]+)`)

func (b adf) inline(line string) []node {
	var out []node
	plain := func(text string) {
		if text != "" {
			out = append(out, node{Type: "text", Text: text})
		}
	}
	at := 0
	for _, m := range inlineMarkup.FindAllStringSubmatchIndex(line, -1) {
		plain(line[at:m[0]])
		at = m[1]
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return line[m[2*i]:m[2*i+1]]
		}
		switch {
		case group(1) != "":
			out = append(out, b.mention(group(1)))
		case group(3) != "":
			out = append(out, marked(group(2), node{Type: "link", Attrs: map[string]any{"href": group(3)}}))
		case group(4) != "":
			out = append(out, marked(group(4), node{Type: "code"}))
		case group(5) != "":
			out = append(out, marked(group(5), node{Type: "strong"}))
		default:
			out = append(out, marked(group(6), node{Type: "link", Attrs: map[string]any{"href": group(6)}}))
		}
	}
	plain(line[at:])
	return out
}

func marked(text string, mark node) node {
	return node{Type: "text", Text: text, Marks: []node{mark}}
}

func (b adf) mention(name string) node {
	id, display := name, name
	if u, ok := find(b.people, name); ok {
		id, display = u.Account, u.Display
	}
	return node{Type: "mention", Attrs: map[string]any{"id": id, "text": "@" + display}}
}
