// lesson is what is learned of a host's rate, how it is told to other processes, and how fast it
// rises again.

package pace

import (
	"math"
	"time"
)

const (
	longest    = 0.15        // step as a fraction of the rate
	quick      = 0.5         // likewise, while little is known of the limit
	closeBy    = 0.1         // within this distance to the ceiling, steps are rare, because some exceed it
	closest    = 0.01        // within this distance, the climb ends
	probeUp    = 1.06        // a probe as a multiple of the refused rate,
	probeNear  = 1.03        // or this, if the last one was refused: the limit may be in between
	probeEvery = time.Minute // minimum time since the last probe or refusal
	probeAfter = 500         // minimum number of requests, likewise: a failing probe costs one or two
	// probeCost is the minimum time since the last probe as a multiple of the time that a refusal
	// costs: failing probes cost 1.25 % of the time. Without it, a host that refuses everything for
	// 30 seconds is used to 69 %, not 95 %.
	probeCost time.Duration = 80
	// probeFirst is likewise for the first probe: the first guess may be far too low.
	probeFirst  time.Duration = 20
	probeLatest               = time.Hour
	probeRarest               = 2 * time.Minute
	probeStep                 = 15 * time.Second // minimum time of a probe, and
	probeSome                 = 100              // minimum requests of a successful probe before the next step
)

// lesson is what was learned about a host's rate.
type lesson struct {
	learned  float64
	ceiling  float64 // the refused rate
	proven   float64 // highest rate below the ceiling that was kept for a step
	fit      *fit
	recalled bool // from an earlier run
}

func newLesson() lesson { return lesson{learned: math.Inf(1), ceiling: math.Inf(1), fit: newFit()} }

// news is what a process tells the others.
type news struct {
	learned, ceiling, proven, longest float64
	probing                           float64 // 1: the rate is a probe
	refused, paused                   float64 // the last refusal, in seconds since 1970, and its pause
}
