// Counts: what the report says of a run. They are kept with each commit, so they are exact across kills.

package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// maxCounters bounds the distinct counters of a run: what comes beyond is summed up under one name.
const maxCounters = 5000

// Counts are the numbers of a run, over all its starts.
type Counts struct {
	Stages   map[string]*StageCounts `json:"stages"`             // by stage name
	Counters map[string]int64        `json:"counters,omitempty"` // by path, "dropped/bot comment"
	Commits  int64                   `json:"commits"`
	Groups   int64                   `json:"groups"`
}

// StageCounts are the numbers of one stage. For a sink and a source in = out + rejected; a transform may
// make more or fewer records of those that it took.
type StageCounts struct {
	In       int64            `json:"in"`
	Out      int64            `json:"out"`
	BytesOut int64            `json:"bytes_out"`
	Rejected int64            `json:"rejected"`
	Reasons  map[string]int64 `json:"reasons,omitempty"` // of the rejected
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

// passed notes records that a stage gave on.
func (c *Counts) passed(stage, stream string, records, bytes int64) {
	s := c.stage(stage)
	s.Out += records
	s.BytesOut += bytes
	s.Streams[stream] += records
}

func (c *Counts) rejected(stage, reason string) {
	s := c.stage(stage)
	s.Rejected++
	class, _, _ := strings.Cut(reason, ": ")
	if len(s.Reasons) >= 100 && s.Reasons[class] == 0 {
		class = "other"
	}
	s.Reasons[class]++
}

// add merges what a group did.
func (c *Counts) add(d Counts) {
	for name, ds := range d.Stages {
		s := c.stage(name)
		s.In += ds.In
		s.Out += ds.Out
		s.BytesOut += ds.BytesOut
		s.Rejected += ds.Rejected
		sum(s.Reasons, ds.Reasons)
		sum(s.Streams, ds.Streams)
	}
	for name, n := range d.Counters {
		if _, known := c.Counters[name]; !known && len(c.Counters) >= maxCounters {
			name = "other/counters"
		}
		c.Counters[name] += n
	}
	c.Groups += d.Groups
	c.Commits += d.Commits
}

func sum(into, from map[string]int64) {
	for k, n := range from {
		into[k] += n
	}
}

func (c Counts) clone() Counts {
	out := newCounts()
	out.add(c)
	return out
}

func (c Counts) marshal() ([]byte, error) { return json.Marshal(c) }

// countsOf reads what an earlier commit kept.
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
