// Package logline transfers a plugin's log entries to the host.
package logline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// Handler is a slog.Handler that sends entries. If sending fails, they go to stderr, which the host
// reads too.
type Handler struct {
	send   func(*pb.Log) error
	prefix string // names of the open groups
	fields []*pb.Log_Field
}

// NewHandler returns a handler that adds names and values to each entry; empty values are omitted.
func NewHandler(send func(*pb.Log) error, fields ...string) *Handler {
	h := &Handler{send: send}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != "" {
			h.fields = append(h.fields, &pb.Log_Field{Name: fields[i], Value: text.Valid(fields[i+1])})
		}
	}
	return h
}

// Enabled returns true, because the host filters by level.
func (h *Handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	fields := slices.Clone(h.fields)
	r.Attrs(func(a slog.Attr) bool {
		fields = appendField(fields, h.prefix, a)
		return true
	})
	line := &pb.Log{Level: levelTo(r.Level), Message: text.Valid(r.Message), Fields: fields}
	err := h.send(line)
	if err != nil {
		_, err = fmt.Fprintln(os.Stderr, r.Level, r.Message, fields)
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := *h
	out.fields = slices.Clone(h.fields)
	for _, a := range attrs {
		out.fields = appendField(out.fields, h.prefix, a)
	}
	return &out
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	out := *h
	if name != "" {
		out.prefix += name + "."
	}
	return &out
}

// appendField adds a, or the members of a group.
func appendField(fields []*pb.Log_Field, prefix string, a slog.Attr) []*pb.Log_Field {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			fields = appendField(fields, prefix, member)
		}
		return fields
	}
	if a.Equal(slog.Attr{}) {
		return fields
	}
	return append(fields, &pb.Log_Field{Name: text.Valid(prefix + a.Key), Value: text.Valid(v.String())})
}

func levelTo(l slog.Level) pb.Log_Level {
	switch {
	case l >= slog.LevelError:
		return pb.Log_LEVEL_ERROR
	case l >= slog.LevelWarn:
		return pb.Log_LEVEL_WARN
	case l >= slog.LevelInfo:
		return pb.Log_LEVEL_INFO
	}
	return pb.Log_LEVEL_DEBUG
}

// Write writes a plugin's entry to the host's logger.
func Write(ctx context.Context, to *slog.Logger, line *pb.Log) {
	if to == nil {
		return
	}
	attrs := make([]slog.Attr, 0, len(line.GetFields()))
	for _, f := range line.GetFields() {
		attrs = append(attrs, slog.String(f.GetName(), f.GetValue()))
	}
	to.LogAttrs(ctx, levelFrom(line.GetLevel()), line.GetMessage(), attrs...)
}

func levelFrom(l pb.Log_Level) slog.Level {
	switch l {
	case pb.Log_LEVEL_ERROR:
		return slog.LevelError
	case pb.Log_LEVEL_WARN:
		return slog.LevelWarn
	case pb.Log_LEVEL_DEBUG:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
