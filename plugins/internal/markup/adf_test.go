// The Atlassian Document Format, type by type.

package markup_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// adfNodes has a case for each node of the schema: what it is as JSON, and as Markdown.
var adfNodes = map[string][2]string{
	"doc":        {`{"type":"doc","content":[P]}`, "t"},
	"text":       {`{"type":"text","text":"a"}`, "a"},
	"paragraph":  {`{"type":"paragraph","content":[T]}`, "t"},
	"heading":    {`{"type":"heading","attrs":{"level":2},"content":[T,B,T]}`, "## t t"},
	"blockquote": {`{"type":"blockquote","content":[P,P]}`, "> t\n>\n> t"},
	"rule":       {`{"type":"rule"}`, "---"},
	"hardBreak":  {`{"type":"paragraph","content":[T,{"type":"hardBreak"},T]}`, "t\nt"},
	"codeBlock": {`{"type":"codeBlock","attrs":{"language":"go"},"content":[{"type":"text","text":"a\n  *b"}]}`,
		"```go\na\n  *b\n```"},
	"bulletList":  {`{"type":"bulletList","content":[L,L]}`, "- t\n- t"},
	"orderedList": {`{"type":"orderedList","attrs":{"order":3},"content":[L,L]}`, "3. t\n4. t"},
	"listItem":    {`{"type":"bulletList","content":[{"type":"listItem","content":[P,P]}]}`, "- t\n\n  t"},
	"taskList":    {`{"type":"taskList","content":[{"type":"taskItem","attrs":{"state":"DONE"},"content":[T]},{"type":"taskList","content":[{"type":"taskItem","content":[T]}]}]}`, "- [x] t\n  - [ ] t"},
	"taskItem": {`{"type":"taskList","content":[{"type":"taskItem","attrs":{"state":"TODO"},"content":[T]}]}`,
		"- [ ] t"},
	"blockTaskItem":      {`{"type":"taskList","content":[{"type":"blockTaskItem","attrs":{"state":"DONE"},"content":[P,P]}]}`, "- [x] t\n\n  t"},
	"decisionList":       {`{"type":"decisionList","content":[{"type":"decisionItem","content":[T]}]}`, "- t"},
	"decisionItem":       {`{"type":"decisionList","content":[{"type":"decisionItem","content":[T,B,T]}]}`, "- t\n  t"},
	"panel":              {`{"type":"panel","attrs":{"panelType":"info"},"content":[P]}`, "> t"},
	"expand":             {`{"type":"expand","attrs":{"title":"a"},"content":[P]}`, "**a**\n\nt"},
	"nestedExpand":       {`{"type":"nestedExpand","attrs":{"title":"a"},"content":[P]}`, "**a**\n\nt"},
	"layoutSection":      {`{"type":"layoutSection","content":[{"type":"layoutColumn","content":[P]},{"type":"layoutColumn","content":[P]}]}`, "t\n\nt"},
	"layoutColumn":       {`{"type":"layoutColumn","content":[P]}`, "t"},
	"table":              {`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[P]}]},{"type":"tableRow","content":[{"type":"tableCell","content":[P]}]}]}`, "| t |\n| --- |\n| t |"},
	"tableRow":           {`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableCell","content":[P,P]}]}]}`, "| t<br>t |\n| --- |"},
	"tableHeader":        {`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[{"type":"bulletList","content":[L,L]}]}]}]}`, "| - t<br>- t |\n| --- |"},
	"tableCell":          {`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableCell","content":[{"type":"codeBlock","content":[{"type":"text","text":"a\nb|c"}]}]}]}]}`, "| `a`<br>`b\\|c` |\n| --- |"},
	"media":              {`{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"external","url":"http://x.org/a.png","alt":"b"}}]}`, "![b](http://x.org/a.png)"},
	"mediaSingle":        {`{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"file","id":"i"}},{"type":"caption","content":[T]}]}`, "[i]\n\nt"},
	"mediaGroup":         {`{"type":"mediaGroup","content":[{"type":"media","attrs":{"type":"file","id":"i"}},{"type":"media","attrs":{"type":"file","id":"j"}}]}`, "[i]\n[j]"},
	"media by its name":  {`{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"file","id":"i","alt":"login error.PNG"}}]}`, "![login error.PNG](<login error.PNG>)"},
	"media by its text":  {`{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"file","id":"i","alt":"what it shows"}}]}`, "[what it shows]"},
	"mediaInline, a log": {`{"type":"paragraph","content":[T,{"type":"mediaInline","attrs":{"id":"i","alt":"server.log"}},T]}`, "t[server.log]t"},
	"mediaInline":        {`{"type":"paragraph","content":[T,{"type":"mediaInline","attrs":{"id":"i"}},T]}`, "t[i]t"},
	"caption":            {`{"type":"caption","content":[T]}`, "t"},
	"mention":            {`{"type":"mention","attrs":{"id":"1","text":"@Ann B"}}`, "@Ann B"},
	"emoji":              {`{"type":"emoji","attrs":{"shortName":":a_b:"}}`, ":a_b:"},
	"date":               {`{"type":"date","attrs":{"timestamp":"1582152559000"}}`, "2020-02-19"},
	"status":             {`{"type":"status","attrs":{"text":"done","color":"green"}}`, "done"},
	"placeholder":        {`{"type":"placeholder","attrs":{"text":"type here"}}`, "type here"},
	"inlineCard":         {`{"type":"paragraph","content":[T,{"type":"inlineCard","attrs":{"data":{"url":"http://x.org/a","name":"A"}}}]}`, "t[A](http://x.org/a)"},
	"blockCard":          {`{"type":"doc","content":[{"type":"blockCard","attrs":{"url":"http://x.org/a"}},{"type":"blockCard","attrs":{"url":"http://x.org/b"}}]}`, "http://x.org/a\n\nhttp://x.org/b"},
	"embedCard":          {`{"type":"embedCard","attrs":{"url":"http://x.org/a"}}`, "http://x.org/a"},
	"extension":          {`{"type":"extension","attrs":{"text":"a"}}`, "a"},
	"inlineExtension":    {`{"type":"paragraph","content":[T,{"type":"inlineExtension","attrs":{"text":"a"}}]}`, "ta"},
	"bodiedExtension":    {`{"type":"bodiedExtension","attrs":{"text":"a"},"content":[P]}`, "t"},
	"syncBlock":          {`{"type":"doc","content":[P,{"type":"syncBlock","attrs":{"resourceId":"r"}}]}`, "t"},
	"bodiedSyncBlock":    {`{"type":"bodiedSyncBlock","content":[P]}`, "t"},
}

