// The plugin: its settings, what they mean, and how they are checked.

package jsonl

import (
	"context"
	"errors"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink"
)

// Config is the sink's settings.
type Config struct {
	Path        string `json:"path" required:"true" path:"true" doc:"The file to write. {stream}, {date} (the day the run started, UTC) and {run} (its id) stand for their values. With {date} or {run} in it, files of earlier days or runs are never touched again, not even by a full run. One sink of one run may write to a path at a time." example:"out/{stream}.jsonl.zst"`
	Compression string `json:"compression" enum:"auto,none,gzip,zstd" default:"auto" doc:"How the files are compressed; auto goes by the extension: .gz, .zst, anything else is plain."`
	RotateSize  string `json:"rotate_size" doc:"Begin a new file when one has reached this size on disk, and number the files: issues-00001.jsonl. Not set: one file." example:"512MiB"`
	Mode        string `json:"mode" enum:"append,overwrite" default:"append" doc:"append adds to what is there, also to lines that somebody else has put there. overwrite replaces what earlier runs wrote, and any file of the same name, when a new run has its first records: a run that finds nothing replaces nothing, and until the first commit an interrupted one gives back what was there. A full run (--full) removes what earlier runs wrote before it reads, in either mode."`
}

const doc = `Writes JSON Lines: one record a line, as it came.

A deletion is a line too: ` + "`\"_op\":\"delete\"`" + ` and the fields of the key, as in ` + "`{\"_op\":\"delete\",\"issue_id\":\"10042\"}`" + `. It
takes away the lines before it that have these very values; it may name the first fields of the key alone, and so take away
many. Read the lines in order: the last one of a key counts. A record that is not valid UTF-8 is rejected.

After a crash every file is cut back to the last commit. The sink keeps a small journal for that in the
output folder, a hidden file named ` + "`.scrapekit-jsonl-…`" + `; leave it there while a run is unfinished. Without it
the sink does not know its own files again: they stay, the next run adds to them, or behind them, and says so. When a run starts, it names the files of
earlier runs that are gone or empty, also those that a rotated series had finished: it says so once, and if you moved them away, all is well. The hidden file is also
the lock that keeps a second sink or run away from the same path. Lines that you add to a plain file after a run stay. A
compressed file that somebody else has added to, or a shorter one than was committed, is refused.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "jsonl", Version: "0.1.0", Doc: doc}, func(_ context.Context, c Config) (sdk.Sink, error) {
		return New(c)
	})
}

// Sink writes JSON Lines files.
type Sink struct{ *filesink.Files }

// New returns the sink of these settings. Every mistake in them is permanent.
func New(c Config) (*Sink, error) {
	if c.Path == "-" {
		return nil, sdk.Permanent(errors.New(`path "-": a plugin has no standard output; for that write sink "stdout" {}`))
	}
	files, err := filesink.New(filesink.Options{
		Name: "jsonl", Path: c.Path, Compression: c.Compression, RotateSize: c.RotateSize, Mode: c.Mode,
	})
	if err != nil {
		return nil, err
	}
	return &Sink{files}, nil
}

// Write implements [sdk.Sink].
func (s *Sink) Write(_ context.Context, b sdk.Batch) error {
	payload, rejects := sdk.JSONLines(b)
	if err := s.Append(b.Stream, payload); err != nil {
		return err
	}
	return rejects.Err()
}
