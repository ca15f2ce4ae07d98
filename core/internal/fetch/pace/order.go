// order: what a pace is told of a request and its reply, and what it answers.

package pace

import (
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

const unlimited = 1 << 20 // concurrent requests

// Order is the current pace.
type Order struct {
	Rate   float64 // requests per second; +Inf: no limit
	Burst  int     // requests in a burst after idle time
	Window int     // concurrent requests
	Pause  time.Duration
	Cause  string // cause of the pause
	From   string // origin of the rate: file, stated, learned, 5xx, or ""
	// WindowFrom is the origin of the window: file, stated, learned (from refusals), latency, or
	// start (growing after a start or a pause).
	WindowFrom string
	By         string // source of the pause's length
	Of         string // the stated limit behind the rate or the window
	Refused    bool   // of the observed reply
}

// Word is what a reply says.
type Word struct {
	limits.Statement
	Refused bool // refused because of too many requests
	// Unsure says that only an exhausted limit indicates a refusal: with a small limit, any reply
	// may use its last unit.
	Unsure bool
	Busy   bool // a 503, which may have other reasons than a rate; see suspect.go
	Broken bool // it is a 503: of an outage that comes again, or of a rate, but hardly of a budget
	// Suspected says that it is a 503 without further information, which may be no refusal; see
	// suspect.go.
	Suspected bool
	Pause     time.Duration // requested pause; 0: not stated
	Least     time.Duration // first pause if none is stated
}

// Flight is a request in progress.
type Flight struct {
	sent   time.Time
	serial int
	crowd  int // concurrent requests when it was sent, including itself
	gone   int // of these, replied since
	early  int // likewise, before it can have reached the host: their replies were in transit
}
