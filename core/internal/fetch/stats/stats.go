// Package stats counts requests by host, for the live view and the report.
package stats

import (
	"fmt"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Stats are the counts of all hosts, sorted by name.
type Stats struct {
	Hosts []Host `json:"hosts"`
}

// Host are the counts of one host. Each attempt is a request. Bytes are those of bodies.
type Host struct {
	Host     string           `json:"host"`
	Requests int64            `json:"requests"`
	Status   map[int]int64    `json:"status,omitempty"`  // replies by status
	Errors   map[string]int64 `json:"errors,omitempty"`  // attempts without a complete reply, by cause
	Retries  map[string]int64 `json:"retries,omitempty"` // by cause: "503", "timeout", "reset"
	// By cause: "pause", "rate", "concurrency", "backoff", "down", "retry budget".
	Waits        map[string]Waits `json:"waits,omitempty"`
	BytesOut     int64            `json:"bytes_out"`
	BytesIn      int64            `json:"bytes_in"`            // as transferred
	BytesDecoded int64            `json:"bytes_decoded"`       // after decoding
	Connections  int64            `json:"connections"`         // opened
	Reused       int64            `json:"reused"`              // requests on an existing connection
	Protocols    map[string]int64 `json:"protocols,omitempty"` // replies by "HTTP/1.1", "HTTP/2.0"
	// From an attempt's start to the end of its reply, without waits for limits.
	Latency  Histogram `json:"latency,omitzero"`
	InFlight int       `json:"in_flight"`
	// Current limit in requests per second; 0: none.
	Rate float64 `json:"rate,omitempty"`
	// Origin of the rate: file, stated (by the host), learned (from refusals), 5xx.
	RateFrom  string `json:"rate_from,omitempty"`
	Limit     int    `json:"limit,omitempty"`      // current limit of concurrent requests
	LimitFrom string `json:"limit_from,omitempty"` // file, stated, learned, latency, start (still growing)
	// The stated limit behind the rate, or else behind Limit.
	LimitOf string   `json:"limit_of,omitempty"`
	Stated  []string `json:"stated,omitempty"`  // the host's stated limits, in words
	Buckets []Bucket `json:"buckets,omitempty"` // parts of the host with limits of their own
	// Waiting requests, including those of other runs.
	Queued  int   `json:"queued,omitempty"`
	Outages int64 `json:"outages,omitempty"` // pauses because the host was down
	Waiting *Wait `json:"waiting,omitempty"` // the current pause
	Cache   Cache `json:"cache,omitzero"`
}

// Waits sums up waits.
type Waits struct {
	Count int64         `json:"count"`
	Total time.Duration `json:"total_ns"`
}

// Wait is a pause of a host, or a wait before a retry.
type Wait struct {
	Host   string `json:"host"`
	Bucket string `json:"bucket,omitempty"` // the part of the host that is paused; "": all of it
	// For example "429", "503", "timeout", "quota used up", "down (connection reset)", "retry
	// budget".
	Cause string `json:"cause"`
	// By is the source of the wait's length, such as "Retry-After" or a limit that the host states.
	By    string        `json:"by,omitempty"`
	For   time.Duration `json:"for_ns"`
	Until time.Time     `json:"until"`
}

// String is for example "issues.apache.org: 429 (Retry-After), retry in 12 s", with the bucket
// after the host if there is one.
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

// Bucket has the limits of a part of a host.
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

// Cache counts what a cache saved for one host.
type Cache struct {
	Hits        int64 `json:"hits"`        // requests that were not sent
	Revalidated int64 `json:"revalidated"` // answered by a 304
	Stale       int64 `json:"stale"`       // answered with an expired reply
	Misses      int64 `json:"misses"`      // not in the cache
	BytesSaved  int64 `json:"bytes_saved"` // of bodies that were not transferred
}

func (s *Cache) add(e observe.CacheAsked) {
	switch e.Outcome {
	case "hit":
		s.Hits++
	case "revalidated":
		s.Revalidated++
	case "stale":
		s.Stale++
	default:
		s.Misses++
	}
	s.BytesSaved += e.Saved
}
