// Folders in the OCI layout: mirrors, and copies for machines without a network.

package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/oci"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// layoutRemote is one plugin in a layout.
type layoutRemote struct {
	source artifact.Source
	dir    string
}

func openLayout(s artifact.Source, o Options) Remote {
	return &layoutRemote{source: s, dir: s.In(o.Dir).Path}
}

// layoutTag returns the tag of a version, NAME:VERSION. Other tools write VERSION alone.
func layoutTag(name string, v artifact.Version) string { return name + ":" + v.String() }

// splitLayoutTag is the inverse of layoutTag. ok is false if the tag is no version of a plugin.
func splitLayoutTag(tag string) (name string, v artifact.Version, ok bool) {
	i := strings.LastIndexByte(tag, ':')
	v, err := artifact.ParseVersion(tag[i+1:])
	return tag[:max(i, 0)], v, err == nil
}

func (l *layoutRemote) Versions(context.Context) ([]artifact.Version, error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	name, err := l.name(index)
	if err != nil {
		return nil, err
	}
	var out []artifact.Version
	for _, d := range index.Manifests {
		if n, v, ok := splitLayoutTag(d.Annotations[ocispec.AnnotationRefName]); ok && (n == name || n == "") {
			out = append(out, v)
		}
	}
	if out == nil {
		return nil, l.explain(fmt.Errorf("%w: the folder holds no version of it", ErrNotFound))
	}
	return newestFirst(out), nil
}

// name returns the name of the plugin: that of the source, or of the only plugin.
func (l *layoutRemote) name(index *ocispec.Index) (string, error) {
	if l.source.Name != "" {
		return l.source.Name, nil
	}
	names := namesOf(index)
	if len(names) > 1 {
		return "", l.explain(fmt.Errorf("the folder holds several plugins: say which, as in oci-layout:%s#%s",
			l.source.Path, names[0]))
	}
	return strings.Join(names, ""), nil
}

// namesOf returns the names of the plugins in a layout, sorted.
func namesOf(index *ocispec.Index) []string {
	var names []string
	for _, d := range index.Manifests {
		if n, _, ok := splitLayoutTag(d.Annotations[ocispec.AnnotationRefName]); ok && n != "" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Names returns the plugins in a layout.
func Names(dir string) ([]string, error) {
	index, err := (&layoutRemote{artifact.Source{Text: "oci-layout:" + dir}, dir}).index()
	if err != nil {
		return nil, err
	}
	return namesOf(index), nil
}

func (l *layoutRemote) Release(ctx context.Context, v artifact.Version, pinned digest.Digest) (*artifact.Release,
	error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	name, err := l.name(index)
	if err != nil {
		return nil, err
	}
	d, err := find(index, name, v, pinned)
	if err != nil {
		return nil, l.explain(err)
	}
	root, store, err := l.storage()
	if err != nil {
		return nil, l.explain(err)
	}
	defer func() { _ = root.Close() }() // opened only for reading
	out := &artifact.Release{Name: name, Version: v}
	if out.Index, err = fetchIndex(ctx, store, d); err != nil {
		return nil, l.explain(err)
	}
	out.Signed, err = l.signed(ctx, store, index, d.Digest)
	return out, err
}

// find finds a release by its digest, or by its tag.
func find(index *ocispec.Index, name string, v artifact.Version, pinned digest.Digest) (ocispec.Descriptor, error) {
	for _, tag := range []string{layoutTag(name, v), v.String()} {
		for _, d := range index.Manifests {
			if pinned == "" && d.Annotations[ocispec.AnnotationRefName] == tag || pinned != "" && d.Digest == pinned {
				return d, nil
			}
		}
	}
	if pinned != "" {
		return ocispec.Descriptor{}, fmt.Errorf("%w: the folder does not hold %s", ErrNotFound, pinned)
	}
	return ocispec.Descriptor{}, fmt.Errorf("%w: the folder does not hold version %s", ErrNotFound, v)
}

// signed reads the statements that refer to an index.
func (l *layoutRemote) signed(ctx context.Context, store *oci.ReadOnlyStorage, all *ocispec.Index,
	index digest.Digest) ([]artifact.Signed, error) {
	var out []artifact.Signed
	var bad []error
	for _, d := range all.Manifests {
		if d.MediaType != ocispec.MediaTypeImageManifest || !maybeSignature(d) {
			continue
		}
		switch s, err := fetchSigned(ctx, store, d, index); {
		case errors.Is(err, artifact.ErrOther):
		case err != nil:
			bad = append(bad, err)
		default:
			out = append(out, s)
		}
		if len(out) == artifact.MaxSignatures {
			break
		}
	}
	if out == nil && bad != nil {
		return nil, l.explain(errors.Join(bad...))
	}
	return out, nil
}

func (l *layoutRemote) Archive(ctx context.Context, _ *artifact.Release, t artifact.Target) (io.ReadCloser, error) {
	root, store, err := l.storage()
	if err != nil {
		return nil, l.explain(err)
	}
	defer func() { _ = root.Close() }() // opened files stay open
	body, err := store.Fetch(ctx, t.Archived())
	if err != nil {
		return nil, l.explain(notFound(err))
	}
	return artifact.Exactly(body, t.Archived()), nil
}

// storage reads the blobs of the folder, without following paths out of it.
func (l *layoutRemote) storage() (*os.Root, *oci.ReadOnlyStorage, error) {
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return nil, nil, err
	}
	return root, oci.NewStorageFromFS(root.FS()), nil
}

// index reads index.json.
func (l *layoutRemote) index() (*ocispec.Index, error) {
	raw, err := readBounded(filepath.Join(l.dir, ocispec.ImageIndexFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, l.explain(fmt.Errorf("%w: %s holds no index.json: it is not an OCI layout", ErrNotFound, l.dir))
	case err != nil:
		return nil, l.explain(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, l.explain(fmt.Errorf("index.json: %w", err))
	}
	return &index, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened only for reading
	raw, err := io.ReadAll(artifact.Bounded(f, artifact.MaxMetadata))
	if errors.Is(err, artifact.ErrTooLong) {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, artifact.MaxMetadata)
	}
	return raw, err
}

func (l *layoutRemote) Push(ctx context.Context, release *artifact.Release, archive Archives) error {
	s, form, err := toPush(release)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(l.dir, lockFile))
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return l.explain(err)
	}
	return l.explain(errors.Join(l.push(ctx, release, s, form, archive), lock.Unlock()))
}

