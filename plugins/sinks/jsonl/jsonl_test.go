// The sink against the suite, in all its formats and modes.

package jsonl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// readFile returns the lines of a file. A frame that is not whole fails the test; with torn it ends the file, as for a
// reader who looks while it is written.
func readFile(t *testing.T, path string, torn bool) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(raw)
	if len(raw) > 0 {
		switch filepath.Ext(path) {
		case ".gz":
			r, err = gzip.NewReader(r)
		case ".zst":
			r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil && !(torn && errors.Is(err, io.ErrUnexpectedEOF)) {
		t.Fatalf("%s: %v", path, err)
	}
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// streamOf returns the lines of all files of a stream below dir, by the rule stream.ext or stream-00001.ext.
func streamOf(t *testing.T, dir, stream string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _, _ := strings.Cut(d.Name(), ".")
		if name == stream || strings.HasPrefix(name, stream+"-0") {
			out = append(out, readFile(t, path, false)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

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
				Read:     streamOf,
				Replaces: c.Mode == "overwrite",
			})
		})
	}
}

// mortal is the plugin, where a new instance is the death of the one before it at the same path: in one process
// nobody else would take its locks away.
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
			abandon(before)
		}
		alive[string(raw)] = v.(*Sink)
		return v, nil
	}
	return p
}

// settings are those of c as a user writes them, below dir.
func settings(c Config, dir string) map[string]any {
	out := map[string]any{"path": filepath.Join(dir, filepath.FromSlash(c.Path))}
	for name, value := range map[string]string{"compression": c.Compression, "rotate_size": c.RotateSize, "mode": c.Mode} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

func TestCrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"plain":             {Path: "{stream}.jsonl"},
		"overwritten, many": {Path: "new/{stream}.jsonl.gz", Mode: "overwrite", RotateSize: "1kB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdktest.CrashSink(t, Plugin(), sdktest.SinkCase{Config: func(_ *testing.T, dir string) any { return settings(c, dir) }, Read: streamOf})
		})
	}
}
