// Status: how far a run is, for whoever watches it.

package core

import (
	"errors"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
)

// What the pipeline says of itself while it runs.
type (
	// Event is something that happened.
	Event = pipeline.Event
	// EventKind says what happened.
	EventKind = pipeline.Kind
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

// The kinds of events.
const (
	RunStarted   = pipeline.RunStarted
	PlanRetried  = pipeline.PlanRetried
	Planned      = pipeline.Planned
	SplitDone    = pipeline.SplitDone
	SplitRetried = pipeline.SplitRetried
	SplitBroken  = pipeline.SplitBroken
	SplitSkipped = pipeline.SplitSkipped
	PluginLost   = pipeline.PluginLost
	RolledBack   = pipeline.RolledBack
	Committed    = pipeline.Committed
	RunEnded     = pipeline.RunEnded
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
	Elapsed time.Duration `json:"elapsed_ns"` // of this start
	HTTP    HTTPStats     `json:"http"`
	// Connections are those of plugins that speak something else than HTTP.
	Connections []ConnStats `json:"connections,omitempty"`
	Waits       []Wait      `json:"waits,omitempty"` // what the host waits for now
}

// Status returns how far the run is. It may be called at any time, by any goroutine.
func (r *Run) Status() Status {
	return Status{Snapshot: r.pipeline.Snapshot(), Elapsed: time.Since(r.started), HTTP: r.fetch.Stats(), Connections: r.dial.Stats(), Waits: r.waiting()}
}

// wait notes what the host waits for, one wait a host: the newest.
func (r *Run) wait(w stats.Wait) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits[w.Host+" "+w.Bucket] = w
}

// waiting returns the waits that are not over.
func (r *Run) waiting() []Wait {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []Wait
	for host, w := range r.waits {
		if w.Until.Before(now) {
			delete(r.waits, host)
			continue
		}
		out = append(out, w)
	}
	return out
}
