// Status: the progress of a run.

package core

import (
	"errors"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Types of the progress.
type (
	// Snapshot is the progress of the run.
	Snapshot = pipeline.Snapshot
	// StreamProgress is the progress of a stream.
	StreamProgress = pipeline.StreamProgress
	// HTTPStats counts requests.
	HTTPStats = stats.Stats
	// HTTPHost counts the requests to one host.
	HTTPHost = stats.Host
	// ConnStats counts a plugin's connections to one address.
	ConnStats = dial.Stats
	// CacheStats counts what a cache saved.
	CacheStats = stats.Cache
	// Histogram counts durations.
	Histogram = stats.Histogram
	// Wait is a wait of the host: for a limit, or until a retry.
	Wait = stats.Wait
	// WaitStats sums up the waits with one cause.
	WaitStats = stats.Waits
	// SplitStatus is the status of a split.
	SplitStatus = checkpoint.Status
)

// The statuses of a split.
const (
	SplitOpen     = checkpoint.Open
	SplitFinished = checkpoint.Done
	SplitFailed   = checkpoint.Broken
	SplitLeft     = checkpoint.Skipped
)

// IsCrash reports whether err is the crash of a plugin's process.
func IsCrash(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

// Status is the progress of a run at one moment.
type Status struct {
	Snapshot
	Retries int `json:"retries"` // retries of splits
	// Writes is how long batches took to write, by sink; CommitTook is the same of commits.
	Writes     map[string]Histogram `json:"writes,omitempty"`
	CommitTook Histogram            `json:"commit_took,omitzero"`
	RollBacks  int                  `json:"roll_backs"`
	Commit     time.Time            `json:"commit,omitzero"` // last commit; zero: none yet
	Elapsed    time.Duration        `json:"elapsed_ns"`      // since this start
	HTTP       HTTPStats            `json:"http"`
	// Connections are those of plugins that use protocols other than HTTP.
	Connections []ConnStats `json:"connections,omitempty"`
	Waits       []Wait      `json:"waits,omitempty"` // current waits of the host
}

// Status returns the progress of the run. Any goroutine may call it at any time.
func (r *Run) Status() Status {
	s := Status{Snapshot: r.pipeline.Snapshot(), Elapsed: time.Since(r.started), HTTP: r.fetch.Stats(),
		Connections: r.dial.Stats()}
	r.seen.fill(&s)
	return s
}

// seen is a listener that sums up the events of a run.
type seen struct {
	mu        sync.Mutex
	retries   int
	rollBacks int
	commit    time.Time
	writes    map[string]*Histogram // by sink
	commits   Histogram
	waits     map[string]Wait // the latest by host and bucket
}

func newSeen() seen { return seen{writes: map[string]*Histogram{}, waits: map[string]Wait{}} }

func (s *seen) event(e observe.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case observe.SplitRetried:
		s.retries++
	case observe.RolledBack:
		s.rollBacks++
	case observe.Committed:
		s.commit = time.Now()
		s.commits.Add(e.Took)
	case observe.Written:
		h := s.writes[e.Stage]
		if h == nil {
			h = &Histogram{}
			s.writes[e.Stage] = h
		}
		h.Add(e.Took)
	case observe.Waited:
		s.waits[e.Host+" "+e.Bucket] = Wait(e)
	}
}

// fill adds the sums to a status, and forgets waits that are over.
func (s *seen) fill(out *Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Retries, out.RollBacks, out.Commit = s.retries, s.rollBacks, s.commit
	out.CommitTook = s.commits.Clone()
	out.Writes = make(map[string]Histogram, len(s.writes))
	for sink, h := range s.writes {
		out.Writes[sink] = h.Clone()
	}
	now := time.Now()
	for host, w := range s.waits {
		if w.Until.Before(now) {
			delete(s.waits, host)
			continue
		}
		out.Waits = append(out.Waits, w)
	}
}
