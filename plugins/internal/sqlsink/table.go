// Tables: the columns of a stream's table, in a mode.

package sqlsink

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/sdk"
)

// Columns beside a record's fields.
const (
	runColumn       = "_scrapekit_run"
	commitColumn    = "_scrapekit_commit"
	readAtColumn    = "_scrapekit_read_at"
	extraColumn     = "_scrapekit_extra"      // fields that have no column
	deletedColumn   = "_scrapekit_deleted"    // append: the row is a deletion
	deletedAtColumn = "_scrapekit_deleted_at" // deletes = "soft"
	hashColumn      = "_scrapekit_hash"       // history: of the key, and of the record
	endedColumn     = "_scrapekit_ended"      // history: the commit that ended the version
	fromColumn      = "_valid_from"           // history
	toColumn        = "_valid_to"             // history
	currentColumn   = "_current"              // history
	rawColumn       = "_raw"
	dataColumn      = "data" // of a stream without a schema
)

// column is one of a table.
type column struct {
	field string // of a record; "": none
	name  string
	kind  kind
}

// table is what a stream's records go to.
type table struct {
	stream string
	name   string
	mode   Mode
	soft   bool
	cols   []column // what comes of a record: the fields, then data, extra, raw
	keys   []int    // in cols
	newer  int      // in cols; -1: none
	meta   []column // what comes of the run
	fields map[string]int
	extra  int // in cols; -1: none
	raw    int
	next   *table // replace: where records are until the run is complete
}

// into is the table that records are loaded into.
func (t *table) into() *table {
	if t.next != nil {
		return t.next
	}
	return t
}

// keyed says that there is one row a key.
func (t *table) keyed() bool {
	return len(t.keys) > 0 && t.mode != Append && t.mode != History
}

// reverts says that the table can go back to a commit.
func (t *table) reverts() bool { return t.mode != Upsert && t.mode != Mirror }

// has reports whether there is a column of the run by this name.
func (t *table) has(name string) bool {
	return slices.ContainsFunc(t.meta, func(c column) bool { return c.name == name })
}

// indexed says that a column is part of an index: texts there may have to be short.
func (t *table) indexed(i int) bool { return t.isKey(i) && t.mode != Append }

// all are all columns.
func (t *table) all() []column { return slices.Concat(t.cols, t.meta) }

// keyColumns are those of the key.
func (t *table) keyColumns() []column {
	var out []column
	for _, i := range t.keys {
		out = append(out, t.cols[i])
	}
	return out
}

// layout makes the table of a stream.
func layout(o Options, d Dialect, s sdk.Stream, tables *namer) (*table, []string, error) {
	mode, err := o.modeOf(s)
	if err != nil {
		return nil, nil, err
	}
	t := &table{
		stream: s.Name, name: tables.name(strings.Replace(o.Table, "{stream}", s.Name, 1)), mode: mode,
		soft: o.Deletes == "soft" && (mode == Upsert || mode == Mirror), newer: -1, extra: -1, raw: -1,
		fields: map[string]int{},
	}
	names := d.names()
	names.snake, names.taken = o.Names == "snake", map[string]string{}
	for _, c := range reservedColumns {
		names.taken[names.key(c)] = c
	}
	if err := t.fieldsOf(o, s, &names, d.maxColumns()); err != nil {
		return nil, nil, err
	}
	t.metaOf(o)
	if mode == Replace {
		next := *t
		next.name = tables.name("_scrapekit_next_" + t.name)
		if next.mode = Append; len(t.keys) > 0 {
			next.mode = Upsert
		}
		t.next = &next
	}
	return t, names.changed, nil
}

var reservedColumns = []string{runColumn, commitColumn, readAtColumn, extraColumn, deletedColumn, deletedAtColumn,
	hashColumn, endedColumn, fromColumn, toColumn, currentColumn, rawColumn}

// fieldsOf makes the columns of records. Fields beyond the most columns that a table can have are
// kept in the extra column.
func (t *table) fieldsOf(o Options, s sdk.Stream, names *namer, most int) error {
	var doc schema
	if s.Schema != nil {
		if err := json.Unmarshal(s.Schema, &doc); err != nil {
			return fmt.Errorf("stream %s: its schema: %w", s.Name, err)
		}
	}
	var properties map[string]schema
	if doc.Properties != nil {
		if err := json.Unmarshal(doc.Properties, &properties); err != nil {
			return fmt.Errorf("stream %s: its schema: %w", s.Name, err)
		}
	}
	add := func(field string, k kind) {
		t.fields[field] = len(t.cols)
		t.cols = append(t.cols, column{field: field, name: names.name(field), kind: k})
	}
	for _, field := range s.PrimaryKey {
		k := document
		if p, ok := properties[field]; ok {
			k = p.kindOf(doc.Defs, o.Numbers == "decimal")
		}
		t.keys = append(t.keys, len(t.cols))
		add(field, k)
	}
	order, err := membersOf(doc.Properties)
	if err != nil {
		return fmt.Errorf("stream %s: its schema: %w", s.Name, err)
	}
	for _, field := range order {
		if _, there := t.fields[field]; !there && len(t.cols) < most-12 {
			add(field, properties[field].kindOf(doc.Defs, o.Numbers == "decimal"))
		}
	}
	if o.Newer != "" {
		i, ok := t.fields[o.Newer]
		if !ok {
			return fmt.Errorf("newer = %q: stream %s declares no such field", o.Newer, s.Name)
		}
		t.newer = i
	}
	special := func(name string) int {
		t.cols = append(t.cols, column{name: name, kind: document})
		return len(t.cols) - 1
	}
	switch {
	case len(properties) == 0:
		names.taken[names.key(dataColumn)] = dataColumn
		t.raw = special(dataColumn)
	case o.Changes.NewColumns == "add":
		t.extra = special(extraColumn)
	}
	if o.Raw && len(properties) > 0 {
		t.raw = special(rawColumn)
	}
	return nil
}

// metaOf makes the columns of runs.
func (t *table) metaOf(o Options) {
	if o.Columns == "none" {
		return
	}
	t.meta = []column{{name: runColumn, kind: text}, {name: commitColumn, kind: integer},
		{name: readAtColumn, kind: timestamp}}
	switch {
	case t.mode == Append || t.mode == Replace && len(t.keys) == 0:
		t.meta = append(t.meta, column{name: deletedColumn, kind: boolean})
	case t.mode == History:
		t.meta = append(t.meta, column{name: hashColumn, kind: text}, column{name: fromColumn, kind: timestamp},
			column{name: toColumn, kind: timestamp}, column{name: currentColumn, kind: boolean},
			column{name: endedColumn, kind: integer})
	case t.soft:
		t.meta = append(t.meta, column{name: deletedAtColumn, kind: timestamp})
	}
}

// membersOf are the names of an object's members, in their order.
func membersOf(object json.RawMessage) ([]string, error) {
	if object == nil {
		return nil, nil
	}
	var out []string
	d := jsontext.NewDecoder(strings.NewReader(string(object)))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		out = append(out, name.String())
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
