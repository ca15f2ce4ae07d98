// progress: the progress of a run, for the live view and the report.

package pipeline

import (
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Snapshot is the progress of a run at one moment.
type Snapshot struct {
	Phase   string                    `json:"phase"` // "reading"
	Counts  Counts                    `json:"counts"`
	Streams []StreamProgress          `json:"streams"` // streams of the source, in the order of its splits
	Splits  map[checkpoint.Status]int `json:"splits"`
	Active  int                       `json:"active"` // splits being read
}

// StreamProgress is the progress of a stream of the source.
type StreamProgress struct {
	Stream   string `json:"stream"`
	Splits   int    `json:"splits"`
	Done     int    `json:"done"` // done or skipped
	Broken   int    `json:"broken"`
	Estimate int64  `json:"estimate,omitempty"` // expected records in total; 0: unknown
	Records  int64  `json:"records"`            // delivered
}

// progress counts what a run delivered. All its goroutines share it. After a failure it goes back
// to the committed counts.
type progress struct {
	mu        sync.Mutex
	now       Counts
	committed Counts // the part of counts that is committed
	sums      checkpoint.Sums
	reading   int // splits being read
	phaseNow  string
}

func newProgress() *progress {
	return &progress{now: newCounts(), committed: newCounts()}
}

// restart sets the counts to those of the store.
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

// splits sets the sums over the splits of the run.
func (p *progress) splits(sums checkpoint.Sums) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sums = sums
}

// add adds splits.
func (p *progress) add(splits []sdk.Split) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range splits {
		p.sums.Add(checkpoint.Split{Split: s, Status: checkpoint.Open})
	}
}

// active adds n to the number of splits being read.
func (p *progress) active(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading += n
}

// delivered records the progress of a split and adds delta to the counts.
func (p *progress) delivered(before, now checkpoint.Split, delta Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sums.Change(before, now)
	p.now.add(delta)
}

// counted adds counts that belong to no split.
func (p *progress) counted(delta Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.add(delta)
}

// out returns the number of records that a stage has returned.
func (p *progress) out(stage string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.now.Stages[stage]; s != nil {
		return s.Out
	}
	return 0
}

// uncommitted returns the counts since the last commit, and marks them as those of the next one.
func (p *progress) uncommitted() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Commits = p.committed.Commits + 1
	return p.now.minus(p.committed)
}

// commit marks the counts of uncommitted as committed.
func (p *progress) commit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = p.now.clone()
}

// overLimit returns a stage that exceeds its limit of rejected records, and their number.
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

// snapshot takes constant time however many splits there are, so that watching does not slow the
// run.
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
