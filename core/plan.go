// Plan and Preview: what a run would do, without doing it.

package core

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/state"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// PlanInfo is what the next run would read.
type PlanInfo struct {
	Pipeline    string       `json:"pipeline"`
	Unfinished  string       `json:"unfinished,omitempty"` // the unfinished run that would be resumed
	Incremental bool         `json:"incremental"`          // continues from an earlier run
	Streams     []StreamInfo `json:"streams"`
	Splits      []SplitInfo  `json:"splits"`                // the first ones
	More        int          `json:"more_splits,omitempty"` // number of further splits
	Records     int64        `json:"records,omitempty"`     // expected in all splits; 0: unknown
	Stages      []string     `json:"stages"`
	Sinks       []SinkInfo   `json:"sinks"`
	// Connects are the stages that may open connections, with their addresses.
	Connects []ConnectInfo `json:"connects,omitempty"`
	// Files are the files and folders that stages may use.
	Files []FileInfo `json:"files,omitempty"`
}

// FileInfo is a file, or a folder with its content, that a stage may use.
type FileInfo struct {
	Stage   string `json:"stage"`
	Path    string `json:"path"`
	Write   bool   `json:"write"`             // may write as well as read
	Setting string `json:"setting,omitempty"` // the setting that names it; "": a grant does
}

// filesOf returns the files of a block.
func filesOf(b config.Block) []FileInfo {
	var out []FileInfo
	for i, path := range slices.Concat(b.Read, b.Write) {
		one := FileInfo{Stage: stageName(b), Path: path, Write: i >= len(b.Read)}
		for _, s := range b.Paths {
			if s.Path == path && s.Write == one.Write {
				one.Setting = s.Setting
			}
		}
		out = append(out, one)
	}
	return out
}

// ConnectInfo is a stage that may open connections.
type ConnectInfo struct {
	Stage     string   `json:"stage"`
	Addresses []string `json:"addresses"` // see [sdk.Permissions]
}

// SinkInfo is a sink and its guarantee for delivered records.
type SinkInfo struct {
	Name string `json:"name"`
	sdk.Guarantee
	sdk.SinkPlan
	// Problem is why it is not known what the run would do there.
	Problem string `json:"problem,omitempty"`
}

// splitInfo returns a split without secrets, which the source may have put into its name.
func (p *Pipeline) splitInfo(s checkpoint.Split) SplitInfo {
	return SplitInfo{
		ID: p.Hide(s.ID), Stream: p.Hide(s.Stream), Status: s.Status, Estimate: s.Estimate, Records: s.Records,
		Problem: p.Hide(s.Problem),
	}
}

// StreamInfo is a stream of the source.
type StreamInfo struct {
	sdk.Stream
	Selected bool `json:"selected"`
}

// hideStream removes secrets from a stream's description. The name holds none.
func (p *Pipeline) hideStream(s sdk.Stream) sdk.Stream {
	s.Doc, s.Cursor = p.Hide(s.Doc), p.Hide(s.Cursor)
	s.PrimaryKey = slices.Clone(s.PrimaryKey)
	for i, key := range s.PrimaryKey {
		s.PrimaryKey[i] = p.Hide(key)
	}
	if s.Schema != nil {
		s.Schema = json.RawMessage(p.Hide(string(s.Schema)))
	}
	return s
}

// list adds a split: to the list if it has fewer than n, otherwise to the number of further ones. A
// negative n lists all.
func (i *PlanInfo) list(s SplitInfo, n int) {
	if n >= 0 && len(i.Splits) >= n {
		i.More++
		return
	}
	i.Splits = append(i.Splits, s)
}

// Plan asks the source what the next run would read, and lists the first n splits; a negative n:
// all. It changes nothing.
func (p *Pipeline) Plan(ctx context.Context, full bool, n int) (*PlanInfo, error) {
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return nil, err
	}
	info, err := p.plan(ctx, parts, full, n)
	return info, p.redact.Error(errors.Join(err, closeAll()))
}

