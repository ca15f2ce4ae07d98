// Plan and Preview: what a run would do, without doing it.

package core

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/sdk"
)

// PlanInfo is what the next run would read.
type PlanInfo struct {
	Pipeline    string       `json:"pipeline"`
	Unfinished  string       `json:"unfinished,omitempty"` // the run that would be gone on with
	Incremental bool         `json:"incremental"`          // an earlier run is gone on from
	Streams     []StreamInfo `json:"streams"`
	Splits      []SplitInfo  `json:"splits"`
	Stages      []string     `json:"stages"`
	Sinks       []SinkInfo   `json:"sinks"`
	// Connects are the stages that may open TCP connections, and to where.
	Connects []ConnectInfo `json:"connects,omitempty"`
}

// ConnectInfo is a stage that may open TCP connections.
type ConnectInfo struct {
	Stage     string   `json:"stage"`
	Addresses []string `json:"addresses"` // see [sdk.Permissions]
}

// SinkInfo is a sink, and what it guarantees of the records that it is given.
type SinkInfo struct {
	Name string `json:"name"`
	sdk.Guarantee
}

// SplitInfo is a split for display.
type SplitInfo struct {
	ID       string      `json:"id"`
	Stream   string      `json:"stream"`
	Status   SplitStatus `json:"status"`
	Estimate int64       `json:"estimate,omitempty"` // records expected; 0: not known
	Records  int64       `json:"records"`            // delivered
	Problem  string      `json:"problem,omitempty"`
}

// splitInfo shows a split without secrets: its source may have named it by what it got.
func (p *Pipeline) splitInfo(s checkpoint.Split) SplitInfo {
	return SplitInfo{
		ID: p.Hide(s.ID), Stream: s.Stream, Status: s.Status, Estimate: s.Estimate, Records: s.Records, Problem: p.Hide(s.Problem),
	}
}

// StreamInfo is a stream of the source.
type StreamInfo struct {
	sdk.Stream
	Selected bool `json:"selected"`
}

// Plan asks the source what the next run would read. It changes nothing.
func (p *Pipeline) Plan(ctx context.Context, full bool) (*PlanInfo, error) {
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return nil, err
	}
	info, err := p.plan(ctx, parts, full)
	return info, p.redact.Error(errors.Join(err, closeAll()))
}

func (p *Pipeline) plan(ctx context.Context, parts *parts, full bool) (*PlanInfo, error) {
	out := &PlanInfo{Pipeline: p.config.Name, Stages: p.Stages()}
	for _, b := range p.blocks() {
		if len(b.Dial) > 0 {
			out.Connects = append(out.Connects, ConnectInfo{stageName(b), b.Dial})
		}
	}
	if err := guarantees(ctx, parts, out); err != nil {
		return nil, err
	}
	source := parts.source()
	inst, err := source.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = inst.Stop(context.WithoutCancel(ctx)) }() // it was asked and is not needed any more
	ask := sdk.Plan{}
	all, err := inst.Plugin.Streams(ctx)
	if err != nil {
		return nil, at(source.Name, err)
	}
	for _, s := range all {
		if p.Hide(s.Name) != s.Name {
			return nil, at(source.Name, pipeline.ErrSecretName)
		}
		out.Streams = append(out.Streams, StreamInfo{Stream: s, Selected: pipeline.Reads(source, s)})
		if pipeline.Reads(source, s) {
			ask.Streams = append(ask.Streams, s.Name)
		}
	}
	if !full && p.opts.Replay == "" {
		done, err := p.fromState(ctx, out, &ask)
		if err != nil || done {
			return out, err
		}
	}
	if inst.Check != nil {
		if err := inst.Check(ctx); err != nil {
			return nil, at(source.Name, err)
		}
	}
	splits, err := inst.Plugin.Plan(ctx, ask)
	if err != nil {
		return nil, at(source.Name, err)
	}
	for _, s := range splits {
		out.Splits = append(out.Splits, p.splitInfo(checkpoint.Split{Split: s, Status: checkpoint.Open}))
	}
	return out, nil
}

// guarantees asks every sink what it promises. None is opened.
func guarantees(ctx context.Context, parts *parts, out *PlanInfo) error {
	for _, s := range parts.sinks() {
		inst, err := s.Start(ctx)
		if err != nil {
			return err
		}
		out.Sinks = append(out.Sinks, SinkInfo{s.Name, sdk.GuaranteeOf(inst.Plugin)})
		_ = inst.Stop(context.WithoutCancel(ctx)) // it was asked and is not needed any more
	}
	return nil
}

