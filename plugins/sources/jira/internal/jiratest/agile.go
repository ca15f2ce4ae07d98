// Jira Software: boards, sprints and epics.

package jiratest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

type board struct {
	id      int64
	name    string
	kind    string // "scrum" or "kanban"; only the first has sprints
	project *project
}

type sprint struct {
	id          int64
	board       *board
	name, state string // of the states "future", "active" and "closed"
	start, end  time.Time
	complete    time.Time
	aim         string
}

// sprintField is the custom field that holds the sprints of an issue, and
// epicField the one that holds the key of its epic.
const (
	sprintField = "customfield_12311220"
	epicField   = "customfield_12311120"
)

// agileRoutes are below /rest/agile/1.0; both flavours have them.
func agileRoutes() []route {
	return []route{
		{"GET", "/board", (*call).boards},
		{"GET", "/board/{boardId}", (*call).oneBoard},
		{"GET", "/board/{boardId}/configuration", (*call).boardConfiguration},
		{"GET", "/board/{boardId}/sprint", (*call).boardSprints},
		{"GET", "/board/{boardId}/epic", (*call).boardEpics},
		{"GET", "/board/{boardId}/backlog", (*call).boardBacklog},
		{"GET", "/board/{boardId}/issue", (*call).boardIssues},
		{"GET", "/board/{boardId}/project", (*call).boardProjects},
		{"GET", "/sprint/{sprintId}", (*call).oneSprint},
		{"GET", "/sprint/{sprintId}/issue", (*call).sprintIssues},
		{"GET", "/epic/{epicIdOrKey}/issue", (*call).epicIssues},
	}
}

const agileRoot = site + "/rest/agile/1.0"

func (c *call) boardRaw(b *board) json.RawMessage {
	return fmt.Appendf(nil, `{"id":%d,"self":"%s/board/%d","name":%s,"type":"%s","location":{"projectId":%d,"displayName":%s,"projectName":%s,"projectKey":"%s","projectTypeKey":"software","name":%s}}`,
		b.id, agileRoot, b.id, quote(b.name), b.kind, b.project.id, quote(b.project.name+" ("+b.project.key+")"),
		quote(b.project.name), b.project.key, quote(b.project.name+" ("+b.project.key+")"))
}

func (c *call) sprintRaw(s *sprint) json.RawMessage {
	out := fmt.Appendf(nil, `{"id":%d,"self":"%s/sprint/%d","state":"%s","name":%s`, s.id, agileRoot, s.id, s.state,
		quote(s.name))
	for _, at := range []struct {
		name string
		time.Time
	}{{"startDate", s.start}, {"endDate", s.end}, {"completeDate", s.complete}} {
		if !at.IsZero() {
			out = fmt.Appendf(out, `,"%s":"%s"`, at.name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	return fmt.Appendf(out, `,"originBoardId":%d,"goal":%s}`, s.board.id, quote(s.aim))
}

func (c *call) epicRaw(r *record) json.RawMessage {
	return fmt.Appendf(nil, `{"id":%d,"key":"%s","self":"%s/epic/%d","name":%s,"summary":%s,"color":{"key":"color_4"},"done":%t}`,
		r.id, r.key(), agileRoot, r.id, quote(r.text("summary")), quote(r.text("summary")), r.done())
}

func (c *call) configurationRaw(b *board) json.RawMessage {
	return fmt.Appendf(nil, `{"id":%d,"name":%s,"type":"%s","self":"%s/board/%d/configuration","location":{"type":"project","key":"%s","id":"%d","self":"%s/project/%d","name":%s},"filter":{"id":"%d","self":"%s/filter/%d"},`+
		`"columnConfig":{"columns":[{"name":"To `+
		`Do","statuses":[{"id":"1","self":"%s/status/1"}]},{"name":"Done","statuses":[{"id":"5","self":"%s/status/5"},{"id":"6","self":"%s/status/6"}],"max":30}],"constraintType":"issueCount"},"ranking":{"rankCustomFieldId":12310420}}`,
		b.id, quote(b.name), b.kind, agileRoot, b.id, b.project.key, b.project.id, apiRoot, b.project.id,
		quote(b.project.name), 20_000+b.id, apiRoot, 20_000+b.id, apiRoot, apiRoot, apiRoot)
}

// done reports whether the status of an issue is a final one.
func (r *record) done() bool { return strings.Contains(string(r.raw("status")), `"key":"done"`) }

func (r *record) isEpic() bool { return valueOf(r.raw("issuetype")).Name == "Epic" }

// boardOf finds the board of the path.
func (c *call) boardOf() (*board, error) {
	id := c.r.PathValue("boardId")
	for _, b := range c.boardsSeen() {
		if decimal(b.id) == id {
			return b, nil
		}
	}
	return nil, messages(404, "Requested board cannot be viewed because it either does not exist or you do not "+
		"have permission to view it.")
}

// boardsSeen returns the boards of projects that the caller sees.
func (c *call) boardsSeen() []*board {
	var seen []*board
	for _, b := range c.server.store.boards {
		if c.who.sees && b.project.is(Live) {
			seen = append(seen, b)
		}
	}
	return seen
}

// sprintless is the 400 of a board without sprints, in the language of the site unless the caller
// requests English.
func (c *call) sprintless() error {
	text := "Das Board unterstützt keine Sprints."
	if c.r.Header.Get("X-Force-Accept-Language") == "true" &&
		strings.HasPrefix(c.r.Header.Get("Accept-Language"), "en") {
		text = "The board doesn't support sprints."
	}
	return messages(400, text)
}

// sprints writes the field of an issue: objects on Cloud; on Data Center the texts of Java objects
// with their hashes.
func (c *call) sprints(r *record) {
	if len(r.sprints) == 0 {
		c.out.WriteString("null")
		return
	}
	c.out.WriteByte('[')
	for i, s := range r.sprints {
		if i > 0 {
			c.out.WriteByte(',')
		}
		if c.cloud() {
			fmt.Fprintf(c.out, `{"id":%d,"name":%s,"state":"%s","boardId":%d,"goal":%s}`, s.id, quote(s.name), s.state,
				s.board.id, quote(s.aim))
			continue
		}
		hash := uint32(mix(c.sprintSeed(), uint64(s.id)))
		c.out.WriteString(quote(fmt.Sprintf(
			"com.atlassian.greenhopper.service.sprint.Sprint@%x[id=%d,rapidViewId=%d,state=%s,name=%s,"+
				"startDate=%s,endDate=%s,completeDate=%s,sequence=%d,goal=%s]",
			hash, s.id, s.board.id, strings.ToUpper(s.state), s.name, c.stampOr(s.start), c.stampOr(s.end),
			c.stampOr(s.complete), s.id, s.aim)))
	}
	c.out.WriteByte(']')
}

// sprintSeed changes the hash of a sprint on every fetch, if the quirk is on.
func (c *call) sprintSeed() uint64 {
	if c.server.options.Quirks.SprintHashes {
		return c.server.fetches.Add(1)
	}
	return 0
}

func (c *call) stampOr(t time.Time) string {
	if t.IsZero() {
		return "<null>"
	}
	return c.stamp(t)
}

// epicLink writes the key of the epic of an issue.
func (c *call) epicLink(r *record) {
	if r.epic == nil || !c.sees(r.epic) {
		c.out.WriteString("null")
		return
	}
	c.out.WriteString(strconv.Quote(r.epic.key()))
}
