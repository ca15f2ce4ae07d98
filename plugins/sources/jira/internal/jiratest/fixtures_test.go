// Tests with the fixtures beside the repository: real issues go through
// unchanged, and what is served exists in Atlassian's own descriptions.

package jiratest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fixture opens a file of the fixtures, or skips the test.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "..", "..", "shared", "fixtures", "jira", name))
	if os.IsNotExist(err) {
		t.Skip("the fixtures are not beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestRealIssuesAreServedByteForByte(t *testing.T) {
	t.Parallel()
	raw := fixture(t, "apache/issues.jsonl")
	s := New(Options{MaxResults: 1000})
	if err := s.LoadIssues(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	want := map[string]json.RawMessage{}
	logs := map[string]int{}
	for line := range bytes.Lines(raw) {
		var i struct {
			ID        string
			Fields    json.RawMessage
			Changelog struct{ Histories []json.RawMessage }
		}
		if err := json.Unmarshal(line, &i); err != nil {
			t.Fatal(err)
		}
		want[i.ID], logs[i.ID] = i.Fields, len(i.Changelog.Histories)
	}
	var page struct {
		Total  int
		Issues []struct {
			ID        string
			Fields    json.RawMessage
			Changelog struct{ Histories []json.RawMessage }
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/rest/api/2/search?maxResults=1000&fields=*all&expand=changelog", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if page.Total != 963 || len(page.Issues) != 963 {
		t.Errorf("%d issues of %d, want all 963", len(page.Issues), page.Total)
	}
	for _, i := range page.Issues {
		if !bytes.Equal(i.Fields, want[i.ID]) {
			t.Errorf("the fields of %s changed", i.ID)
		}
		if len(i.Changelog.Histories) != logs[i.ID] {
			t.Errorf("%s has %d histories, want %d", i.ID, len(i.Changelog.Histories), logs[i.ID])
		}
	}
}

func TestLaterCapturesReplace(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	if err := s.LoadIssues(bytes.NewReader(fixture(t, "apache/issues.jsonl"))); err != nil {
		t.Fatal(err)
	}
	if err := s.LoadIssues(bytes.NewReader(fixture(t, "apache/updates.jsonl"))); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Snapshot()); n < 963 {
		t.Errorf("%d issues, want 963 at least", n)
	}
	if _, err := s.Comment(s.Snapshot()[0].Key, "a new one"); err != nil {
		t.Error(err)
	}
}

func TestRealIssuesBecomeDocuments(t *testing.T) {
	t.Parallel()
	s := New(Options{Flavour: Cloud})
	if err := s.LoadIssues(bytes.NewReader(fixture(t, "apache/issues.jsonl"))); err != nil {
		t.Fatal(err)
	}
	check := documentSchema(t)
	for n, book := range s.Snapshot() {
		if n%6 != 0 { // the schema check is slow
			continue
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/rest/api/3/issue/"+book.ID, nil))
		var i struct {
			Fields struct {
				Description any
				Comment     struct{ Comments []struct{ Body any } }
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &i); err != nil {
			t.Fatalf("%s: %v", book.Key, err)
		}
		bodies := []any{i.Fields.Description}
		for _, c := range i.Fields.Comment.Comments {
			bodies = append(bodies, c.Body)
		}
		for _, b := range bodies {
			if b == nil {
				continue
			}
			if err := check(b); err != nil {
				t.Fatalf("%s: %v", book.Key, err)
			}
		}
	}
}

// wadl is the part of a WADL file that the test reads.
type wadl struct {
	Resources struct {
		Resource []wadlResource `xml:"resource"`
	} `xml:"resources"`
}

type wadlResource struct {
	Path    string         `xml:"path,attr"`
	Nested  []wadlResource `xml:"resource"`
	Methods []struct {
		Name      string `xml:"name,attr"`
		Responses []struct {
			Status         string `xml:"status,attr"`
			Representation []struct {
				Doc []struct {
					Inner string `xml:",innerxml"`
				} `xml:"doc"`
			} `xml:"representation"`
		} `xml:"response"`
	} `xml:"method"`
}

// spec maps "GET /serverInfo" to the property names of its 200 reply, nil where
// the description gives none.
type spec map[string][]string

func (s spec) collect(prefix string, list []wadlResource) {
	for _, r := range list {
		path := prefix + "/" + strings.Trim(r.Path, "/")
		for _, m := range r.Methods {
			key := m.Name + " " + strings.TrimPrefix(path, "/api/2")
			s[key] = nil
			for _, reply := range m.Responses {
				for _, rep := range reply.Representation {
					for _, doc := range rep.Doc {
						if reply.Status == "200" && strings.Contains(doc.Inner, "Schema<") {
							s[key] = wadlProperties(doc.Inner)
						}
					}
				}
			}
		}
		s.collect(path, r.Nested)
	}
}

// wadlProperties finds the JSON schema inside the documentation.
func wadlProperties(inner string) []string {
	_, rest, _ := strings.Cut(inner, "code>")
	if at := strings.Index(rest, "]]>"); at >= 0 {
		rest = rest[:at]
	}
	rest, _, _ = strings.Cut(rest, "</")
	rest = strings.TrimPrefix(rest, "<![CDATA[")
	var text struct {
		S string `xml:",chardata"`
	}
	if xml.Unmarshal([]byte("<x>"+rest+"</x>"), &text) != nil {
		text.S = rest
	}
	return schemaProperties([]byte(text.S), nil)
}

// schemaProperties lists the names of an object, or of the objects of a list.
func schemaProperties(raw []byte, definitions map[string]json.RawMessage) []string {
	var schema struct {
		Ref         string                     `json:"$ref"`
		Properties  map[string]json.RawMessage `json:"properties"`
		Items       json.RawMessage            `json:"items"`
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if json.Unmarshal(raw, &schema) != nil {
		return nil
	}
	if schema.Definitions != nil {
		definitions = schema.Definitions
	}
	if schema.Ref != "" {
		return schemaProperties(definitions[schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]], definitions)
	}
	if schema.Items != nil {
		return schemaProperties(schema.Items, definitions)
	}
	var names []string
	for name := range schema.Properties {
		names = append(names, name)
	}
	return names
}

func dataCenterSpec(t *testing.T) spec {
	var w wadl
	if err := xml.Unmarshal(fixture(t, "specs/data-center-8.4.3.wadl"), &w); err != nil {
		t.Fatal(err)
	}
	s := spec{}
	s.collect("", w.Resources.Resource)
	return s
}

func cloudSpec(t *testing.T) spec { return cloudProperties(t, "") }

// cloudValues is cloudSpec for the elements of the member values.
func cloudValues(t *testing.T) spec { return cloudProperties(t, "values") }

func cloudProperties(t *testing.T, member string) spec {
	var api struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema json.RawMessage }
			}
		}
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(fixture(t, "specs/cloud-platform-openapi.json"), &api); err != nil {
		t.Fatal(err)
	}
	s := spec{}
	for path, methods := range api.Paths {
		for method, op := range methods {
			reply := op.Responses["200"].Content["application/json"].Schema
			if member != "" {
				reply = memberSchema(reply, member, api.Components.Schemas)
			}
			s[strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/rest/api/3")] = schemaProperties(reply,
				api.Components.Schemas)
		}
	}
	return s
}

// memberSchema is the schema of a member of an object, nil if it has none.
func memberSchema(raw json.RawMessage, member string, all map[string]json.RawMessage) json.RawMessage {
	var schema struct {
		Ref        string                     `json:"$ref"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(raw, &schema) != nil {
		return nil
	}
	if schema.Ref != "" {
		return memberSchema(all[schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]], member, all)
	}
	return schema.Properties[member]
}
