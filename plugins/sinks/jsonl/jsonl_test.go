// The sink against the suite, in all its formats and modes.

package jsonl

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"plain":             {Path: "{stream}.jsonl"},
		"gzip":              {Path: "{stream}.jsonl.gz"},
		"zstd":              {Path: "{stream}.jsonl.zst"},
		"folders":           {Path: "new/{stream}/{stream}.jsonl"},
		"rotated":           {Path: "{stream}.jsonl", RotateSize: "4KiB"},
		"rotated zstd":      {Path: "{stream}.jsonl.zst", RotateSize: "1KiB"},
		"overwritten":       {Path: "{stream}.jsonl", Mode: "overwrite"},
		"overwritten, many": {Path: "{stream}.jsonl.gz", Mode: "overwrite", RotateSize: "1kB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSink(t, mortal(), sdktest.SinkCase{
				Config:   func(_ *testing.T, dir string) any { return settings(c, dir) },
				Read:     filesinktest.StreamLines,
				Replaces: c.Mode == "overwrite",
			})
		})
	}
}

// mortal is the plugin, where a new instance is the death of the one before it at the same path: in
// one process nobody else would take its locks away.
func mortal() sdk.Plugin {
	var mu sync.Mutex
	alive := map[string]*Sink{}
	p := Plugin()
	make := p.New
	p.New = func(ctx context.Context, raw json.RawMessage) (any, error) {
		v, err := make(ctx, raw)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if before := alive[string(raw)]; before != nil {
			before.Abandon()
		}
		alive[string(raw)] = v.(*Sink)
		return v, nil
	}
	return p
}

// settings are those of c as a user writes them, below dir.
func settings(c Config, dir string) map[string]any {
	out := map[string]any{"path": filepath.Join(dir, filepath.FromSlash(c.Path))}
	for name, value := range map[string]string{"compression": c.Compression, "rotate_size": c.RotateSize,
		"mode": c.Mode} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

//ci:plain
func TestCrash(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	if testing.Short() {
		t.Skip("it is killed hundreds of times")
	}
	for name, c := range map[string]Config{
		"plain":             {Path: "{stream}.jsonl"},
		"overwritten, many": {Path: "new/{stream}.jsonl.gz", Mode: "overwrite", RotateSize: "1kB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdktest.CrashSink(t, Plugin(),
				sdktest.SinkCase{Config: func(_ *testing.T, dir string) any { return settings(c, dir) },
					Read: filesinktest.StreamLines})
		})
	}
}
