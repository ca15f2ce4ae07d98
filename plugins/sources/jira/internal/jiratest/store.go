// The store: projects and issues, and how they are found.

package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// store holds everything that is served. Callers hold mu: read-locked while rendering, locked while
// changing.
type store struct {
	mu       gate
	projects []*project
	all      []*record
	byID     map[int64]*record
	byKey    map[string]*record // current keys and the old keys of moved issues
	lastID   int64              // highest id ever given to an issue
	lastSub  int64              // highest id given to a part of an issue
	shelves  siteLists
	fields   []fieldInfo
	groups   []*group
	boards   []*board
	sprints  []*sprint
	// lastBoard and lastSprint are the highest ids ever given.
	lastBoard, lastSprint int64
	// lostWorklogs are the deleted ones, in the order of their deletion.
	lostWorklogs []event
}

type project struct {
	id      int64
	key     string
	name    string
	lastNum int
	raw     json.RawMessage // the project object inside an issue
	status  ProjectStatus
	detail  json.RawMessage // further properties of GET /project/{key}: "a":1,"b":2
}

// record is one issue. Fields keep their original order and bytes; a field without bytes is
// rendered from the parts below.
type record struct {
	id        int64
	project   *project
	num       int
	created   time.Time
	updated   time.Time
	fields    []field
	comments  []comment
	histories []history
	worklogs  []worklog
	links     []link
	parent    *record
	subtasks  []*record

	attachments []attachment
	remotes     []remoteLink
	voters      []*user
	watchers    []*user
	properties  []property
	sprints     []*sprint
	epic        *record

	archived bool
	hidden   bool // nobody may see it
	skipped  bool // searches count it but do not show it

	doc indexed    // what the index has, or will have
	was []outdated // what it had before, while it lags
}

// indexed is what the index stores of an issue for finding and ordering it.
type indexed struct {
	project *project
	num     int
	updated time.Time
}

// outdated is what the index has until a time.
type outdated struct {
	indexed
	until time.Time
}

func (r *record) now() indexed { return indexed{r.project, r.num, r.updated} }

// asOf returns what a lagging index has of an issue.
func (r *record) asOf(at time.Time) indexed {
	for _, w := range r.was {
		if at.Before(w.until) {
			return w.indexed
		}
	}
	return r.now()
}

type field struct {
	name string
	raw  json.RawMessage // nil: rendered live
}

type comment struct {
	id       int64
	author   json.RawMessage // nil: a deleted user
	updater  json.RawMessage
	body     string
	created  time.Time
	updated  time.Time
	original json.RawMessage // as loaded, until edited
}

type history struct {
	id       int64
	author   json.RawMessage
	created  time.Time
	items    []change
	original json.RawMessage
}

// change is one item of a history; an empty string renders as null.
type change struct {
	field, kind, id            string
	from, fromText, to, toText string
}

type worklog struct {
	id       int64
	author   json.RawMessage
	updater  json.RawMessage
	comment  string
	created  time.Time
	updated  time.Time
	started  time.Time
	seconds  int
	original json.RawMessage
}

type link struct {
	id      int64
	kind    linkType
	other   *record
	outward bool
}

func newStore() *store {
	return &store{byID: map[int64]*record{}, byKey: map[string]*record{}, shelves: siteLists{}, fields: issueFields(),
		lastID: 12_000_000, lastSub: 15_000_000}
}

func (r *record) key() string { return r.project.key + "-" + strconv.Itoa(r.num) }

// raw returns the stored bytes of a field, nil if there are none.
func (r *record) raw(name string) json.RawMessage {
	for i := range r.fields {
		if r.fields[i].name == name {
			return r.fields[i].raw
		}
	}
	return nil
}

// set stores the bytes of a field, adding the field if necessary.
func (r *record) set(name string, raw json.RawMessage) {
	for i := range r.fields {
		if r.fields[i].name == name {
			r.fields[i].raw = raw
			return
		}
	}
	r.fields = append(r.fields, field{name, raw})
}

// text returns the field's value for people: the string itself, or the name of an object, or "".
func (r *record) text(name string) string { return textOf(r.raw(name)) }

func textOf(raw json.RawMessage) string {
	v := valueOf(raw)
	return cmp.Or(v.DisplayName, v.Name, v.Value, v.text)
}

// value identifies a field's value in JQL and in histories.
type value struct {
	ID, Key, AccountID, Name, DisplayName, Value string
	text                                         string // of a plain string
}

func valueOf(raw json.RawMessage) value {
	var v value
	if len(raw) == 0 || json.Unmarshal(raw, &v.text) == nil {
		return v
	}
	if json.Unmarshal(raw, &v) != nil {
		return value{} // a list or a number has no name
	}
	return v
}

// called reports whether the value has this name.
func (v value) called(name string) bool {
	return slices.ContainsFunc([]string{v.ID, v.Key, v.AccountID, v.Name, v.DisplayName, v.Value, v.text},
		func(own string) bool {
			return own != "" && strings.EqualFold(own, name)
		})
}

func (s *store) add(r *record) {
	r.doc = r.now()
	s.all = append(s.all, r)
	s.byID[r.id] = r
	s.byKey[r.key()] = r
	s.lastID = max(s.lastID, r.id)
	r.project.lastNum = max(r.project.lastNum, r.num)
}

func (s *store) remove(r *record) {
	delete(s.byID, r.id)
	for key, at := range s.byKey {
		if at == r {
			delete(s.byKey, key)
		}
	}
	s.all = slices.DeleteFunc(s.all, func(x *record) bool { return x == r })
	for _, other := range s.all {
		other.links = slices.DeleteFunc(other.links, func(l link) bool { return l.other == r })
		other.subtasks = slices.DeleteFunc(other.subtasks, func(x *record) bool { return x == r })
		if other.parent == r {
			other.parent = nil
		}
		if other.epic == r {
			other.epic = nil
		}
	}
}

// find looks an issue up by id or by current or former key.
func (s *store) find(idOrKey string) *record {
	if id, err := strconv.ParseInt(idOrKey, 10, 64); err == nil {
		return s.byID[id]
	}
	return s.byKey[strings.ToUpper(idOrKey)]
}

// projectNamed finds a project by key, id or name, as JQL does.
func (s *store) projectNamed(name string) *project {
	for _, p := range s.projects {
		if strings.EqualFold(p.key, name) || strconv.FormatInt(p.id, 10) == name {
			return p
		}
	}
	for _, p := range s.projects {
		if strings.EqualFold(p.name, name) {
			return p
		}
	}
	return nil
}

func (s *store) nextSub() int64 {
	s.lastSub++
	return s.lastSub
}

// splitKey cuts an issue key into project and number.
func splitKey(key string) (string, int, error) {
	project, digits, ok := strings.Cut(key, "-")
	num, err := strconv.Atoi(digits)
	if !ok || err != nil || project == "" {
		return "", 0, fmt.Errorf("issue key %q: want PROJECT-123", key)
	}
	return project, num, nil
}
