// progress: how far a run is, for whoever watches it and for the report.

package pipeline

import (
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Snapshot is how far a run is at one moment.
type Snapshot struct {
	Phase   string                    `json:"phase"` // "reading"
	Counts  Counts                    `json:"counts"`
	Streams []StreamProgress          `json:"streams"` // of the source, in the order of its splits
	Splits  map[checkpoint.Status]int `json:"splits"`
	Active  int                       `json:"active"` // splits being read
}

// StreamProgress is how far a stream of the source is.
type StreamProgress struct {
	Stream   string `json:"stream"`
	Splits   int    `json:"splits"`
	Done     int    `json:"done"` // or skipped
	Broken   int    `json:"broken"`
	Estimate int64  `json:"estimate,omitempty"` // records expected in all; 0: not known
	Records  int64  `json:"records"`            // delivered
}

// progress is the shared book of a run. What it counts is what was delivered; after a failure it
// goes back to what was committed.
type progress struct {
	mu        sync.Mutex
	now       Counts
	committed Counts // of it
	sums      checkpoint.Sums
	reading   int // splits
	phaseNow  string
}

func newProgress() *progress {
	return &progress{now: newCounts(), committed: newCounts()}
}

// restart goes back to what the store keeps.
func (p *progress) restart(c Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now, p.committed = c, c.clone()
	p.reading = 0
}

func (p *progress) phase(name string) {
	p.mu.Lock()
	p.phaseNow = name
	p.mu.Unlock()
}

// splits begins with what the splits of the run come to.
func (p *progress) splits(sums checkpoint.Sums) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sums = sums
}

// add takes in further splits.
func (p *progress) add(splits []sdk.Split) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range splits {
		p.sums.Add(checkpoint.Split{Split: s, Status: checkpoint.Open})
	}
}

// active notes that n more splits are being read.
func (p *progress) active(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading += n
}

// delivered notes what has become of a split, and what that adds to the counts.
func (p *progress) delivered(before, now checkpoint.Split, delta Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sums.Change(before, now)
	p.now.add(delta)
}

// counted notes what is of no split.
func (p *progress) counted(delta Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.add(delta)
}

// out returns how many records a stage has given on.
func (p *progress) out(stage string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.now.Stages[stage]; s != nil {
		return s.Out
	}
	return 0
}

// uncommitted returns what was counted since the last commit, and the commit that is to come.
func (p *progress) uncommitted() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Commits = p.committed.Commits + 1
	return p.now.minus(p.committed)
}

// commit notes that what was counted is committed.
func (p *progress) commit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = p.now.clone()
}

// overLimit returns a stage that has rejected more than its limit, and how much.
func (p *progress) overLimit(limits map[string]int64) (string, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, limit := range limits {
		if s := p.now.Stages[name]; s != nil && limit >= 0 && s.Rejected > limit {
			return name, s.Rejected
		}
	}
	return "", 0
}

// snapshot costs the same however many splits there are: who watches a run must not keep it from
// its work.
func (p *progress) snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Snapshot{
		Phase: p.phaseNow, Counts: p.now.clone(), Splits: p.sums.Splits(), Active: p.reading,
	}
	for _, sum := range p.sums {
		st := StreamProgress{
			Stream: sum.Stream, Splits: sum.Open + sum.Done + sum.Broken + sum.Skipped,
			Done: sum.Done + sum.Skipped, Broken: sum.Broken, Records: sum.Records,
		}
		if sum.Unknown == 0 {
			st.Estimate = sum.Expected
		}
		s.Streams = append(s.Streams, st)
	}
	return s
}
