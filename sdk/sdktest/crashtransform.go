// CrashTransform: a stateful transform, crash-tested as a sink of its output.

package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// CrashTransform proves that a stateful transform is restored to its token, whatever happens to its
// process and its files: its output from there on equals that of an undisturbed one. See
// [CrashSink] for the method. config returns the settings for a folder, which is empty at first; a
// transform without files ignores it.
func CrashTransform(t *testing.T, p sdk.Plugin, config func(t *testing.T, dir string) any, c TransformCase) {
	if len(c.Input) == 0 {
		t.Fatal("the case has no input")
	}
	for _, b := range c.Input {
		if !slices.ContainsFunc(c.Streams, func(s sdk.Stream) bool { return s.Name == b.Stream }) {
			c.Streams = append(c.Streams, sdk.Stream{Name: b.Stream})
		}
	}
	w := &witness{transform: p, host: c.Host}
	x := &crash{T: t, plugin: w.plugin(), acts: life(c.Input), streams: c.Streams,
		target: SinkCase{Config: config, Read: w.read, Host: c.Host}}
	x.seen = []sdk.Stream{{Name: "out"}}
	x.test()
}

// witness makes a sink of a transform: it stores the output, and its token is that output together
// with the transform's own token.
type witness struct {
	transform sdk.Plugin
	host      sdk.Host

	mu     sync.Mutex
	newest *witnessed
}

// witnessed is the sink in one process.
type witnessed struct {
	transform sdk.Transform
	out       []string
}

type witnessToken struct {
	Inner sdk.Token `json:"inner"`
	Out   []string  `json:"out"`
}

func (w *witness) plugin() sdk.Plugin {
	p := w.transform
	p.Kind = sdk.KindSink
	p.New = func(ctx context.Context, config json.RawMessage) (any, error) {
		v, err := w.transform.New(ctx, config)
		if err != nil {
			return nil, err
		}
		one := &witnessed{transform: v.(sdk.Transform)}
		w.mu.Lock()
		w.newest = one
		w.mu.Unlock()
		return one, nil
	}
	return p
}

func (w *witness) read(*testing.T, string, string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest == nil {
		return nil
	}
	return slices.Clone(w.newest.out)
}

// Open implements [sdk.Opener].
func (o *witnessed) Open(ctx context.Context, s sdk.Start) error {
	can := host.AbilitiesOf(o.transform)
	if can.Open == nil || can.Commit == nil {
		return errors.New("the transform keeps no state: it is no sdk.Committer and sdk.Opener")
	}
	var t witnessToken
	if s.Token != nil {
		if err := json.Unmarshal(s.Token, &t); err != nil {
			return err
		}
	}
	if s.Token = t.Inner; !s.Full {
		o.out = t.Out
	}
	if err := can.Open(ctx, s); err != nil {
		return err
	}
	if can.OutStreams == nil {
		return nil
	}
	_, err := can.OutStreams(ctx, s.Streams)
	return err
}

// Write implements [sdk.Sink].
func (o *witnessed) Write(ctx context.Context, b sdk.Batch) error {
	batches, err := o.transform.Transform(ctx, b)
	var rejects sdk.Rejects
	if err != nil && !errors.As(err, &rejects) {
		return err
	}
	for _, b := range batches {
		o.note("%s %s %s", b.Stream, b.Op, b.Payload)
	}
	for _, r := range rejects {
		o.note("rejected %s %s: %s", r.Stream, r.Record, r.Reason)
	}
	return nil
}

// note stores the output, in order.
func (o *witnessed) note(format string, args ...any) {
	o.out = append(o.out, fmt.Sprintf("%d ", len(o.out))+fmt.Sprintf(format, args...))
}

// Commit implements [sdk.Sink].
func (o *witnessed) Commit(ctx context.Context) (sdk.Token, error) {
	inner, err := host.AbilitiesOf(o.transform).Commit(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(witnessToken{inner, o.out})
}

// Close implements io.Closer.
func (o *witnessed) Close() error {
	if c, ok := o.transform.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