// fromState looks at what earlier runs left: an unfinished run is the whole plan, finished ones are where
// the next begins.
func (p *Pipeline) fromState(ctx context.Context, out *PlanInfo, ask *sdk.Plan) (done bool, err error) {
	store, err := p.openState(ctx)
	if store == nil || err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if run, ok, err := unfinished(ctx, store); err != nil {
		return false, err
	} else if ok {
		out.Unfinished = run.ID
		all, err := store.Splits(ctx, checkpoint.Run{ID: run.ID})
		for _, s := range all {
			if s.Status != checkpoint.Done {
				out.Splits = append(out.Splits, p.splitInfo(s))
			}
		}
		return len(all) > 0, err
	}
	ask.Previous, err = store.Previous(ctx)
	out.Incremental = len(ask.Previous) > 0
	return false, err
}

// assembleAside makes what starting plugins needs, without the pipeline's lock and state.
func (p *Pipeline) assembleAside() (*parts, func() error, error) {
	var c closers
	spool, err := os.MkdirTemp("", "scrapekit-")
	if err != nil {
		return nil, nil, err
	}
	c.add(func() error { return os.RemoveAll(spool) })
	client, err := p.openHTTP(&c, fetch.Options{Learned: p.learnedFile(), Aside: true}, false)
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	host, err := pluginhost.New(pluginhost.Options{Logger: p.logger, Sandbox: p.level})
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	parts := &parts{
		Pipeline: p, host: host, fetch: client, dial: p.openDial(), spool: spool,
		stages: filepath.Join(spool, "stages"), files: p.keepIn(filepath.Join(spool, "files")),
	}
	c.add(parts.made.removeEmpty)
	c.add(host.Close)
	return parts, c.close, nil
}

// errEnough ends a preview.
var errEnough = errors.New("enough records")

// Preview reads the first n records after all transforms and hands them to emit. Nothing is kept, no sink is touched, and
// nothing is tried twice but requests: the first thing that goes wrong is the error. See [StackOf].
func (p *Pipeline) Preview(ctx context.Context, n int, emit func(stream string, record []byte) error) error {
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return err
	}
	return p.redact.Error(errors.Join(p.preview(ctx, parts, n, emit), closeAll()))
}

func (p *Pipeline) preview(ctx context.Context, parts *parts, n int, emit func(string, []byte) error) error {
	ctx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	show := &firstRecords{left: n, emit: emit, enough: func() { enough(errEnough) }}
	first := newFirstError(func() { enough(errFirst) })
	run := pipeline.New(pipeline.Config{
		Source: parts.source(), Transforms: parts.transforms(),
		Sinks: []pipeline.Stage[sdk.Sink]{{Name: "preview", MaxRejects: -1, Start: func(context.Context) (pipeline.Instance[sdk.Sink], error) {
			return inProcess(sdk.Sink(show)), nil
		}}},
		Store: checkpoint.NewMemory(), Letters: noLetters{}, Begin: checkpoint.Begin{ID: "preview", Now: time.Now()},
		Concurrency: 1, SpoolDir: parts.spool, Logger: p.logger, OnEvent: first.event,
	})
	res, err := run.Run(ctx)
	if errors.Is(context.Cause(ctx), errEnough) {
		return nil
	}
	if failure := first.get(); failure != nil {
		return failure
	}
	return errors.Join(err, res.Err, ctx.Err())
}

// firstRecords shows the first records and then ends the run.
type firstRecords struct {
	mu     sync.Mutex
	left   int
	emit   func(string, []byte) error
	enough func()
}

func (f *firstRecords) Write(_ context.Context, b sdk.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for record := range b.Records() {
		if f.left == 0 {
			break
		}
		if err := f.emit(b.Stream, record); err != nil {
			return sdk.Permanent(err)
		}
		f.left--
	}
	if f.left == 0 {
		f.enough()
	}
	return nil
}

func (f *firstRecords) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// noLetters drops dead letters: a preview keeps nothing.
type noLetters struct{}

func (noLetters) Open(string, sdk.Token) error { return nil }
func (noLetters) Add(pipeline.Letter) error    { return nil }
func (noLetters) Commit() (sdk.Token, error)   { return nil, nil }

// openState opens the pipeline's state for looking at it; nil if there is none.
func (p *Pipeline) openState(ctx context.Context) (checkpoint.Store, error) {
	path := filepath.Join(p.config.StateDir, "state.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return checkpoint.OpenSQLite(ctx, path)
}
