// Streams: the table as a source announces it, with a schema made from each row.

package lists

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// Stream is a stream of the table.
type Stream struct {
	sdk.Stream
	Flavour string // the only one that has it; "": both do
	From    string // the paths that it comes from
	Cost    string // the requests of a run
}

// Streams returns those of the table, in its order. It is for all callers the same slice.
func Streams() []Stream { return streams() }

var streams = sync.OnceValue(func() []Stream {
	var all []Stream
	for _, r := range rows() {
		if !r.step {
			all = append(all, Stream{Stream: r.stream(), Flavour: r.only(), From: r.from(), Cost: r.cost()})
		}
	}
	return all
})

func (r *row) stream() sdk.Stream {
	return sdk.Stream{Name: r.name, Doc: r.doc, Schema: r.schema(), PrimaryKey: r.key, Cursor: r.created,
		Optional: true}
}

// only is the flavour that alone has the stream.
func (r *row) only() string {
	switch {
	case !r.available(rest.DataCenter):
		return rest.Cloud
	case !r.available(rest.Cloud):
		return rest.DataCenter
	}
	return ""
}

// from names the paths of both flavours.
func (r *row) from() string {
	var paths []string
	for _, e := range []*endpoint{r.dc, r.cloud} {
		if e != nil && !slices.Contains(paths, e.path) {
			paths = append(paths, e.path)
		}
	}
	return strings.Join(paths, ", ")
}

// cost says how many requests a run makes: those for the lists above, then its own.
func (r *row) cost() string {
	e := cmp.Or(r.cloud, r.dc)
	switch {
	case r.parent == "" && e.pages == whole:
		return "1"
	case r.parent == "":
		return fmt.Sprintf("1 per %d", e.per)
	}
	above := find(r.parent)
	parent := strings.TrimSuffix(above.name[strings.LastIndexByte(above.name, '_')+1:], "s")
	if e.pages == whole {
		return fmt.Sprintf("%s, then 1 a %s", above.cost(), parent)
	}
	return fmt.Sprintf("%s, then 1 per %d, at least 1, a %s", above.cost(), e.per, parent)
}

// schema makes the JSON Schema of the records.
func (r *row) schema() json.RawMessage {
	type property struct {
		Type        any      `json:"type,omitempty"`
		Enum        []string `json:"enum,omitempty"`
		Description string   `json:"description,omitempty"`
	}
	properties := map[string]property{
		"flavour": {Enum: []string{rest.DataCenter, rest.Cloud}, Description: "Which Jira it came from."},
		"raw":     {Type: "object", Description: "The value as Jira sent it."},
	}
	required := []string{}
	for _, f := range r.fields {
		p := property{Type: "string", Description: f.doc}
		if f.nullable {
			p.Type = []string{"string", "null"}
		}
		if f.cloud == "$" {
			properties["raw"] = property{Type: "string", Description: "The value as Jira sent it."}
		}
		properties[f.name] = p
		required = append(required, f.name)
	}
	raw, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": r.name, "type": "object",
		"properties": properties, "required": append(required, "flavour", "raw"), "additionalProperties": false,
	})
	if err != nil {
		panic(err) // texts always marshal
	}
	return raw
}
