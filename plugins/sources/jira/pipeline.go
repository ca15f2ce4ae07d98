// The pipeline of a walk: while one chunk is delivered, the next is completed and the one after it
// is requested.

package jira

import (
	"bytes"
	"context"
	"sync"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/sdk"
)

// chunkBytes is the approximate size of the raw JSON in a chunk. At most three chunks of a split
// are in memory, whatever the size of a page: the walk waits if the other stages lag.
const chunkBytes = 4 << 20

// chunk is some issues of one page, in their order.
type chunk struct {
	items []*item
	ids   map[string]bool
	bytes int
	save  *cursor // where to continue after this chunk; nil within a page
	last  bool    // the walk is over
	err   error   // why the walk stopped
	tally tally
}

// item is one issue in the pipeline, with what was requested in addition to the search. Only an
// entry that could not become an issue has no id.
type item struct {
	issue   issue
	whole   completeness
	rejects []sdk.Reject
	// lists has the raw JSON of each member of the lists that are requested separately.
	lists      map[string][][]byte
	properties []property
	files      map[string]record.Kept // by the id of the attachment
	refused    bool                   // some of it was refused
	lacks      int                    // number of its parts that could not be read, and may be in the next run
	failed     error                  // the first such failure that is to be retried once
	// vanished: the issue became invisible while its parts were requested. It is delivered as it
	// came.
	vanished bool
}

// reject makes a dead letter of a part of the item, or of all of it.
func (it *item) reject(stream string, raw []byte, why error) {
	it.rejects = append(it.rejects, sdk.Reject{Stream: stream, Record: bytes.Clone(raw), Reason: why.Error()})
}

// tally holds counts back until the records that they belong to are delivered: what is fetched
// ahead may never be.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

func (t *tally) add(name string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[name] += n
}

func (t *tally) deliver(ctx context.Context) {
	for name, n := range t.counts {
		sdk.Count(ctx, name, n)
	}
}

// counting returns a context whose counts go to add.
func counting(ctx context.Context, add func(string, int64)) context.Context {
	h := sdk.HostOf(ctx)
	h.Count = add
	return h.In(ctx)
}

// walker is the first stage: it walks and packs chunks.
type walker struct {
	walk *walk
	out  chan<- *chunk
	open *chunk
}

func (w *walker) run(ctx context.Context) {
	defer close(w.out)
	w.open = &chunk{}
	counted := counting(ctx, func(name string, n int64) { w.open.tally.add(name, n) })
	save := func(c cursor) error {
		w.open.save = &c
		return w.send(ctx)
	}
	err := w.walk.run(counted, func(it *item) error { return w.add(ctx, it) }, save)
	w.open.last, w.open.err = err == nil, err
	_ = w.send(ctx) // fails only if ctx has ended, and then nobody receives
}

// add puts an item into the chunk. A chunk holds an issue once, so that a newer version is
// distinguished from an older one.
func (w *walker) add(ctx context.Context, it *item) error {
	if w.open.bytes >= chunkBytes || it.issue.id != "" && w.open.ids[it.issue.id] {
		if err := w.send(ctx); err != nil {
			return err
		}
	}
	if w.open.ids == nil {
		w.open.ids = map[string]bool{}
	}
	w.open.ids[it.issue.id] = true
	w.open.items = append(w.open.items, it)
	w.open.bytes += len(it.issue.raw)
	return nil
}

func (w *walker) send(ctx context.Context) error {
	c := w.open
	w.open = &chunk{}
	return pass(ctx, w.out, c)
}

func pass(ctx context.Context, to chan<- *chunk, c *chunk) error {
	select {
	case to <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deliver runs the walk. It calls complete with chunk after chunk, and emit with each completed
// one, in the same order and in the calling goroutine. So the output does not depend on how far the
// other stages are ahead.
func deliver(ctx context.Context, w *walk, complete func(context.Context, *chunk) error,
	emit func(*chunk) error) error {
	inner, cancel := context.WithCancel(ctx)
	found, done := make(chan *chunk), make(chan *chunk)
	var stages sync.WaitGroup
	defer stages.Wait()
	defer cancel()
	stages.Go(func() { (&walker{walk: w, out: found}).run(inner) })
	stages.Go(func() {
		defer close(done)
		for c := range found {
			if c.err == nil {
				c.err = complete(counting(inner, c.tally.add), c)
			}
			if pass(inner, done, c) != nil {
				return
			}
		}
	})
	for c := range done {
		c.tally.deliver(ctx)
		if c.err != nil {
			return c.err
		}
		if err := emit(c); err != nil || c.last {
			return err
		}
	}
	return ctx.Err()
}
