// Options: what a user sets, and how it is checked.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/sdk"
)

// Options are what the settings of a sink of files have in common.
type Options struct {
	// Name is the sink's: "jsonl". It is a part of the hidden names in the output folder, and never
	// changes.
	Name string
	// Path is the file, with {stream}, {date} (the day the run started, UTC) and {run} (its id) in
	// the places of their values.
	Path string
	// Compression is "auto" or "" (by the extension), "none", "gzip" or "zstd".
	Compression string
	// RotateSize is a size as in "512MiB": the files are numbered, and a new one begins when one
	// has reached it. "": one file.
	RotateSize string
	// Mode is "append" or "", or "overwrite": what earlier runs wrote is replaced when a run has
	// its first records.
	Mode string
	// Turns says that the sink calls [Files.Turn]: a stream goes on with its last file, numbered or
	// not.
	Turns bool
	// Store is for a path such as s3://bucket/{stream}.jsonl.
	Store Store
}

// New returns files by these settings. Every mistake in them is permanent.
func New(o Options) (*Files, error) {
	t, err := parseTemplate(o.Path)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	rotate, err := parseSize(o.RotateSize)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("rotate_size: %w", err))
	}
	format, err := formatOf(o.Compression, o.Path)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	switch o.Mode {
	case "", "append", "overwrite":
	default:
		return nil, sdk.Permanent(fmt.Errorf("mode %q: it is append or overwrite", o.Mode))
	}
	remote, err := newRemote(o)
	if err != nil {
		return nil, err
	}
	return &Files{name: o.Name, template: t, rotate: rotate, format: format,
		turns: o.Turns || remote != nil, overwrite: o.Mode == "overwrite" && remote == nil, patience: patience,
		remote: remote}, nil
}

// Guarantee implements [sdk.Guarantor].
func (s *Files) Guarantee() sdk.Guarantee {
	if s.remote != nil {
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "an object gets only what the host has kept a token for"}
	}
	return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
		Why: "its files are cut back to the last commit before a run goes on"}
}

// Check tries whether the output folder, or the one in which it will be made, can be written. It
// leaves nothing behind.
func (s *Files) Check(ctx context.Context) error {
	if s.remote != nil {
		return s.remote.check(ctx, s.template)
	}
	dir := s.template.root
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return sdk.Permanent(fmt.Errorf("%s is a file, and should be the output folder", dir))
		}
		if err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, os.ErrNotExist) || parent == dir {
			return sdk.Permanent(err)
		}
		dir = parent
	}
	probe, err := os.CreateTemp(dir, ".scrapekit-check-*")
	if err != nil {
		return sdk.Permanent(fmt.Errorf("output folder: %w", err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
