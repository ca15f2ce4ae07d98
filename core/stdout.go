// stdout: the host's own sink. It lives in the host because a plugin's process has no access to the
// terminal.

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

// stdout writes records as JSON Lines to standard output. Written records cannot be taken back, so
// after a kill, records since the last commit come again. If standard output is a file, committed
// records survive a power cut.
type stdout struct {
	mu   sync.Mutex
	w    io.Writer
	file *os.File // w, if w is a regular file
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

// StdoutSink describes the host's own sink: sink "stdout" in a pipeline file.
func StdoutSink() sdk.Info {
	return sdk.Info{
		Name: "stdout", Version: "1.0.0", Kind: sdk.KindSink,
		Config: json.RawMessage(`{"type":"object","additionalProperties":false}`),
		Doc: "Writes records to standard output as JSON Lines.\n\n" +
			"A deletion is a line with `\"_op\":\"delete\"` and the fields of the key. " +
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
		s.used = false            // the failed write may have left half a line
		return sdk.Permanent(err) // the reader of the output has gone
	}
	return rejects.Err()
}

// torn reports whether the file ends with half a line, as a killed process leaves it. Appending to
// it would corrupt the next record. Standard output cannot be read; on Linux, the file behind it is
// opened by its name.
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

// Commit syncs the file. A terminal or pipe needs no sync.
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
