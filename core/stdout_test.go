package core

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// printed is standard output that goes to a file: "scrapekit run … >> file".
type printed struct {
	*stdout
	io.Closer
}

type printedConfig struct {
	File string `json:"file"`
}

func printedPlugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "stdout", Version: "1", Doc: "Standard output."},
		func(_ context.Context, c printedConfig) (sdk.Sink, error) {
			f, err := os.OpenFile(c.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err == nil {
				err = disk.SyncDir(filepath.Dir(c.File)) // the file's name is the shell's business
			}
			return &printed{newStdout(f), f}, err
		})
}

func printedTo(_ *testing.T, dir string) any { return printedConfig{filepath.Join(dir, "out.jsonl")} }

// TestStdoutKeepsItsGuarantee: nothing is lost, though it may come twice.
func TestStdoutKeepsItsGuarantee(t *testing.T) {
	t.Parallel()
	sdktest.TestSink(t, printedPlugin(), sdktest.SinkCase{Config: printedTo, Read: printedOf})
	if g := host.GuaranteeOf(&stdout{}); g.Delivery != sdk.AtLeastOnce {
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

// TestStdoutCrash: nothing that was committed is lost by a kill, a power cut or a disk that fails.
//
//ci:plain
func TestStdoutCrash(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	sdktest.CrashSink(t, printedPlugin(), sdktest.SinkCase{
		Config: printedTo,
		Read: func(t *testing.T, dir, stream string) (whole []string) {
			if stream != "one" {
				return nil // the lines do not say of which stream they are
			}
			for _, line := range printedOf(t, dir, stream) {
				if json.Valid([]byte(line)) {
					whole = append(whole, line)
				}
			}
			return whole
		},
	})
}
