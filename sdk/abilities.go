// Abilities: what a sink or a transform can do beside what all must.

package sdk

import "context"

// Abilities are the optional calls of a sink or a transform, as values: nil where it has none. They are for hosts; a plugin implements [Opener],
// [Finisher], [Committer], [Streamer] and [Parallel].
type Abilities struct {
	Open       func(ctx context.Context, s Start) error                         // [Opener]
	Finish     func(ctx context.Context, e End) error                           // [Finisher], of a sink
	Commit     func(ctx context.Context) (Token, error)                         // [Committer], of a transform: a sink must have it
	OutStreams func(ctx context.Context, in []Stream) (out []Stream, err error) // [Streamer], of a transform
	Parallel   bool                                                             // [Parallel], of a sink
}

// AbilitiesOf returns the abilities of a sink or a transform: what its method Abilities says, if it has one, as the plugins of other processes do;
// or else what follows from the interfaces that it implements.
func AbilitiesOf(v any) Abilities {
	if said, ok := v.(interface{ Abilities() Abilities }); ok {
		return said.Abilities()
	}
	var a Abilities
	if o, ok := v.(Opener); ok {
		a.Open = o.Open
	}
	if f, ok := v.(Finisher); ok {
		a.Finish = f.Finish
	}
	if _, ok := v.(Transform); ok {
		if c, ok := v.(Committer); ok {
			a.Commit = c.Commit
		}
	}
	if s, ok := v.(Streamer); ok {
		a.OutStreams = s.OutStreams
	}
	if p, ok := v.(Parallel); ok {
		a.Parallel = p.ParallelWrites()
	}
	return a
}
