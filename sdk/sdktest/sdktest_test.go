// The suites against the fakes, and against plugins that are wrong.

package sdktest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

func TestMemorySource(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*MemorySource{
		"cursors":    {Splits: 3, Records: 25, Every: 4, Seed: 7},
		"no cursors": {Splits: 2, Records: 5},
		"empty":      {Splits: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			TestSource(t, m.Plugin(), SourceCase{Check: func(t *testing.T, records map[string][]string) {
				if got := len(records["records"]); got != len(m.All()) {
					t.Errorf("%d records, want %d", got, len(m.All()))
				}
			}})
		})
	}
}

func TestMemorySourceIncremental(t *testing.T) {
	t.Parallel()
	m := &MemorySource{Splits: 1, Records: 10, Every: 3}
	splits, err := m.Plan(t.Context(), sdk.Plan{Previous: []sdk.Split{{ID: "s0", Cursor: []byte("10")}}})
	if err != nil {
		t.Fatal(err)
	}
	m.Records = 12
	var r counted
	w := sdk.NewWriter(&r)
	if err := m.Read(t.Context(), splits[0], w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := r.records; n != 2 {
		t.Errorf("an incremental run gave %d records, want the 2 new ones", n)
	}
}

// TestSkips: a source may skip the rest of a split, or all of it, as where robots.txt forbids a
// link.
func TestSkips(t *testing.T) {
	t.Parallel()
	m := &MemorySource{Splits: 3, Records: 25, Every: 4}
	source := &readSource{MemorySource: *m, read: func(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
		if s.ID == "s1" {
			return sdk.ErrRobots
		}
		if err := m.Read(ctx, s, w); err != nil || s.ID != "s2" {
			return err
		}
		if err := errors.Join(w.Emit("records", map[string]any{"id": "lost"}),
			w.Split(sdk.Split{ID: "lost", Stream: "records"}), w.Flush()); err != nil {
			return err
		}
		return sdk.Skip(errors.New("the rest is not to be read"))
	}}
	p := sdk.SourcePlugin(sdk.Info{Name: "skips", Version: "1", Doc: "Skips."},
		func(context.Context, struct{}) (sdk.Source, error) { return source, nil })
	TestSource(t, p, SourceCase{Check: func(t *testing.T, records map[string][]string) {
		// Of s2 comes what was before its last cursor.
		if got := len(records["records"]); got < 25 || got > 50 ||
			strings.Contains(strings.Join(records["records"], ""), "lost") {
			t.Errorf("%d records: %q", got, records["records"])
		}
	}})
}

func TestMemorySink(t *testing.T) {
	t.Parallel()
	sinks := map[string]*MemorySink{}
	p := sdk.SinkPlugin(sdk.Info{Name: "memory", Version: "1", Doc: "One disk a folder."},
		func(_ context.Context, c struct {
			Dir string `json:"dir"`
		}) (sdk.Sink, error) {
			if sinks[c.Dir] == nil {
				sinks[c.Dir] = NewMemorySink()
			}
			return sinks[c.Dir].process(), nil
		})
	TestSink(t, p, SinkCase{
		Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": dir} },
		Read: func(_ *testing.T, dir, stream string) []string {
			if sinks[dir] == nil {
				return nil
			}
			return sinks[dir].Latest(stream)
		},
		Keyed: true,
	})
}

func TestMemorySinkRefusesAnOldProcess(t *testing.T) {
	t.Parallel()
	m := NewMemorySink()
	open := func() sdk.Sink {
		s := m.process()
		if err := host.AbilitiesOf(s).Open(t.Context(), sdk.Start{}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	old := open()
	open()
	if err := old.Write(t.Context(), batchOf("s", `{}`)); err == nil {
		t.Error("a process that was followed by another may write")
	}
	if _, err := old.Commit(t.Context()); err == nil {
		t.Error("a process that was followed by another may commit")
	}
}

// upper is a transform that is right, and keeps no state.
type upper struct{}

func (upper) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	var out sdk.Builder
	var rejects sdk.Rejects
	for record := range b.Records() {
		if !strings.HasPrefix(string(record), `{"id"`) {
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: "no id"})
			continue
		}
		out.AddLine("upper", sdk.Upsert, []byte(strings.ToUpper(string(record))))
	}
	return out.Flush(), rejects.Err()
}

func (upper) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "upper"}}, nil
}

func TestATransform(t *testing.T) {
	t.Parallel()
	p := sdk.TransformPlugin(sdk.Info{Name: "upper", Version: "1", Doc: "Makes letters large."},
		func(context.Context, struct{}) (sdk.Transform, error) { return upper{}, nil })
	TestTransform(t, p, TransformCase{
		Input: []sdk.Batch{batchOf("in", `{"id":"a"}`, `{"id":"b"}`, `{"no":1}`), batchOf("in", `{"id":"c"}`)},
		Check: func(t *testing.T, out []sdk.Batch, rejects sdk.Rejects) {
			if len(out) != 2 || len(rejects) != 1 || !strings.Contains(string(out[0].Payload), `{"ID":"A"}`) {
				t.Errorf("out %v, rejects %v", out, rejects)
			}
		},
	})
}

// numbering is a transform that is right and keeps state: it numbers the records, through all
// batches.
type numbering struct{ n int }

func (x *numbering) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	var out sdk.Builder
	for record := range b.Records() {
		if err := out.Add("numbered", numbered{N: x.n, Record: string(record)}); err != nil {
			return nil, err
		}
		x.n++
	}
	return out.Flush(), nil
}

type numbered struct {
	N      int    `json:"n"`
	Record string `json:"record"`
}

func (*numbering) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "numbered"}}, nil
}

func (x *numbering) Open(_ context.Context, s sdk.Start) error {
	x.n = 0
	if s.Token == nil {
		return nil
	}
	n, err := strconv.Atoi(string(s.Token))
	x.n = n
	return err
}

func (x *numbering) Commit(context.Context) (sdk.Token, error) {
	return strconv.AppendInt(nil, int64(x.n), 10), nil
}

func testNumbering(t *testing.T, open func() sdk.Transform) {
	p := sdk.TransformPlugin(sdk.Info{Name: "numbering", Version: "1", Doc: "Numbers records."},
		func(context.Context, struct{}) (sdk.Transform, error) { return open(), nil })
	TestTransform(t, p, TransformCase{
		Input: []sdk.Batch{batchOf("in", `{"id":"a"}`, `{"id":"b"}`), batchOf("in", `{"id":"c"}`),
			batchOf("in", `{"id":"d"}`)},
		Check: func(t *testing.T, out []sdk.Batch, _ sdk.Rejects) {
			if len(out) != 3 || !strings.HasPrefix(string(out[2].Payload), `{"n":3,`) {
				t.Errorf("out %v", out)
			}
		},
	})
}

func TestAStatefulTransform(t *testing.T) {
	t.Parallel()
	testNumbering(t, func() sdk.Transform { return new(numbering) })
}

func TestCrashTransform(t *testing.T) {
	t.Parallel()
	crashNumbering(t, func() sdk.Transform { return new(numbering) })
}

func crashNumbering(t *testing.T, open func() sdk.Transform) {
	p := sdk.TransformPlugin(sdk.Info{Name: "numbering", Version: "1", Doc: "Numbers records."},
		func(context.Context, struct{}) (sdk.Transform, error) { return open(), nil })
	none := func(*testing.T, string) any { return nil }
	CrashTransform(t, p, none, TransformCase{Input: []sdk.Batch{batchOf("in", `{"id":"a"}`, `{"id":"b"}`),
		batchOf("in", `{"id":"c"}`)}})
}