func (p *Pipeline) plan(ctx context.Context, parts *parts, full bool, n int) (out *PlanInfo, err error) {
	out = &PlanInfo{Pipeline: p.config.Name, Stages: p.Stages()}
	for _, b := range p.blocks() {
		if len(b.Dial) > 0 {
			out.Connects = append(out.Connects, ConnectInfo{stageName(b), b.Dial})
		}
		out.Files = append(out.Files, filesOf(b)...)
	}
	sinks, err := p.startSinks(ctx, parts)
	defer func() {
		for _, s := range sinks {
			_ = s.Stop(context.WithoutCancel(ctx)) // the answer is complete
		}
	}()
	if err != nil {
		return nil, err
	}
	source := parts.source()
	inst, err := source.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = inst.Stop(context.WithoutCancel(ctx)) }() // the answer is complete
	again := func(err error, wait time.Duration) {
		p.logger.Warn("planning is tried again", "stage", source.Name, "error", err, "in", wait)
	}
	var streams []string
	var all, flowing []sdk.Stream
	err = pipeline.Ask(ctx, source, again, func() (err error) {
		all, err = inst.Plugin.Streams(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if p.Hide(s.Name) != s.Name {
			return nil, at(source.Name, pipeline.ErrSecretName)
		}
		reads := pipeline.Reads(source, s)
		out.Streams = append(out.Streams, StreamInfo{Stream: p.hideStream(s), Selected: reads})
		if reads {
			streams, flowing = append(streams, s.Name), append(flowing, s)
		}
	}
	if err := p.planSinks(ctx, parts, sinks, flowing, out); err != nil {
		return nil, err
	}
	previous := checkpoint.OnePage(nil)
	if !full && p.opts.Replay == "" {
		store, err := p.openState(ctx)
		if err != nil {
			return nil, err
		}
		if store != nil {
			defer func() { err = errors.Join(err, store.Close()) }()
			if done, err := p.fromState(ctx, store.View(), out, n); err != nil || done {
				return out, err
			}
			previous = checkpoint.EachPrevious(ctx, store.View())
		}
	}
	before := *out
	err = pipeline.Ask(ctx, source, again, func() (err error) {
		if inst.Check != nil {
			if err := inst.Check(ctx); err != nil {
				return err
			}
		}
		*out = before // discard what the failed attempt has listed
		return pipeline.PlanPages(ctx, inst.Plugin, streams, previous, func(page []sdk.Split) error {
			for _, s := range page {
				out.Records += s.Estimate
				out.list(p.splitInfo(checkpoint.Split{Split: s, Status: checkpoint.Open}), n)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// startSinks starts every sink, without opening it. Those that it returns are to be stopped.
func (p *Pipeline) startSinks(ctx context.Context, parts *parts) (out []pipeline.Instance[sdk.Sink], err error) {
	for _, s := range parts.sinks() {
		inst, err := s.Start(ctx)
		if err != nil {
			return out, err
		}
		out = append(out, inst)
	}
	return out, nil
}

// planSinks asks every sink for its guarantee, and what it would do with these streams.
func (p *Pipeline) planSinks(ctx context.Context, parts *parts, sinks []pipeline.Instance[sdk.Sink],
	streams []sdk.Stream, out *PlanInfo) error {
	flowing, err := p.flowing(ctx, parts, streams)
	if err != nil {
		return err
	}
	for i, stage := range parts.sinks() {
		one := SinkInfo{Name: stage.Name, Guarantee: host.GuaranteeOf(sinks[i].Plugin)}
		one.Why = p.Hide(one.Why)
		if plan := host.AbilitiesOf(sinks[i].Plugin).PlanSink; plan != nil && flowing != nil {
			mine := slices.DeleteFunc(slices.Clone(flowing), func(s sdk.Stream) bool { return !stage.Takes(s.Name) })
			one.SinkPlan, err = plan(ctx, mine)
			if sdk.IsPermanent(err) {
				return at(stage.Name, pipeline.Placed(stage.Place, err))
			}
			if err != nil {
				one.Problem = p.Hide(err.Error())
			}
		}
		for _, lines := range [][]string{one.Effects, one.Statements} {
			for n, line := range lines {
				lines[n] = p.Hide(line)
			}
		}
		out.Sinks = append(out.Sinks, one)
	}
	return nil
}

// flowing are the streams after all transforms; nil: they are not known, because a transform tells
// them only when it is open.
func (p *Pipeline) flowing(ctx context.Context, parts *parts, streams []sdk.Stream) ([]sdk.Stream, error) {
	for _, stage := range parts.transforms() {
		inst, err := stage.Start(ctx)
		if err != nil {
			return nil, err
		}
		can := host.AbilitiesOf(inst.Plugin)
		if can.Open != nil && can.OutStreams != nil {
			streams = nil
		} else if streams != nil {
			streams, err = pipeline.After(ctx, stage, can, streams)
		}
		_ = inst.Stop(context.WithoutCancel(ctx)) // the answer is complete
		if err != nil {
			return nil, at(stage.Name, err)
		}
	}
	return streams, nil
}

// fromState adds what earlier runs left. If a run is unfinished, its open splits are the whole plan
// and done is true; otherwise finished splits are where the next run begins.
func (p *Pipeline) fromState(ctx context.Context, store checkpoint.View, out *PlanInfo, n int) (done bool, err error) {
	run, ok, err := unfinished(ctx, store)
	if err != nil || !ok {
		before, err := store.CountPrevious(ctx)
		out.Incremental = before > 0
		return false, err
	}
	out.Unfinished = run.ID
	sums, err := store.Sums(ctx, run.ID)
	for _, s := range sums {
		out.Records += s.Expected - s.Records
	}
	if err == nil {
		out.Splits, err = p.left(ctx, store, run.ID, n)
	}
	out.More = run.Splits[checkpoint.Open] + run.Splits[checkpoint.Broken] - len(out.Splits)
	return len(sums) > 0, err
}

// left returns the first n splits of the unfinished run that are not done, broken ones first; a
// negative n: all.
func (p *Pipeline) left(ctx context.Context, store checkpoint.View, run string, n int) (out []SplitInfo, err error) {
	for _, status := range []checkpoint.Status{checkpoint.Broken, checkpoint.Open} {
		for page, err := range checkpoint.EachSplit(ctx, store, run, status) {
			if err != nil {
				return nil, err
			}
			for _, s := range page {
				if n >= 0 && len(out) >= n {
					return out, nil
				}
				out = append(out, p.splitInfo(s))
			}
		}
	}
	return out, nil
}

// assembleAside assembles what starting plugins needs, without the pipeline's lock and state.
func (p *Pipeline) assembleAside() (*parts, func() error, error) {
	var c closers
	spool, err := disk.TempDir("scrapekit-")
	if err != nil {
		return nil, nil, err
	}
	c.add(func() error { return os.RemoveAll(spool) })
	client, err := p.openHTTP(&c, fetch.Options{Learned: p.home().Limits(), Aside: true,
		Listeners: observe.Listeners{p.logWait}}, false)
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	host, err := pluginhost.New(pluginhost.Options{Logger: p.logger, Sandbox: p.level})
	if err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	parts := &parts{
		Pipeline: p, host: host, fetch: client, dial: p.openDial(), spool: spool, room: disk.NewRoom(p.config.MaxSpool),
		own: state.Home(spool), files: p.keepIn(filepath.Join(spool, "files")),
	}
	c.add(parts.made.removeEmpty)
	c.add(host.Close)
	return parts, c.close, nil
}

// minLoggedWait is the shortest wait that is logged where no live view shows it; longer silence looks
// like a hang.
const minLoggedWait = 2 * time.Second

func (p *Pipeline) logWait(e observe.Event) {
	if w, ok := e.(observe.Waited); ok && w.For >= minLoggedWait {
		p.logger.Warn("waiting", "for", Wait(w).String())
	}
}

// errEnough ends a preview after enough records.
var errEnough = errors.New("enough records")

// Preview reads the first n records after all transforms and passes them to emit. It keeps nothing,
// opens no sink, and retries only requests: it returns the first other error. See [StackOf].
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
	first := &firstError{end: func() { enough(errFirst) }}
	run := pipeline.New(pipeline.Config{
		Source: parts.source(), Transforms: parts.transforms(),
		Sinks: []pipeline.Stage[sdk.Sink]{{Name: "preview", MaxRejects: -1,
			Start: func(context.Context) (pipeline.Instance[sdk.Sink], error) {
				return inProcess(sdk.Sink(show)), nil
			}}},
		Store: checkpoint.NewMemory(), Letters: noLetters{}, Begin: checkpoint.Begin{ID: "preview", Now: time.Now()},
		Concurrency: 1, SpoolDir: parts.spool, SpoolRoom: parts.room, Logger: p.logger,
		Listeners: observe.Listeners{first.event}, Hide: p.redact.String,
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

// firstRecords is a sink that emits the first records and then ends the run.
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

// noLetters drops dead letters.
type noLetters struct{}

func (noLetters) Open(string, int, sdk.Token) error { return nil }
func (noLetters) Add(pipeline.Letter) error         { return nil }
func (noLetters) Commit() (sdk.Token, error)        { return nil, nil }

// openState opens the pipeline's state for reading; nil if there is none.
func (p *Pipeline) openState(ctx context.Context) (checkpoint.Store, error) {
	if err := ownState(p.config.StateDir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.home().Store()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return checkpoint.OpenSQLite(ctx, p.home().Store())
}
