// MemorySink: a sink in memory that restores its tokens exactly.

package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
)

// MemorySink keeps records in memory, longer than the plugins that write to it: each value that its
// [MemorySink.Plugin] makes stands for a process, and the MemorySink stands for the disk. A process
// is refused once a newer one was opened.
type MemorySink struct {
	// BeforeWrite and BeforeCommit are called before each write and commit. Their error is the
	// call's error, and they may panic. May be nil. Set them before the sink is in use.
	BeforeWrite  func(b sdk.Batch) error
	BeforeCommit func() error
	// Reject returns the reason to reject a record; "" accepts it. May be nil.
	Reject func(stream string, record []byte) string

	mu      sync.Mutex
	log     []MemoryItem
	kept    int // number of committed items
	session int // number of the newest process
	opened  []sdk.Start
}

// MemoryItem is a record or a deletion as it was written.
type MemoryItem struct {
	Stream string
	Op     sdk.Op
	Record string
}

// NewMemorySink returns an empty sink.
func NewMemorySink() *MemorySink { return &MemorySink{} }

// Plugin returns the sink as a plugin without settings.
func (m *MemorySink) Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "memory", Version: "1", Doc: "Keeps records in memory."},
		func(context.Context, struct{}) (sdk.Sink, error) { return m.process(), nil })
}

// process returns a sink that accepts writes once it was opened.
func (m *MemorySink) process() sdk.Sink { return &memoryProcess{disk: m} }

// Items returns everything written and not taken back, committed or not, in order.
func (m *MemorySink) Items() []MemoryItem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

// Records returns the records of a stream, sorted. committed says whether to leave out uncommitted
// ones. Deletions are not applied: see [MemorySink.Items] and [MemorySink.Latest].
func (m *MemorySink) Records(stream string, committed bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	log := m.log
	if committed {
		log = log[:m.kept]
	}
	out := []string{}
	for _, it := range log {
		if it.Stream == stream && it.Op == sdk.Upsert {
			out = append(out, it.Record)
		}
	}
	slices.Sort(out)
	return out
}

// Opened returns the [sdk.Start] of each process.
func (m *MemorySink) Opened() []sdk.Start {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.opened)
}

// memoryToken holds the number of items at the commit.
type memoryToken struct {
	Items *int `json:"items"`
}

type memoryProcess struct {
	disk    *MemorySink
	session int // 0: not opened
}

// Open implements [sdk.Opener].
func (p *memoryProcess) Open(_ context.Context, s sdk.Start) error {
	m := p.disk
	m.mu.Lock()
	defer m.mu.Unlock()
	items := 0
	if s.Token != nil && !s.Full {
		var t memoryToken
		if err := json.Unmarshal(s.Token, &t); err != nil {
			return sdk.Permanent(fmt.Errorf("token %q: %w", s.Token, err))
		}
		if t.Items == nil || *t.Items < 0 || *t.Items > m.kept {
			return sdk.Permanent(fmt.Errorf("token %q: %d items are committed", s.Token, m.kept))
		}
		items = *t.Items
	}
	m.log, m.kept = m.log[:items:items], items
	m.opened = append(m.opened, s)
	m.session++
	p.session = m.session
	return nil
}

// Write implements [sdk.Sink].
func (p *memoryProcess) Write(_ context.Context, b sdk.Batch) error {
	m := p.disk
	if m.BeforeWrite != nil {
		if err := m.BeforeWrite(b); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := p.alive(); err != nil {
		return err
	}
	var rejects sdk.Rejects
	for record := range b.Records() {
		if m.Reject != nil {
			if why := m.Reject(b.Stream, record); why != "" {
				rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: why})
				continue
			}
		}
		m.log = append(m.log, MemoryItem{Stream: b.Stream, Op: b.Op, Record: string(record)})
	}
	return rejects.Err()
}

// Commit implements [sdk.Sink].
func (p *memoryProcess) Commit(context.Context) (sdk.Token, error) {
	m := p.disk
	if m.BeforeCommit != nil {
		if err := m.BeforeCommit(); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := p.alive(); err != nil {
		return nil, err
	}
	m.kept = len(m.log)
	n := m.kept
	return json.Marshal(memoryToken{Items: &n})
}

// ParallelWrites implements [sdk.Parallel].
func (p *memoryProcess) ParallelWrites() bool { return true }

func (p *memoryProcess) alive() error {
	switch p.session {
	case 0:
		return errors.New("the sink is not open")
	case p.disk.session:
		return nil
	}
	return sdk.Permanent(errors.New("another process has opened the sink since"))
}
