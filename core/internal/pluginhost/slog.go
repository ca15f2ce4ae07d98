// Log entries that a plugin sends through the SDK, cleaned for the host's log.

package pluginhost

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// logTo is a slog.Handler that writes to an hclog.Logger.
type logTo struct {
	log  hclog.Logger
	hide hiding
}

func levelOf(l slog.Level) hclog.Level {
	switch {
	case l >= slog.LevelError:
		return hclog.Error
	case l >= slog.LevelWarn:
		return hclog.Warn
	case l >= slog.LevelInfo:
		return hclog.Info
	}
	return hclog.Debug
}

// Enabled implements [slog.Handler], like the methods below.
func (h logTo) Enabled(_ context.Context, l slog.Level) bool { return levelOf(l) >= h.log.GetLevel() }

func (h logTo) Handle(_ context.Context, r slog.Record) error {
	var args []any
	r.Attrs(func(a slog.Attr) bool {
		args = append(args, h.pair(a)...)
		return true
	})
	h.log.Log(levelOf(r.Level), h.hide.clean(r.Message, maxLogLine), args...)
	return nil
}

func (h logTo) WithAttrs(attrs []slog.Attr) slog.Handler {
	var args []any
	for _, a := range attrs {
		args = append(args, h.pair(a)...)
	}
	return logTo{h.log.With(args...), h.hide}
}

// WithGroup does nothing: names that come over the wire include their groups.
func (h logTo) WithGroup(string) slog.Handler { return h }

// pair converts an attribute for hclog.
func (h logTo) pair(a slog.Attr) []any {
	return []any{h.hide.clean(a.Key, maxKept), h.hide.clean(a.Value.String(), maxLogLine)}
}
