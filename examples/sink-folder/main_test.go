package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

var theCase = sdktest.SinkCase{
	Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": filepath.Join(dir, "out") + "/"} },
	Read: func(t *testing.T, dir, stream string) (records []string) {
		files, err := filepath.Glob(filepath.Join(dir, "out", stream, "[^.]*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, strings.TrimSuffix(string(raw), "\n"))
		}
		return records
	},
	Keyed: true, Rounds: 8,
}

func TestSink(t *testing.T) {
	t.Parallel()
	sdktest.TestSink(t, plugin(), theCase)
}

// TestCrash kills, fails and cuts off the sink at each thing that it does to its files.
func TestCrash(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is killed hundreds of times")
	}
	sdktest.CrashSink(t, plugin(), theCase)
}
