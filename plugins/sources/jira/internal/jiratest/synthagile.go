// The boards and sprints of a synthetic project, and the positions of its issues on them.

package jiratest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// closedSprints is the number of closed sprints of a project.
const closedSprints = 10

// plan makes a board with sprints and one without.
func (g *generator) plan(spec Synthetic) {
	b := g.server.addBoard(g.project, g.project.key+" board", "scrum")
	g.server.addBoard(g.project, g.project.key+" support", "kanban")
	step := spec.Span / (closedSprints + 2)
	for i := range closedSprints + 2 {
		state := "closed"
		if i >= closedSprints {
			state = []string{"active", "future"}[i-closedSprints]
		}
		s := g.server.addSprint(b, fmt.Sprintf("%s Sprint %d", g.project.key, i+1), state)
		if s.aim = "Make it faster"; i%3 == 0 {
			s.aim = ""
		}
		if state != "future" {
			s.start = spec.Start.Add(time.Duration(i) * step).Truncate(time.Second)
			s.end = s.start.Add(14 * 24 * time.Hour)
		}
		if state == "closed" {
			s.complete = s.end.Add(time.Hour)
		}
		g.sprints = append(g.sprints, s)
	}
}

// schedule makes a few issues epics and puts others into epics and sprints.
func (g *generator) schedule(r *record, s *story, rng *rand.Rand) {
	if r.parent == nil && rng.IntN(60) == 0 {
		s.kind = "Epic"
		g.epics = append(g.epics, r)
		return
	}
	if len(g.epics) > 0 && rng.IntN(5) == 0 {
		r.epic = g.epics[rng.IntN(len(g.epics))]
	}
	if rng.IntN(4) > 0 {
		return
	}
	for range 1 + rng.IntN(2) {
		if x := g.sprints[rng.IntN(closedSprints)]; len(r.sprints) == 0 || r.sprints[0].id < x.id {
			r.sprints = append(r.sprints, x)
		}
	}
	if s.resolution == "" && rng.IntN(2) == 0 {
		r.sprints = append(r.sprints, g.sprints[closedSprints+rng.IntN(2)])
	}
}
