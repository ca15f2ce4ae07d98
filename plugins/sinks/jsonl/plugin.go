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
	Path        string `json:"path" required:"true" path:"true" doc:"The file to write, on disk or on an object store: s3://bucket/key, gs://bucket/key or az://container/key. {stream}, {date} (the day the run started, UTC) and {run} (its id) stand for their values. With {date} or {run} in the path, files of earlier days or runs are never changed, not even by a full run. Only one sink of one run may write to a path at a time." example:"out/{stream}.jsonl.zst"`
	Compression string `json:"compression" enum:"auto,none,gzip,zstd" default:"auto" doc:"How the files are compressed; auto goes by the extension: .gz, .zst, anything else is plain."`
	RotateSize  string `json:"rotate_size" doc:"Begin a new file when the current one has reached this size on disk. Files are numbered: issues-00001.jsonl. Not set: one file." example:"512MiB"`
	Mode        string `json:"mode" enum:"append,overwrite" default:"append" doc:"append adds to existing files, whoever wrote them. overwrite replaces existing files when a new run has its first records: a run without records replaces nothing, and a run that is interrupted before its first commit restores them. A full run (--full) removes what earlier runs wrote, in either mode."`
	filesink.Store
}

const doc = `Writes JSON Lines: one record a line, unchanged.

A deletion is a line too: ` + "`\"_op\":\"delete\"`" + ` and the fields of the key, such as ` +
	"`{\"_op\":\"delete\",\"issue_id\":\"10042\"}`" + `.
It removes the earlier lines with these values. It may name only the first fields of the key, and so
remove many lines. Read the lines in order: the last line of a key counts. A record that is not valid UTF-8 is rejected.

After a crash every file is cut back to the last commit. For that the sink keeps a small journal in the output
folder, a hidden file named ` + "`.scrapekit-jsonl-…`" + `. Do not remove it while a run is unfinished: without it the
sink does not know its own files again. They stay, the next run appends to them, or writes behind them, and says so.
The hidden file is also a lock: no second sink or run can write to the same path.

When a run starts, it names the files of earlier runs that are gone or empty, once; if you moved them away, ignore it.
Lines that you append to a plain file after a run stay. A compressed file that was changed by somebody else, or is
shorter than at the last commit, is refused.

With ` + "`path = \"s3://bucket/{stream}.jsonl\"`" + ` the files grow in the sink's private folder and are sent to the
object store as they grow. An object gets only what is committed for good, and is there to be read when it is
complete: see ` + "`visible`" + `. A run adds no lines to objects of earlier runs: it begins issues-00001.jsonl, and so on.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "jsonl", Version: "0.1.0", Doc: doc, PrivateDir: true},
		func(_ context.Context, c Config) (sdk.Sink, error) {
			return New(c)
		})
}

// Sink writes JSON Lines files.
type Sink struct{ *filesink.Files }

// New returns the sink of these settings. Every mistake in them is permanent.
func New(c Config) (*Sink, error) {
	if c.Path == "-" {
		return nil, sdk.Permanent(errors.New(
			`path "-": a plugin has no standard output; for that write sink "stdout" {}`))
	}
	files, err := filesink.New(filesink.Options{
		Name: "jsonl", Path: c.Path, Compression: c.Compression, RotateSize: c.RotateSize, Mode: c.Mode,
		Store: c.Store,
	})
	if err != nil {
		return nil, err
	}
	return &Sink{files}, nil
}

// Write implements [sdk.Sink].
func (s *Sink) Write(_ context.Context, b sdk.Batch) error {
	payload, rejects := b.JSONLines()
	if err := s.Append(b.Stream, payload); err != nil {
		return err
	}
	return rejects.Err()
}
