// Settings that all SQL sinks have, and how they are checked.

package sqlsink

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// Mode says what a run leaves of the records of a stream.
type Mode string

// The modes.
const (
	Append  Mode = "append"
	Upsert  Mode = "upsert"
	Insert  Mode = "insert"
	History Mode = "history"
	Replace Mode = "replace"
	Mirror  Mode = "mirror"
)

// Changes says what to do where a table is not what a stream needs.
type Changes struct {
	NewColumns string `json:"new_columns" enum:"add,ignore,reject,fail" default:"add" doc:"A field without a column: add makes one, or keeps the field in _scrapekit_extra if the stream's schema does not declare it; ignore leaves the field out; reject makes its record a dead letter; fail ends the run."`
	Types      string `json:"types" enum:"widen,reject,fail" default:"widen" doc:"A field whose type is another than its column's: widen changes the column to a type that holds both without loss (integer to numeric to text); reject keeps the column, and a record that does not fit is a dead letter; fail ends the run before it begins."`
	NewStreams string `json:"new_streams" enum:"create,ignore,fail" default:"create" doc:"A stream without a table: create makes one, ignore drops its records, fail ends the run before it begins."`
}

// filled has what is not given: a block that is not there at all has no defaults.
func (c Changes) filled() Changes {
	return Changes{cmp.Or(c.NewColumns, "add"), cmp.Or(c.Types, "widen"), cmp.Or(c.NewStreams, "create")}
}

// Options are the settings that all SQL sinks have.
type Options struct {
	Table   string  `json:"table" default:"{stream}" doc:"The table of a stream; {stream} stands for its name." example:"jira_{stream}"`
	Mode    Mode    `json:"mode" enum:"append,upsert,insert,history,replace,mirror" doc:"append keeps everything that ever came. upsert keeps the newest record of each key, and deletions remove it. insert keeps the first of each key and never changes it. history keeps every version of a key, with _valid_from, _valid_to and _current. replace puts the records of a complete full run in the place of those before. mirror is upsert, and after a complete full run what the run has not seen is removed. Not set: upsert where the stream has a key, else append."`
	Deletes string  `json:"deletes" enum:"hard,soft" default:"hard" doc:"With mode upsert or mirror: hard deletes the row, soft sets _scrapekit_deleted_at."`
	Newer   string  `json:"newer" doc:"With mode upsert or mirror: a field, such as updated. A record replaces another of its key only if it is not older by this field."`
	MinRows string  `json:"min_rows" default:"\"1\"" doc:"Of replace, mirror and history: how many rows a full run must have brought before anything is removed, as a number or as a share of what is there, such as 50%. A run with fewer fails, and nothing is removed."`
	Columns string  `json:"columns" enum:"all,none" default:"all" doc:"none leaves out _scrapekit_run, _scrapekit_commit and _scrapekit_read_at. It goes with mode = upsert alone."`
	Names   string  `json:"names" enum:"asis,snake" default:"asis" doc:"How tables and columns are called: as streams and fields are, or in snake_case."`
	Numbers string  `json:"numbers" enum:"double,decimal" default:"double" doc:"What a number of the schema becomes that is no integer: a double of 64 bits, or a decimal that keeps every digit."`
	DDL     string  `json:"ddl" enum:"on,off" default:"on" doc:"off: the sink makes and changes no table. If one is not as it must be, the run fails before it begins and shows the statements."`
	Raw     bool    `json:"raw" doc:"Adds a column _raw with the record as it came."`
	Changes Changes `json:"schema_changes" doc:"What to do where a table is not what a stream needs."`
}

// minRows is a number of rows, or a share of what is there.
type minRows struct {
	n       int64
	percent bool
}

func parseMinRows(text string) (minRows, error) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || percent && n > 100 {
		return minRows{}, fmt.Errorf(`min_rows %q: want a number of rows such as "1000", or a share such as "50%%"`,
			text)
	}
	return minRows{n, percent}, nil
}

// of is how many rows there must be, where there were some.
func (m minRows) of(before int64) int64 {
	if m.percent {
		return (before*m.n + 99) / 100
	}
	return min(m.n, before)
}

// check returns what is wrong with settings, without a look at streams.
func (o Options) check() error {
	byKey := o.Mode == Upsert || o.Mode == Mirror || o.Mode == ""
	var errs []error
	if strings.Count(o.Table, "{stream}") != 1 {
		errs = append(errs, fmt.Errorf(`table %q: it needs {stream} in it, once: every stream has its own table`,
			o.Table))
	}
	if _, err := parseMinRows(o.MinRows); err != nil {
		errs = append(errs, err)
	}
	if o.Deletes == "soft" && !byKey {
		errs = append(errs, fmt.Errorf(`deletes = "soft" goes with mode "upsert" or "mirror", not with %q`, o.Mode))
	}
	if o.Newer != "" && !byKey {
		errs = append(errs, fmt.Errorf(`newer goes with mode "upsert" or "mirror", not with %q`, o.Mode))
	}
	if o.Columns == "none" && (o.Mode != Upsert || o.Deletes == "soft") {
		errs = append(errs, errors.New(`columns = "none" goes with mode = "upsert" and hard deletions alone: `+
			`what else there is rests on the columns _scrapekit_…`))
	}
	if err := errors.Join(errs...); err != nil {
		return sdk.Permanent(err)
	}
	return nil
}

// modeOf is the mode of a stream's table.
func (o Options) modeOf(s sdk.Stream) (Mode, error) {
	keyed := len(s.PrimaryKey) > 0
	switch {
	case o.Mode == "" && keyed:
		return Upsert, nil
	case o.Mode == "":
		return Append, nil
	case !keyed && o.Mode != Append && o.Mode != Replace:
		return "", fmt.Errorf(`stream %s has no key, and mode %q goes by one: set mode = "append" or "replace", `+
			`or leave the stream to another sink with streams = […]`, s.Name, o.Mode)
	}
	return o.Mode, nil
}
