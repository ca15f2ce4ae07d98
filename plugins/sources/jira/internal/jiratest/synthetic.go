// Synthetic projects: issues that look like those of a large public Jira, derived from a seed. The
// same seed and specification give the same bytes.

package jiratest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// Synthetic says what Generate makes.
type Synthetic struct {
	Projects []Project
	// HugeComment is the size in bytes of one very long comment on the first
	// issue of each project; 0 means none.
	HugeComment int
	// Start is when the first issue was created. Zero means 4 January 2016.
	Start time.Time
	// Span is the time from the first to the last issue. 0 means eight years.
	Span time.Duration
}

// Project is one project to make.
type Project struct {
	Key    string
	Name   string  // "" means a name made from the theme
	Issues int     // how many
	Gaps   float64 // share of unused numbers, as deletions leave them
}

// Generate adds synthetic issues. The text of an issue depends on the seed, the project key and its
// number; ids and links also depend on what was generated before.
func (s *Server) Generate(spec Synthetic) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if spec.Start.IsZero() {
		spec.Start = time.Date(2016, 1, 4, 9, 0, 0, 0, time.UTC)
	}
	if spec.Span == 0 {
		spec.Span = 8 * 365 * 24 * time.Hour
	}
	base, stride := s.store.lastID+1, int64(len(spec.Projects)+1)
	for i, p := range spec.Projects {
		g := s.generator(p)
		g.plan(spec)
		g.grow(spec, p, base+int64(i), stride)
	}
}

// generator makes the issues of one project.
type generator struct {
	server  *Server
	project *project
	theme   *prose.Theme
	shared  sharedParts
	rng     *rand.Rand // of the current issue
	text    *prose.Writer
	made    []*record
	sprints []*sprint // of the project
	epics   []*record
}

// sharedParts are the values that all issues of a project share.
type sharedParts struct {
	components, versions []json.RawMessage
	null, empty          json.RawMessage
}

func (s *Server) generator(spec Project) *generator {
	seed := s.options.Seed ^ hashText(spec.Key)
	th := &prose.Themes()[hashText(spec.Key)%uint64(len(prose.Themes()))]
	if spec.Name == "" {
		spec.Name = th.Name
	}
	g := &generator{server: s, theme: th, rng: rand.New(rand.NewPCG(seed, 0))}
	g.project = s.projectOf(spec.Key, nil)
	g.project.name = spec.Name
	g.project.raw = g.project.render()
	g.project.detail = fmt.Appendf(nil, `"description":%s,"lead":%s`, quote(th.About), s.people[0].raw)
	g.shared = sharedParts{null: json.RawMessage("null"), empty: json.RawMessage("[]")}
	for i, name := range th.Components {
		id := g.project.id*1000 + int64(i)
		raw := fmt.Appendf(nil, `{"self":"%s/component/%d","id":"%d","name":%s}`, apiRoot, id, id, quote(name))
		g.shared.components = append(g.shared.components, s.offer("project_components", g.project, id, name, raw))
	}
	for i, name := range prose.Versions() {
		id := g.project.id*1000 + 500 + int64(i)
		raw := fmt.Appendf(nil, `{"self":"%s/version/%d","id":"%d","name":"%s","archived":false,"released":%t}`,
			apiRoot, id, id, name, i < 8)
		g.shared.versions = append(g.shared.versions, s.offer("project_versions", g.project, id, name, raw))
	}
	return g
}

func (g *generator) grow(spec Synthetic, p Project, firstID, stride int64) {
	step := spec.Span / time.Duration(max(p.Issues, 1))
	num := g.project.lastNum
	for i := range p.Issues {
		num++
		g.seed(num)
		for g.rng.Float64() < p.Gaps {
			num++
			g.seed(num)
		}
		at := spec.Start.Add(time.Duration(i)*step + time.Duration(g.rng.Float64()*float64(step)))
		r := &record{id: firstID + int64(num)*stride, project: g.project, num: num, created: at.Truncate(time.Second)}
		g.issue(r)
		if i == 0 && spec.HugeComment > 0 {
			g.huge(r, spec.HugeComment)
		}
		g.server.store.add(r)
		g.made = append(g.made, r)
	}
}

