// The text of lock files.

package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/sdk"
)

// Read reads a lock file. Without a file, nothing is locked.
func Read(path string) (*File, error) {
	in, err := hclfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, err
	}
	return read(in)
}

// Parse parses the content of a file; path is for messages.
func Parse(path string, raw []byte) (*File, error) {
	in, err := hclfile.Parse(path, raw)
	if err != nil {
		return nil, err
	}
	return read(in)
}

func read(in *hclfile.File) (*File, error) {
	top := in.Body()
	if v := top.Whole("lock_version"); v != version && in.Err() == nil {
		top.Fail("lock_version", "it is %d, and this scrapekit reads %d: update scrapekit", v, version)
		return nil, in.Err() // a newer version may contain anything else
	}
	f := &File{}
	for _, b := range top.Blocks("plugin") {
		if before, twice := f.Get(b.Label); twice {
			in.Fail(b.Line, "a second plugin %q; the first is in line %d", b.Label, before.Line)
			continue
		}
		f.Put(readPlugin(in, b))
	}
	top.Done()
	if err := in.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

func readPlugin(in *hclfile.File, b hclfile.Labelled) Plugin {
	p := Plugin{
		Source: b.Label, PublishedAs: b.Text("published_as"), Constraints: b.Text("constraints"), Line: b.Line,
		Name: b.Need("name"), Kind: sdk.Kind(b.Need("kind")), Protocol: b.Whole("protocol"),
		Index: digest.Digest(b.Need("index")),
	}
	if err := p.checkSource(); err != nil {
		in.Fail(b.Line, "%v", err)
	}
	var err error
	if text := b.Need("version"); text != "" {
		if p.Version, err = artifact.ParseVersion(text); err != nil {
			b.Fail("version", "%v", err)
		}
	}
	if _, err := artifact.ParseConstraint(p.Constraints); err != nil {
		b.Fail("constraints", "%v", err)
	}
	if !slices.Contains([]sdk.Kind{sdk.KindSource, sdk.KindTransform, sdk.KindSink}, p.Kind) {
		b.Fail("kind", "a plugin is a source, transform or sink, not %q", p.Kind)
	}
	if err := artifact.CheckDigest(p.Index); err != nil {
		b.Fail("index", "%v", err)
	}
	p.Targets = readTargets(in, b)
	p.Signer = readSigner(b)
	p.Permissions, p.Paths = ReadAsked(b.Body)
	b.Done()
	return p
}

func readTargets(in *hclfile.File, b hclfile.Labelled) map[artifact.Platform]Target {
	out := map[artifact.Platform]Target{}
	for _, row := range b.Table("targets", "archive", "binary") {
		p, err := artifact.ParsePlatform(row.Name)
		t := Target{digest.Digest(row.Fields["archive"]), digest.Digest(row.Fields["binary"])}
		if err == nil && string(p) != row.Name {
			err = fmt.Errorf("%q is not a platform: write %s", row.Name, p)
		}
		if err = errors.Join(err, t.check()); err != nil {
			in.Fail(row.Line, "plugin %q: targets: %v", b.Label, err)
			continue
		}
		out[p] = t
	}
	if len(out) == 0 {
		b.Fail("targets", "it names no platform")
	}
	return out
}

func readSigner(b hclfile.Labelled) Signer {
	in := b.Block("signer")
	if in == nil {
		return Signer{}
	}
	key, err := artifact.ParseKey(in.Need("key"))
	if err != nil {
		in.Fail("key", "%v", err)
	}
	s := Signer{key, in.Need("since")}
	if _, err := time.Parse(time.DateOnly, s.Since); err != nil {
		in.Fail("since", "%q is not a date: want one such as 2026-11-23", s.Since)
	}
	in.Done()
	return s
}

// Bytes returns the text of the file.
func (f *File) Bytes() []byte {
	var w hclfile.Writer
	w.Comment("The plugins of the pipelines in this folder, exactly. Made by `scrapekit init`: keep it in version "+
		"control, and change",
		"it by `scrapekit init --upgrade` and `scrapekit plugins`.")
	w.Blank()
	w.Whole("lock_version", version)
	for _, p := range f.Plugins {
		w.Blank()
		w.Block("plugin", p.Source, func() { p.write(&w) })
	}
	return w.Bytes()
}

func (p Plugin) write(w *hclfile.Writer) {
	optional := func(name, value string) {
		if value != "" {
			w.Text(name, value)
		}
	}
	optional("published_as", p.PublishedAs)
	w.Text("version", p.Version.String())
	optional("constraints", p.Constraints)
	w.Text("name", p.Name)
	w.Text("kind", string(p.Kind))
	w.Whole("protocol", p.Protocol)
	w.Text("index", p.Index.String())
	var rows []hclfile.Row
	for _, platform := range slices.Sorted(maps.Keys(p.Targets)) {
		t := p.Targets[platform]
		rows = append(rows, hclfile.Row{Name: string(platform),
			Fields: map[string]string{"archive": t.Archive.String(), "binary": t.Binary.String()}})
	}
	w.Table("targets", rows, "archive", "binary")
	if p.Signer.Key != "" {
		w.Blank()
		w.Block("signer", "", func() {
			w.Text("key", string(p.Signer.Key))
			w.Text("since", p.Signer.Since)
		})
	}
	WriteAsked(w, p.Permissions, p.Paths)
}

// Write writes the file atomically, readable by all.
func (f *File) Write(path string) error {
	if err := disk.ReplaceMode(path, f.Bytes(), true, 0o644); err != nil {
		return fmt.Errorf("%s: %w", FileName, err)
	}
	return nil
}
