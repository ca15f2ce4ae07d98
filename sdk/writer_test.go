package sdk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/sdk"
)

// tape is an Output that stores what comes, in order.
type tape struct {
	events  []string
	batches []sdk.Batch
	rejects []sdk.Reject
	err     error
}

func (o *tape) Batch(b sdk.Batch) error {
	o.events = append(o.events, fmt.Sprintf("%s %s ×%d", b.Op, b.Stream, b.Count))
	o.batches = append(o.batches, b)
	return o.err
}

func (o *tape) Cursor(c []byte) error {
	o.events = append(o.events, "cursor "+string(c))
	return o.err
}

func (o *tape) Split(s sdk.Split) error {
	o.events = append(o.events, "split "+s.ID)
	return o.err
}

func (o *tape) Reject(r sdk.Reject) error {
	o.events = append(o.events, "reject "+r.Reason)
	o.rejects = append(o.rejects, r)
	return o.err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeletionNeedsAKey(t *testing.T) {
	t.Parallel()
	for _, key := range []any{nil, 7, []string{"id"}, struct{}{}, map[string]int(nil)} {
		var o tape
		w := sdk.NewWriter(&o)
		if err := w.Delete("a", key); !sdk.IsPermanent(err) {
			t.Errorf("a deletion of %v: %v", key, err)
		}
		must(t, w.Flush())
		if len(o.events) > 0 {
			t.Errorf("a deletion of %v gave %v", key, o.events)
		}
	}
}

func TestWriterKeepsOrder(t *testing.T) {
	t.Parallel()
	var o tape
	w := sdk.NewWriter(&o)
	must(t, w.Emit("a", 1))
	must(t, w.Emit("b", 2))
	must(t, w.Emit("a", 3))
	must(t, w.Delete("a", map[string]int{"id": 1}))
	must(t, w.Emit("a", 4))
	must(t, w.Cursor(map[string]int{"page": 2}))
	must(t, w.Cursor([]byte("\x00opaque")))
	must(t, w.Cursor(json.RawMessage(`"x"`)))
	must(t, w.Flush())
	want := []string{"upsert a ×2", "delete a ×1", "upsert a ×1", "upsert b ×1", `cursor {"page":2}`,
		"cursor \x00opaque", `cursor "x"`}
	// Streams do not wait for each other, but within one the order holds, and all come before their
	// cursor.
	got := slices.Clone(o.events)
	if i, j := slices.Index(got, "delete a ×1"), slices.Index(got, "cursor {\"page\":2}"); i < 0 || j < i {
		t.Fatalf("%q", got)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWriterRejectsWhatCannotTravel(t *testing.T) {
	t.Parallel()
	var o tape
	w := sdk.NewWriter(&o)
	must(t, w.EmitJSON("a", []byte("{\n \"x\": 1,\n \"y\": \"a\\nb\"}")))
	must(t, w.EmitJSON("a", []byte(`{"x":`)))
	must(t, w.EmitJSON("a", append(append([]byte(`"`), bytes.Repeat([]byte("x"), sdk.MaxRecord)...), '"')))
	must(t, w.Flush())
	if len(o.batches) != 1 || string(o.batches[0].Payload) != `{"x":1,"y":"a\nb"}`+"\n" {
		t.Errorf("batches %v", o.events)
	}
	if len(o.rejects) != 2 || !strings.HasPrefix(o.rejects[0].Reason, "not valid JSON") ||
		!strings.HasPrefix(o.rejects[1].Reason, "record too long: ") {
		t.Fatalf("rejects %+v", o.events)
	}
	if n := len(o.rejects[1].Record); n > 1<<20 {
		t.Errorf("a record that is too long became a dead letter of %d bytes", n)
	}
	if err := w.Emit("a", func() {}); !sdk.IsPermanent(err) {
		t.Errorf("a value that does not marshal: %v", err)
	}
}

// Whatever is emitted comes out, once, in order within its stream, in batches of about the target
// size.
func TestWriterLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var o tape
		w := sdk.NewWriter(&o)
		want := map[string][]string{}
		for range rapid.IntRange(0, 60).Draw(t, "records") {
			stream := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "stream")
			record := strings.Repeat("x", rapid.IntRange(0, 40_000).Draw(t, "size"))
			raw, _ := json.Marshal(record)
			if err := w.Emit(stream, record); err != nil {
				t.Fatal(err)
			}
			want[stream] = append(want[stream], string(raw))
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, b := range o.batches {
			n := 0
			for r := range b.Records() {
				got[b.Stream] = append(got[b.Stream], string(r))
				n++
			}
			if n != b.Count || n == 0 {
				t.Fatalf("a batch of %d records says %d", n, b.Count)
			}
			if len(b.Payload) > sdk.BatchTarget+50_000 {
				t.Fatalf("a batch of %d bytes", len(b.Payload))
			}
		}
		for stream := range want {
			if !slices.Equal(got[stream], want[stream]) {
				t.Fatalf("stream %s: %d records, want %d", stream, len(got[stream]), len(want[stream]))
			}
		}
	})
}

func TestWriterHandsErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("the wire is gone")
	w := sdk.NewWriter(&tape{err: broken})
	must(t, w.Emit("a", 1)) // packed, not sent yet
	if err := w.Cursor(1); !errors.Is(err, broken) {
		t.Errorf("Cursor: %v", err)
	}
	if err := w.Split(sdk.Split{ID: "s"}); !errors.Is(err, broken) {
		t.Errorf("Split: %v", err)
	}
}

func TestWriterRefusesSplitsThatCannotBeFoundAgain(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("1"), sdk.MaxCursor+1)
	for name, c := range map[string]struct {
		split sdk.Split
		says  string
	}{
		"no id":       {sdk.Split{Stream: "pages"}, `stream "pages" has no id`},
		"long id":     {sdk.Split{ID: strings.Repeat("x", 1025)}, `an id of 1025 bytes`},
		"long data":   {sdk.Split{ID: "s", Data: long}, `split "s": its data is 16777217 bytes long`},
		"long cursor": {sdk.Split{ID: "s", Cursor: long}, `split "s": cursor of 16777217 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o tape
			if err := sdk.NewWriter(&o).Split(c.split); !sdk.IsPermanent(err) ||
				!strings.Contains(err.Error(), c.says) || len(o.events) > 0 {
				t.Errorf("got %.300v and events %d, want a permanent error that says %q", err, len(o.events), c.says)
			}
		})
	}
}

func TestWriterRefusesALongCursor(t *testing.T) {
	t.Parallel()
	var o tape
	w := sdk.NewWriter(&o)
	long := bytes.Repeat([]byte("1"), sdk.MaxCursor+1)
	must(t, w.Cursor(long[1:]))
	for _, v := range []any{long, json.RawMessage(long), string(long)} {
		if err := w.Cursor(v); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "the limit is 16777216") {
			t.Errorf("%T: got %.300v, want a permanent error that says the limit", v, err)
		}
	}
	if len(o.events) != 1 {
		t.Errorf("%d cursors came through, want 1", len(o.events))
	}
}

func TestErrorClassesSurviveWrapping(t *testing.T) {
	t.Parallel()
	base := errors.New("refused")
	err := fmt.Errorf("issues: %w", sdk.RetryAfter(fmt.Errorf("page 3: %w", sdk.Permanent(base)), time.Minute))
	if !sdk.IsPermanent(err) || sdk.RetryDelay(err) != time.Minute || !errors.Is(err, base) {
		t.Errorf("%v: permanent %v, delay %v", err, sdk.IsPermanent(err), sdk.RetryDelay(err))
	}
	if sdk.Permanent(nil) != nil || sdk.RetryAfter(nil, time.Second) != nil || sdk.Rejects(nil).Err() != nil {
		t.Error("nothing became an error")
	}
	if sdk.IsPermanent(base) || sdk.RetryDelay(base) != 0 {
		t.Error("a plain error has a class")
	}
}
