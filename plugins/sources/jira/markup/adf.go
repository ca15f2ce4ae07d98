// The reader of the Atlassian Document Format. It is lenient: what has a wrong type is left out, what is unknown
// gives its content, and no text is lost.

package markup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// ErrNotADF says that a value is no document: not an object of type doc.
var ErrNotADF = errors.New("not an ADF document")

// ParseADF reads a document from JSON. The error is that of the JSON, or wraps [ErrNotADF]; a document that breaks the
// format's own rules is read as far as it makes sense.
func ParseADF(raw []byte) (Node, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return Node{}, fmt.Errorf("ADF: %w", err)
	}
	return ReadADF(v)
}

// ReadADF is ParseADF for JSON that is decoded already.
func ReadADF(v any) (Node, error) {
	doc, ok := v.(map[string]any)
	if !ok || doc["type"] != "doc" {
		return Node{}, ErrNotADF
	}
	return Node{Kind: Doc, Content: wrapInline(adfContent(doc, 0))}, nil
}

// adfPart reads a document, or a single node of one as the wiki macro {adf} holds it.
func adfPart(raw []byte) ([]Node, bool) {
	var n map[string]any
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, false
	}
	if name, _ := n["type"].(string); name == "" {
		return nil, false
	}
	return wrapInline(adfNode(nil, n, 0)), true
}

// ADFToMarkdown is ParseADF and Markdown in one.
func ADFToMarkdown(raw []byte, o Options) (string, error) {
	doc, err := ParseADF(raw)
	if err != nil {
		return "", err
	}
	return Markdown(doc, o), nil
}

// maxADFDepth bounds the nesting; deeper nodes give their text alone.
const maxADFDepth = 100

// adfBlocks are the nodes that map to a kind and their content.
var adfBlocks = map[string]Kind{
	"paragraph": Paragraph, "heading": Heading, "bulletList": BulletList, "orderedList": OrderedList,
	"listItem": ListItem, "taskList": BulletList, "decisionList": BulletList, "taskItem": ListItem, "blockTaskItem": ListItem,
	"decisionItem": ListItem, "blockquote": Quote, "panel": Panel, "table": Table, "tableRow": Row,
	"tableHeader": HeaderCell, "tableCell": Cell, "caption": Paragraph, "rule": Rule,
}

func adfContent(n map[string]any, depth int) []Node {
	list, _ := n["content"].([]any)
	out := make([]Node, 0, len(list))
	for _, v := range list {
		if child, ok := v.(map[string]any); ok {
			out = adfNode(out, child, depth+1)
		}
	}
	return out
}

// adfNode appends what a node stands for.
func adfNode(out []Node, n map[string]any, depth int) []Node {
	if depth > maxADFDepth {
		return adfDeep(out, n)
	}
	name, _ := n["type"].(string)
	attrs, _ := n["attrs"].(map[string]any)
	if kind, ok := adfBlocks[name]; ok {
		b := adfBlock(kind, name, n, attrs, depth)
		if (kind == Paragraph || kind == Heading) && slices.ContainsFunc(b.Content, Node.Block) {
			return append(out, wrapInline(b.Content)...) // blocks where only text belongs
		}
		return append(out, b)
	}
	switch name {
	case "codeBlock":
		return append(out, Node{Kind: CodeBlock, Attr: languageName(text(attrs, "language")), Text: adfText(n)})
	case "expand", "nestedExpand":
		if title := text(attrs, "title"); title != "" {
			out = append(out, titleNode(title))
		}
	case "media", "mediaInline":
		return append(out, adfMedia(n, attrs))
	case "mediaSingle":
		return append(out, paragraphs(adfLinked(adfContent(n, depth), n))...) // the image and its caption
	case "mediaGroup":
		return append(out, Node{Kind: Paragraph, Content: apart(adfContent(n, depth))})
	case "blockCard", "embedCard":
		return append(out, Node{Kind: Paragraph, Content: []Node{adfCard(attrs)}})
	}
	if inline, ok := adfInline(name, n, attrs); ok {
		return append(out, inline)
	}
	out = append(out, adfContent(n, depth)...)
	if s := text(attrs, "text"); s != "" && n["content"] == nil {
		out = append(out, Node{Kind: Text, Text: s}) // an extension that shows a text of its own
	}
	return out
}

// adfDeep appends the text below a node that is nested too deeply.
func adfDeep(out []Node, n map[string]any) []Node {
	if s := adfText(n); s != "" {
		return append(out, Node{Kind: Text, Text: s})
	}
	return out
}

func adfBlock(kind Kind, name string, n, attrs map[string]any, depth int) Node {
	b := Node{Kind: kind, Content: adfContent(n, depth)}
	switch name {
	case "heading":
		b.Level = min(max(number(attrs, "level", 1), 1), 6)
	case "orderedList":
		b.Level = max(number(attrs, "order", 1), 0)
	case "taskItem", "blockTaskItem":
		b.Attr = "o"
		if text(attrs, "state") == "DONE" {
			b.Attr = "x"
		}
	case "taskList":
		b.Content = nestTasks(b.Content)
	}
	if kind != Paragraph && kind != Heading {
		b.Content = wrapInline(b.Content)
	}
	return b
}

