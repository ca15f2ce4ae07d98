// Random histories: one change after the other, chosen by a random source.

package jiratest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Mutate makes one random change, mostly of an issue and sometimes of the site, and returns its
// description: "comment ALPHA-3". The same server and random source give the same history. If a
// change turns out impossible, such as the end of a sprint that does not exist, it tries another.
func (s *Server) Mutate(rng *rand.Rand) string {
	if rng.IntN(6) == 0 {
		return s.mutate(rng, siteMutations())
	}
	return s.mutate(rng, issueMutations())
}

// MutateIssue is Mutate without changes of the site, so that the keys of projects stay as they are.
func (s *Server) MutateIssue(rng *rand.Rand) string { return s.mutate(rng, issueMutations()) }

func (s *Server) mutate(rng *rand.Rand, table []mutation) string {
	for range 1000 {
		m := &mutator{Server: s, rng: rng}
		if !m.look() {
			break // there is nothing to change
		}
		row := table[rng.IntN(len(table))]
		if done, err := row.do(m); err == nil {
			return row.name + " " + done
		}
	}
	key, err := s.Create("FIRST", map[string]any{"summary": "the first"})
	if err != nil {
		panic(err) // it names no value
	}
	return "create " + key
}

// mutator makes one change. It looks at the store first and then calls the same methods as a test.
type mutator struct {
	*Server
	rng *rand.Rand

	keys, projects, people []string
	children               map[string][]string // ids by kind, of the first issue
	shelved                map[string][]string // ids by list
	boards, sprints        []string
	groups                 []string
}

type mutation struct {
	name string
	do   func(*mutator) (string, error)
}

// look records what exists; the first of keys is the issue to change.
func (m *mutator) look() bool {
	m.store.mu.RLock()
	defer m.store.mu.RUnlock()
	if len(m.store.all) == 0 {
		return false
	}
	for range 3 {
		m.keys = append(m.keys, m.store.all[m.rng.IntN(len(m.store.all))].key())
	}
	r := m.store.find(m.keys[0])
	m.children = map[string][]string{}
	for _, c := range r.comments {
		m.children["comment"] = append(m.children["comment"], decimal(c.id))
	}
	for _, w := range r.worklogs {
		m.children["worklog"] = append(m.children["worklog"], decimal(w.id))
	}
	for _, a := range r.attachments {
		m.children["attachment"] = append(m.children["attachment"], decimal(a.id))
	}
	for _, l := range r.links {
		m.children["link"] = append(m.children["link"], decimal(l.id))
	}
	for _, l := range r.remotes {
		m.children["remote"] = append(m.children["remote"], decimal(l.id))
	}
	for _, p := range r.properties {
		m.children["property"] = append(m.children["property"], p.key)
	}
	m.lookAround()
	return true
}

func (m *mutator) lookAround() {
	for _, p := range m.store.projects {
		m.projects = append(m.projects, p.key)
	}
	for _, u := range m.Server.people[1:] {
		m.people = append(m.people, u.name)
	}
	for _, b := range m.store.boards {
		m.boards = append(m.boards, decimal(b.id))
	}
	for _, x := range m.store.sprints {
		m.sprints = append(m.sprints, decimal(x.id))
	}
	for _, g := range m.store.groups {
		m.groups = append(m.groups, g.name)
	}
	m.shelved = map[string][]string{}
	for _, name := range append(siteListNames(), "statuses", "priorities", "issue_types", "resolutions") {
		if name == "audit_records" || name == "roles" {
			continue
		}
		for _, e := range *m.siteList(name) {
			m.shelved[name] = append(m.shelved[name], e.id)
		}
	}
}

// one picks from a list; "" if it is empty, which no change accepts.
func (m *mutator) one(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[m.rng.IntN(len(list))]
}

// list picks the name of a list that has entries.
func (m *mutator) list() string {
	var names []string
	for name := range m.shelved {
		names = append(names, name)
	}
	slices.Sort(names)
	return m.one(names)
}

// word returns a new text.
func (m *mutator) word() string { return fmt.Sprintf("word %06x", m.rng.IntN(1<<24)) }

func (m *mutator) flip() bool { return m.rng.IntN(2) == 0 }

// hour returns a duration between one minute and nine hours.
func (m *mutator) hour() time.Duration { return time.Duration(1+m.rng.IntN(540)) * time.Minute }
