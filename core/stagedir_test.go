// What a sink is told of itself, and the folder that is its alone, in a real process.

package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk"
)

// diary is a sink that writes down, in its private folder, what it is told. It keeps no record.
type diary struct{ dir string }

// note is a line of it.
type note struct {
	Start *sdk.Start `json:"start,omitempty"`
	End   *sdk.End   `json:"end,omitempty"`
}

func diaryPlugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "diary", Version: "1", Doc: "Keeps a diary.", PrivateDir: true},
		func(context.Context, struct{}) (sdk.Sink, error) { return &diary{}, nil })
}

func (d *diary) write(n note) error {
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(d.dir, "diary"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	return errors.Join(err, f.Close())
}

func (d *diary) Open(_ context.Context, s sdk.Start) error {
	d.dir = s.Dir
	return d.write(note{Start: &s})
}

func (*diary) Write(context.Context, sdk.Batch) error { return nil }

func (*diary) Commit(context.Context) (sdk.Token, error) { return sdk.Token("{}"), nil }

func (d *diary) Finish(_ context.Context, e sdk.End) error { return d.write(note{End: &e}) }

// readDiary returns what is in the private folder of a pipeline's diary.
func readDiary(t *testing.T, p *core.Pipeline) (starts []sdk.Start, ends []sdk.End) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.StateDir(), "stages", "sink.diary", "diary"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		var n note
		if err := json.Unmarshal(line, &n); err != nil {
			t.Fatal(err)
		}
		if n.Start != nil {
			starts = append(starts, *n.Start)
		} else {
			ends = append(ends, *n.End)
		}
	}
	return starts, ends
}

const diaryFile = "source \"web\" {\n  url = \"%URL\"\n}\nsink \"diary\" {}\nsink \"jsonl\" {\n  path = \"{stream}.jsonl\"\n}\n"

func diaryPipeline(t *testing.T) *core.Pipeline {
	t.Helper()
	text := bytes.ReplaceAll([]byte(diaryFile), []byte("%URL"), []byte(serving(t, "a\nb\n")))
	return load(t, pipelineFile(t, string(text)), options(io.Discard, io.Discard))
}

func TestStartSaysWhoAndWhere(t *testing.T) {
	t.Parallel()
	p := diaryPipeline(t)
	var ids []string
	for range 2 {
		report, err := run(t, p, core.RunOptions{})
		if err != nil || report.Outcome != core.Complete {
			t.Fatalf("%+v, %v", report, err)
		}
		ids = append(ids, report.Run)
	}
	starts, ends := readDiary(t, p)
	if len(starts) != 2 || len(ends) != 2 {
		t.Fatalf("%d starts and %d ends, want 2 of each: the folder does not last", len(starts), len(ends))
	}
	first, second := starts[0], starts[1]
	dir := filepath.Join(p.StateDir(), "stages", "sink.diary")
	if first.Pipeline == "" || first.Pipeline != second.Pipeline || first.Seat != 0 || first.Dir != dir || second.Dir != dir {
		t.Errorf("starts:\n%+v\n%+v", first, second)
	}
	if first.Epoch < 1 || second.Epoch <= first.Epoch {
		t.Errorf("epochs %d and %d, want them to rise", first.Epoch, second.Epoch)
	}
	for i, e := range ends {
		if e != (sdk.End{Run: ids[i]}) {
			t.Errorf("end of run %s: %+v", ids[i], e)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	if other := diaryPipeline(t); true {
		if _, err := run(t, other, core.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		if starts, _ := readDiary(t, other); starts[0].Pipeline == first.Pipeline {
			t.Errorf("two pipelines of one name are both %s", first.Pipeline)
		}
	}
}

// TestResetClearsPrivateFolders: and the pipeline stays who it is.
func TestResetClearsPrivateFolders(t *testing.T) {
	t.Parallel()
	p := diaryPipeline(t)
	if _, err := run(t, p, core.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	before, _ := readDiary(t, p)
	if err := p.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(p.StateDir(), "stages")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a reset: %v", err)
	}
	if _, err := run(t, p, core.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	after, _ := readDiary(t, p)
	if len(after) != 1 || after[0].Pipeline != before[0].Pipeline || after[0].Epoch <= before[0].Epoch || after[0].Token != nil {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// TestPreviewLeavesPrivateFoldersAlone: what is only looked at has a folder of its own.
func TestPreviewLeavesPrivateFoldersAlone(t *testing.T) {
	t.Parallel()
	p := diaryPipeline(t)
	if _, err := p.Plan(t.Context(), false, -1); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.StateDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state folder: %v", err)
	}
}
