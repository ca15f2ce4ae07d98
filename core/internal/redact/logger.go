// A logger without secrets.

package redact

import (
	"io"

	"github.com/hashicorp/go-hclog"
)

// Logger returns a logger of the host's whose lines, those of plugins among them, hold no secret.
// out nil: it logs nothing.
func (s *Set) Logger(out io.Writer, level hclog.Level) hclog.Logger {
	if out == nil {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Name: "scrapekit", Level: level, Output: s.Writer(out)})
}
