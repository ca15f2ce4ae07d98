// The table against Atlassian's own descriptions of both products.

package lists

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// operation is what a description says of a GET.
type operation struct {
	parameters []string
	fields     []string // of the reply, where it is an object
	array      bool     // the reply is a list
}

const specs = "../../../../../../shared/fixtures/jira/specs"

func readSpec(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(specs, name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the descriptions are not here: ", specs)
	}
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// shape is a path whose variables have no names.
func shape(path string) string { return placeholder.ReplaceAllString(path, "{}") }

type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Properties map[string]schema `json:"properties"`
}

func openAPIOf(t *testing.T, names ...string) map[string]operation {
	t.Helper()
	all := map[string]operation{}
	for _, name := range names {
		var doc struct {
			Paths map[string]struct {
				Get struct {
					Parameters []struct {
						Name, In string
					}
					Responses map[string]struct {
						Content map[string]struct{ Schema schema }
					}
				}
			}
			Components struct{ Schemas map[string]schema }
		}
		if err := json.Unmarshal(readSpec(t, name), &doc); err != nil {
			t.Fatal(err)
		}
		for path, item := range doc.Paths {
			var op operation
			for _, p := range item.Get.Parameters {
				if p.In == "query" {
					op.parameters = append(op.parameters, p.Name)
				}
			}
			reply := item.Get.Responses["200"].Content["application/json"].Schema
			op.array = reply.Type == "array"
			if reply.Ref != "" {
				reply = doc.Components.Schemas[reply.Ref[strings.LastIndexByte(reply.Ref, '/')+1:]]
			}
			for field := range reply.Properties {
				op.fields = append(op.fields, field)
			}
			all[shape(path)] = op
		}
	}
	return all
}

type wadlResource struct {
	Path    string `xml:"path,attr"`
	Methods []struct {
		Name   string `xml:"name,attr"`
		Params []struct {
			Name string `xml:"name,attr"`
		} `xml:"request>param"`
	} `xml:"method"`
	Resources []wadlResource `xml:"resource"`
}

func (r wadlResource) collect(base string, into map[string]operation) {
	path := strings.TrimRight(base, "/") + "/" + strings.Trim(r.Path, "/")
	for _, m := range r.Methods {
		if m.Name != "GET" {
			continue
		}
		var op operation
		for _, p := range m.Params {
			op.parameters = append(op.parameters, p.Name)
		}
		into[shape("/rest"+path)] = op
	}
	for _, below := range r.Resources {
		below.collect(path, into)
	}
}

func dataCenterSpec(t *testing.T) map[string]operation {
	t.Helper()
	var doc struct {
		Resources []wadlResource `xml:"resources>resource"`
	}
	if err := xml.Unmarshal(readSpec(t, "data-center-8.4.3.wadl"), &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string]operation{}
	for _, r := range doc.Resources {
		r.collect("", all)
	}
	return all
}

func TestRowsAreAsTheSpecsSay(t *testing.T) {
	t.Parallel()
	products := map[string]map[string]operation{
		rest.Cloud:      openAPIOf(t, "cloud-platform-openapi.json", "cloud-software-openapi.json"),
		rest.DataCenter: dataCenterSpec(t),
	}
	software := openAPIOf(t, "cloud-software-openapi.json") // Data Center's boards are older than its description
	checked := 0
	for _, r := range rows() {
		for flavour, operations := range products {
			e := r.endpoint(flavour)
			if e == nil {
				continue
			}
			path := shape(e.path)
			if !strings.HasPrefix(path, "/rest/") {
				path = (rest.Site{Flavour: flavour}).API() + path
			} else {
				operations = software
			}
			op, ok := operations[path]
			if !ok {
				t.Errorf("%s, %s: there is no GET %s", r.name, flavour, path)
				continue
			}
			checkOperation(t, r.name+", "+flavour, e, op, flavour)
			checked++
		}
	}
	t.Logf("%d endpoints are as described", checked)
}

// undescribed are parameters that Data Center's description leaves out or names in its text only.
var undescribed = []string{"expand"}

func checkOperation(t *testing.T, what string, e *endpoint, op operation, flavour string) {
	t.Helper()
	query, err := e.ask(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name := range query {
		if !slices.Contains(op.parameters, name) && (flavour == rest.Cloud || !slices.Contains(undescribed, name)) {
			t.Errorf("%s: GET %s has no parameter %s, only %v", what, e.path, name, op.parameters)
		}
	}
	if flavour != rest.Cloud || len(op.fields) == 0 && !op.array {
		return
	}
	switch {
	case e.values == "" && !op.array:
		t.Errorf("%s: GET %s replies an object with %v, not a list", what, e.path, op.fields)
	case e.values != "" && e.values != one && e.values != members && !slices.Contains(op.fields, e.values):
		t.Errorf("%s: GET %s replies no %q but %v", what, e.path, e.values, op.fields)
	}
}
