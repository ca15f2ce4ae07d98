// The plugin: its settings, what they mean, and how they are checked.

package csv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink"
)

// Config is the sink's settings.
type Config struct {
	Path          string  `json:"path" required:"true" path:"true" doc:"The file to write, on disk or on an object store: s3://bucket/key, gs://bucket/key or az://container/key. {stream}, {date} (the day the run started, UTC) and {run} (its id) stand for their values. With {date} or {run} in the path, files of earlier days or runs are never changed, not even by a full run. Only one sink of one run may write to a path at a time." example:"out/{stream}.csv"`
	Compression   string  `json:"compression" enum:"auto,none,gzip,zstd" default:"auto" doc:"How the files are compressed; auto goes by the extension: .gz, .zst, anything else is plain."`
	RotateSize    string  `json:"rotate_size" doc:"Begin a new file when the current one has reached this size on disk. Files are numbered: issues-00001.csv. Not set: one file, and another for each change of columns." example:"512MiB"`
	Mode          string  `json:"mode" enum:"append,overwrite" default:"append" doc:"append adds to existing files with the same columns, whoever wrote them. overwrite replaces existing files when a new run has its first records: a run without records replaces nothing, and a run that is interrupted before its first commit restores them. A full run (--full) removes what earlier runs wrote, in either mode."`
	Null          string  `json:"null" doc:"What stands for null, and for a field that a record does not have. It is written without quotes, and a text that is the same with quotes. Not set: nothing stands there, and an empty text is two quotes." example:"\\N"`
	GuardFormulas bool    `json:"guard_formulas" doc:"Puts ' before a text that begins with =, +, -, @, a tab or a carriage return, which a spreadsheet would take for a formula. It changes the text."`
	Changes       Changes `json:"schema_changes" doc:"What to do where a file is not what a record needs."`
	filesink.Store
}

// Changes says what to do with what has no column.
type Changes struct {
	NewColumns string `json:"new_columns" enum:"add,ignore,reject,fail" default:"add" doc:"A field without a column: add begins a new file, which has one; ignore leaves the field out; reject makes its record a dead letter; fail ends the run."`
}

const doc = `Writes CSV files as in RFC 4180: a line of column names in each file, and one record a row.

A file has the columns of its stream's schema and of the first records. A field without a column begins a new file with
one more column: issues-00001.csv. Null and an empty text are told apart: see ` + "`null`" +
	`. Numbers stand as they came,
objects and lists as JSON. Lines end with CR and LF.

A deletion is a row too: it has delete in the column _op, and the fields of the key. It removes the earlier rows with
these values. Read the files in order: the last row of a key counts. A record that is no JSON object, has a field twice
or text that is not Unicode is rejected.

After a crash every file is cut back to the last commit. For that the sink keeps a small journal in the output
folder, a hidden file named ` + "`.scrapekit-csv-…`" + `. Do not remove it while a run is unfinished: without it the
sink does not know its own files again. The hidden file is also a lock: no second sink or run can write to the
same path.

With ` + "`path = \"s3://bucket/{stream}.csv\"`" + ` the files grow in the sink's private folder and are sent to the
object store as they grow. An object gets only what is committed for good, and is there to be read when it is
complete: see ` + "`visible`" + `.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "csv", Version: "0.1.0", Doc: doc, PrivateDir: true},
		func(_ context.Context, c Config) (sdk.Sink, error) {
			return New(c)
		})
}

// Sink writes CSV files.
type Sink struct {
	*filesink.Files
	newColumns string
	row        rowWriter
	reader     reader

	// Set by Open.
	streams map[string]sdk.Stream
	tables  map[string]*table   // by stream
	heads   map[string][]string // the columns of the files that tables are at, by path
}

// New returns the sink of these settings. Every mistake in them is permanent.
func New(c Config) (*Sink, error) {
	if strings.ContainsAny(c.Null, "\",\r\n") {
		return nil, sdk.Permanent(fmt.Errorf("null %q: it has no quotes, so it can have no comma, quote or line end",
			c.Null))
	}
	switch c.Changes.NewColumns {
	case "":
		c.Changes.NewColumns = "add" // there is no block
	case "add", "ignore", "reject", "fail":
	default:
		return nil, sdk.Permanent(fmt.Errorf("new_columns %q: it is add, ignore, reject or fail", c.Changes.NewColumns))
	}
	if c.Path == "-" {
		return nil, sdk.Permanent(errors.New(`path "-": a plugin has no standard output`))
	}
	files, err := filesink.New(filesink.Options{Name: "csv", Path: c.Path, Compression: c.Compression,
		RotateSize: c.RotateSize, Mode: c.Mode, Turns: true, Store: c.Store})
	if err != nil {
		return nil, err
	}
	return &Sink{Files: files, newColumns: c.Changes.NewColumns, reader: newReader(),
		row: rowWriter{null: c.Null, guard: c.GuardFormulas}}, nil
}

// Open implements [sdk.Opener].
func (s *Sink) Open(ctx context.Context, start sdk.Start) error {
	s.streams, s.tables, s.heads = map[string]sdk.Stream{}, map[string]*table{}, map[string][]string{}
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
	payload := s.row.buffer[:0]
	if empty {
		payload = s.row.head(payload, t.names)
		t.use(t.names)
	}
	payload = s.row.rows(payload, t, &s.reader)
	if cap(payload) <= 4*sdk.BatchTarget {
		s.row.buffer = payload
	}
	if err := s.Append(t.stream, payload); err != nil {
		return err
	}
	t.closed = true
	if empty {
		s.at(t, t.path, t.names[:len(t.names):len(t.names)])
	}
	return nil
}
