// Transform: the checks of transforms.

package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// TransformCase is a transform and what goes into it.
type TransformCase struct {
	Host    sdk.Host
	Streams []sdk.Stream // nil: the streams of Input, by name alone
	Input   []sdk.Batch
	// Check may inspect all output, in order; may be nil.
	Check func(t T, out []sdk.Batch, rejects sdk.Rejects)
}

// transformOne is a check of a transform whose expected results are known.
type transformOne struct {
	Check
	run func(x *transformTest, t T)
}

var transformCheck = Check{"transform", NothingLost,
	"what comes out is whole, of announced streams, and leaves the input as it is"}

var transformChecks = []transformOne{
	{Check{"again", NothingLost, "the same input gives the same output, in another process too"},
		(*transformTest).again},
	{Check{"junk", NothingLost, "a bad record is refused by itself, and not the batch"}, (*transformTest).junk},
	{Check{"huge record", NothingLost, "a record of 5 MiB is transformed or rejected"}, (*transformTest).huge},
	{Check{"back to a token", NothingLost, "a token brings the state back, in another process"},
		(*transformTest).restore},
	{Check{"at once", NothingLost, "calls at the same time do not disturb each other"}, (*transformTest).atOnce},
}

// Transform checks that the output depends only on the input, that concurrent calls do not affect
// each other, that bad input does no harm, and that a transform with state is restored to its
// token.
func Transform(t T, subject Subject, config json.RawMessage, c TransformCase) {
	if len(c.Input) == 0 {
		t.Fatalf("the case has no input")
	}
	if c.Streams == nil {
		c.Streams = streamsOf(c.Input)
	}
	x := &transformTest{TransformCase: c,
		bench: &bench{subject: subject, config: config, host: c.Host, watch: &watch{}}}
	if !t.Run(transformCheck.Name, x.serial) {
		return
	}
	for _, check := range transformChecks {
		t.Run(check.Name, func(t T) { check.run(x, t) })
	}
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

// result is the outcome of one batch.
type result struct {
	batches []sdk.Batch
	rejects sdk.Rejects
}

func transform(l *live) sdk.Transform { return l.value.(sdk.Transform) }

func (x *transformTest) open(t T, token sdk.Token) (*live, []sdk.Stream) {
	t.Helper()
	return x.openIn(t, x.privateDir(t), token)
}

// openIn opens the transform with a private folder.
func (x *transformTest) openIn(t T, dir string, token sdk.Token) (*live, []sdk.Stream) {
	t.Helper()
	l := x.start(t)
	can := host.AbilitiesOf(l.value)
	if can.Open != nil {
		start := x.startOf(sdk.Start{Run: "run", Token: token, Resume: token != nil, Streams: x.Streams}, dir)
		if err := x.watch.call(l.ctx, "Open", nil,
			func(ctx context.Context) error { return can.Open(ctx, start) }); err != nil {
			t.Fatalf("open: %v", err)
		}
	}
	if can.OutStreams == nil {
		return l, x.Streams
	}
	var out []sdk.Stream
	err := x.watch.call(l.ctx, "OutStreams", nil, func(ctx context.Context) (err error) {
		out, err = can.OutStreams(ctx, x.Streams)
		return err
	})
	if err != nil {
		t.Fatalf("streams that come out: %v", err)
	}
	return l, out
}

// call transforms one batch and checks that the input is unchanged.
func (x *transformTest) call(l *live, b sdk.Batch) (result, error) {
	before := bytes.Clone(b.Payload)
	var r result
	err := x.watch.call(l.ctx, "Transform", nil, func(ctx context.Context) (err error) {
		r.batches, err = transform(l).Transform(ctx, b)
		return err
	})
	if errors.Is(err, errHung) {
		return result{}, err
	}
	if !bytes.Equal(before, b.Payload) {
		return r, errors.New("the transform changed its input")
	}
	if err != nil && !errors.As(err, &r.rejects) {
		return r, err
	}
	return r, nil
}

// serial computes the results with which all others are compared.
func (x *transformTest) serial(t T) {
	l, streams := x.open(t, nil)
	defer l.stop()
	x.stateful = host.AbilitiesOf(l.value).Commit != nil
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
			return fmt.Errorf("a batch of %s says %d records, has %d lines, and ends %.10q", b.Stream, b.Count, n,
				b.Payload[max(0, len(b.Payload)-10):])
		}
	}
	for _, j := range r.rejects {
		if j.Reason == "" {
			return fmt.Errorf("a record of %s is rejected without a reason", j.Stream)
		}
	}
	return nil
}

