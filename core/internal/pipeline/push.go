// push: takes one group through the transforms to the sinks.

package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// push is the delivery of one group.
type push struct {
	*seat
	ctx   context.Context // context of calls to transforms and sinks
	split string
	mu    sync.Mutex // a plugin may count from several goroutines
	delta Counts
}

func (p *push) group(g *group) error {
	source := p.Source.Name
	for name, n := range g.counts {
		p.delta.counted(p.Hide(name), n)
	}
	for e, err := range g.all() {
		if err != nil {
			return err
		}
		if e.rejected {
			p.delta.took(source, 1)
			if err := p.reject(source, e.reject()); err != nil {
				return err
			}
			continue
		}
		b := e.Batch
		p.delta.took(source, int64(b.Count))
		p.delta.passed(source, b.Stream, int64(b.Count), int64(len(b.Payload)))
		if err := p.through(0, b); err != nil {
			return err
		}
	}
	return nil
}

// through passes a batch through transform i and those after it, to the sinks.
func (p *push) through(i int, b sdk.Batch) error {
	if i == len(p.transforms) {
		return p.deliver(b)
	}
	t := p.transforms[i]
	if !t.stage.Takes(b.Stream) {
		return p.through(i+1, b)
	}
	out, err := p.transform(t, b)
	if err != nil {
		return err
	}
	for _, o := range out {
		if o.Stream != b.Stream {
			if err := p.names(o.Stream); err != nil {
				return at(t.stage.Name, err)
			}
		}
		if t.stage.Foreign {
			var bad []sdk.Reject
			o, bad = wellFormed(o, nil)
			for _, r := range bad {
				if err := p.reject(t.stage.Name, r); err != nil {
					return err
				}
			}
		}
		if o.Count == 0 {
			continue
		}
		p.delta.passed(t.stage.Name, o.Stream, int64(o.Count), int64(len(o.Payload)))
		if err := p.through(i+1, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *push) transform(t *liveTransform, b sdk.Batch) ([]sdk.Batch, error) {
	ctx := p.call()
	if t.can.Commit != nil {
		if err := t.calls.lock(ctx); err != nil {
			return nil, err
		}
		defer t.calls.unlock()
	}
	p.delta.took(t.stage.Name, int64(b.Count))
	out, err := t.instance.Plugin.Transform(ctx, b)
	return out, p.refused(t.stage.Name, b, err)
}

func (p *push) deliver(b sdk.Batch) error {
	for _, s := range p.sinks {
		if !s.stage.Takes(b.Stream) {
			continue
		}
		p.delta.took(s.stage.Name, int64(b.Count))
		began := time.Now()
		err := s.write(p.call(), b)
		var rejects sdk.Rejects
		errors.As(err, &rejects)
		if err := p.refused(s.stage.Name, b, err); err != nil {
			return err
		}
		p.delta.passed(s.stage.Name, b.Stream, int64(b.Count-len(rejects)), int64(len(b.Payload)))
		p.Listeners.Tell(observe.Written{
			Stage: s.stage.Name, Stream: b.Stream, Records: b.Count - len(rejects), Bytes: len(b.Payload),
			Took: time.Since(began),
		})
	}
	return nil
}

// refused turns an error that rejects records into dead letters. It returns any other error.
func (p *push) refused(stage string, b sdk.Batch, err error) error {
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) {
		return at(stage, err)
	}
	if err := ofBatch(b, rejects); err != nil {
		return sdk.Permanent(at(stage, err))
	}
	for _, r := range rejects {
		if err := p.reject(stage, r); err != nil {
			return err
		}
	}
	return nil
}

// ofBatch returns an error if a stage rejects records that are not in its batch: in = out +
// rejected would not hold, and the records would be unaccounted for. A stage may give a part of a
// record.
func ofBatch(b sdk.Batch, rejects sdk.Rejects) error {
	if len(rejects) > b.Count {
		return fmt.Errorf("the plugin rejected %d records of a batch of %d %s", len(rejects), b.Count, b.Stream)
	}
	lines := lines{all: b.Payload, taken: map[int]bool{}}
	for _, r := range rejects {
		if r.Stream != b.Stream {
			return fmt.Errorf("the plugin rejected a record of %q, and was given records of %q", r.Stream, b.Stream)
		}
		if !lines.take(r.Record) {
			return fmt.Errorf("the plugin rejected a record of %s that it was not given, or one of them twice: %.100q",
				b.Stream, r.Record)
		}
	}
	return nil
}

// lines are the records of a batch. Each can be taken once.
type lines struct {
	all   []byte
	next  int // search begins here, because most stages reject in the order of the batch
	taken map[int]bool
}

// take takes a record that contains part.
func (l *lines) take(part []byte) bool {
	return len(part) > 0 && (l.takeFrom(l.next, part) || l.takeFrom(0, part))
}

func (l *lines) takeFrom(from int, part []byte) bool {
	for {
		at := bytes.Index(l.all[from:], part)
		if at < 0 {
			return false
		}
		start := bytes.LastIndexByte(l.all[:from+at], '\n') + 1
		end := len(l.all)
		if n := bytes.IndexByte(l.all[from+at:], '\n'); n >= 0 {
			end = from + at + n + 1
		}
		if !l.taken[start] {
			l.taken[start], l.next = true, end
			return true
		}
		from = end
	}
}

func (p *push) reject(stage string, r sdk.Reject) error {
	hide := p.Hide
	r.Reason = hide(r.Reason)
	p.delta.rejected(stage, r.Reason)
	return at(lettersStage, p.Letters.Add(Letter{
		Stage: stage, Split: hide(p.split), Stream: hide(r.Stream), Reason: r.Reason, Record: hidden(hide, r.Record),
	}))
}

// hidden returns a record without secrets. A stage gives the beginning of a long record, followed
// by an ellipsis. Half a secret before the ellipsis is removed too.
func hidden(hide func(string) string, record []byte) []byte {
	return []byte(strings.TrimSuffix(hide(string(record)+"…"), "…"))
}

// call returns the context of a plugin's call, so that its counts belong to this group (I5).
func (p *push) call() context.Context {
	h := sdk.HostOf(p.ctx)
	h.Count = func(name string, n int64) {
		p.mu.Lock()
		p.delta.counted(p.Hide(name), n)
		p.mu.Unlock()
	}
	return h.In(p.ctx)
}
