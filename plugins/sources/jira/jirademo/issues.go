// Issues: who reported what, how it went on, how it ended. All of it follows from the seed.

package jirademo

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

// The first issues are of the beginning of 2016, the last eight years younger.
var start = time.Date(2016, 1, 4, 9, 0, 0, 0, time.UTC)

const span = 8 * 365 * 24 * time.Hour

type issue struct {
	id, num                               int
	project, theme                        string
	created, updated, resolved            time.Time
	kind, status, priority, resolution    string
	summary, description, environment     string
	labels, components, versions, fixedIn []string
	reporter                              prose.Person
	assignee                              *prose.Person
	thread                                []comment
	history                               []change
}

type comment struct {
	author prose.Person
	at     time.Time
	body   string
}

type change struct {
	author          prose.Person
	at              time.Time
	field, from, to string
}

// writer makes the issues of one project.
type writer struct {
	*prose.Writer
	end time.Time // of what has happened to the issue
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

func (s *server) invent(p Project, nth int) []*issue {
	theme := &prose.Themes()[hash(p.Key)%uint64(len(prose.Themes()))]
	step := span / time.Duration(max(p.Issues, 1))
	all := make([]*issue, p.Issues)
	for n := range all {
		random := rand.New(rand.NewPCG(s.Seed, hash(p.Key+strconv.Itoa(n))))
		w := &writer{Writer: &prose.Writer{Rand: random, Theme: theme, Project: p.Key, Num: n + 1, People: s.people}}
		created := start.Add(time.Duration(n)*step +
			time.Duration(random.Float64()*float64(step))).Truncate(time.Second)
		all[n] = w.issue(&issue{id: 12_000_000 + n*len(s.Projects) + nth, project: p.Key, theme: theme.Name, num: n + 1,
			created: created})
	}
	return all
}

func (w *writer) issue(i *issue) *issue {
	w.end = i.created
	i.kind = w.weighted("Bug", 52, "Improvement", 22, "New Feature", 8, "Task", 10, "Test", 8)
	i.priority = w.weighted("Major", 52, "Minor", 24, "Critical", 10, "Trivial", 7, "Blocker", 7)
	i.summary = w.Summary(i.kind)
	w.Title = i.summary
	i.status, i.reporter = "Open", w.someone()
	w.course(i)
	w.Fixed = i.resolution == "Fixed"
	w.discuss(i)
	i.description = w.Description(i.kind)
	if w.chance(0.3) {
		i.environment = w.Environment()
	}
	i.components = w.some(w.Theme.Components, 2)
	i.versions = w.some(prose.Versions(), 2)
	if w.Fixed {
		i.fixedIn = w.some(prose.Versions(), 1)
	}
	if w.chance(0.2) {
		i.labels = w.some([]string{"newbie", "performance", "regression", "flaky-test", "pull-request-available"}, 2)
	}
	i.updated = w.end
	if n := len(i.thread); n > 0 && i.thread[n-1].at.After(w.end) {
		i.updated = i.thread[n-1].at
	}
	i.updated = i.updated.Truncate(time.Second)
	return i
}

// course is what becomes of an issue: its history.
func (w *writer) course(i *issue) {
	if w.chance(0.75) {
		who := w.someone()
		i.assignee = &who
		w.changes(i, 0, "assignee", "", who.Display)
	}
	if w.chance(0.1) && i.priority != "Major" {
		w.changes(i, 0, "priority", "Major", i.priority)
	}
	if w.chance(0.22) {
		return // nobody has come to it yet
	}
	w.moves(i, "In Progress", 0)
	if w.chance(0.5) {
		w.moves(i, "Patch Available", 0)
	}
	if w.chance(0.15) {
		return
	}
	i.resolution = w.weighted("Fixed", 72, "Duplicate", 8, "Won't Fix", 8, "Cannot Reproduce", 5, "Invalid", 4,
		"Incomplete", 3)
	w.moves(i, "Resolved", 24*time.Hour)
	w.changes(i, 0, "resolution", "", i.resolution)
	i.resolved = w.end
	if w.chance(0.3) {
		w.moves(i, "Closed", 60*24*time.Hour)
	}
}

func (w *writer) moves(i *issue, status string, pause time.Duration) {
	w.changes(i, pause, "status", i.status, status)
	i.status = status
}

// changes notes a change, after a time that is mostly short and now and then long.
func (w *writer) changes(i *issue, pause time.Duration, field, from, to string) {
	hours := math.Exp(w.Rand.NormFloat64()*1.6 + 2)
	w.end = w.end.Add(pause + time.Duration(hours*float64(time.Hour))).Truncate(time.Millisecond)
	i.history = append(i.history, change{author: w.someone(), at: w.end, field: field, from: from, to: to})
}

// discuss writes the comments: a median of three, a tail beyond sixty.
func (w *writer) discuss(i *issue) {
	n := min(int(math.Exp(w.Rand.NormFloat64()*1.05+1.2)), 90)
	length := max(w.end.Sub(i.created), 36*time.Hour)
	times := make([]time.Time, n)
	for k := range times {
		x := w.Rand.Float64()
		times[k] = i.created.Add(time.Duration(x*x*float64(length)) + 20*time.Minute).Truncate(time.Millisecond)
	}
	slices.SortFunc(times, time.Time.Compare)
	for k, at := range times {
		c := comment{author: w.someone(), at: at}
		switch {
		case i.status != "Open" && w.chance(0.1):
			c.author, c.body = w.People[len(w.People)-2], w.PullRequest()
		case w.Fixed && k == n-1 && w.chance(0.4):
			c.author, c.body = w.People[len(w.People)-1], w.Build()
		default:
			c.body = w.Reply(k, n)
		}
		i.thread = append(i.thread, c)
	}
}

func (w *writer) chance(p float64) bool { return w.Rand.Float64() < p }

// someone is a person who is no bot; few people write most of it.
func (w *writer) someone() prose.Person {
	x := w.Rand.Float64()
	return w.People[int(x*x*float64(len(w.People)-2))]
}

// some returns at most so many of a list.
func (w *writer) some(list []string, most int) []string {
	all := slices.Clone(list)
	w.Rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:w.Rand.IntN(most+1)]
}

