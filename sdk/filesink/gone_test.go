// Output of earlier runs that somebody took away: said when the sink is opened, unless everything
// comes again anyhow.

package filesink

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestSaysWhatIsGone(t *testing.T) {
	t.Parallel()
	empty := func(p *place) {
		p.ok(os.Truncate(p.file("out/a.jsonl"), 0))
		p.ok(os.Truncate(p.file("out/b.jsonl"), 0))
	}
	takeMark := func(p *place) {
		marks, err := filepath.Glob(p.file("out/.scrapekit-test-*"))
		if err != nil || len(marks) != 1 {
			p.Fatalf("%q: %v", marks, err)
		}
		p.ok(os.Remove(marks[0]))
	}
	for name, c := range map[string]struct {
		config  Options
		take    func(p *place)
		change  func(s *sdk.Start)
		says    string // of what is gone; "": nothing
		strange string // of what stands there, and is not known
	}{
		"the folder": {take: func(p *place) { p.ok(os.RemoveAll(p.file("out"))) }, says: "a.jsonl, b.jsonl"},
		"the journal with it": {take: func(p *place) {
			p.ok(os.RemoveAll(p.file("out")))
			p.put("out/a.jsonl", "somebody else's\n")
		}, says: "gone=b.jsonl", strange: "files=a.jsonl"},
		"the journal alone": {take: takeMark, strange: `files="a.jsonl, b.jsonl"`},
		"the journal alone, numbered": {config: Options{Path: "out/{stream}.jsonl", RotateSize: "1KB"}, take: takeMark,
			strange: `files="a-00001.jsonl, b-00001.jsonl"`},
		"the journal, before a full run": {take: takeMark, change: func(s *sdk.Start) { s.Full = true },
			strange: `adds everything to them, or behind them: if it is in them already`},
		"the journal, of what is overwritten": {config: Options{Path: "out/{stream}.jsonl", Mode: "overwrite"},
			take: takeMark},
		"one file": {take: func(p *place) { p.ok(os.Remove(p.file("out/a.jsonl"))) },
			says: "gone=a.jsonl"},
		"all emptied": {take: empty, says: "a.jsonl, b.jsonl"},
		"emptied, compressed": {config: Options{Path: "out/{stream}.jsonl", Compression: "gzip"},
			take: empty, says: "a.jsonl, b.jsonl"},
		"finished files, not the last": {config: Options{Path: "out/{stream}.jsonl", RotateSize: "2B"},
			take: func(p *place) {
				p.ok(os.Remove(p.file("out/a-00001.jsonl")))
			}, says: "gone=a-00001.jsonl"},
		"finished files and the last": {config: Options{Path: "out/{stream}.jsonl", RotateSize: "2B"},
			take: func(p *place) {
				p.ok(os.Remove(p.file("out/a-00001.jsonl")))
				p.ok(os.Remove(p.file("out/a-00002.jsonl")))
			}, says: `gone="a-00001.jsonl, a-00002.jsonl"`},
		"nothing":             {take: func(*place) {}},
		"before a full run":   {take: empty, change: func(s *sdk.Start) { s.Full = true }},
		"what is overwritten": {config: Options{Path: "out/{stream}.jsonl", Mode: "overwrite"}, take: empty},
		"what another run has": {config: Options{Path: "out/{run}/{stream}.jsonl"},
			take: func(p *place) { p.ok(os.RemoveAll(p.file("out"))) }},
	} {
		t.Run(name, func(t *testing.T) {
			if c.config.Path == "" {
				c.config.Path = "out/{stream}.jsonl"
			}
			p := newPlace(t, c.config)
			p.open(sdk.Start{Run: "r1"})
			for range 2 {
				p.write("a", "1")
				p.write("b", "1")
			}
			token := p.commit()
			p.ok(p.sink.Close())
			c.take(p)
			var log bytes.Buffer
			ctx := sdk.Host{Logger: slog.New(slog.NewTextHandler(&log, nil))}.In(p.Context())
			start := sdk.Start{Run: "r2", Started: day, Token: token}
			if c.change != nil {
				c.change(&start)
			}
			p.ok(p.sink.Open(ctx, start))
			for says, wanted := range map[string]string{"not here any more": c.says,
				"it is not known who wrote": c.strange} {
				if strings.Contains(log.String(), says) != (wanted != "") || !strings.Contains(log.String(), wanted) {
					t.Errorf("it says %q, want %q in it", &log, wanted)
				}
			}
			if c.says+c.strange != "" && !strings.Contains(log.String(), "--full") {
				t.Errorf("it says %q, and not what to do", &log)
			}
			if c.says == "" {
				return
			}
			// It is said once.
			token = p.commit()
			log.Reset()
			p.ok(p.sink.Open(ctx, sdk.Start{Run: "r3", Started: day, Token: token}))
			if log.Len() > 0 {
				t.Errorf("it says once more %q", &log)
			}
		})
	}
}
