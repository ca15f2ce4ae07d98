// What a plugin says of itself, converted.

package rpc

import (
	"errors"
	"fmt"
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// Features says what a configured plugin can do beyond what its kind must.
type Features struct {
	Check          bool // Check does something
	Open           bool // sink, transform: sdk.Opener
	Commit         bool // transform: sdk.Committer
	OutStreams     bool // transform: sdk.Streamer
	ParallelWrites bool // sink: Write may be called several times at once
	Finish         bool // sink: sdk.Finisher
	// Guarantee is what a sink says of itself; the zero value: it says nothing.
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
	_, transform := v.(sdk.Transform) // a sink has Commit too, and must
	if _, ok := v.(sdk.Committer); ok && transform {
		out = append(out, pb.Feature_FEATURE_COMMIT)
	}
	if p, ok := v.(sdk.Parallel); ok && p.ParallelWrites() {
		out = append(out, pb.Feature_FEATURE_PARALLEL_WRITES)
	}
	if _, ok := v.(sdk.Finisher); ok {
		out = append(out, pb.Feature_FEATURE_FINISH)
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
	}
}

func infoTo(i sdk.Info) *pb.DescribeResponse {
	kind := map[sdk.Kind]pb.Kind{
		sdk.KindSource:    pb.Kind_KIND_SOURCE,
		sdk.KindTransform: pb.Kind_KIND_TRANSFORM,
		sdk.KindSink:      pb.Kind_KIND_SINK,
	}[i.Kind]
	return &pb.DescribeResponse{
		Name: i.Name, Version: i.Version, Kind: kind, Doc: text.Valid(i.Doc),
		ConfigSchema: i.Config, Streams: each(i.Streams, streamTo), Permissions: permissionsTo(i.Permissions), Robots: i.Robots,
		PrivateDir: i.PrivateDir,
	}
}

func infoFrom(r *pb.DescribeResponse) (sdk.Info, error) {
	info := sdk.Info{
		Name: r.GetName(), Version: r.GetVersion(), Doc: r.GetDoc(),
		Config: rawJSON(r.GetConfigSchema()), Permissions: permissionsFrom(r.GetPermissions()), Robots: r.GetRobots(),
		PrivateDir: r.GetPrivateDir(),
	}
	if err := errors.Join(nameFault(info.Name), nameFault(info.Version)); err != nil {
		return info, sdk.Permanent(fmt.Errorf("the plugin calls itself %.100q, version %.100q: %w", info.Name, info.Version, err))
	}
	if n := len(info.Doc); n > maxDoc {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: its doc has %d bytes, %d are the most", info.Name, n, maxDoc))
	}
	var err error
	if info.Streams, err = announced(r.GetStreams()); err != nil {
		return info, err
	}
	if err := info.Permissions.Check(); err != nil {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: the permissions that it asks for: %w", info.Name, err))
	}
	switch r.GetKind() {
	case pb.Kind_KIND_SOURCE:
		info.Kind = sdk.KindSource
	case pb.Kind_KIND_TRANSFORM:
		info.Kind = sdk.KindTransform
	case pb.Kind_KIND_SINK:
		info.Kind = sdk.KindSink
	default:
		return info, sdk.Permanent(fmt.Errorf("plugin %s says that it is of kind %v, which this host does not know", info.Name, r.GetKind()))
	}
	return info, nil
}