// weighted picks a name from pairs of name and weight, whose sum is 100.
func (w *writer) weighted(pairs ...any) string {
	n := w.Rand.IntN(100)
	for i := 0; ; i += 2 {
		if n -= pairs[i+1].(int); n < 0 {
			return pairs[i].(string)
		}
	}
}

// render is an issue as Jira sends it; short is with its created alone.
func (s *server) render(i *issue, short bool) any {
	out := map[string]any{"id": strconv.Itoa(i.id), "key": i.key()}
	if short {
		out["fields"] = map[string]any{"created": stamp(i.created)}
		return out
	}
	thread := s.renderComments(i)
	nothing := map[string]any{"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []any{}}
	fields := map[string]any{
		"summary": i.summary, "description": s.text(i.description), "environment": s.text(i.environment),
		"created": stamp(i.created), "updated": stamp(i.updated), "resolutiondate": nil,
		"resolution": named(i.resolution),
		"issuetype":  named(i.kind), "priority": named(i.priority), "status": s.status(i.status),
		"project": map[string]any{"id": s.projectID(i), "key": i.project, "name": i.theme},
		"labels":  slices.Concat([]string{}, i.labels), "components": allNamed(i.components),
		"versions": allNamed(i.versions), "fixVersions": allNamed(i.fixedIn),
		"reporter": s.user(&i.reporter), "creator": s.user(&i.reporter), "assignee": s.user(i.assignee),
		"comment":    map[string]any{"startAt": 0, "maxResults": len(thread), "total": len(thread), "comments": thread},
		"attachment": []any{}, "issuelinks": []any{}, "subtasks": []any{}, "worklog": nothing,
	}
	if !i.resolved.IsZero() {
		fields["resolutiondate"] = stamp(i.resolved)
	}
	out["fields"], out["changelog"] = fields, s.changelog(i)
	return out
}

func (s *server) projectID(i *issue) string {
	return strconv.Itoa(10_000 + slices.IndexFunc(s.Projects, func(p Project) bool { return p.Key == i.project }))
}

func (s *server) renderComments(i *issue) []any {
	all := []any{}
	for n, c := range i.thread {
		all = append(all, map[string]any{"id": strconv.Itoa(i.id*100 + n), "author": s.user(&c.author),
			"updateAuthor": s.user(&c.author),
			"body":         s.text(c.body), "created": stamp(c.at), "updated": stamp(c.at)})
	}
	return all
}

func (s *server) changelog(i *issue) any {
	histories := []any{}
	for n, c := range i.history {
		histories = append(histories, map[string]any{"id": strconv.Itoa(i.id*100 + n), "author": s.user(&c.author),
			"created": stamp(c.at),
			"items": []any{map[string]any{"field": c.field, "fieldtype": "jira", "fieldId": c.field, "from": nil,
				"fromString": maybe(c.from), "to": nil, "toString": maybe(c.to)}}})
	}
	if s.Cloud {
		slices.Reverse(histories) // newest first there
	}
	return map[string]any{"startAt": 0, "maxResults": len(histories), "total": len(histories), "histories": histories}
}

func maybe(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func named(name string) any {
	if name == "" {
		return nil
	}
	return map[string]any{"name": name}
}

func allNamed(names []string) []any {
	all := []any{}
	for _, n := range names {
		all = append(all, named(n))
	}
	return all
}

func (s *server) status(name string) any {
	category := map[string]string{"Open": "new", "Resolved": "done", "Closed": "done"}[name]
	if category == "" {
		category = "indeterminate"
	}
	return map[string]any{"name": name, "statusCategory": map[string]any{"key": category}}
}

// text is wiki markup, and a document on Cloud.
func (s *server) text(wiki string) any {
	switch {
	case wiki == "":
		return nil
	case s.Cloud:
		return json.RawMessage(prose.Document(wiki, s.people))
	}
	return wiki
}

func (s *server) user(p *prose.Person) any {
	switch {
	case p == nil:
		return nil
	case s.Cloud:
		return map[string]any{"accountId": p.Account, "displayName": p.Display, "active": !p.Gone,
			"accountType": "atlassian"}
	}
	return map[string]any{"name": p.Name, "key": p.Key, "displayName": p.Display, "active": !p.Gone}
}
