// reader: reads one split group by group, and again from its last cursor after a failure.

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// reader reads one claimed split. It is the source's output: it collects batches until their cursor
// arrives, then delivers the group in the same call stack.
type reader struct {
	*seat
	out       *delivery
	isolation *sharedLock      // shared by all readers, see blameless
	split     checkpoint.Split // as delivered so far
	group     group
	sum       keySum // of the keys of the current batch
	trail     trail
	moved     bool // a group made progress since the last try
	fatal     error

	suspect  bool // it was being read when the source crashed
	isolated bool // it is being read alone now
}

func newReader(s *seat, out *delivery, l *sharedLock, split checkpoint.Split) *reader {
	group := group{memory: s.GroupMemory, dir: s.SpoolDir, room: s.SpoolRoom}
	return &reader{seat: s, out: out, isolation: l, split: split, group: group, trail: trail{idle: s.Source.MaxIdle}}
}

// read returns nil when the split is done, broken, or left open because ctx is done. An error ends
// the work on the seat.
func (r *reader) read(ctx context.Context) error {
	r.progress.active(1)
	defer r.progress.active(-1)
	t := r.newAttempts(r.Source.limits())
	for {
		err := r.try(ctx)
		if r.fatal != nil {
			return r.fatal
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		var stands *standstillError
		if r.moved && !errors.As(err, &stands) {
			t.further()
		}
		delay, over := t.failed(err, !r.blameless(err))
		if over != nil {
			return r.giveUp(over)
		}
		r.Listeners.Tell(observe.SplitRetried{Split: r.split.ID, Stream: r.split.Stream, Err: err, Wait: delay})
		if !wait(ctx, delay) {
			return nil
		}
	}
}

// blameless reports whether a failed try says nothing about this split: the source crashed while
// several splits were being read. Each of them is then read alone until it has delivered a group.
// This finds a split that crashes the source without blaming others.
func (r *reader) blameless(err error) bool {
	if !crashed(err) {
		return false
	}
	wasAlone := r.suspect
	r.suspect = true
	return !wasAlone
}

// try reads from the last delivered cursor to the end of the split.
func (r *reader) try(ctx context.Context) error {
	r.moved = false
	if err := r.group.reset(); err != nil {
		return err
	}
	r.isolated = r.suspect
	if err := r.isolation.lock(ctx, r.isolated); err != nil {
		return err
	}
	defer func() { r.isolation.unlock(r.isolated) }()
	source, err := r.source.get(ctx)
	if err != nil {
		r.fatal = err
		return err
	}
	h := sdk.HostOf(ctx)
	h.Count = r.count
	w := sdk.NewWriter(r)
	if err := source.Read(h.In(ctx), r.split.Split, w); err != nil {
		if crashed(err) {
			r.source.died(err)
		}
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return r.deliver(r.split.Cursor, checkpoint.Done, true)
}

// giveUp ends the split for this run, or for good if the source skips it.
func (r *reader) giveUp(err error) error {
	var event observe.Event = observe.SplitBroken{Split: r.split.ID, Stream: r.split.Stream, Err: err}
	ended := r.split
	ended.Status, ended.Problem = checkpoint.Broken, r.Hide(err.Error())
	if errors.Is(err, sdk.ErrSkip) {
		event, ended.Status = observe.SplitSkipped{Split: r.split.ID, Stream: r.split.Stream,
			Err: err}, checkpoint.Skipped
	}
	if err := r.out.giveUp(r.split, ended); err != nil {
		return err
	}
	r.split = ended
	r.Listeners.Tell(event)
	return nil
}

func (r *reader) count(name string, n int64) {
	if r.group.counts == nil {
		r.group.counts = map[string]int64{}
	}
	tally(r.group.counts, r.Hide(name), n, maxCounters, "other/counters")
}

// Batch adds a batch to the current group. It drops streams that are not selected.
func (r *reader) Batch(b sdk.Batch) error {
	if !r.declared[b.Stream] {
		return sdk.Permanent(fmt.Errorf("records of a stream %q that the source does not name among its streams",
			b.Stream))
	}
	if !r.Source.Takes(b.Stream) {
		return nil
	}
	r.group.keyless = r.group.keyless || len(r.keys[b.Stream]) == 0
	if r.Source.Foreign {
		var bad []sdk.Reject
		r.sum.begin(r.keys[b.Stream])
		b, bad = wellFormed(b, &r.sum)
		r.group.keyedBy(b, &r.sum)
		if len(bad) > 0 {
			return r.rejectAll(bad, b)
		}
	}
	return r.group.add(b)
}

// rejectAll adds the rejected records of a batch, then the rest of it.
func (r *reader) rejectAll(bad []sdk.Reject, rest sdk.Batch) error {
	for _, reject := range bad {
		if err := r.group.reject(reject); err != nil {
			return err
		}
	}
	if rest.Count == 0 {
		return nil
	}
	return r.group.add(rest)
}

// Split adds a split to the current group.
func (r *reader) Split(s sdk.Split) error {
	if s.ID == "" {
		return sdk.Permanent(errors.New("a split without an id"))
	}
	if err := r.names(s.Stream); err != nil {
		return err
	}
	r.group.split(s)
	return nil
}

// Reject adds a dead letter to the current group.
func (r *reader) Reject(reject sdk.Reject) error {
	return r.group.reject(reject)
}

// Cursor closes the current group and delivers it. Only a group that brings the split further is
// progress.
func (r *reader) Cursor(cursor []byte) error {
	further, err := r.trail.step(r.split.Cursor, cursor, &r.group)
	if err != nil {
		return err
	}
	return r.deliver(cursor, checkpoint.Open, further)
}

// deliver delivers the group. An error of delivery is no fault of the split and ends the work on the
// seat.
func (r *reader) deliver(cursor []byte, status checkpoint.Status, further bool) error {
	next := r.split
	next.Cursor, next.Status = cursor, status
	next.Records += r.group.records
	if err := r.out.group(r.split, next, &r.group); err != nil {
		r.fatal = err
		return err
	}
	r.split = next
	if further {
		r.progressed()
	}
	return r.group.reset()
}

// progressed resets the failures of the split.
func (r *reader) progressed() {
	r.moved, r.suspect = true, false
	if r.isolated {
		r.isolated = false
		r.isolation.downgrade()
	}
	r.source.progressed()
}