// push writes the blobs, then index.json.
func (l *layoutRemote) push(ctx context.Context, release *artifact.Release, s artifact.Statement, form artifact.Form,
	archive Archives) error {
	index := &ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	switch found, err := l.index(); {
	case err == nil:
		index = found
	case !errors.Is(err, ErrNotFound):
		return err
	}
	v, err := artifact.ParseVersion(s.Manifest.Version)
	if err != nil {
		return err
	}
	if d, err := find(index, s.Source, v, ""); err == nil && d.Digest != s.Index &&
		d.Annotations[ocispec.AnnotationRefName] == layoutTag(s.Source, v) {
		return fmt.Errorf("%s: %w: publish a new version", layoutTag(s.Source, v), ErrExists)
	}
	store, err := oci.NewStorage(l.dir)
	if err != nil {
		return err
	}
	if err := pushArchives(ctx, store, s, form, archive); err != nil {
		return err
	}
	signed, err := signatures(release)
	if err != nil {
		return err
	}
	if err := pushBlobs(ctx, store, append([]artifact.Blob{form.Index}, signed...)...); err != nil {
		return err
	}
	return l.save(index, form.Index.Descriptor, layoutTag(s.Source, v), signed)
}

// save adds a release to index.json.
func (l *layoutRemote) save(index *ocispec.Index, release ocispec.Descriptor, tag string,
	signed []artifact.Blob) error {
	release.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	added := []ocispec.Descriptor{release}
	for _, b := range signed {
		if b.Descriptor.ArtifactType == artifact.TypeSignature {
			added = append(added, b.Descriptor)
		}
	}
	for _, d := range added {
		same := func(o ocispec.Descriptor) bool {
			return o.Digest == d.Digest &&
				o.Annotations[ocispec.AnnotationRefName] == d.Annotations[ocispec.AnnotationRefName]
		}
		if !slices.ContainsFunc(index.Manifests, same) {
			index.Manifests = append(index.Manifests, d)
		}
	}
	layout, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(replace(filepath.Join(l.dir, ocispec.ImageLayoutFile), layout),
		replace(filepath.Join(l.dir, ocispec.ImageIndexFile), append(raw, '\n')))
}

// replace writes a file atomically, readable by all, because a layout is served and copied.
func replace(path string, raw []byte) error {
	if err := disk.Replace(path, raw, true); err != nil {
		return err
	}
	return errors.Join(os.Chmod(path, 0o644), disk.SyncDir(filepath.Dir(path)))
}

func (l *layoutRemote) explain(err error) error {
	if err == nil {
		return nil
	}
	return &SourceError{l.source.Text, err}
}
