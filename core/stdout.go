// stdout: the sink of the path "-". A plugin's process has no way to the terminal, so this one lives in the host.

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

// stdout writes records as JSON Lines to a stream that cannot be taken back: after a kill, records since
// the last commit come again. Where it leads to a file, what was committed outlasts a power cut.
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

// torn reports whether the file ends with half a line, as a killed process leaves it: what is written behind it would be lost with
// it. Standard output cannot be read itself, but what its name leads to, on Linux.
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
