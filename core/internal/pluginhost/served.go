// What a plugin serves, with errors that tell its death as a [Crash].

package pluginhost

import (
	"context"
	"iter"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// Source returns what a plugin of kind source serves.
func (p *Plugin) Source() sdk.Source { return source{p, p.conn.Source()} }

// Transform returns what a plugin of kind transform serves. It is an sdk.Opener, sdk.Committer and
// sdk.Streamer exactly if the plugin is.
func (p *Plugin) Transform() sdk.Transform { return wrapTransform(p, p.conn.Transform()) }

// Sink returns what a plugin of kind sink serves. It is an sdk.Opener and an sdk.Finisher exactly if the plugin is.
func (p *Plugin) Sink() sdk.Sink { return wrapSink(p, p.conn.Sink()) }

type source struct {
	p     *Plugin
	inner rpc.Source
}

func (s source) Streams(ctx context.Context) ([]sdk.Stream, error) {
	return call(ctx, s.p, "Streams", s.inner.Streams)
}

func (s source) Plan(ctx context.Context, plan sdk.Plan) ([]sdk.Split, error) {
	return call(ctx, s.p, "Plan", func(ctx context.Context) ([]sdk.Split, error) { return s.inner.Plan(ctx, plan) })
}

// PlanPages plans without holding all of what is planned from, or of the plan.
func (s source) PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error], page func([]sdk.Split) error) error {
	return s.p.explain(s.inner.PlanPages(ctx, streams, previous, page))
}

func (s source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	to := sdk.NewWriter(output{w, s.p.pulse})
	return s.p.call(ctx, "Read", func(ctx context.Context) error { return s.inner.Read(ctx, split, to) })
}

type transform struct {
	p     *Plugin
	inner sdk.Transform
}

func (t transform) Transform(ctx context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	return call(ctx, t.p, "Transform", func(ctx context.Context) ([]sdk.Batch, error) { return t.inner.Transform(ctx, b) })
}

type sink struct {
	p     *Plugin
	inner sdk.Sink
}

func (s sink) Write(ctx context.Context, b sdk.Batch) error {
	return s.p.call(ctx, "Write", func(ctx context.Context) error { return s.inner.Write(ctx, b) })
}

func (s sink) Commit(ctx context.Context) (sdk.Token, error) {
	return call(ctx, s.p, "Commit", s.inner.Commit)
}

// Guarantee says what the plugin said.
func (s sink) Guarantee() sdk.Guarantee { return sdk.GuaranteeOf(s.inner) }

// ParallelWrites is a question, so that every sink may be asked.
func (s sink) ParallelWrites() bool {
	parallel, ok := s.inner.(sdk.Parallel)
	return ok && parallel.ParallelWrites()
}

// The optional interfaces, each alone, to be put together as a plugin has them.

type opener struct {
	p *Plugin
	sdk.Opener
}

func (o opener) Open(ctx context.Context, s sdk.Start) error {
	return o.p.call(ctx, "Open", func(ctx context.Context) error { return o.Opener.Open(ctx, s) })
}

type committer struct {
	p *Plugin
	sdk.Committer
}

func (c committer) Commit(ctx context.Context) (sdk.Token, error) {
	return call(ctx, c.p, "Commit", c.Committer.Commit)
}

type finisher struct {
	p *Plugin
	sdk.Finisher
}

func (f finisher) Finish(ctx context.Context, e sdk.End) error {
	return f.p.call(ctx, "Finish", func(ctx context.Context) error { return f.Finisher.Finish(ctx, e) })
}

type streamer struct {
	p *Plugin
	sdk.Streamer
}

func (s streamer) OutStreams(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	return call(ctx, s.p, "OutStreams", func(ctx context.Context) ([]sdk.Stream, error) { return s.Streamer.OutStreams(ctx, in) })
}

func wrapSink(p *Plugin, inner sdk.Sink) sdk.Sink {
	s := sink{p, inner}
	o, canOpen := inner.(sdk.Opener)
	f, canFinish := inner.(sdk.Finisher)
	op, fi := opener{p, o}, finisher{p, f}
	switch [2]bool{canOpen, canFinish} {
	case [2]bool{true, true}:
		return struct {
			sink
			opener
			finisher
		}{s, op, fi}
	case [2]bool{true, false}:
		return struct {
			sink
			opener
		}{s, op}
	case [2]bool{false, true}:
		return struct {
			sink
			finisher
		}{s, fi}
	}
	return s
}

// wrapTransform has one case for each set of optional interfaces: a type has an interface or has it not.
// Package rpc refuses a Committer that is no Opener.
func wrapTransform(p *Plugin, inner sdk.Transform) sdk.Transform {
	o, canOpen := inner.(sdk.Opener)
	c, canCommit := inner.(sdk.Committer)
	s, canStream := inner.(sdk.Streamer)
	t, op, co, st := transform{p, inner}, opener{p, o}, committer{p, c}, streamer{p, s}
	switch [3]bool{canOpen, canCommit, canStream} {
	case [3]bool{true, true, true}:
		return struct {
			transform
			opener
			committer
			streamer
		}{t, op, co, st}
	case [3]bool{true, true, false}:
		return struct {
			transform
			opener
			committer
		}{t, op, co}
	case [3]bool{true, false, true}:
		return struct {
			transform
			opener
			streamer
		}{t, op, st}
	case [3]bool{true, false, false}:
		return struct {
			transform
			opener
		}{t, op}
	case [3]bool{false, false, true}:
		return struct {
			transform
			streamer
		}{t, st}
	}
	return t
}
