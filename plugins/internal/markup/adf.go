// The reader of the Atlassian Document Format. It is lenient: values of a wrong type are left out,
// unknown nodes give their content, and no text is lost.

package markup

import (
	"cmp"
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

// ParseADF reads a document from JSON. The error is that of the JSON, or wraps [ErrNotADF]; a
// document that breaks the format's own rules is read as far as it makes sense.
func ParseADF(raw []byte) (Node, error) {
	var doc adf
	if err := json.Unmarshal(raw, &doc); err != nil {
		return Node{}, fmt.Errorf("ADF: %w", err)
	}
	if doc.name != "doc" {
		return Node{}, ErrNotADF
	}
	return Node{Kind: Doc, Content: wrapInline(adfContent(&doc, 0))}, nil
}

// adfPart reads a document, or a single node of one as the wiki macro {adf} holds it.
func adfPart(raw []byte) ([]Node, bool) {
	var n adf
	if err := json.Unmarshal(raw, &n); err != nil || n.name == "" {
		return nil, false
	}
	return wrapInline(adfNode(nil, &n, 0)), true
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
	"listItem": ListItem, "taskList": BulletList, "decisionList": BulletList, "taskItem": ListItem,
	"blockTaskItem": ListItem,
	"decisionItem":  ListItem, "blockquote": Quote, "panel": Panel, "table": Table, "tableRow": Row,
	"tableHeader": HeaderCell, "tableCell": Cell, "caption": Paragraph, "rule": Rule,
}

func adfContent(n *adf, depth int) []Node {
	out := make([]Node, 0, len(n.content))
	for i := range n.content {
		out = adfNode(out, &n.content[i], depth+1)
	}
	return out
}

// adfNode appends what a node stands for.
func adfNode(out []Node, n *adf, depth int) []Node {
	if depth > maxADFDepth {
		return adfDeep(out, n)
	}
	if kind, ok := adfBlocks[n.name]; ok {
		b := adfBlock(kind, n, depth)
		if (kind == Paragraph || kind == Heading) && slices.ContainsFunc(b.Content, Node.Block) {
			return append(out, wrapInline(b.Content)...) // blocks where only text belongs
		}
		return append(out, b)
	}
	switch n.name {
	case "codeBlock":
		return append(out, Node{Kind: CodeBlock, Attr: languageName(n.attrs.text("language")), Text: adfText(n)})
	case "expand", "nestedExpand":
		if title := n.attrs.text("title"); title != "" {
			out = append(out, titleNode(title))
		}
	case "media", "mediaInline":
		return append(out, adfMedia(n))
	case "mediaSingle":
		return append(out, paragraphs(adfLinked(adfContent(n, depth), n))...) // the image and its caption
	case "mediaGroup":
		return append(out, Node{Kind: Paragraph, Content: apart(adfContent(n, depth))})
	case "blockCard", "embedCard":
		return append(out, Node{Kind: Paragraph, Content: []Node{adfCard(n.attrs)}})
	}
	if inline, ok := adfInline(n); ok {
		return append(out, inline)
	}
	out = append(out, adfContent(n, depth)...)
	if s := n.attrs.text("text"); s != "" && !n.hasContent {
		out = append(out, Node{Kind: Text, Text: s}) // an extension that shows a text of its own
	}
	return out
}

// adfDeep appends the text below a node that is nested too deeply.
func adfDeep(out []Node, n *adf) []Node {
	if s := adfText(n); s != "" {
		return append(out, Node{Kind: Text, Text: s})
	}
	return out
}

func adfBlock(kind Kind, n *adf, depth int) Node {
	b := Node{Kind: kind, Content: adfContent(n, depth)}
	switch n.name {
	case "heading":
		b.Level = min(max(n.attrs.number("level", 1), 1), 6)
	case "orderedList":
		b.Level = max(n.attrs.number("order", 1), 0)
	case "taskItem", "blockTaskItem":
		b.Attr = "o"
		if n.attrs.text("state") == "DONE" {
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

// nestTasks moves a task list that is a sibling of tasks into the task before it.
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
func adfInline(n *adf) (Node, bool) {
	switch n.name {
	case "text":
		return adfMarked(Node{Kind: Text, Text: n.text}, n), true
	case "hardBreak":
		return Node{Kind: HardBreak}, true
	case "mention":
		return Node{Kind: Mention, Attr: n.attrs.text("id"), Text: strings.TrimPrefix(n.attrs.text("text"), "@")}, true
	case "emoji":
		name := n.attrs.text("shortName")
		return Node{Kind: Emoji, Text: cmp.Or(n.attrs.text("text"), name), Attr: name}, true
	case "inlineCard":
		return adfCard(n.attrs), true
	case "status", "placeholder":
		return Node{Kind: Text, Text: n.attrs.text("text")}, true
	case "date":
		return Node{Kind: Text, Text: adfDate(n.attrs.text("timestamp"))}, true
	}
	return Node{}, false
}

// adfMarked applies the marks of a node.
func adfMarked(t Node, n *adf) Node {
	for i := range n.marks {
		m := &n.marks[i]
		switch m.name {
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
			t.Href = m.attrs.text("href")
		case "subsup":
			t.Marks |= Sup
			if m.attrs.text("type") == "sub" {
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
func adfLinked(content []Node, n *adf) []Node {
	link := adfMarked(Node{}, n).Href
	for i := range content {
		if content[i].Kind == Media && content[i].Href == "" {
			content[i].Href = link
		}
	}
	return content
}

func adfMedia(n *adf) Node {
	m := adfMarked(Node{Kind: Media, Text: n.attrs.text("alt")}, n)
	if t := n.attrs.text("type"); t == "external" || t == "image" {
		m.Level = 1
	}
	name := cmp.Or(n.attrs.text("__fileName"), m.Text)
	if m.Level == 0 && pictureName(name) {
		m.Level = 1
	}
	m.Attr = cmp.Or(n.attrs.text("url"), name, n.attrs.text("id"))
	return m
}

// pictureName reports whether a name is that of a picture: only the name of an attachment tells.
// Cloud has it as the text of the picture; its address is an id that only Cloud's media service
// knows.
func pictureName(name string) bool {
	switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
	case "png", "jpg", "jpeg", "gif", "bmp", "svg", "webp", "tif", "tiff", "ico", "heic", "avif":
		return strings.Contains(name, ".")
	}
	return false
}

func adfCard(attrs adfAttrs) Node {
	url := attrs.text("url")
	name := url
	if data := attrs.get("data"); data != nil {
		url = cmp.Or(url, data.inner.text("url"))
		name = cmp.Or(data.inner.text("name"), url)
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
func adfText(n *adf) string {
	if len(n.content) == 1 && n.content[0].name == "text" && !n.hasText {
		return n.content[0].text
	}
	var b strings.Builder
	stack := []*adf{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if _, block := adfBlocks[n.name]; block && b.Len() > 0 {
			b.WriteByte('\n')
		}
		if n.hasText {
			b.WriteString(n.text)
		} else {
			b.WriteString(n.attrs.text("text"))
		}
		for i := len(n.content) - 1; i >= 0; i-- {
			stack = append(stack, &n.content[i])
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

func titleNode(title string) Node {
	return Node{Kind: Paragraph, Content: []Node{{Kind: Text, Marks: Strong, Text: title}}}
}

// languageName makes a word that can stand behind a fence; anything else is no language.
func languageName(s string) string {
	if len(s) > 20 {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; !alnum(c) && c != '+' && c != '-' && c != '#' && c != '_' && c != '.' {
			return ""
		}
	}
	return strings.ToLower(s)
}
