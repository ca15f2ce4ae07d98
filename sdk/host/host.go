// Package host is the part of the contract that a host calls: optional abilities of a plugin, as
// values. It is not API: no plugin needs it.
package host

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// Abilities are the optional calls of a sink or a transform, as values; nil where it has none. A
// plugin implements [sdk.Opener], [sdk.Finisher], [sdk.Committer], [sdk.Streamer],
// [sdk.SinkPlanner] and [sdk.Parallel].
type Abilities struct {
	Open   func(ctx context.Context, s sdk.Start) error // [sdk.Opener]
	Finish func(ctx context.Context, e sdk.End) error   // [sdk.Finisher], of a sink
	// [sdk.Committer], of a transform: a sink must have it
	Commit func(ctx context.Context) (sdk.Token, error)
	// [sdk.Streamer], of a transform
	OutStreams func(ctx context.Context, in []sdk.Stream) (out []sdk.Stream, err error)
	// [sdk.SinkPlanner]
	PlanSink func(ctx context.Context, streams []sdk.Stream) (sdk.SinkPlan, error)
	Parallel bool // [sdk.Parallel], of a sink
}

// AbilitiesOf returns the abilities of a sink or a transform: the result of its method Abilities if
// it has one, as plugins in other processes do, or else the interfaces that it implements.
func AbilitiesOf(v any) Abilities {
	if said, ok := v.(interface{ Abilities() Abilities }); ok {
		return said.Abilities()
	}
	var a Abilities
	if o, ok := v.(sdk.Opener); ok {
		a.Open = o.Open
	}
	if f, ok := v.(sdk.Finisher); ok {
		a.Finish = f.Finish
	}
	if _, ok := v.(sdk.Transform); ok {
		if c, ok := v.(sdk.Committer); ok {
			a.Commit = c.Commit
		}
	}
	if s, ok := v.(sdk.Streamer); ok {
		a.OutStreams = s.OutStreams
	}
	if p, ok := v.(sdk.SinkPlanner); ok {
		a.PlanSink = p.PlanSink
	}
	if p, ok := v.(sdk.Parallel); ok {
		a.Parallel = p.ParallelWrites()
	}
	return a
}

// GuaranteeOf returns what a sink guarantees. By default an [sdk.Opener] comes back to its token
// exactly, and a sink that is none cannot take back what it wrote.
func GuaranteeOf(s sdk.Sink) sdk.Guarantee {
	if g, ok := s.(sdk.Guarantor); ok {
		return g.Guarantee()
	}
	return UnsaidGuarantee(AbilitiesOf(s).Open != nil)
}

// UnsaidGuarantee is the guarantee of a sink that declares none, depending on whether it is an
// [sdk.Opener].
func UnsaidGuarantee(opens bool) sdk.Guarantee {
	if opens {
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "it goes back to its last commit before a run goes on"}
	}
	return sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "it cannot take back what came after its last commit"}
}

// PathUse says what the value of the keyword Path means in the schema of a setting, for a plugin of
// a kind: it reads the path, or writes in its folder. required says that the setting is a top-level
// one and must be given.
func PathUse(value any, kind sdk.Kind, required bool) (read, write bool) {
	switch value {
	case nil, false:
		return false, false
	case "read":
		return true, false
	case "write":
		return false, true
	}
	write = kind == sdk.KindSink && required
	return !write, write
}
