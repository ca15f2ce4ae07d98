// What a plugin serves, with a [Crash] as the error when its process ends.

package pluginhost

import (
	"context"
	"iter"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// Source returns what a plugin of kind source serves.
func (p *Plugin) Source() sdk.Source { return source{p, p.conn.Source()} }

// Transform returns what a plugin of kind transform serves.
func (p *Plugin) Transform() sdk.Transform { return transform{p, p.conn.Transform()} }

// Sink returns what a plugin of kind sink serves.
func (p *Plugin) Sink() sdk.Sink { return sink{p, p.conn.Sink()} }

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

// PlanPages plans in pages, without holding all of the input or the plan.
func (s source) PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error],
	page func([]sdk.Split) error) error {
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
	return call(ctx, t.p, "Transform", func(ctx context.Context) ([]sdk.Batch,
		error) {
		return t.inner.Transform(ctx, b)
	})
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

// Guarantee is the plugin's.
func (s sink) Guarantee() sdk.Guarantee { return host.GuaranteeOf(s.inner) }

// Abilities are the plugin's.
func (s sink) Abilities() host.Abilities { return s.p.abilities(s.inner) }

// Abilities are the plugin's.
func (t transform) Abilities() host.Abilities { return t.p.abilities(t.inner) }

// abilities returns the abilities of what a plugin serves.
func (p *Plugin) abilities(inner any) host.Abilities {
	has := host.AbilitiesOf(inner)
	out := host.Abilities{Parallel: has.Parallel}
	if has.Open != nil {
		out.Open = func(ctx context.Context, s sdk.Start) error {
			return p.call(ctx, "Open", func(ctx context.Context) error { return has.Open(ctx, s) })
		}
	}
	if has.Finish != nil {
		out.Finish = func(ctx context.Context, e sdk.End) error {
			return p.call(ctx, "Finish", func(ctx context.Context) error { return has.Finish(ctx, e) })
		}
	}
	if has.PlanSink != nil {
		out.PlanSink = func(ctx context.Context, streams []sdk.Stream) (sdk.SinkPlan, error) {
			return call(ctx, p, "PlanSink",
				func(ctx context.Context) (sdk.SinkPlan, error) { return has.PlanSink(ctx, streams) })
		}
	}
	if has.Commit != nil {
		out.Commit = func(ctx context.Context) (sdk.Token, error) { return call(ctx, p, "Commit", has.Commit) }
	}
	if has.OutStreams != nil {
		out.OutStreams = func(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
			return call(ctx, p, "OutStreams",
				func(ctx context.Context) ([]sdk.Stream, error) { return has.OutStreams(ctx, in) })
		}
	}
	return out
}
