// Stdout: the sink for path "-".

package jsonl

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/scrapekit/scrapekit/sdk"
)

// Stdout writes JSON Lines to a stream that cannot be cut back, like the terminal: after a crash, what came
// since the last commit comes again. Nothing is lost. A plugin process has no terminal, so the host runs this sink itself.
type Stdout struct{ out *bufio.Writer }

// NewStdout returns a sink that writes to w.
func NewStdout(w io.Writer) *Stdout { return &Stdout{out: bufio.NewWriterSize(w, 64<<10)} }

// Write implements [sdk.Sink].
func (s *Stdout) Write(_ context.Context, b sdk.Batch) error {
	payload, rejects := lines(b)
	if _, err := s.out.Write(payload); err != nil {
		return closed(err)
	}
	return rejects.Err()
}

// Commit implements [sdk.Sink]. The token is empty: there is nothing to come back to.
func (s *Stdout) Commit(context.Context) (sdk.Token, error) {
	if err := s.out.Flush(); err != nil {
		return nil, closed(err)
	}
	return sdk.Token{}, nil
}

// closed: nobody reads any more, and trying again will not bring them back.
func closed(err error) error { return sdk.Permanent(fmt.Errorf("standard output: %w", err)) }