// again runs a new instance over the same input.
func (x *transformTest) again(t T) {
	l, _ := x.open(t, nil)
	defer l.stop()
	for i := range x.Input {
		x.same(t, l, i)
	}
}

func (x *transformTest) same(t T, l *live, i int) {
	t.Helper()
	r, err := x.call(l, x.Input[i])
	if err != nil || !reflect.DeepEqual(textOf(r), textOf(x.want[i])) {
		t.Errorf("batch %d gave something else this time (%v):\n got %.2000s\nwant %.2000s", i, err, textOf(r),
			textOf(x.want[i]))
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
func (x *transformTest) atOnce(t T) {
	if x.stateful {
		t.Skipf("the transform keeps state: batches come one at a time")
	}
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

// junk: an invalid record is an error or a reject, and no crash. A good batch gives the same result
// after it.
func (x *transformTest) junk(t T) {
	l, streams := x.open(t, nil)
	defer l.stop()
	for _, line := range []string{
		`nonsense`, `{"a":`, `[]`, `null`, `"text"`, `7`, `{}`, "{\"a\":\"\xff\xfe\"}", `{"a":"\ud800"}`,
		`{"a":1,"a":2}`,
		strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000),
	} {
		in := sdk.Batch{Stream: x.Input[0].Stream, Count: 1, Payload: []byte(line + "\n")}
		r, err := x.call(l, in)
		if err == nil && len(r.batches) == 1 && bytes.Equal(r.batches[0].Payload, in.Payload) {
			continue // it passes unknown streams without parsing them
		}
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

// hugeRecord is the length of a huge record in bytes: more than gRPC's default limit.
const hugeRecord = 5 << 20

// huge: a valid record with one more, very long field.
func (x *transformTest) huge(t T) {
	l, streams := x.open(t, nil)
	defer l.stop()
	b := x.Input[0]
	for record := range b.Records() {
		line := longer(record)
		r, err := x.call(l, sdk.Batch{Stream: b.Stream, Count: 1, Payload: append(line, '\n')})
		if err == nil {
			err = wellFormed(r, streams)
		}
		if err != nil {
			t.Errorf("a record of %d bytes: %.300v; take messages of up to 80 MiB, in both directions", len(line), err)
		}
		return
	}
}

// longer returns a record with one more, long field, or another record if it is no object.
func longer(record []byte) []byte {
	long := `"huge":"` + strings.Repeat("x", hugeRecord) + `"}`
	object := bytes.TrimSpace(record)
	if n := len(object); n > 2 && object[0] == '{' && object[n-1] == '}' {
		return append(append(bytes.Clone(object[:n-1]), ','), long...)
	}
	return []byte("{" + long)
}

// restore commits after each batch. A new instance with that token must continue as the first one
// did.
func (x *transformTest) restore(t T) {
	if !x.stateful {
		t.Skipf("the transform keeps no state")
	}
	dir := x.privateDir(t)
	first, _ := x.openIn(t, dir, nil)
	defer first.stop()
	for i := range x.Input {
		x.same(t, first, i)
		var token sdk.Token
		err := x.watch.call(first.ctx, "Commit", nil, func(ctx context.Context) (err error) {
			token, err = host.AbilitiesOf(first.value).Commit(ctx)
			return err
		})
		if err != nil {
			t.Fatalf("commit: %v", err)
		}
		copied := x.privateDir(t) // the first instance continues in its own folder
		if dir != "" {
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatalf("the private folder: %v", err)
			}
		}
		l, _ := x.openIn(t, copied, bytes.Clone(token))
		for rest := i + 1; rest < len(x.Input); rest++ {
			x.same(t, l, rest)
		}
		l.stop()
	}
}