// nestTasks puts a task list that stands beside tasks into the task before it.
func nestTasks(items []Node) []Node {
	var out []Node
	for _, it := range items {
		if n := len(out); it.Kind == BulletList && n > 0 && out[n-1].Kind == ListItem {
			out[n-1].Content = append(out[n-1].Content, it)
			continue
		}
		out = append(out, it)
	}
	return out
}

// adfInline makes the inline nodes.
func adfInline(name string, n, attrs map[string]any) (Node, bool) {
	switch name {
	case "text":
		s, _ := n["text"].(string)
		return adfMarked(Node{Kind: Text, Text: s}, n), true
	case "hardBreak":
		return Node{Kind: HardBreak}, true
	case "mention":
		return Node{Kind: Mention, Attr: text(attrs, "id"), Text: strings.TrimPrefix(text(attrs, "text"), "@")}, true
	case "emoji":
		if s := text(attrs, "text"); s != "" {
			return Node{Kind: Emoji, Text: s, Attr: text(attrs, "shortName")}, true
		}
		return Node{Kind: Emoji, Text: text(attrs, "shortName"), Attr: text(attrs, "shortName")}, true
	case "inlineCard":
		return adfCard(attrs), true
	case "status", "placeholder":
		return Node{Kind: Text, Text: text(attrs, "text")}, true
	case "date":
		return Node{Kind: Text, Text: adfDate(text(attrs, "timestamp"))}, true
	}
	return Node{}, false
}

// adfMarked applies the marks of a node.
func adfMarked(t Node, n map[string]any) Node {
	list, _ := n["marks"].([]any)
	for _, v := range list {
		m, _ := v.(map[string]any)
		attrs, _ := m["attrs"].(map[string]any)
		switch m["type"] {
		case "strong":
			t.Marks |= Strong
		case "em":
			t.Marks |= Em
		case "strike":
			t.Marks |= Strike
		case "code":
			t.Marks |= Code
		case "underline":
			t.Marks |= Underline
		case "link":
			t.Href = text(attrs, "href")
		case "subsup":
			t.Marks |= Sup
			if text(attrs, "type") == "sub" {
				t.Marks = t.Marks&^Sup | Sub
			}
		}
	}
	return t
}

// apart puts line breaks between nodes.
func apart(nodes []Node) []Node {
	var out []Node
	for i, n := range nodes {
		if i > 0 {
			out = append(out, Node{Kind: HardBreak})
		}
		out = append(out, n)
	}
	return out
}

// adfLinked gives the link of a media frame to the media in it.
func adfLinked(content []Node, n map[string]any) []Node {
	link := adfMarked(Node{}, n).Href
	for i := range content {
		if content[i].Kind == Media && content[i].Href == "" {
			content[i].Href = link
		}
	}
	return content
}

func adfMedia(n, attrs map[string]any) Node {
	m := adfMarked(Node{Kind: Media, Text: text(attrs, "alt")}, n)
	for _, name := range [...]string{"url", "__fileName", "id"} {
		if m.Attr = text(attrs, name); m.Attr != "" {
			break
		}
	}
	if t := text(attrs, "type"); t == "external" || t == "image" {
		m.Level = 1
	}
	return m
}

func adfCard(attrs map[string]any) Node {
	url := text(attrs, "url")
	name := url
	if data, ok := attrs["data"].(map[string]any); ok {
		if url == "" {
			url = text(data, "url")
		}
		if name = text(data, "name"); name == "" {
			name = url
		}
	}
	return Node{Kind: Text, Text: name, Href: url}
}

// adfDate writes the milliseconds of a date node as a day.
func adfDate(ms string) string {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return ms
	}
	return time.UnixMilli(n).UTC().Format(time.DateOnly)
}

// adfText joins all text below a node; blocks begin a new line.
func adfText(n map[string]any) string {
	var b strings.Builder
	stack := []any{n}
	for len(stack) > 0 {
		m, _ := stack[len(stack)-1].(map[string]any)
		stack = stack[:len(stack)-1]
		name, _ := m["type"].(string)
		if _, block := adfBlocks[name]; block && b.Len() > 0 {
			b.WriteByte('\n')
		}
		if s, ok := m["text"].(string); ok {
			b.WriteString(s)
		} else if attrs, ok := m["attrs"].(map[string]any); ok {
			b.WriteString(text(attrs, "text"))
		}
		list, _ := m["content"].([]any)
		for i := len(list) - 1; i >= 0; i-- {
			stack = append(stack, list[i])
		}
	}
	return b.String()
}

// wrapInline puts inline nodes that stand among blocks into paragraphs.
func wrapInline(nodes []Node) []Node {
	inline := 0
	for _, n := range nodes {
		if !n.Block() {
			inline++
		}
	}
	if inline == 0 {
		return nodes
	}
	return paragraphs(nodes)
}

// text returns a string attribute; a number is written out.
func text(attrs map[string]any, name string) string {
	switch v := attrs[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func number(attrs map[string]any, name string, otherwise int32) int32 {
	if v, ok := attrs[name].(float64); ok && v >= 0 && v < 1e6 {
		return int32(v)
	}
	return otherwise
}
