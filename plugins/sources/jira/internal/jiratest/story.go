// The story of a synthetic issue: who reported what, how it continued, how it ended.

package jiratest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// story has what the fields, comments and histories of an issue agree on.
type story struct {
	kind, priority     string
	status, resolution string
	reporter, assignee *user
	resolved           time.Time
	end                time.Time // of the last event
	reviewed           bool      // there was a pull request
}

// story decides the course of an issue and writes its histories.
func (g *generator) story(r *record) *story {
	s := &story{kind: weighted(g, "Bug", 52, "Improvement", 22, "New Feature", 8, "Task", 10, "Test", 8),
		priority: weighted(g, "Major", 52, "Minor", 24, "Critical", 10, "Trivial", 7, "Blocker", 7),
		status:   "Open", reporter: g.someone(), end: r.created}
	g.text.Title = g.text.Summary(s.kind)
	if g.chance(0.75) {
		s.assignee = g.someone()
	}
	g.triage(r, s)
	if g.chance(0.22) {
		return s // nobody has worked on it yet
	}
	g.step(r, s, "In Progress", 0)
	if g.chance(0.5) {
		s.reviewed = true
		g.step(r, s, "Patch Available", 0)
	}
	if g.chance(0.15) {
		return s
	}
	g.resolve(r, s)
	if g.chance(0.06) {
		g.step(r, s, "Reopened", 0)
		g.resolve(r, s)
	}
	if g.chance(0.3) {
		g.step(r, s, "Closed", 60*24*time.Hour)
	}
	return s
}

// weighted picks a name by weight from pairs of name and weight.
func weighted(g *generator, pairs ...any) string {
	total := 0
	for i := 1; i < len(pairs); i += 2 {
		total += pairs[i].(int)
	}
	n := g.rng.IntN(total)
	for i := 0; ; i += 2 {
		if n -= pairs[i+1].(int); n < 0 {
			return pairs[i].(string)
		}
	}
}

// pause advances the story by a time that is mostly short and sometimes long.
func (g *generator) pause(s *story, scale time.Duration) time.Time {
	hours := math.Exp(g.rng.NormFloat64()*1.6 + 2)
	s.end = s.end.Add(scale + time.Duration(hours*float64(time.Hour))).Truncate(time.Millisecond)
	return s.end
}

func (g *generator) record(r *record, at time.Time, author json.RawMessage, items ...change) {
	r.histories = append(r.histories, history{id: g.server.store.nextSub(), author: author, created: at, items: items})
}

// triage changes type, priority, labels, assignee and the like.
func (g *generator) triage(r *record, s *story) {
	c := g.server.catalog
	if s.assignee != nil {
		g.record(r, g.pause(s, 0), g.author(g.someone()),
			change{field: "assignee", kind: "jira", id: "assignee", to: s.assignee.key, toText: s.assignee.display})
	}
	if g.chance(0.15) {
		was := must(c.priorities, "Major")
		now := must(c.priorities, s.priority)
		if was.id != now.id {
			g.record(r, g.pause(s, 0), g.author(g.someone()),
				change{"priority", "jira", "priority", was.id, was.name, now.id, now.name})
		}
	}
	if g.chance(0.06) {
		was, now := must(c.types, "Task"), must(c.types, s.kind)
		if was.id != now.id {
			g.record(r, g.pause(s, 0), g.author(g.someone()),
				change{"issuetype", "jira", "issuetype", was.id, was.name, now.id, now.name})
		}
	}
	if g.chance(0.1) {
		g.record(r, g.pause(s, 0), nil, change{field: "RemoteIssueLink", kind: "jira",
			toText: fmt.Sprintf("This issue links to \"GitHub Pull Request #%d\"", 100+r.num)})
	}
}

// step changes the status.
func (g *generator) step(r *record, s *story, to string, scale time.Duration) {
	g.transition(r, s, to, g.pause(s, scale))
}

func (g *generator) transition(r *record, s *story, to string, at time.Time, more ...change) {
	was, now := must(g.server.catalog.statuses, s.status), must(g.server.catalog.statuses, to)
	items := append([]change{{"status", "jira", "status", was.id, was.name, now.id, now.name}}, more...)
	g.record(r, at, g.author(g.someone()), items...)
	s.status = to
	if to == "Reopened" {
		s.resolution, s.resolved = "", time.Time{}
	}
}

func (g *generator) resolve(r *record, s *story) {
	s.resolution = weighted(g, "Fixed", 72, "Duplicate", 8, "Won't Fix", 8, "Cannot Reproduce", 5, "Invalid", 4,
		"Incomplete", 3)
	e := must(g.server.catalog.resolutions, s.resolution)
	at := g.pause(s, 24*time.Hour)
	g.transition(r, s, "Resolved", at, change{field: "resolution", kind: "jira", id: "resolution", to: e.id,
		toText: e.name})
	s.resolved = at
}

// discussion writes the comments: three in the median, sometimes more than sixty.
func (g *generator) discussion(r *record, s *story) {
	n := min(int(math.Exp(g.rng.NormFloat64()*1.05+1.2)), 90)
	g.text.Fixed = s.resolution == "Fixed"
	span := max(s.end.Sub(r.created), 36*time.Hour)
	times := make([]time.Time, n)
	for i := range times {
		x := g.rng.Float64()
		times[i] = r.created.Add(time.Duration(x * x * float64(span))).Add(20 * time.Minute).Truncate(time.Millisecond)
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times {
		r.comments = append(r.comments, g.comment(s, at, i, n))
	}
}

func (g *generator) comment(s *story, at time.Time, i, n int) comment {
	u, body := g.someone(), ""
	switch {
	case s.reviewed && g.chance(0.2):
		u, body = g.bot("githubbot"), g.text.PullRequest()
	case s.status == "Resolved" && i == n-1 && g.chance(0.4):
		u, body = g.bot("hudson"), g.text.Build()
	default:
		body = g.text.Reply(i, n)
	}
	c := comment{id: g.server.store.nextSub(), author: g.author(u), updater: u.raw, body: body, created: at,
		updated: at}
	if g.chance(0.08) {
		c.updated = at.Add(time.Duration(1+g.rng.IntN(90)) * time.Minute)
	}
	return c
}

func (g *generator) bot(name string) *user {
	i := slices.IndexFunc(g.server.people, func(u *user) bool { return u.name == name })
	return g.server.people[i]
}

// work logs time on a few issues, on some more often than is embedded.
func (g *generator) work(r *record, s *story) {
	if s.assignee == nil || !g.chance(0.05) {
		return
	}
	n := 1 + g.rng.IntN(5)
	if g.chance(0.1) {
		n = embeddedWorklogs + g.rng.IntN(30)
	}
	at := r.created
	for range n {
		at = at.Add(time.Duration(1+g.rng.IntN(30)) * time.Hour)
		seconds := (1 + g.rng.IntN(16)) * 30 * 60
		r.worklogs = append(r.worklogs, worklog{id: g.server.store.nextSub(), author: s.assignee.raw,
			updater: s.assignee.raw, comment: g.text.Sentence(),
			created: at, started: at.Add(-time.Duration(seconds) * time.Second), seconds: seconds})
	}
}
