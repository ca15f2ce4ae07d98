// Features: the optional abilities of a plugin.

package rpc

import (
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Features are the optional abilities of a configured plugin.
type Features struct {
	Check          bool // it implements sdk.Checker
	Open           bool // sink, transform: sdk.Opener
	Commit         bool // transform: sdk.Committer
	OutStreams     bool // transform: sdk.Streamer
	ParallelWrites bool // sink: Write may be called concurrently
	Finish         bool // sink: sdk.Finisher
	PlanSink       bool // sink: sdk.SinkPlanner
	// Guarantee is a sink's guarantee; zero: not stated.
	Guarantee sdk.Guarantee
}

func featuresOf(v any) []pb.Feature {
	var out []pb.Feature
	if _, ok := v.(sdk.Checker); ok {
		out = append(out, pb.Feature_FEATURE_CHECK)
	}
	if _, ok := v.(sdk.Opener); ok {
		out = append(out, pb.Feature_FEATURE_OPEN)
	}
	if _, ok := v.(sdk.Streamer); ok {
		out = append(out, pb.Feature_FEATURE_OUT_STREAMS)
	}
	_, transform := v.(sdk.Transform) // a sink must have Commit
	if _, ok := v.(sdk.Committer); ok && transform {
		out = append(out, pb.Feature_FEATURE_COMMIT)
	}
	if p, ok := v.(sdk.Parallel); ok && p.ParallelWrites() {
		out = append(out, pb.Feature_FEATURE_PARALLEL_WRITES)
	}
	if _, ok := v.(sdk.Finisher); ok {
		out = append(out, pb.Feature_FEATURE_FINISH)
	}
	if _, ok := v.(sdk.SinkPlanner); ok {
		out = append(out, pb.Feature_FEATURE_PLAN_SINK)
	}
	return out
}

func featuresFrom(fs []pb.Feature) Features {
	has := func(f pb.Feature) bool { return slices.Contains(fs, f) }
	return Features{
		Check:          has(pb.Feature_FEATURE_CHECK),
		Open:           has(pb.Feature_FEATURE_OPEN),
		Commit:         has(pb.Feature_FEATURE_COMMIT),
		OutStreams:     has(pb.Feature_FEATURE_OUT_STREAMS),
		ParallelWrites: has(pb.Feature_FEATURE_PARALLEL_WRITES),
		Finish:         has(pb.Feature_FEATURE_FINISH),
		PlanSink:       has(pb.Feature_FEATURE_PLAN_SINK),
	}
}
