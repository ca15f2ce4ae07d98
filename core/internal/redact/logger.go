// A logger that removes secrets.

package redact

import (
	"io"

	"github.com/hashicorp/go-hclog"
)

// Logger returns a logger for the host and its plugins that removes secrets. If out is nil, it logs
// nothing.
func (s *Set) Logger(out io.Writer, level hclog.Level) hclog.Logger {
	if out == nil {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Name: "scrapekit", Level: level, Output: s.Writer(out)})
}
