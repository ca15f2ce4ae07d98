// Suite: the checks of one plugin in their order, and what came of each.

package plugintest

import (
	"context"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// Status is what came of a check.
type Status string

// All of them.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	NotRun  Status = "not run" // one before it failed that it builds on
)

// Result is a check and what came of it.
type Result struct {
	Check    string              `json:"check"`
	Doc      string              `json:"doc"`     // what must hold
	Promise  conformance.Promise `json:"promise"` // which a plugin breaks that fails it
	Status   Status              `json:"status"`
	Messages []string            `json:"messages,omitempty"` // what went wrong, or why it was skipped
	Notes    []string            `json:"notes,omitempty"`
	Took     time.Duration       `json:"took_ns"`
}

// bases are the checks that others build on: they are run even where they were not asked for.
var bases = []string{"handshake", "plan", "read", "transform"}

// suite runs checks and keeps their results.
type suite struct {
	root   *test
	checks []conformance.Check
	Plan
	results []Result
}

func newSuite(ctx context.Context, p Plan) *suite {
	s := &suite{Plan: p, checks: Checks(p.Info.Kind)}
	s.root = &test{ctx: ctx, suite: s}
	s.root.check = s.root
	return s
}

// wanted reports whether a check is to be run.
func (s *suite) wanted(name string) bool {
	return len(s.Only) == 0 || slices.Contains(s.Only, name) || slices.Contains(bases, name)
}

// run runs one check. One that is not wanted counts as passed.
func (s *suite) run(name string, f func(conformance.T)) bool {
	if !s.wanted(name) || s.root.ctx.Err() != nil {
		return s.root.ctx.Err() == nil
	}
	t := &test{ctx: s.root.ctx, suite: s}
	t.check = t
	started := time.Now()
	t.do(f)
	r := s.blank(name)
	r.Status, r.Messages, r.Notes, r.Took = Passed, t.messages, t.notes, time.Since(started)
	switch {
	case t.failed:
		r.Status = Failed
	case t.skipped:
		r.Status = Skipped
	}
	s.keep(r)
	return !t.failed
}

func (s *suite) blank(name string) Result {
	r := Result{Check: name}
	if i := slices.IndexFunc(s.checks, func(c conformance.Check) bool { return c.Name == name }); i >= 0 {
		r.Doc, r.Promise = s.checks[i].Doc, s.checks[i].Promise
	}
	return r
}

func (s *suite) keep(r Result) {
	s.results = append(s.results, r)
	if s.Done != nil {
		s.Done(r)
	}
}

// end adds the checks that were wanted and did not come to their turn.
func (s *suite) end() []Result {
	for _, c := range s.checks {
		ran := slices.ContainsFunc(s.results, func(r Result) bool { return r.Check == c.Name })
		if !ran && s.wanted(c.Name) {
			r := s.blank(c.Name)
			r.Status, r.Messages = NotRun, []string{"a check that it needs has failed"}
			s.keep(r)
		}
	}
	return s.results
}
