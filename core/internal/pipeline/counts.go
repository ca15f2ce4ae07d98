// Counts: the numbers of the report. Each commit keeps them, so they are exact across kills.

package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
)

// Plugins choose these names, so a run keeps a bounded number of each kind. The others are summed
// up under one name.
const (
	maxCounters = 5000
	maxStreams  = 1000 // for each stage
	maxReasons  = 100  // for each stage
	maxName     = 200  // bytes
)

// Counts are the numbers of a run over all its starts.
type Counts struct {
	Stages   map[string]*StageCounts `json:"stages"`             // by stage name
	Counters map[string]int64        `json:"counters,omitempty"` // by path, such as "dropped/bot comment"
	Commits  int64                   `json:"commits"`
	Groups   int64                   `json:"groups"`
}

// StageCounts are the numbers of one stage. For a sink and a source, in = out + rejected. A
// transform may return more or fewer records than it received.
type StageCounts struct {
	In       int64            `json:"in"`
	Out      int64            `json:"out"`
	BytesOut int64            `json:"bytes_out"`
	Rejected int64            `json:"rejected"`
	Reasons  map[string]int64 `json:"reasons,omitempty"` // of rejection
	Streams  map[string]int64 `json:"streams,omitempty"` // records out, by stream
}

func newCounts() Counts {
	return Counts{Stages: map[string]*StageCounts{}, Counters: map[string]int64{}}
}

func (c *Counts) stage(name string) *StageCounts {
	s := c.Stages[name]
	if s == nil {
		s = &StageCounts{Reasons: map[string]int64{}, Streams: map[string]int64{}}
		c.Stages[name] = s
	}
	return s
}

// passed counts records that a stage returned.
func (c *Counts) passed(stage, stream string, records, bytes int64) {
	s := c.stage(stage)
	s.Out = plus(s.Out, records)
	s.BytesOut = plus(s.BytesOut, bytes)
	tally(s.Streams, stream, records, maxStreams, "other")
}

// took counts records that a stage received.
func (c *Counts) took(stage string, records int64) {
	s := c.stage(stage)
	s.In = plus(s.In, records)
}

func (c *Counts) rejected(stage, reason string) {
	s := c.stage(stage)
	s.Rejected = plus(s.Rejected, 1)
	class, _, _ := strings.Cut(reason, ": ")
	tally(s.Reasons, class, 1, maxReasons, "other")
}

// counted adds to a counter of a plugin.
func (c *Counts) counted(name string, n int64) {
	tally(c.Counters, name, n, maxCounters, "other/counters")
}

// add adds the counts of a group.
func (c *Counts) add(d Counts) {
	for name, ds := range d.Stages {
		s := c.stage(name)
		s.In = plus(s.In, ds.In)
		s.Out = plus(s.Out, ds.Out)
		s.BytesOut = plus(s.BytesOut, ds.BytesOut)
		s.Rejected = plus(s.Rejected, ds.Rejected)
		for reason, n := range ds.Reasons {
			tally(s.Reasons, reason, n, maxReasons, "other")
		}
		for stream, n := range ds.Streams {
			tally(s.Streams, stream, n, maxStreams, "other")
		}
	}
	for name, n := range d.Counters {
		c.counted(name, n)
	}
	c.Groups = plus(c.Groups, d.Groups)
	c.Commits = plus(c.Commits, d.Commits)
}

// minus returns the difference between c and an earlier state of it.
func (c Counts) minus(before Counts) Counts {
	out := newCounts()
	for name, s := range c.Stages {
		b, d := before.stage(name), out.stage(name)
		d.In, d.Out = plus(s.In, -b.In), plus(s.Out, -b.Out)
		d.BytesOut, d.Rejected = plus(s.BytesOut, -b.BytesOut), plus(s.Rejected, -b.Rejected)
		subtract(d.Reasons, s.Reasons, b.Reasons)
		subtract(d.Streams, s.Streams, b.Streams)
	}
	subtract(out.Counters, c.Counters, before.Counters)
	out.Commits, out.Groups = c.Commits-before.Commits, c.Groups-before.Groups
	return out
}

// subtract sets out to the differences between now and before.
func subtract(out, now, before map[string]int64) {
	for name, n := range now {
		if b, known := before[name]; !known || n != b {
			out[name] = plus(n, -b)
		}
	}
}

// tally adds n under a name, which is cut to maxName. If there are most names already, a new name
// is counted under rest.
func tally(sums map[string]int64, name string, n int64, most int, rest string) {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	if _, known := sums[name]; !known && len(sums) >= most {
		name = rest
	}
	sums[name] = plus(sums[name], n)
}

// plus adds with saturation.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

func (c Counts) clone() Counts {
	out := newCounts()
	out.add(c)
	return out
}

func (c Counts) marshal() ([]byte, error) { return json.Marshal(c) }

// countsOf decodes the counts of an earlier commit.
func countsOf(raw []byte) (Counts, error) {
	c := newCounts()
	if len(raw) == 0 {
		return c, nil
	}
	kept := newCounts()
	if err := json.Unmarshal(raw, &kept); err != nil {
		return c, fmt.Errorf("counts of the last commit: %w", err)
	}
	for _, s := range kept.Stages {
		if s.Reasons == nil {
			s.Reasons = map[string]int64{}
		}
		if s.Streams == nil {
			s.Streams = map[string]int64{}
		}
	}
	if kept.Counters == nil {
		kept.Counters = map[string]int64{}
	}
	c.add(kept)
	return c, nil
}

// Section returns the counters under a heading, by name.
func (c Counts) Section(heading string) map[string]int64 {
	out := map[string]int64{}
	for path, n := range c.Counters {
		if name, ok := strings.CutPrefix(path, heading+"/"); ok {
			out[name] = n
		}
	}
	return out
}

// Headings returns the headings of all counters.
func (c Counts) Headings() map[string]bool {
	out := map[string]bool{}
	for path := range maps.Keys(c.Counters) {
		heading, _, _ := strings.Cut(path, "/")
		out[heading] = true
	}
	return out
}
