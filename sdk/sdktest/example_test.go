package sdktest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// t is that of the test function which these lines stand in, and plugin the plugin.
var (
	t      *testing.T
	plugin sdk.Plugin
)

// A source whose remote system is a recording of one. It is read, resumed from every cursor,
// cancelled, answered badly, in process and across the wire.
func ExampleTestSource() {
	sdktest.TestSource(t, plugin, sdktest.SourceCase{
		Config: map[string]any{"url": "https://forum.example.com/api"},
		Host:   sdk.Host{Transport: sdktest.Replay(t, "testdata/replies.jsonl")},
		Check: func(t *testing.T, records map[string][]string) {
			if len(records["posts"]) != 7 {
				t.Errorf("%d posts, want 7", len(records["posts"]))
			}
		},
	})
}

// A transform: what goes in, and what must come out. It is also sent junk, huge records, and the
// same batch again.
func ExampleTestTransform() {
	sdktest.TestTransform(t, plugin, sdktest.TransformCase{
		Config: map[string]any{"field": "century"},
		Input:  []sdk.Batch{{Stream: "books", Count: 1, Payload: []byte("{\"year\":1815}\n")}},
		Check: func(t *testing.T, out []sdk.Batch, _ sdk.Rejects) {
			if len(out) != 1 || string(out[0].Payload) != "{\"century\":19,\"year\":1815}\n" {
				t.Errorf("out: %v", out)
			}
		},
	})
}

// A sink: where it writes, and how what it wrote is read. TestSink walks at random between writes,
// commits and kills; CrashSink kills and fails it at each thing that it does to its files.
func ExampleTestSink() {
	theCase := sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": dir} },
		Read: func(t *testing.T, dir, stream string) []string {
			raw, err := os.ReadFile(filepath.Join(dir, stream+".jsonl"))
			if err != nil || len(raw) == 0 {
				return nil
			}
			return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
		},
	}
	sdktest.TestSink(t, plugin, theCase)
	sdktest.CrashSink(t, plugin, theCase)
}
