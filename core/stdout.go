// stdout: the sink of the path "-". A plugin's process has no way to the terminal, so this one lives in the host.

package core

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

// stdout writes records as JSON Lines to a stream that cannot be taken back: after a kill, records since
// the last commit come again.
type stdout struct {
	mu sync.Mutex
	w  io.Writer
}

// toStdout reports whether a sink's settings send it to standard output.
func toStdout(b config.Block) bool {
	return isStdout(config.BlockRef{Kind: b.Kind, Type: b.Type, Path: b.Path}, b.Config)
}

func isStdout(b config.BlockRef, config json.RawMessage) bool {
	var settings struct {
		Path string `json:"path"`
	}
	// Settings of another shape have no such path.
	_ = json.Unmarshal(config, &settings)
	return b.Kind == sdk.KindSink && b.Path == "" && b.Type == "jsonl" && settings.Path == "-"
}

// Write writes the lines that the jsonl sink would write to a file.
func (s *stdout) Write(_ context.Context, b sdk.Batch) error {
	lines, rejects := sdk.JSONLines(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.w.Write(lines); err != nil {
		return sdk.Permanent(err) // whoever read our output has gone
	}
	return rejects.Err()
}

// Guarantee implements [sdk.Guarantor].
func (s *stdout) Guarantee() sdk.Guarantee {
	return sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "what was printed cannot be taken back"}
}

func (s *stdout) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// WritesToStdout reports whether a sink sends its records to standard output.
func (p *Pipeline) WritesToStdout() bool {
	return slices.ContainsFunc(p.config.Sinks, toStdout)
}
