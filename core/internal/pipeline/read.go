// reader: one split, read group by group, again from its last cursor when it fails.

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// reader reads one claimed split. It is the source's output: it takes batches until their cursor
// comes, then hands the group to delivery in the same call stack.
type reader struct {
	*seat
	out   *delivery
	lane  *lane            // of all readers: see blameless
	split checkpoint.Split // as delivered so far
	group group
	sum   keySum // of the keys of the batch at hand
	trail trail
	moved bool // a group brought it further since the last try
	fatal error

	suspect bool // it was being read when the source died
	alone   bool // it is being read alone now
}

func newReader(s *seat, out *delivery, l *lane, split checkpoint.Split) *reader {
	group := group{memory: s.GroupMemory, dir: s.SpoolDir, room: s.SpoolRoom}
	return &reader{seat: s, out: out, lane: l, split: split, group: group, trail: trail{idle: s.Source.MaxIdle}}
}

// read returns nil when the split is done, broken, or left open because ctx ended; an error ends
// the work on the seat.
func (r *reader) read(ctx context.Context) error {
	r.progress.active(1)
	defer r.progress.active(-1)
	t := r.newTrial(r.Source.limits())
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

// blameless reports whether a failed try says nothing about this split: the source died while
// others were being read too. Each of them is a suspect then, and goes on alone until it has
// delivered a group. So a split that kills the source is found, and no other is blamed for it.
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
	r.alone = r.suspect
	if err := r.lane.enter(ctx, r.alone); err != nil {
		return err
	}
	defer func() { r.lane.leave(r.alone) }()
	source, err := r.source.get(ctx)
	if err != nil {
		r.fatal = err
		return err
	}
	h := sdk.HostOf(ctx)
	h.Count = r.count
	w := sdk.NewWriter(r)
	if err := source.Read(sdk.WithHost(ctx, h), r.split.Split, w); err != nil {
		if crashed(err) {
			r.source.died(err)
		}
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return r.hand(r.split.Cursor, checkpoint.Done, true)
}

// giveUp ends the split for this run, or for good if it is to be skipped.
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

// Batch takes a batch of the group to come. What was not asked for is not wanted.
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

// rejectAll takes the records of a batch that are rejected, and the rest of it.
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

// Split takes a further split of the group to come.
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

// Reject takes a dead letter of the group to come.
func (r *reader) Reject(reject sdk.Reject) error {
	return r.group.reject(reject)
}

// Cursor closes the group and delivers it. Only a group that brings the split further is progress,
// whatever comes with it.
func (r *reader) Cursor(cursor []byte) error {
	further, err := r.trail.step(r.split.Cursor, cursor, &r.group)
	if err != nil {
		return err
	}
	return r.hand(cursor, checkpoint.Open, further)
}

// hand delivers the group. An error of delivery is no fault of the split: it ends the work on the
// seat.
func (r *reader) hand(cursor []byte, status checkpoint.Status, further bool) error {
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

// progressed says that the split has come further: what failed before is over.
func (r *reader) progressed() {
	r.moved, r.suspect = true, false
	if r.alone {
		r.alone = false
		r.lane.share()
	}
	r.source.progressed()
}
