// The sink against the suite, in all its formats and modes.

package csv

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		"plain":        {Path: "{stream}.csv"},
		"zstd":         {Path: "new/{stream}.csv.zst"},
		"rotated gzip": {Path: "{stream}.csv.gz", RotateSize: "1KiB"},
		"overwritten":  {Path: "{stream}.csv", Mode: "overwrite", RotateSize: "4kB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdktest.TestSink(t, mortal(), sdktest.SinkCase{
				Config:   func(_ *testing.T, dir string) any { return settings(c, dir) },
				Read:     read,
				Replaces: c.Mode == "overwrite",
			})
		})
	}
}

//ci:plain
func TestCrash(t *testing.T) {
	crashtest.Plain(t)
	if os.Getenv("SDKTEST_CRASH_SHARE") == "" {
		t.Setenv("SDKTEST_CRASH_SHARE", "4") // 1 has every operation fail
	}
	c := Config{Path: "{stream}.csv", RotateSize: "500B"}
	sdktest.CrashSink(t, Plugin(), sdktest.SinkCase{Config: func(_ *testing.T,
		dir string) any {
		return settings(c, dir)
	},
		Read: read})
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

// null stands for null in these tests: the reader of the standard library does not see quotes.
const null = `\N`

// settings are those of c as a user writes them, below dir.
func settings(c Config, dir string) map[string]any {
	out := map[string]any{"path": filepath.Join(dir, filepath.FromSlash(c.Path)), "null": null}
	for name, value := range map[string]string{"rotate_size": c.RotateSize, "mode": c.Mode} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// read returns the rows of a stream as the records that they were made of.
func read(t *testing.T, dir, stream string) []string {
	t.Helper()
	var out []string
	for _, path := range filesinktest.StreamFiles(t, dir, stream) {
		in := csv.NewReader(strings.NewReader(filesinktest.Text(t, path, false)))
		names, err := in.Read()
		for err == nil {
			var row []string
			if row, err = in.Read(); err == nil {
				out = append(out, record(names, row))
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return out
}

// record is a row as JSON. What is JSON of itself stands as it is.
func record(names, row []string) string {
	var fields []string
	for i, value := range row {
		if value == null {
			continue
		}
		if !json.Valid([]byte(value)) {
			raw, _ := json.Marshal(value) // a string always can be
			value = string(raw)
		}
		if field := `"` + names[i] + `":` + value; names[i] == deleted {
			fields = slices.Insert(fields, 0, field)
		} else {
			fields = append(fields, field)
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}
