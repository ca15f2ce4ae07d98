// Every row, in both flavours: read whole, read on from each cursor, read again unchanged and
// changed.

package lists

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// grown is a world in which every list of the table has some values.
type grown struct {
	*fake
	flavour string
	next    int
}

func grow(flavour string) *grown {
	g := &grown{fake: newFake(), flavour: flavour}
	all := rows()
	for i := range all {
		if all[i].parent == "" {
			g.add(&all[i], vars{})
		}
	}
	return g
}

// add makes the list of a row for a parent, and the lists below it.
func (g *grown) add(r *row, known vars) {
	e := r.endpoint(g.flavour)
	if e == nil {
		return
	}
	query, err := e.ask(known, 0)
	if err != nil {
		panic(err)
	}
	path := known.expand(e.path)
	if !strings.HasPrefix(path, "/rest/") {
		path = (rest.Site{Flavour: g.flavour}).API() + path
	}
	l := &list{member: e.values, pages: e.pages, most: 2}
	g.lists[g.name(path, query)] = l
	count := 5
	if e.values == one {
		count = 1
	}
	for range count {
		g.next++
		value := g.value(r, known)
		l.values = append(l.values, value)
		told := r.pass(newElement("", memberless(value)), g.flavour, known)
		if len(r.passes) > 0 {
			g.below(r.name, told)
		}
	}
}

// memberless takes the name off a member.
func memberless(value string) json.RawMessage {
	if name, rest, ok := strings.Cut(value, ":"); ok && strings.HasPrefix(name, `"m`) {
		return json.RawMessage(rest)
	}
	return json.RawMessage(value)
}

func (g *grown) below(name string, told vars) {
	all := rows()
	for i := range all {
		if all[i].parent == name && (all[i].keep == nil || all[i].keep(told)) {
			g.add(&all[i], told)
		}
	}
}

// value makes a value that has what the row needs.
func (g *grown) value(r *row, known vars) string {
	object := map[string]any{"self": "x"}
	for _, f := range slices.Concat(r.fields, r.passes) {
		switch path := f.from(g.flavour); path[0] {
		case '$':
			return fmt.Sprintf(`"label-%d"`, g.next)
		case '/':
			return fmt.Sprintf(`"m%d":"https://jira.example/rest/api/2/project/X/role/%d"`, g.next, g.next)
		case '@', '=':
		default:
			set(object, path, g.text(r, path, known))
		}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func (g *grown) text(r *row, path string, known vars) string {
	switch {
	case path == "schema.custom" && g.next%2 == 0:
		return "com.atlassian.jira.plugin.system.customfieldtypes:select"
	case path == "schema.custom":
		return ""
	case path == "created":
		return fmt.Sprintf("2024-03-01T12:%02d:00.000+0000", g.next%60)
	case r.endpoint(g.flavour).values == one && known["role_id"] != "" && path == "id":
		return known["role_id"]
	}
	return fmt.Sprintf("%s%d", strings.ReplaceAll(path, ".", "-"), g.next)
}

func set(object map[string]any, path, text string) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		object[name] = text
		return
	}
	below, ok := object[name].(map[string]any)
	if !ok {
		below = map[string]any{}
		object[name] = below
	}
	set(below, rest, text)
}

func TestEveryRow(t *testing.T) {
	t.Parallel()
	for _, flavour := range []string{rest.DataCenter, rest.Cloud} {
		g := grow(flavour)
		for _, r := range rows() {
			if r.step || !r.available(flavour) {
				continue
			}
			t.Run(flavour+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, &fake{lists: g.lists}, flavour)
				part := h.plan(r.name)
				got := h.run(r.name)
				if len(got.records) == 0 || len(got.rejects)+len(got.deleted) > 0 {
					t.Fatalf("%d records, %d rejected %v, %d deleted", len(got.records), len(got.rejects), got.rejects,
						len(got.deleted))
				}
				checkRecords(t, &r, got.records)
				for n, c := range got.cursors {
					rest, err := h.read(part, c)
					if err != nil {
						t.Fatalf("from cursor %d: %v", n, err)
					}
					want(t, fmt.Sprintf("from cursor %d", n), rest.records, got.records[got.reached[n]:])
				}
				again := h.run(r.name)
				want(t, "unchanged", again.records, nil)
				want(t, "deleted", again.deleted, nil)
				if r.created == "" && h.counters[r.name+"/unchanged"] != int64(len(got.records)) {
					t.Errorf("%d counted as unchanged, want %d", h.counters[r.name+"/unchanged"], len(got.records))
				}
			})
		}
	}
}

// checkRecords holds the records against the schema of the stream, and their keys against each
// other.
func checkRecords(t *testing.T, r *row, records []string) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(r.schema(), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, line := range records {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(fields); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		key := ""
		for _, name := range r.key {
			key += fmt.Sprint(fields[name], "/")
		}
		if keys[key] {
			t.Errorf("key %s twice", key)
		}
		keys[key] = true
	}
}

// The lists that a stream reads, whole, are as many as the world has of them.
func TestEveryParentIsAsked(t *testing.T) {
	t.Parallel()
	g := grow(rest.Cloud)
	for stream, records := range map[string]int{
		"board_issues": 5 * 5, "sprint_issues": 5 * 5 * 5, "screen_tab_fields": 5 * 5 * 5,
		"project_roles": 5 * 5, "project_versions": 25, "group_members": 25, "board_configurations": 5,
	} {
		h := newHost(t, &fake{lists: g.lists}, rest.Cloud)
		if got := h.run(stream); len(got.records) != records {
			t.Errorf("%s: %d records, want %d", stream, len(got.records), records)
		}
	}
	h := newHost(t, &fake{lists: g.lists}, rest.Cloud)
	fields := ids(t, h.run("fields").records, "raw")
	custom := 0
	for _, f := range fields {
		if strings.Contains(f, ":select") {
			custom++
		}
	}
	contexts := h.run("field_contexts")
	if custom == 0 || custom == 5 || len(contexts.records) != 5*custom {
		t.Errorf("%d contexts of %d custom fields of 5, want 5 each", len(contexts.records), custom)
	}
	if n := len(h.run("field_options").records); n != 5*5*custom {
		t.Errorf("%d options, want %d", n, 5*5*custom)
	}
}

func TestStreamsOfBothFlavours(t *testing.T) {
	t.Parallel()
	only := map[string]string{}
	for _, s := range Streams() {
		if s.Flavour != "" {
			only[s.Name] = s.Flavour
		}
		if !s.Optional || s.Doc == "" || len(s.PrimaryKey) == 0 || s.Cost == "" {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	for _, name := range []string{
		"labels", "field_contexts", "field_options", "workflow_schemes", "screen_schemes", "issue_type_screen_schemes",
		"field_configurations",
		"field_configuration_schemes", "licences", "project_emails",
	} {
		if only[name] != rest.Cloud {
			t.Errorf("%s is of %q, want %s alone", name, only[name], rest.Cloud)
		}
		delete(only, name)
	}
	if len(only) > 0 {
		t.Errorf("of one flavour alone: %v", slices.Collect(maps.Keys(only)))
	}
}
