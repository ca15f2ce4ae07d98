package normal_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scrapekit/scrapekit/sdk/normal"
)

func compiled(t *testing.T, raw json.RawMessage) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("form.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("form.json")
}

func valid(t *testing.T, schema json.RawMessage, record any) error {
	t.Helper()
	raw, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, schema).Validate(v)
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	whole := true
	const at = "2026-01-02T03:04:05Z"
	for name, c := range map[string]struct {
		schema json.RawMessage
		record any
		right  bool
	}{
		"least issue": {normal.IssueSchema, normal.Issue{Key: "o/r#7"}, true},
		"whole issue": {normal.IssueSchema, normal.Issue{
			ID: "1", Key: "o/r#7", Project: "o/r", Source: "github", URL: "https://example.org/7", Summary: "a",
			Description: normal.String("*b*"),
			TextFormat:  normal.Markdown, Labels: []string{"bug"}, Created: at, Reporter: "Ann", ReporterID: "7",
			People:            []normal.Person{{ID: "7", Login: "ann"}},
			Comments:          []normal.Comment{{Author: "Bo", Created: at, Body: normal.Text(`{"type":"doc"}`)}},
			ChangelogComplete: &whole,
			Changes:           []normal.Change{{Field: "summary", From: "x", To: "a"}},
			Links:             []normal.Link{{Type: "Duplicate", OtherKey: "o/r#1"}},
			Attachments:       []normal.Attachment{{Filename: "a.log"}},
		}, true},
		"more members": {normal.IssueSchema, map[string]any{"key": "A-1", "votes": 3}, true},
		"no key":       {normal.IssueSchema, normal.Issue{ID: "1"}, false},
		"no time":      {normal.IssueSchema, normal.Issue{Key: "A-1", Created: "yesterday"}, false},
		"other format": {normal.IssueSchema, normal.Issue{Key: "A-1", TextFormat: "rtf"}, false},
		"wrong type":   {normal.IssueSchema, map[string]any{"key": "A-1", "labels": "bug"}, false},
		"document": {normal.DocumentSchema,
			normal.Document{ID: "1", Text: normal.String("a \xff"), TextFormat: normal.Plain}, true},
		"no text":        {normal.DocumentSchema, map[string]any{"id": "1"}, false},
		"no document id": {normal.DocumentSchema, normal.Document{Text: normal.String("a")}, false},
	} {
		if err := valid(t, c.schema, c.record); (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The Go types and the schemas have the same members.
func TestTypesAreTheSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schema json.RawMessage
		of     reflect.Type
		at     []string
	}{
		{normal.IssueSchema, reflect.TypeFor[normal.Issue](), nil},
		{normal.IssueSchema, reflect.TypeFor[normal.Comment](), []string{"comments"}},
		{normal.IssueSchema, reflect.TypeFor[normal.Change](), []string{"changes"}},
		{normal.IssueSchema, reflect.TypeFor[normal.Link](), []string{"links"}},
		{normal.IssueSchema, reflect.TypeFor[normal.Attachment](), []string{"attachments"}},
		{normal.IssueSchema, reflect.TypeFor[normal.Person](), []string{"people"}},
		{normal.DocumentSchema, reflect.TypeFor[normal.Document](), nil},
	} {
		type form struct {
			Properties map[string]json.RawMessage
			Items      *json.RawMessage
		}
		var f form
		if err := json.Unmarshal(c.schema, &f); err != nil {
			t.Fatal(err)
		}
		for _, name := range c.at {
			var list form
			if err := json.Unmarshal(f.Properties[name], &list); err != nil {
				t.Fatal(err)
			}
			f = form{}
			if err := json.Unmarshal(*list.Items, &f); err != nil {
				t.Fatal(err)
			}
		}
		var want, got []string
		for name := range f.Properties {
			want = append(want, name)
		}
		for i := range c.of.NumField() {
			name, _, _ := strings.Cut(c.of.Field(i).Tag.Get("json"), ",")
			got = append(got, name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, the schema %v", c.of, got, want)
		}
	}
}
