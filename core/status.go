// Status: how far a run is, for whoever watches it.

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

// What the pipeline says of itself while it runs.
type (
	// Snapshot is how far the run is.
	Snapshot = pipeline.Snapshot
	// StreamProgress is how far a stream is.
	StreamProgress = pipeline.StreamProgress
	// HTTPStats is what was requested.
	HTTPStats = stats.Stats
	// HTTPHost is what was requested of one host.
	HTTPHost = stats.Host
	// ConnStats is what a plugin's connections to one address were.
	ConnStats = dial.Stats
	// CacheStats is what a cache saved.
	CacheStats = stats.Cache
	// Wait is something that the host waits for: a limit, the time until a retry.
	Wait = stats.Wait
	// WaitStats sums up waits of one cause.
	WaitStats = stats.Waits
	// SplitStatus says how far a split is.
	SplitStatus = checkpoint.Status
)

// The statuses of a split.
const (
	SplitOpen     = checkpoint.Open
	SplitFinished = checkpoint.Done
	SplitFailed   = checkpoint.Broken
	SplitLeft     = checkpoint.Skipped
)

// IsCrash reports whether err says that a plugin's process died.
func IsCrash(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

// Status is how far a run is at one moment.
type Status struct {
	Snapshot
	Retries   int           `json:"retries"` // of splits
	RollBacks int           `json:"roll_backs"`
	Commit    time.Time     `json:"commit,omitzero"` // the last one; zero: none yet
	Elapsed   time.Duration `json:"elapsed_ns"`      // of this start
	HTTP      HTTPStats     `json:"http"`
	// Connections are those of plugins that speak something else than HTTP.
	Connections []ConnStats `json:"connections,omitempty"`
	Waits       []Wait      `json:"waits,omitempty"` // what the host waits for now
}

// Status returns how far the run is. It may be called at any time, by any goroutine.
func (r *Run) Status() Status {
	s := Status{Snapshot: r.pipeline.Snapshot(), Elapsed: time.Since(r.started), HTTP: r.fetch.Stats(),
		Connections: r.dial.Stats()}
	r.seen.fill(&s)
	return s
}

// seen is what the events of a run come to. It is a listener.
type seen struct {
	mu        sync.Mutex
	retries   int
	rollBacks int
	commit    time.Time
	waits     map[string]Wait // the newest of each host and bucket
}

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
	case observe.Waited:
		s.waits[e.Host+" "+e.Bucket] = Wait(e)
	}
}

// fill takes it all into a status; waits that are over are forgotten.
func (s *seen) fill(out *Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Retries, out.RollBacks, out.Commit = s.retries, s.rollBacks, s.commit
	now := time.Now()
	for host, w := range s.waits {
		if w.Until.Before(now) {
			delete(s.waits, host)
			continue
		}
		out.Waits = append(out.Waits, w)
	}
}
