// reader: one split, read group by group, again from its last cursor when it fails.

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// reader reads one claimed split. It is the source's output: it takes batches until their cursor comes,
// then hands the group to delivery in the same call stack.
type reader struct {
	a     *attempt
	split checkpoint.Split // as delivered so far
	group group
	moved bool // a group was delivered since the last try
	fatal error

	suspect bool // it was being read when the source died
	alone   bool // it is being read alone now
}

func newReader(a *attempt, s checkpoint.Split) *reader {
	return &reader{a: a, split: s, group: group{memory: a.GroupMemory, dir: a.SpoolDir}}
}

// read returns nil when the split is done, broken, or left open because ctx ended; an error ends the attempt.
func (r *reader) read(ctx context.Context) error {
	r.a.progress.active(1)
	defer r.a.progress.active(-1)
	tries := 0
	for {
		err := r.try(ctx)
		if r.fatal != nil {
			return r.fatal
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if r.moved {
			tries = 0
		}
		if !r.blameless(err) {
			tries++
		}
		if sdk.IsPermanent(err) || tries >= r.maxTries() {
			return r.giveUp(err)
		}
		delay := r.a.backoff(tries, err)
		r.a.event(Event{Kind: SplitRetried, Split: r.split.ID, Stream: r.split.Stream, Err: err, Wait: delay})
		if !wait(ctx, delay) {
			return nil
		}
	}
}

// blameless reports whether a failed try says nothing about this split: the source died while others were
// being read too. Each of them is a suspect then, and goes on alone until it has delivered a group. So a split that kills
// the source is found, and no other is blamed for it.
func (r *reader) blameless(err error) bool {
	if !crashed(err) {
		return false
	}
	wasAlone := r.suspect
	r.suspect = true
	return !wasAlone
}

func (r *reader) maxTries() int {
	if n := r.a.Source.Attempts; n > 0 {
		return n
	}
	return 5
}

// try reads from the last delivered cursor to the end of the split.
func (r *reader) try(ctx context.Context) error {
	r.moved = false
	if err := r.group.reset(); err != nil {
		return err
	}
	r.alone = r.suspect
	if err := r.a.lane.enter(ctx, r.alone); err != nil {
		return err
	}
	defer func() { r.a.lane.leave(r.alone) }()
	source, err := r.a.source.get(ctx)
	if err != nil {
		r.fatal = err
		return err
	}
	h := sdk.HostOf(ctx)
	h.Count = r.count
	w := sdk.NewWriter(r)
	if err := source.Read(sdk.WithHost(ctx, h), r.split.Split, w); err != nil {
		if crashed(err) {
			r.a.source.died(err)
		}
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return r.hand(r.split.Cursor, checkpoint.Done)
}

// crashed reports whether err says that a plugin's process died.
func crashed(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

func (r *reader) giveUp(err error) error {
	broken := r.split
	broken.Status, broken.Problem = checkpoint.Broken, r.a.Hide(err.Error())
	if err := r.a.deliver.giveUp(r.split, broken); err != nil {
		return err
	}
	r.split = broken
	r.a.event(Event{Kind: SplitBroken, Split: r.split.ID, Stream: r.split.Stream, Err: err})
	return nil
}

func (r *reader) count(name string, n int64) {
	if r.group.counts == nil {
		r.group.counts = map[string]int64{}
	}
	r.group.counts[r.a.Hide(name)] += n
}

// Batch takes a batch of the group to come. What was not asked for is not wanted.
func (r *reader) Batch(b sdk.Batch) error {
	if !r.a.declared[b.Stream] {
		return sdk.Permanent(fmt.Errorf("records of a stream %q that the source does not name among its streams", b.Stream))
	}
	if !r.a.Source.Takes(b.Stream) {
		return nil
	}
	return r.group.add(b)
}

// Split takes a further split of the group to come.
func (r *reader) Split(s sdk.Split) error {
	if s.ID == "" {
		return sdk.Permanent(errors.New("a split without an id"))
	}
	r.group.splits = append(r.group.splits, s)
	return nil
}

// Reject takes a dead letter of the group to come.
func (r *reader) Reject(reject sdk.Reject) error {
	return r.group.reject(reject)
}

// Cursor closes the group and delivers it.
func (r *reader) Cursor(cursor []byte) error {
	return r.hand(cursor, checkpoint.Open)
}

// hand delivers the group. An error of delivery is no fault of the split: it ends the attempt.
func (r *reader) hand(cursor []byte, status checkpoint.Status) error {
	next := r.split
	next.Cursor, next.Status = cursor, status
	next.Records += r.group.records
	if err := r.a.deliver.group(r.split, next, &r.group); err != nil {
		r.fatal = err
		return err
	}
	r.split, r.moved, r.suspect = next, true, false
	if r.alone {
		r.alone = false
		r.a.lane.share()
	}
	r.a.source.progressed()
	return r.group.reset()
}
