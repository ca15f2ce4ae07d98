// Groups: the batches between two cursors of a source, held until the second cursor arrives.

package pipeline

import (
	"iter"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// group holds batches and rejects, in memory up to a limit and in a file beyond it. One goroutine
// uses it.
type group struct {
	memory int // bytes that may be held in memory
	dir    string
	room   *disk.Room // disk space for all files in dir

	held    []entry
	size    int
	spool   *spool
	records int64
	bytes   int64
	splits  []sdk.Split
	counts  map[string]int64
	hash    uint64 // of all entries and splits
	entries int
	keyless bool   // holds a record of a stream without a primary key
	keys    uint64 // hash of the records' keys, if known for all batches
	batches int    // batches whose keys are known
}

func (g *group) add(b sdk.Batch) error {
	g.records += int64(b.Count)
	g.bytes += int64(len(b.Payload))
	return g.hold(entry{Batch: b})
}

// keyedBy adds the keys of a batch, before the batch itself is added.
func (g *group) keyedBy(b sdk.Batch, keys *keySum) {
	if keys.known {
		g.batches++
		g.keys = mix(chain(g.keys, entry{Batch: sdk.Batch{Stream: b.Stream, Op: b.Op}}), keys.sum)
	}
}

// keyed reports whether the group holds only records whose keys are known.
func (g *group) keyed() bool { return g.entries > 0 && g.batches == g.entries && len(g.splits) == 0 }

func (g *group) reject(r sdk.Reject) error {
	return g.hold(entry{Batch: sdk.Batch{Stream: r.Stream, Payload: r.Record}, rejected: true, reason: r.Reason})
}

// split adds a split that the source emitted.
func (g *group) split(s sdk.Split) {
	g.hash = chain(g.hash, entry{Batch: sdk.Batch{Stream: s.Stream, Payload: []byte(s.ID)}})
	g.splits = append(g.splits, s)
}

// empty reports whether the group has no record, reject or split.
func (g *group) empty() bool { return g.entries == 0 && len(g.splits) == 0 }

func (g *group) hold(e entry) error {
	g.hash = chain(g.hash, e)
	g.entries++
	if g.spool == nil && g.size+len(e.Payload) <= g.memory {
		g.held = append(g.held, e)
		g.size += len(e.Payload)
		return nil
	}
	if g.spool == nil {
		s, err := newSpool(g.dir, g.room)
		if err != nil {
			return err
		}
		g.spool = s
	}
	return g.spool.write(e)
}

// all yields the entries in their order.
func (g *group) all() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, e := range g.held {
			if !yield(e, nil) {
				return
			}
		}
		if g.spool != nil {
			g.spool.each(yield)
		}
	}
}

// reset empties the group after its cursor.
func (g *group) reset() error {
	var err error
	if g.spool != nil {
		err = g.spool.close()
	}
	clear(g.held)
	*g = group{memory: g.memory, dir: g.dir, room: g.room, held: g.held[:0]}
	return err
}
