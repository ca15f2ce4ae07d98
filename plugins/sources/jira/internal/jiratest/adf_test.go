// Tests of the documents: each kind of markup, and that every document is valid.

package jiratest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// documentSchema returns a check against Atlassian's own schema.
func documentSchema(t *testing.T) func(any) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(fixture(t, "specs/adf-schema-v1.json"))))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("adf.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("adf.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	people := prose.People()
	for _, c := range []struct{ wiki, want string }{
		{"", `{"version":1,"type":"doc","content":[]}`},
		{"one\r\ntwo\n\nthree", `{"version":1,"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"one"},{"type":"hardBreak"},{"type":"text","text":"two"}]},{"type":"paragraph","content":[{"type":"text","text":"three"}]}]}`},
		{"{code:java}\nint a;\n{code} tail",
			`{"version":1,"type":"doc","content":[{"type":"codeBlock","attrs":{"language":"java"},"content":[{"type":"text","text":"int a;"}]},{"type":"paragraph","content":[{"type":"text","text":" tail"}]}]}`},
		{"{noformat}\nopen", `{"version":1,"type":"doc","content":[{"type":"codeBlock","content":[{"type":"text","text":"open"}]}]}`},
		{"{quote}said{quote}", `{"version":1,"type":"doc","content":[{"type":"blockquote","content":[{"type":"paragraph","content":[{"type":"text","text":"said"}]}]}]}`},
		{"h3. Head\n# a\n# b", `{"version":1,"type":"doc","content":[{"type":"heading","attrs":{"level":3},"content":[{"type":"text","text":"Head"}]},{"type":"orderedList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]},{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"b"}]}]}]}]}`},
		{"||h||\n|c|", `{"version":1,"type":"doc","content":[{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[{"type":"paragraph","content":[{"type":"text","text":"h"}]}]}]},{"type":"tableRow","content":[{"type":"tableCell","content":[{"type":"paragraph","content":[{"type":"text","text":"c"}]}]}]}]}]}`},
		{"[~renske] {{x}} *b* [l|http://a.b/c]",
			`{"version":1,"type":"doc","content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"` +
				people[2].Account + `","text":"@Renske van Aalst"}},{"type":"text","text":" ` +
				`"},{"type":"text","text":"x","marks":[{"type":"code"}]},{"type":"text","text":" ` +
				`"},{"type":"text","text":"b","marks":[{"type":"strong"}]},{"type":"text","text":" ` +
				`"},{"type":"text","text":"l","marks":[{"type":"link","attrs":{"href":"http://a.b/c"}}]}]}]}`},
	} {
		if got := string(prose.Document(c.wiki, people)); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.wiki, got, c.want)
		}
	}
}

func TestSyntheticDocumentsAreValid(t *testing.T) {
	t.Parallel()
	check := documentSchema(t)
	s := New(Options{Flavour: Cloud, Seed: 3})
	s.Generate(Synthetic{Projects: []Project{{Key: "A", Issues: 60}}})
	for _, r := range s.store.all {
		for _, m := range r.comments {
			var v any
			if err := json.Unmarshal(prose.Document(m.body, s.persons), &v); err != nil {
				t.Fatal(err)
			}
			if err := check(v); err != nil {
				t.Fatalf("%q: %v", m.body, err)
			}
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add("{code}a{code}{quote}b\n\n{quote}|x||y|\n* \n# \nh1. \nbq. \n[~a][b|http://c]{{d}}")
	people := prose.People()
	type node struct {
		Type, Text string
		Content    []node
	}
	f.Fuzz(func(t *testing.T, wiki string) {
		var doc struct{ Content []node }
		if err := json.Unmarshal(prose.Document(wiki, people), &doc); err != nil {
			t.Fatalf("%q: %v", wiki, err)
		}
		var empty func([]node) bool
		empty = func(nodes []node) bool {
			for _, n := range nodes {
				if n.Type == "text" && n.Text == "" || empty(n.Content) {
					return true
				}
			}
			return false
		}
		if empty(doc.Content) {
			t.Errorf("%q: an empty text node, which the schema forbids", wiki)
		}
	})
}
