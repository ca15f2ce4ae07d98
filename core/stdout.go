// stdout: the host's own sink. A plugin's process has no way to the terminal, so this one lives in
// the host.

package core

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk"
)

// stdout writes records as JSON Lines to a stream that cannot be taken back: after a kill, records
// since the last commit come again. Where it leads to a file, what was committed outlasts a power
// cut.
type stdout struct {
	mu   sync.Mutex
	w    io.Writer
	file *os.File // w, if it is a regular file
	used bool
}

func newStdout(w io.Writer) *stdout {
	s := &stdout{w: w}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.file = f
		}
	}
	return s
}

// StdoutSink is what the host's own sink says of itself: sink "stdout" in a pipeline file.
func StdoutSink() sdk.Info {
	return sdk.Info{
		Name: "stdout", Version: "1.0.0", Kind: sdk.KindSink,
		Config: json.RawMessage(`{"type":"object","additionalProperties":false}`),
		Doc: "Writes records to standard output as JSON Lines.\n\nA deletion is a line with `\"_op\":\"delete\"` and the fields of the key. " +
			"What was printed cannot be taken back: after a kill, records since the last commit come again.",
	}
}

// toStdout reports whether a block is the host's own sink.
func toStdout(b config.Block) bool {
	return isStdout(config.BlockRef{Kind: b.Kind, Type: b.Type, Path: b.Path})
}

func isStdout(b config.BlockRef) bool {
	return b.Kind == sdk.KindSink && b.Path == "" && b.Type == StdoutSink().Name
}

// Write writes JSON Lines.
func (s *stdout) Write(_ context.Context, b sdk.Batch) error {
	lines, rejects := b.JSONLines()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.used && s.torn() {
		lines = append([]byte("\n"), lines...)
	}
	s.used = true
	if _, err := s.w.Write(lines); err != nil {
		s.used = false            // this line may be half a line too
		return sdk.Permanent(err) // whoever read our output has gone
	}
	return rejects.Err()
}

// torn reports whether the file ends with half a line, as a killed process leaves it: what is
// written behind it would be lost with it. Standard output cannot be read itself, but what its name
// leads to, on Linux.
func (s *stdout) torn() bool {
	if s.file == nil {
		return false
	}
	info, err := s.file.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	r, err := os.Open(s.file.Name())
	if err != nil {
		return false
	}
	defer r.Close()
	if other, err := r.Stat(); err != nil || !os.SameFile(info, other) {
		return false
	}
	var last [1]byte
	_, err = r.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// Guarantee implements [sdk.Guarantor].
func (s *stdout) Guarantee() sdk.Guarantee {
	return sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "printed output cannot be taken back"}
}

// Commit makes what was printed last. A terminal or another program has nothing to make last.
func (s *stdout) Commit(context.Context) (sdk.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil, nil
	}
	return nil, s.file.Sync()
}

// WritesToStdout reports whether a sink sends its records to standard output.
func (p *Pipeline) WritesToStdout() bool {
	return slices.ContainsFunc(p.config.Sinks, toStdout)
}
