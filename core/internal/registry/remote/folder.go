// A folder with the files of releases, for a web server or a GitHub release.

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

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// folder has versions.json and a folder for each version.
type folder struct {
	filesRemote
	dir string
}

// OpenFolder returns a folder of releases, which need not exist. Served at a URL, it is a source
// with that name.
func OpenFolder(dir string) Pusher {
	return &folder{filesRemote{artifact.Source{Text: dir}, folderPlace(dir)}, dir}
}

type folderPlace string

func (f folderPlace) open(_ context.Context, v artifact.Version, name string, _ int64) (io.ReadCloser, error) {
	file, err := os.Open(filepath.Join(string(f), v.String(), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return file, err
}

func (f folderPlace) versions(context.Context) ([]artifact.Version, error) {
	raw, err := readBounded(filepath.Join(string(f), artifact.VersionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseVersions(raw)
}

// Push makes the folder of the version under a temporary name first. Of several signed statements,
// it writes the first.
func (f *folder) Push(ctx context.Context, r *artifact.Release, archive Archives) error {
	s, _, err := toPush(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(f.dir, lockFile))
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return err
	}
	return errors.Join(f.push(ctx, r, s, archive), lock.Unlock())
}

func (f *folder) push(ctx context.Context, r *artifact.Release, s artifact.Statement, archive Archives) error {
	dir := filepath.Join(f.dir, s.Manifest.Version)
	switch there, err := f.release(ctx, r.Version); {
	case errors.Is(err, ErrNotFound):
		if err := makeFolder(ctx, dir, r, s, archive); err != nil {
			return err
		}
	case err != nil:
		return f.explain(err)
	case there.Index.Descriptor.Digest != r.Index.Descriptor.Digest:
		return fmt.Errorf("%s: %w: publish a new version", dir, ErrExists)
	default:
		if err := writeTexts(dir, r, s); err != nil {
			return err
		}
	}
	return f.addVersion(ctx, r.Version)
}

// makeFolder writes a release into a folder, atomically.
func makeFolder(ctx context.Context, dir string, r *artifact.Release, s artifact.Statement, archive Archives) error {
	fresh, err := disk.TempDirFor(dir)
	if err != nil {
		return err
	}
	for _, p := range s.Platforms() {
		if err == nil {
			err = writeArchive(ctx, filepath.Join(fresh, s.Manifest.ArchiveName(p)), p, s.Targets[p], archive)
		}
	}
	if err == nil {
		err = errors.Join(writeTexts(fresh, r, s), os.Chmod(fresh, 0o755))
	}
	if err == nil {
		err = os.Rename(fresh, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return disk.SyncDir(filepath.Dir(dir))
}

func writeArchive(ctx context.Context, path string, p artifact.Platform, t artifact.Target, archive Archives) error {
	from, err := archive(ctx, p, t)
	if err != nil {
		return err
	}
	checked := artifact.Exactly(from, t.Archived())
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return errors.Join(err, checked.Close())
	}
	_, err = io.Copy(out, checked)
	return errors.Join(err, out.Sync(), out.Close(), checked.Close())
}

// writeTexts writes all files of a release except the archives.
func writeTexts(dir string, r *artifact.Release, s artifact.Statement) error {
	signed := r.Signed[0]
	for _, f := range []struct {
		name string
		raw  []byte
	}{
		{artifact.StatementFile, signed.Statement},
		{artifact.StatementMinisig, signed.Signature},
		{artifact.SumsFile, s.Sums(signed.Statement).Bytes()},
		{artifact.SumsMinisig, r.SumsSignature},
	} {
		if f.raw == nil {
			continue
		}
		if err := replace(filepath.Join(dir, f.name), f.raw); err != nil {
			return err
		}
	}
	return nil
}

// addVersion adds the version to versions.json.
func (f *folder) addVersion(ctx context.Context, v artifact.Version) error {
	all, err := f.place.versions(ctx)
	if err != nil {
		return f.explain(err)
	}
	if slices.ContainsFunc(all, func(w artifact.Version) bool { return v.String() == w.String() }) {
		return nil
	}
	var list versionsList
	for _, v := range newestFirst(append(all, v)) {
		list.Versions = append(list.Versions, v.String())
	}
	raw, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(f.dir, artifact.VersionsFile), append(raw, '\n'))
}
