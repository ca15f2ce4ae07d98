// Changes that administrators make to the lists of the site. None of them counts as an update of an
// issue, unless its comment says so.

package jiratest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// everywhere replaces bytes inside all issues and lists, because a changed shared value changes
// wherever it appears. Issues that were loaded keep their comments, worklogs and histories.
func (s *Server) everywhere(old, now json.RawMessage) {
	swap := func(raw *json.RawMessage) {
		if bytes.Contains(*raw, old) {
			*raw = bytes.ReplaceAll(*raw, old, now)
		}
	}
	for _, r := range s.store.all {
		for i := range r.fields {
			swap(&r.fields[i].raw)
		}
		for i := range r.comments {
			swap(&r.comments[i].author)
			swap(&r.comments[i].updater)
		}
		for i := range r.histories {
			swap(&r.histories[i].author)
		}
		for i := range r.worklogs {
			swap(&r.worklogs[i].author)
			swap(&r.worklogs[i].updater)
		}
		for i := range r.attachments {
			swap(&r.attachments[i].author)
		}
	}
	for _, p := range s.store.projects {
		swap(&p.detail)
	}
	for _, list := range s.store.shelves {
		for i := range *list {
			swap(&(*list)[i].raw)
			swap(&(*list)[i].detail)
		}
	}
}

// site runs a change of the site under the lock and writes it into the audit log.
func (s *Server) site(what string, change func() error) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	err := change()
	if err == nil {
		s.audit(what, s.options.Now().UTC().Format(stampLayout))
	}
	return err
}

// Rename renames an entry of a list. stream is the name of its true records; fields,
// issue_link_types and field_options are lists too.
func (s *Server) Rename(stream, id, name string) error {
	return s.site("Renamed in "+stream, func() error {
		switch stream {
		case "fields":
			return s.renameField(id, name)
		case "issue_link_types":
			return s.renameLinkType(id, name)
		}
		e, ok := s.entryOf(stream, id)
		if !ok {
			return fmt.Errorf("%s: there is no %s", stream, id)
		}
		word := `"name":`
		if stream == "field_options" {
			word = `"value":`
			s.everywhere(optionRaw(id, e.name), optionRaw(id, name))
		}
		old := e.raw
		e.raw = bytes.Replace(old, []byte(word+quote(e.name)), []byte(word+quote(name)), 1)
		if e.id == e.name && stream == "workflows" { // Data Center's workflows have no other id
			e.id = name
		}
		e.name = name
		s.everywhere(old, e.raw)
		return nil
	})
}

// optionRaw is an option as issues contain it.
func optionRaw(id, value string) json.RawMessage {
	return fmt.Appendf(nil, `{"self":"%s/customFieldOption/%s","value":%s,"id":"%s"}`, apiRoot, id, quote(value), id)
}

func (s *Server) renameField(id, name string) error {
	i := slices.IndexFunc(s.store.fields, func(f fieldInfo) bool { return f.id == id })
	if i < 0 {
		return fmt.Errorf("fields: there is no %s", id)
	}
	s.store.fields[i].name = name
	return nil
}

func (s *Server) renameLinkType(id, name string) error {
	i := slices.IndexFunc(s.catalog.linkTypes, func(t linkType) bool { return t.id == id })
	if i < 0 {
		return fmt.Errorf("issue_link_types: there is no %s", id)
	}
	s.catalog.linkTypes[i].name = name
	for _, r := range s.store.all {
		for n := range r.links {
			if r.links[n].kind.id == id {
				r.links[n].kind.name = name
			}
		}
	}
	return nil
}

// Put adds an entry to a list. If the list has parents, parent is one of them: a field for
// field_contexts, a context for field_options, a screen for screen_tabs, screen/tab for
// screen_tab_fields, the id of a project for project_versions and project_components. object is its
// JSON, with id and name.
func (s *Server) Put(stream, parent, object string) error {
	return s.site("Added to "+stream, func() error {
		var known struct {
			ID               json.RawMessage
			Name, Key, Value string
		}
		if err := json.Unmarshal([]byte(object), &known); err != nil {
			return fmt.Errorf("%s: %w", stream, err)
		}
		id := strings.Trim(string(known.ID), `"`)
		if id == "" {
			id = known.Key
		}
		if _, ok := s.entryOf(stream, id); ok || id == "" {
			return fmt.Errorf("%s: %q is no new id", stream, id)
		}
		if stream == "field_options" {
			if context, ok := s.entryOf("field_contexts", parent); !ok || !s.takesOptions(*context) {
				return fmt.Errorf("context %q: its field has no options", parent)
			}
		}
		list := s.siteList(stream)
		*list = append(*list, entry{id: id, parent: parent, name: known.Name + known.Value,
			raw: json.RawMessage(object)})
		return nil
	})
}

// Remove deletes an entry of a list with its children. A version, a component or an option is also
// removed from the issues; for the first two this counts as an update of them.
func (s *Server) Remove(stream, id string) error {
	return s.site("Removed from "+stream, func() error {
		e, ok := s.entryOf(stream, id)
		if !ok {
			return fmt.Errorf("%s: there is no %s", stream, id)
		}
		switch gone := *e; stream {
		case "project_versions":
			s.withdraw(gone, "versions", "fixVersions")
		case "project_components":
			s.withdraw(gone, "components")
		case "field_options":
			s.everywhere(optionRaw(id, gone.name), json.RawMessage("null"))
		case "statuses", "priorities", "issue_types", "resolutions":
			return fmt.Errorf("%s: issues use it", stream)
		}
		list := s.siteList(stream)
		*list = slices.DeleteFunc(slices.Clone(*list), func(x entry) bool { return x.id == id })
		s.orphans(stream, id)
		return nil
	})
}

// orphans deletes the children of a removed entry.
func (s *Server) orphans(stream, id string) {
	below := map[string][]string{"screens": {"screen_tabs", "screen_tab_fields"}, "screen_tabs": {"screen_tab_fields"},
		"field_contexts": {"field_options"}}
	for _, name := range below[stream] {
		list := s.siteList(name)
		*list = slices.DeleteFunc(slices.Clone(*list), func(x entry) bool {
			return x.parent == id || strings.HasPrefix(x.parent, id+"/") || strings.HasSuffix(x.parent, "/"+id)
		})
	}
}

// withdraw removes a value from lists inside issues.
func (s *Server) withdraw(e entry, fields ...string) {
	for _, r := range s.store.all {
		for _, name := range fields {
			var list []json.RawMessage
			raw := r.raw(name)
			if !bytes.Contains(raw, e.raw) || json.Unmarshal(raw, &list) != nil {
				continue
			}
			list = slices.DeleteFunc(list, func(x json.RawMessage) bool { return bytes.Equal(x, e.raw) })
			r.set(name, append(append([]byte{'['}, bytes.Join(rawBytes(list), []byte{','})...), ']'))
			s.log(r, change{field: name, kind: "jira", id: name, from: e.id, fromText: e.name})
			s.touch(r)
		}
	}
}

func rawBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}
