// Package stats counts what a host was asked and what came of it, for the live view and the report.
package stats

import (
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/cache"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

// Stats is what was counted of all hosts, in the order of their names.
type Stats struct {
	Hosts []Host `json:"hosts"`
}

// Host is what was counted of one host. Each attempt counts as a request. Bytes are those of
// bodies.
type Host struct {
	Host     string           `json:"host"`
	Requests int64            `json:"requests"`
	Status   map[int]int64    `json:"status,omitempty"`  // replies by status
	Errors   map[string]int64 `json:"errors,omitempty"`  // attempts that ended without a whole reply, by cause
	Retries  map[string]int64 `json:"retries,omitempty"` // by cause: "503", "timeout", "reset"
	// by cause: "pause", "rate", "concurrency", "backoff", "down", "retry budget"
	Waits        map[string]Waits `json:"waits,omitempty"`
	BytesOut     int64            `json:"bytes_out"`
	BytesIn      int64            `json:"bytes_in"`            // as they travelled
	BytesDecoded int64            `json:"bytes_decoded"`       // as they were handed on
	Connections  int64            `json:"connections"`         // opened
	Reused       int64            `json:"reused"`              // requests that went over an open one
	Protocols    map[string]int64 `json:"protocols,omitempty"` // replies by "HTTP/1.1", "HTTP/2.0"
	// from an attempt's start to the end of its reply, waits for limits not included
	Latency  Histogram `json:"latency,omitzero"`
	InFlight int       `json:"in_flight"`
	// requests per second that the host is held to now; 0: none
	Rate float64 `json:"rate,omitempty"`
	// file, stated (by the host), learned (of its refusals), 5xx
	RateFrom  string `json:"rate_from,omitempty"`
	Limit     int    `json:"limit,omitempty"`      // requests under way that the host is held to now
	LimitFrom string `json:"limit_from,omitempty"` // file, stated, learned, latency, start (it grows yet)
	// the stated limit that the rate, or else the requests under way, come from
	LimitOf string   `json:"limit_of,omitempty"`
	Stated  []string `json:"stated,omitempty"`  // what the host states of its limits, in words
	Buckets []Bucket `json:"buckets,omitempty"` // parts of the host that have limits of their own
	// requests that wait for their turn, those of other runs included
	Queued  int   `json:"queued,omitempty"`
	Outages int64 `json:"outages,omitempty"` // pauses because the host was down
	Waiting *Wait `json:"waiting,omitempty"` // a pause that lasts now
	Cache   Cache `json:"cache,omitzero"`
}

// Waits sums up waits.
type Waits struct {
	Count int64         `json:"count"`
	Total time.Duration `json:"total_ns"`
}

// Wait is a pause of a host, or a wait before a request is sent again.
type Wait struct {
	Host   string `json:"host"`
	Bucket string `json:"bucket,omitempty"` // the part of the host that is paused; "": all of it
	// "429", "503", "timeout", "quota used up", "down (connection reset)", "retry budget"
	Cause string `json:"cause"`
	// what says for how long: "Retry-After", a limit that the host states
	By    string        `json:"by,omitempty"`
	For   time.Duration `json:"for_ns"`
	Until time.Time     `json:"until"`
}

// String reads like "issues.apache.org: 429 (Retry-After), retry in 12 s", with the bucket after
// the host if one is named.
func (w Wait) String() string {
	where, cause := w.Host, w.Cause
	if w.Bucket != "" {
		where += " (" + w.Bucket + ")"
	}
	if w.By != "" {
		cause += " (" + w.By + ")"
	}
	return fmt.Sprintf("%s: %s, retry in %s", where, cause, limits.Short(w.For))
}

// Bucket is what holds of a part of a host that has limits of its own.
type Bucket struct {
	Name      string   `json:"name"`
	Rate      float64  `json:"rate,omitempty"` // as those of the host
	RateFrom  string   `json:"rate_from,omitempty"`
	Limit     int      `json:"limit,omitempty"`
	LimitFrom string   `json:"limit_from,omitempty"`
	LimitOf   string   `json:"limit_of,omitempty"`
	Stated    []string `json:"stated,omitempty"`
	Queued    int      `json:"queued,omitempty"`
	Waiting   *Wait    `json:"waiting,omitempty"`
}

// Causes of waits in Host.Waits.
const (
	WaitConcurrency = "concurrency"
	WaitRate        = "rate"
	WaitPause       = "pause"
	WaitBackoff     = "backoff"
	WaitDown        = "down"
	WaitBudget      = "retry budget"
)

// Cache is what a cache saved one host.
type Cache struct {
	Hits        int64 `json:"hits"`        // requests that were not made
	Revalidated int64 `json:"revalidated"` // that were answered by a 304
	Stale       int64 `json:"stale"`       // whose old reply had to do
	Misses      int64 `json:"misses"`      // that the cache had nothing for
	BytesSaved  int64 `json:"bytes_saved"` // of bodies that did not travel
}

// Add counts an answer; saved is how many bytes of it did not travel.
func (s *Cache) Add(o cache.Outcome, saved int64) {
	switch o {
	case cache.Hit:
		s.Hits++
	case cache.Revalidated:
		s.Revalidated++
	case cache.Stale:
		s.Stale++
	case cache.Miss:
		s.Misses++
	}
	s.BytesSaved += saved
}