// adfMarks has a case for each mark: its attributes, and the text "t" with it.
var adfMarks = map[string][2]string{
	"strong": {"", "**t**"}, "em": {"", "*t*"}, "strike": {"", "~~t~~"}, "code": {"", "`t`"}, "underline": {"", "t"},
	"subsup": {`"type":"sub"`, "<sub>t</sub>"}, "link": {`"href":"http://x.org"`, "[t](http://x.org)"},
	// What Markdown lacks leaves the text.
	"textColor": {`"color":"#fff"`, "t"}, "backgroundColor": {`"color":"#fff"`, "t"},
	"fontSize": {`"fontSize":"small"`, "t"},
	"border":   {`"size":1`, "t"}, "annotation": {`"id":"1"`, "t"}, "alignment": {`"align":"end"`, "t"},
	"indentation": {`"level":2`, "t"}, "breakout": {`"mode":"wide"`, "t"}, "dataConsumer": {`"sources":[]`, "t"},
	"fragment": {`"name":"a"`, "t"},
}

// adf makes a document of a case.
func adf(node string) string {
	node = strings.NewReplacer("[P", `[`+adfP, ",P", ","+adfP, "[L", "["+adfL, ",L", ","+adfL, "[T", "["+adfT, ",T",
		","+adfT,
		",B", `,{"type":"hardBreak"}`).Replace(node)
	if strings.HasPrefix(node, `{"type":"doc"`) {
		return node
	}
	return `{"type":"doc","version":1,"content":[` + node + `]}`
}

const (
	adfT = `{"type":"text","text":"t"}`
	adfP = `{"type":"paragraph","content":[` + adfT + `]}`
	adfL = `{"type":"listItem","content":[` + adfP + `]}`
)

func TestADFNodes(t *testing.T) {
	t.Parallel()
	for name, c := range adfNodes {
		got, err := markup.ADFToMarkdown([]byte(adf(c[0])), markup.Options{})
		if err != nil || got != c[1] {
			t.Errorf("%s: got %q, %v\nwant %q", name, got, err, c[1])
		}
	}
	for name, c := range adfMarks {
		raw := fmt.Sprintf(`{"type":"paragraph","content":[{"type":"text","text":"t","marks":[{"type":%q,"attrs":{%s}}]}]}`, name, c[0])
		got, err := markup.ADFToMarkdown([]byte(adf(raw)), markup.Options{})
		if err != nil || got != c[1] {
			t.Errorf("%s: got %q, %v\nwant %q", name, got, err, c[1])
		}
	}
}

// Every node and mark that the schema names has a case above.
func TestADFSchemaIsCovered(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join(fixtures, "specs", "*adf*"))
	if len(files) == 0 {
		t.Skip("no schema here")
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Definitions map[string]struct {
			Properties struct {
				Type struct{ Enum []string }
			}
		}
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	nodes, marks := 0, 0
	for name, d := range schema.Definitions {
		for _, typ := range d.Properties.Type.Enum {
			cases, n := adfNodes, &nodes
			if strings.HasSuffix(name, "_mark") {
				cases, n = adfMarks, &marks
			}
			if _, ok := cases[typ]; !ok {
				t.Errorf("%s: there is no case for %q", name, typ)
			}
			*n++
		}
	}
	if nodes < 30 || marks < 15 {
		t.Errorf("only %d nodes and %d marks in the schema", nodes, marks)
	}
}

// What breaks the format keeps its text: unknown types, blocks in paragraphs, depth beyond measure.
func TestADFLenient(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"type":"new","content":[P]}`:                                                               "t",
		`{"type":"text","text":"a","marks":[{"type":"new"},7,null]}`:                                 "a",
		`{"type":"paragraph","content":[T,{"type":"bulletList","content":[L]},T]}`:                   "t\n\n- t\n\nt",
		`{"type":"paragraph","content":{"a":1}},7,"a",null,{"type":7},{}`:                            "",
		`{"type":"text","text":"a","marks":[{"type":"code"},{"type":"link","attrs":{"href":"/b"}}]}`: "[`a`](/b)",
	} {
		if got, err := markup.ADFToMarkdown([]byte(adf(raw)), markup.Options{}); err != nil || got != want {
			t.Errorf("%s: got %q, %v\nwant %q", raw, got, err, want)
		}
	}
	const depth = 4000
	deep := strings.Repeat(`{"type":"blockquote","content":[`, depth) + adfP +
		`,{"type":"mention","attrs":{"id":"i","text":"@ann"}}` + strings.Repeat("]}", depth)
	got, err := markup.ADFToMarkdown([]byte(adf(deep)), markup.Options{})
	if err != nil || !strings.HasSuffix(got, "t@ann") {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", "null", "[]", `{"type":"paragraph"}`, `{"type":"doc"`} {
		if _, err := markup.ParseADF([]byte(bad)); err == nil {
			t.Errorf("%q is no document", bad)
		}
	}
}
