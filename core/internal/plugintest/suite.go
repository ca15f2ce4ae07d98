// Suite: the checks of one plugin in order, with their results.

package plugintest

import (
	"context"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// Status is the status of a check.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	NotRun  Status = "not run" // a check that it depends on failed
)

// Result is the result of a check.
type Result struct {
	Check    string              `json:"check"`
	Doc      string              `json:"doc"`     // the tested rule
	Promise  conformance.Promise `json:"promise"` // the promise that a failing plugin breaks
	Status   Status              `json:"status"`
	Messages []string            `json:"messages,omitempty"` // errors, or the reason for skipping
	Notes    []string            `json:"notes,omitempty"`
	Took     time.Duration       `json:"took_ns"`
}

// bases are checks that others depend on. They always run.
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

// wanted reports whether a check was requested.
func (s *suite) wanted(name string) bool {
	return len(s.Only) == 0 || slices.Contains(s.Only, name) || slices.Contains(bases, name)
}

// run runs one check. A check that was not requested counts as passed.
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

// end adds the requested checks that did not run.
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
