// The plugin: its settings, what they mean, and how they are checked.

package parquet

import (
	"context"
	"fmt"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink"
)

// Config is the sink's settings.
type Config struct {
	Path       string  `json:"path" required:"true" path:"true" doc:"The files to write, on disk or on an object store: s3://bucket/key, gs://bucket/key or az://container/key. {stream}, {date} (the day the run started, UTC) and {run} (its id) stand for their values. A path for more than one stream has {stream}. Files are numbered: issues-00001.parquet. With {date} or {run} in the path, files of earlier days or runs are never changed, not even by a full run." example:"out/{stream}.parquet"`
	RotateSize string  `json:"rotate_size" default:"128MiB" doc:"Begin a new file when the rows for the current one have reached this size, compressed. The file has about the same size."`
	Mode       string  `json:"mode" enum:"append,overwrite" default:"append" doc:"append adds files behind those that are there. overwrite replaces the files of earlier runs at the end of a run that has records; until then all rows are in the private folder. A full run (--full) removes what earlier runs wrote, in either mode."`
	Changes    Changes `json:"schema_changes" doc:"What to do where a file is not what a record needs."`
	filesink.Store
}

// Changes says what to do with what has no column.
type Changes struct {
	NewColumns string `json:"new_columns" enum:"add,ignore,reject,fail" default:"add" doc:"A field without a column: add begins a new file, which has one; ignore leaves the field out; reject makes its record a dead letter; fail ends the run."`
}

const doc = `Writes Parquet files, compressed with zstd and with a page index.

The columns are those of the stream's JSON Schema: string, integer (64 bits), number (double), boolean, date, and
date-time (in UTC, to the microsecond). Objects, lists and fields of mixed types are JSON text. A field without a column
begins a new file, which has one more column, of JSON text. A stream without a schema has the fields of its first
records. Each column may be null. A value that does not fit its column makes its record a dead letter, which names the
field.

A deletion is a row too: it has delete in the column _op, and the fields of the key. It removes the earlier rows with
these values. Read the files in order: the last row of a key counts.

A file is there when it is complete: at the end of the run, or when it is full (see ` + "`rotate_size`" + `). With
` + "`visible = \"commit\"`" + ` each commit makes files of its own. Until then the rows are in the sink's private folder,
which goes back to the last commit after a crash. They stay there until the next run begins. What is at the path holds
only what is committed for good, and is never changed: a run adds files with the next numbers. A file of that name that
somebody else has made in the meantime ends the run.

On an object store the same holds for objects: ` + "`path = \"s3://bucket/{stream}.parquet\"`" + `.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "parquet", Version: "0.1.0", Doc: doc, PrivateDir: true},
		func(_ context.Context, c Config) (sdk.Sink, error) {
			return New(c)
		})
}

// Sink writes Parquet files.
type Sink struct {
	*filesink.Files
	newColumns string
	oneStream  bool // the path has no {stream}
	reader     reader
	rows       []byte

	// Set by Open.
	streams map[string]sdk.Stream
	tables  map[string]*table // by stream
}

// New returns the sink of these settings. Every mistake in them is permanent.
func New(c Config) (*Sink, error) {
	switch c.Changes.NewColumns {
	case "":
		c.Changes.NewColumns = "add" // there is no block
	case "add", "ignore", "reject", "fail":
	default:
		return nil, sdk.Permanent(fmt.Errorf("new_columns %q: it is add, ignore, reject or fail", c.Changes.NewColumns))
	}
	if c.RotateSize == "" {
		c.RotateSize = "128MiB"
	}
	files, err := filesink.New(filesink.Options{Name: "parquet", Path: c.Path, Compression: "zstd",
		RotateSize: c.RotateSize, Mode: c.Mode, Turns: true, Store: c.Store, Maker: maker{}})
	if err != nil {
		return nil, err
	}
	return &Sink{Files: files, newColumns: c.Changes.NewColumns, reader: newReader(),
		oneStream: !strings.Contains(c.Path, "{stream}")}, nil
}

// Open implements [sdk.Opener].
func (s *Sink) Open(ctx context.Context, start sdk.Start) error {
	if s.oneStream && len(start.Streams) > 1 {
		return sdk.Permanent(fmt.Errorf(
			"path is for one stream and there are %d, each with columns of its own: put {stream} into it",
			len(start.Streams)))
	}
	s.streams, s.tables = map[string]sdk.Stream{}, map[string]*table{}
	for _, stream := range start.Streams {
		s.streams[stream.Name] = stream
	}
	return s.Files.Open(ctx, start)
}

// Write implements [sdk.Sink].
func (s *Sink) Write(_ context.Context, b sdk.Batch) error {
	t, err := s.table(b.Stream)
	if err != nil {
		return err
	}
	rejects, err := s.reader.read(t, b, s.newColumns)
	if err != nil {
		return err
	}
	if len(s.reader.ends) > 0 {
		if err := s.place(t); err != nil {
			return err
		}
	}
	return rejects.Err()
}

// place writes what was read to the file that has the columns for it.
func (s *Sink) place(t *table) error {
	empty, err := s.look(t)
	for err == nil && !empty && !t.holds(s.reader.cells) {
		if err = s.Turn(t.stream); err == nil {
			empty, err = s.look(t)
		}
	}
	if err != nil {
		return err
	}
	rows := s.rows[:0]
	if empty {
		t.use(t.columns)
		if rows, err = appendHead(rows, t.columns); err != nil {
			return err
		}
	}
	rows = s.reader.appendRows(rows, t)
	if cap(rows) <= 4*sdk.BatchTarget {
		s.rows = rows
	}
	t.closed = true
	return s.Append(t.stream, rows)
}
