// progress: how far a run is, for whoever watches it and for the report.

package pipeline

import (
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	RunStarted   Kind = "run started"
	PlanRetried  Kind = "plan retried"  // after Wait, because of Err
	Planned      Kind = "planned"       // N splits
	SplitDone    Kind = "split done"    // N records
	SplitRetried Kind = "split retried" // after Wait, because of Err
	SplitBroken  Kind = "split broken"
	SplitSkipped Kind = "split skipped" // because of Err
	PluginLost   Kind = "plugin lost"
	RolledBack   Kind = "rolled back" // to the last commit; goes on after Wait
	Committed    Kind = "committed"   // N splits
	RunEnded     Kind = "run ended"
)

// Event is something that happened in a run.
type Event struct {
	Time    time.Time
	Kind    Kind
	Stage   string
	Split   string
	Stream  string
	Message string
	N       int64
	Wait    time.Duration
	Resumed bool
	Err     error
}

// Snapshot is how far a run is at one moment.
type Snapshot struct {
	Phase     string                    `json:"phase"` // "reading"
	Counts    Counts                    `json:"counts"`
	Streams   []StreamProgress          `json:"streams"` // of the source, in the order of its splits
	Splits    map[checkpoint.Status]int `json:"splits"`
	Active    int                       `json:"active"` // splits being read
	Retries   int                       `json:"retries"`
	RollBacks int                       `json:"roll_backs"`
	Commit    time.Time                 `json:"commit,omitzero"` // the last one; zero: none yet
}

// StreamProgress is how far a stream of the source is.
type StreamProgress struct {
	Stream   string `json:"stream"`
	Splits   int    `json:"splits"`
	Done     int    `json:"done"` // or skipped
	Broken   int    `json:"broken"`
	Estimate int64  `json:"estimate,omitempty"` // records expected in all; 0: not known
	Records  int64  `json:"records"`            // delivered

	unknown bool // a split that is not done has no estimate
}

// progress is the shared book of a run. What it counts is what was delivered; after a failure it goes back
// to what was committed.
type progress struct {
	mu        sync.Mutex
	now       Counts
	committed []byte // the counts of the last commit of this process, as kept
	order     []string
	state     map[string]checkpoint.Split
	reading   map[string]int
	phaseNow  string
	retries   int
	rollbacks int
	commitAt  time.Time
}

func newProgress() *progress {
	return &progress{now: newCounts(), state: map[string]checkpoint.Split{}, reading: map[string]int{}}
}

// restart goes back to what the store keeps.
func (p *progress) restart(c Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = c
	p.reading = map[string]int{}
}

func (p *progress) phase(name string) {
	p.mu.Lock()
	p.phaseNow = name
	p.mu.Unlock()
}

func (p *progress) splits(all []checkpoint.Split) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order, p.state = nil, map[string]checkpoint.Split{}
	for _, s := range all {
		p.order = append(p.order, s.ID)
		p.state[s.ID] = s
	}
}

// add takes in the splits that are new and returns them.
func (p *progress) add(splits []sdk.Split) []sdk.Split {
	p.mu.Lock()
	defer p.mu.Unlock()
	var added []sdk.Split
	for _, s := range splits {
		if _, known := p.state[s.ID]; known {
			continue
		}
		p.order = append(p.order, s.ID)
		p.state[s.ID] = checkpoint.Split{Split: s, Status: checkpoint.Open}
		added = append(added, s)
	}
	return added
}

func (p *progress) active(id string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading[id] += n
	if p.reading[id] <= 0 {
		delete(p.reading, id)
	}
}

func (p *progress) delivered(s checkpoint.Split, delta Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state[s.ID] = s
	p.now.add(delta)
}

func (p *progress) commit(c Counts, raw []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Commits = c.Commits
	p.committed = raw
	p.commitAt = time.Now()
}

func (p *progress) counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now.clone()
}

// kept returns what the last commit kept: what a report may speak of. before is what the store had at the start.
func (p *progress) kept(before []byte) (Counts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.committed != nil {
		before = p.committed
	}
	return countsOf(before)
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

func (p *progress) broken() []checkpoint.Split {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []checkpoint.Split
	for _, id := range p.order {
		if s := p.state[id]; s.Status == checkpoint.Broken {
			out = append(out, s)
		}
	}
	return out
}

func (p *progress) note(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case SplitRetried:
		p.retries++
	case RolledBack:
		p.rollbacks++
	}
}

func (p *progress) snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Snapshot{
		Phase: p.phaseNow, Counts: p.now.clone(), Splits: map[checkpoint.Status]int{}, Active: len(p.reading),
		Retries: p.retries, RollBacks: p.rollbacks, Commit: p.commitAt,
	}
	index := map[string]int{}
	for _, id := range p.order {
		split := p.state[id]
		s.Splits[split.Status]++
		i, ok := index[split.Stream]
		if !ok {
			i = len(s.Streams)
			index[split.Stream] = i
			s.Streams = append(s.Streams, StreamProgress{Stream: split.Stream})
		}
		s.Streams[i].take(split)
	}
	for i := range s.Streams {
		if s.Streams[i].unknown {
			s.Streams[i].Estimate = 0
		}
	}
	return s
}

func (s *StreamProgress) take(split checkpoint.Split) {
	s.Splits++
	s.Records += split.Records
	switch split.Status {
	case checkpoint.Done, checkpoint.Skipped:
		s.Done++
		s.Estimate += split.Records
	case checkpoint.Broken:
		s.Broken++
		fallthrough
	default:
		s.unknown = s.unknown || split.Estimate == 0
		s.Estimate += max(split.Estimate, split.Records)
	}
}
