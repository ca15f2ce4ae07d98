package core

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// printed is standard output that goes to a file: "scrapekit run … >> file".
type printed struct {
	stdout
	io.Closer
}

// TestStdoutKeepsItsGuarantee: nothing is lost, though it may come twice.
func TestStdoutKeepsItsGuarantee(t *testing.T) {
	t.Parallel()
	type config struct {
		File string `json:"file"`
	}
	p := sdk.SinkPlugin(sdk.Info{Name: "stdout", Version: "1", Doc: "Standard output."}, func(_ context.Context, c config) (sdk.Sink, error) {
		f, err := os.OpenFile(c.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		return &printed{stdout{w: f}, f}, err
	})
	sdktest.TestSink(t, p, sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any { return config{filepath.Join(dir, "out.jsonl")} },
		Read:   printedOf,
	})
	if g := sdk.GuaranteeOf(&stdout{}); g.Delivery != sdk.AtLeastOnce {
		t.Errorf("standard output guarantees %q, and cannot take anything back", g.Delivery)
	}
}

// ofStream finds the stream in a record of the suite; the lines themselves do not say it.
var ofStream = regexp.MustCompile(` of ([a-z0-9]+)"`)

func printedOf(t *testing.T, dir, stream string) []string {
	raw, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		m := ofStream.FindStringSubmatch(line)
		if (m == nil || m[1] == stream) && !strings.Contains(line, `"_op":"delete"`) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}
