// Options: the settings of a user, and their checks.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/sdk"
)

// Options are the settings that sinks of files have in common.
type Options struct {
	// Name is the sink's name, such as "jsonl". It is part of the hidden names in the output folder
	// and never changes.
	Name string
	// Path is the file's path. {stream}, {date} (the day the run started, UTC) and {run} (its id)
	// are replaced by their values.
	Path string
	// Compression is "auto" or "" (by the extension), "none", "gzip" or "zstd".
	Compression string
	// RotateSize is a size such as "512MiB": files are numbered, and a new one begins when the last
	// has reached this size. "": one file.
	RotateSize string
	// Mode is "append" or "", or "overwrite": the first records of a run replace what earlier runs
	// wrote.
	Mode string
	// Turns says that the sink calls [Files.Turn]: a stream goes on with its last file, numbered or
	// not.
	Turns bool
	// Store is for a path such as s3://bucket/{stream}.jsonl.
	Store Store
	// Maker is for a format to which nothing can be appended. Compression is then of the private
	// folder.
	Maker Maker
}

// New returns a Files with these settings. Every error in them is permanent.
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
	remote, err := newRemote(o, t)
	if err != nil {
		return nil, err
	}
	if remote != nil {
		remote.maker, remote.format = o.Maker, format
	}
	return &Files{name: o.Name, template: t, rotate: rotate, format: format,
		turns: o.Turns || remote != nil, overwrite: o.Mode == "overwrite" && remote == nil, patience: patience,
		remote: remote}, nil
}

// Guarantee implements [sdk.Guarantor].
func (s *Files) Guarantee() sdk.Guarantee {
	if s.remote != nil && s.remote.onDisk() {
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
			Why: "a file is made whole, of what the host has kept a token for"}
	}
	if s.remote != nil {
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "an object gets only what the host has kept a token for"}
	}
	return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
		Why: "its files are cut back to the last commit before a run goes on"}
}

// Check tests whether the output folder, or the existing folder above it, is writable. It leaves no
// files behind.
func (s *Files) Check(ctx context.Context) error {
	dir := s.template.root
	if s.remote != nil {
		d, ok := s.remote.store.(disk)
		if !ok {
			return s.remote.check(ctx, s.template)
		}
		dir = d.root
	}
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
