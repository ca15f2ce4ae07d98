// Plugin: a plugin as a value, with its typed settings.

package sdk

import (
	"context"
	"encoding/json"

	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

// Kind says what a plugin is.
type Kind string

// The kinds.
const (
	KindSource    Kind = "source"
	KindTransform Kind = "transform"
	KindSink      Kind = "sink"
)

// Duration is a time.Duration that is written as "5s" or "1h30m" in settings.
type Duration = settings.Duration

// Info describes a plugin. It does not depend on settings.
type Info struct {
	Name    string          `json:"name"`
	Version string          `json:"version"`
	Kind    Kind            `json:"kind"`
	Doc     string          `json:"doc"`               // what it does, for people; Markdown
	Config  json.RawMessage `json:"config"`            // JSON Schema of its settings
	Streams []Stream        `json:"streams,omitempty"` // those known without settings, for the reference
	// Permissions are what it needs beyond the base. It gets them if the user grants them.
	Permissions Permissions `json:"permissions,omitzero"`
	// Robots asks the host to obey robots.txt (RFC 9309), unless the pipeline file says otherwise.
	// It is for a source that follows links; a source that reads an API does not need it.
	Robots bool `json:"robots,omitempty"`
	// PrivateDir asks for a private folder, [Start.Dir], of a sink or of a transform that keeps
	// state. The host grants it: the user need not.
	PrivateDir bool `json:"private_dir,omitempty"`
}

// A Plugin is a plugin as a value: what sdk/serve serves and sdk/sdktest tests.
type Plugin struct {
	Info
	// New makes the plugin from its settings: a [Source], [Transform] or [Sink], as Info.Kind says.
	New func(ctx context.Context, config json.RawMessage) (any, error)
}

// SourcePlugin makes a plugin of a source whose settings are the struct C. The documentation of the
// package says which tags its fields may have.
func SourcePlugin[C any](info Info, open func(ctx context.Context, config C) (Source, error)) Plugin {
	info.Kind = KindSource
	return plugin(info, func(ctx context.Context, c C) (any, error) { return open(ctx, c) })
}

// SourceOf makes a plugin of a source that is its own settings: a struct with tags
// and the methods of [Source].
func SourceOf[S Source](info Info) Plugin {
	return SourcePlugin(info, func(_ context.Context, s S) (Source, error) { return s, nil })
}

// TransformPlugin makes a plugin of a transform.
func TransformPlugin[C any](info Info, open func(ctx context.Context, config C) (Transform, error)) Plugin {
	info.Kind = KindTransform
	return plugin(info, func(ctx context.Context, c C) (any, error) { return open(ctx, c) })
}

// TransformOf makes a plugin of a transform that is its own settings.
func TransformOf[X Transform](info Info) Plugin {
	return TransformPlugin(info, func(_ context.Context, x X) (Transform, error) { return x, nil })
}

// SinkPlugin makes a plugin of a sink.
func SinkPlugin[C any](info Info, open func(ctx context.Context, config C) (Sink, error)) Plugin {
	info.Kind = KindSink
	return plugin(info, func(ctx context.Context, c C) (any, error) { return open(ctx, c) })
}

func plugin[C any](info Info, open func(context.Context, C) (any, error)) Plugin {
	info.Config = settings.Schema[C]()
	return Plugin{Info: info, New: func(ctx context.Context, raw json.RawMessage) (any, error) {
		var c C
		if err := settings.Decode(raw, &c); err != nil {
			return nil, Permanent(err)
		}
		return open(ctx, c)
	}}
}
