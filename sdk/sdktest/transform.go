// TestTransform: the conformance suite of transforms.

package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// TransformCase is a transform and what goes into it.
type TransformCase struct {
	Config  any
	Host    sdk.Host
	Streams []sdk.Stream // nil: those of Input, by name alone
	Input   []sdk.Batch
	// Check may look at all that comes out, in order; may be nil.
	Check func(t *testing.T, out []sdk.Batch, rejects sdk.Rejects)
}

// TestTransform checks that what comes out depends on what goes in alone, that concurrent calls do not
// disturb each other, that junk does no harm, and, where there is state, that a token brings it back.
func TestTransform(t *testing.T, p sdk.Plugin, c TransformCase) {
	testPlugin(t, p, c.Config, sdk.KindTransform)
	if len(c.Input) == 0 {
		t.Fatal("the case has no input")
	}
	if c.Streams == nil {
		c.Streams = streamsOf(c.Input)
	}
	onBoth(t, p, c.Config, c.Host, func(t *testing.T, b *bench) {
		x := &transformTest{TransformCase: c, bench: b}
		x.serial(t)
		if t.Failed() {
			return
		}
		t.Run("again", x.again)
		t.Run("junk", x.junk)
		if x.stateful {
			t.Run("back to a token", x.restore)
		} else {
			t.Run("at once", x.atOnce)
		}
	})
}

func streamsOf(batches []sdk.Batch) []sdk.Stream {
	var out []sdk.Stream
	for _, b := range batches {
		if !slices.ContainsFunc(out, func(s sdk.Stream) bool { return s.Name == b.Stream }) {
			out = append(out, sdk.Stream{Name: b.Stream})
		}
	}
	return out
}

type transformTest struct {
	TransformCase
	*bench
	stateful bool
	want     []result // of each batch of the input, one after another
}

// result is what came of one batch.
type result struct {
	batches []sdk.Batch
	rejects sdk.Rejects
}

func transform(l *live) sdk.Transform { return l.value.(sdk.Transform) }

func (x *transformTest) open(t *testing.T, token sdk.Token) (*live, []sdk.Stream) {
	t.Helper()
	l := x.start(t)
	if o, ok := l.value.(sdk.Opener); ok {
		start := sdk.Start{Run: "run", Token: token, Resume: token != nil, Streams: x.Streams}
		if err := o.Open(l.ctx, start); err != nil {
			t.Fatalf("open: %v", err)
		}
	}
	s, ok := l.value.(sdk.Streamer)
	if !ok {
		return l, x.Streams
	}
	out, err := s.OutStreams(l.ctx, x.Streams)
	if err != nil {
		t.Fatalf("streams that come out: %v", err)
	}
	return l, out
}

// call transforms one batch and checks that the input stays as it is.
func (x *transformTest) call(l *live, b sdk.Batch) (result, error) {
	before := bytes.Clone(b.Payload)
	var r result
	var err error
	r.batches, err = transform(l).Transform(l.ctx, b)
	if !bytes.Equal(before, b.Payload) {
		return r, errors.New("the transform changed its input")
	}
	if err != nil && !errors.As(err, &r.rejects) {
		return r, err
	}
	return r, nil
}

// serial makes the results that all others are compared with.
func (x *transformTest) serial(t *testing.T) {
	l, streams := x.open(t, nil)
	defer l.stop()
	_, x.stateful = l.value.(sdk.Committer)
	for _, s := range streams {
		checkStream(t, s)
	}
	var all result
	for i, b := range x.Input {
		r, err := x.call(l, b)
		if err == nil {
			err = wellFormed(r, streams)
		}
		if err != nil {
			t.Fatalf("batch %d, of stream %s: %v", i, b.Stream, err)
		}
		x.want = append(x.want, r)
		all.batches = append(all.batches, r.batches...)
		all.rejects = append(all.rejects, r.rejects...)
	}
	if x.Check != nil {
		x.Check(t, all.batches, all.rejects)
	}
}

func wellFormed(r result, streams []sdk.Stream) error {
	for _, b := range r.batches {
		if !slices.ContainsFunc(streams, func(s sdk.Stream) bool { return s.Name == b.Stream }) {
			return fmt.Errorf("a batch of stream %q comes out, which was not announced", b.Stream)
		}
		n := 0
		for line := range b.Records() {
			n++
			if !json.Valid(line) {
				return fmt.Errorf("a record of %s is not JSON: %.200q", b.Stream, line)
			}
		}
		if n != b.Count || !bytes.HasSuffix(b.Payload, []byte("\n")) {
			return fmt.Errorf("a batch of %s says %d records, has %d lines, and ends %.10q", b.Stream, b.Count, n, b.Payload[max(0, len(b.Payload)-10):])
		}
	}
	for _, j := range r.rejects {
		if j.Reason == "" {
			return fmt.Errorf("a record of %s is rejected without a reason", j.Stream)
		}
	}
	return nil
}

// again runs a fresh instance over the same input.
func (x *transformTest) again(t *testing.T) {
	l, _ := x.open(t, nil)
	defer l.stop()
	for i := range x.Input {
		x.same(t, l, i)
	}
}

func (x *transformTest) same(t *testing.T, l *live, i int) {
	t.Helper()
	r, err := x.call(l, x.Input[i])
	if err != nil || !reflect.DeepEqual(textOf(r), textOf(x.want[i])) {
		t.Errorf("batch %d gave something else this time (%v):\n got %.2000s\nwant %.2000s", i, err, textOf(r), textOf(x.want[i]))
	}
}

func textOf(r result) []string {
	var out []string
	for _, b := range r.batches {
		out = append(out, fmt.Sprintf("%s %s %s", b.Stream, b.Op, b.Payload))
	}
	for _, j := range r.rejects {
		out = append(out, fmt.Sprintf("reject %s %s: %s", j.Stream, j.Reason, j.Record))
	}
	return out
}

// atOnce sends the batches from several goroutines.
func (x *transformTest) atOnce(t *testing.T) {
	l, _ := x.open(t, nil)
	defer l.stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range x.Input {
				x.same(t, l, i)
			}
		})
	}
	wg.Wait()
}

// junk: what is no good record is an error or a reject, and not the end. A good batch is as good after it.
func (x *transformTest) junk(t *testing.T) {
	l, streams := x.open(t, nil)
	defer l.stop()
	for _, line := range []string{
		`nonsense`, `{"a":`, `[]`, `null`, `"text"`, `7`, `{}`, "{\"a\":\"\xff\xfe\"}", `{"a":"\ud800"}`, `{"a":1,"a":2}`,
		strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000),
	} {
		r, err := x.call(l, sdk.Batch{Stream: x.Input[0].Stream, Count: 1, Payload: []byte(line + "\n")})
		if err == nil {
			err = wellFormed(r, streams)
		}
		if err != nil {
			t.Errorf("record %.40q: %v; refuse the record, not the batch", line, err)
		}
	}
	if !x.stateful {
		x.same(t, l, 0)
	}
}

// restore commits after each batch; a fresh instance with that token must go on as the first one did.
func (x *transformTest) restore(t *testing.T) {
	first, _ := x.open(t, nil)
	defer first.stop()
	for i := range x.Input {
		x.same(t, first, i)
		token, err := first.value.(sdk.Committer).Commit(first.ctx)
		if err != nil {
			t.Fatalf("commit: %v", err)
		}
		l, _ := x.open(t, bytes.Clone(token))
		for rest := i + 1; rest < len(x.Input); rest++ {
			x.same(t, l, rest)
		}
		l.stop()
	}
}