// seed resets the random numbers for an issue, so that an issue does not depend on those before it.
func (g *generator) seed(num int) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s-%d", g.project.key, num)
	g.rng = rand.New(rand.NewPCG(g.server.options.Seed, h.Sum64()))
	g.text = &prose.Writer{Rand: g.rng, Theme: g.theme, Project: g.project.key, Num: num, People: g.server.persons}
}

// chance returns true with probability p.
func (g *generator) chance(p float64) bool { return g.rng.Float64() < p }

// someone returns a person who is not a bot.
func (g *generator) someone() *user {
	humans := len(g.server.people) - 2
	// Squared, so that few people write most of it, as in real projects.
	x := g.rng.Float64()
	return g.server.people[int(x*x*float64(humans))]
}

// author returns the author of a text; sometimes the account is deleted.
func (g *generator) author(u *user) json.RawMessage {
	if g.chance(0.01) {
		return nil
	}
	return u.raw
}

// issue fills a record: its story first, then the fields that depend on it.
func (g *generator) issue(r *record) {
	story := g.story(r)
	g.discussion(r, story)
	g.work(r, story)
	r.updated = r.created
	for _, c := range r.comments {
		r.updated = later(r.updated, c.updated)
	}
	for _, h := range r.histories {
		r.updated = later(r.updated, h.created)
	}
	for _, w := range r.worklogs {
		r.updated = later(r.updated, w.created)
	}
	r.updated = r.updated.Truncate(time.Second)
	if g.chance(0.06) { // a bulk change long after: many issues share one second
		r.updated = bulkChange(r.updated)
	}
	g.relate(r, story)
	g.children(r, story)
	r.fields = g.fields(r, story)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// bulkChange returns the next first of a quarter, at one fixed second.
func bulkChange(t time.Time) time.Time {
	month := (t.Month()-1)/3*3 + 4
	return time.Date(t.Year(), month, 1, 3, 17, 42, 0, time.UTC)
}

// relate links the issue to earlier ones of its project.
func (g *generator) relate(r *record, s *story) {
	if len(g.made) == 0 {
		return
	}
	earlier := func() *record { return g.made[max(0, len(g.made)-1-g.rng.IntN(min(len(g.made), 200)))] }
	duplicate := s.resolution == "Duplicate"
	if duplicate || g.chance(0.12) {
		other, kind := earlier(), g.server.catalog.linkTypes[g.rng.IntN(4)]
		if duplicate {
			kind = g.server.catalog.linkTypes[0]
		}
		id := g.server.store.nextSub()
		r.links = append(r.links, link{id, kind, other, true})
		other.links = append(other.links, link{id, kind, r, false})
	}
	if g.chance(0.08) {
		if parent := earlier(); parent.parent == nil && parent.raw("parent") == nil {
			r.parent = parent
			parent.subtasks = append(parent.subtasks, r)
		}
	}
}

// huge adds one very long comment, such as a pasted log.
func (g *generator) huge(r *record, size int) {
	g.seed(r.num)
	body := []byte("Full log of the failed run:\n{noformat}\n")
	for len(body) < size {
		body = append(body, g.text.LogLine()...)
		body = append(body, '\n')
	}
	body = append(body[:max(size-len("{noformat}"), 0)], "{noformat}"...)
	u := g.someone()
	at := r.created.Add(time.Hour)
	r.comments = slices.Insert(r.comments, 0,
		comment{id: g.server.store.nextSub(), author: u.raw, updater: u.raw, body: string(body), created: at,
			updated: at})
	r.updated = later(r.updated, at)
}
