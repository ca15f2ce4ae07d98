// The source against the suite, and its records against a JSON reader.

package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"even":          `{"records":1000,"splits":4,"cursor_every":50}`,
		"uneven":        `{"records":1001,"splits":7,"cursor_every":33,"size":1000,"seed":9}`,
		"fewer records": `{"records":3,"splits":5,"cursor_every":1}`,
		"large batches": `{"records":3000,"splits":2,"cursor_every":2000}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSource(t, Plugin(),
				sdktest.SourceCase{Config: config, Check: func(t *testing.T, records map[string][]string) {
					var c Config
					if err := settings.Decode([]byte(config), &c); err != nil {
						t.Fatal(err)
					}
					checkRecords(t, c, records[stream])
				}})
		})
	}
}

// checkRecords: every id comes once, and every record is JSON of its schema and of about its size.
func checkRecords(t *testing.T, c Config, records []string) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, text := range records {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := resolved.Validate(fields); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(text) < c.Size || len(text) > c.Size+40 {
			t.Errorf("%d bytes, want about %d: %s", len(text), c.Size, text)
		}
		ids = append(ids, int64(fields["id"].(float64)))
	}
	slices.Sort(ids)
	if int64(len(slices.Compact(ids))) != c.Records || int64(len(records)) != c.Records || ids[0] != 0 ||
		ids[len(ids)-1] != c.Records-1 {
		t.Errorf("%d records with %d ids, want %d", len(records), len(ids), c.Records)
	}
}

// TestSeeds: the same seed gives the same records, another one others.
func TestSeeds(t *testing.T) {
	t.Parallel()
	one := bytes.Clone(newRecorder(1, 400).record(7))
	if again := newRecorder(1, 400).record(7); !bytes.Equal(one, again) {
		t.Errorf("%s\n%s", one, again)
	}
	if other := newRecorder(2, 400).record(7); bytes.Equal(one, other) {
		t.Error("two seeds give the same record")
	}
}

// TestMoreRecords: an incremental run gives what was added, and nothing else.
func TestMoreRecords(t *testing.T) {
	t.Parallel()
	first := &source{Config{Records: 10, Splits: 3, Size: 200, CursorEvery: 2}}
	more := &source{Config{Records: 25, Splits: 3, Size: 200, CursorEvery: 2}}
	seen, previous := read(t, first, nil)
	added, previous := read(t, more, previous)
	all, _ := read(t, more, nil)
	if len(seen) != 10 || len(added) != 15 {
		t.Errorf("%d and %d records, want 10 and 15", len(seen), len(added))
	}
	both := append(seen, added...)
	slices.Sort(both)
	slices.Sort(all)
	if !slices.Equal(both, all) {
		t.Error("two runs gave other records than one")
	}
	for range 2 {
		var again []string
		if again, previous = read(t, more, previous); len(again) != 0 {
			t.Errorf("a run with nothing new gave %d records", len(again))
		}
	}
}

// collected keeps lines and the last cursor.
type collected struct {
	lines  []string
	cursor []byte
}

func (c *collected) Batch(b sdk.Batch) error {
	for line := range b.Records() {
		c.lines = append(c.lines, string(line))
	}
	return nil
}

func (c *collected) Cursor(cursor []byte) error { c.cursor = cursor; return nil }
func (c *collected) Split(s sdk.Split) error    { return fmt.Errorf("split %s", s.ID) }
func (c *collected) Reject(r sdk.Reject) error  { return fmt.Errorf("reject %s", r.Reason) }

// read does a whole run, and returns the records and the splits with their last cursors.
func read(t *testing.T, s *source, previous []sdk.Split) (lines []string, done []sdk.Split) {
	t.Helper()
	splits, err := s.Plan(t.Context(), sdk.Plan{Streams: []string{stream}, Previous: previous})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range splits {
		var c collected
		if err := s.Read(t.Context(), p, sdk.NewWriter(&c)); err != nil {
			t.Fatal(err)
		}
		if int64(len(c.lines)) != p.Estimate {
			t.Errorf("split %s: %d records, estimated %d", p.ID, len(c.lines), p.Estimate)
		}
		lines = append(lines, c.lines...)
		p.Cursor = c.cursor
		done = append(done, p)
	}
	return lines, done
}

func TestForeignSplit(t *testing.T) {
	t.Parallel()
	s := &source{Config{Records: 10, Splits: 1, Size: 200, CursorEvery: 2}}
	for _, p := range []sdk.Split{
		{ID: "x"}, {ID: "x", Data: []byte(`{"first":-1,"step":1}`)}, {ID: "x", Data: []byte(`{"step":0}`)},
		{ID: "x", Data: []byte(`{"step":1}`), Cursor: []byte("later")},
		{ID: "x", Data: []byte(`{"step":1}`), Cursor: []byte("-3")},
	} {
		err := s.Read(t.Context(), p, sdk.NewWriter(&collected{}))
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "of this source") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := newRecorder(1, 400)
	b.SetBytes(400)
	for i := range b.N {
		r.record(int64(i))
	}
}
