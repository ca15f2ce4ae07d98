// The folder of a release, verified against its statement.

package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// Folder is a folder with the files of one release.
type Folder struct {
	Release   *artifact.Release
	Statement artifact.Statement // trusted, because it is the author's own
	dir       string
}

// Open reads a folder made by Pack, and verifies the archives.
func Open(dir string) (*Folder, error) {
	raw, err := read(dir, artifact.StatementFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no %s: make it with `scrapekit plugins pack`", dir, artifact.StatementFile)
	}
	if err != nil {
		return nil, err
	}
	signed := artifact.Signed{Statement: raw}
	if signed.Signature, err = readIfThere(dir, artifact.StatementMinisig); err != nil {
		return nil, err
	}
	f := &Folder{dir: dir}
	if f.Release, err = artifact.NewRelease(signed); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if f.Release.SumsSignature, err = readIfThere(dir, artifact.SumsMinisig); err != nil {
		return nil, err
	}
	if f.Statement, err = artifact.ParseStatement(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return f, f.check()
}

// Signer returns the key that signed the release; "": unsigned. It verifies the signature.
func (f *Folder) Signer() (artifact.Key, error) {
	s, err := f.Release.Verify("", func(artifact.Key) bool { return true })
	if err != nil {
		return "", fmt.Errorf("%s: %w; sign it again with `scrapekit plugins sign`", f.dir, err)
	}
	return s.Key, nil
}

// check verifies all archives.
func (f *Folder) check() error {
	for _, p := range f.Statement.Platforms() {
		r, err := f.Archive(context.Background(), p, f.Statement.Targets[p])
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, artifact.Exactly(r, f.Statement.Targets[p].Archived()))
		if err = errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%s: %w; pack it again", filepath.Join(f.dir, f.Statement.Manifest.ArchiveName(p)), err)
		}
	}
	return nil
}

// Archive opens the archive for a platform; it is a remote.Archives.
func (f *Folder) Archive(_ context.Context, p artifact.Platform, _ artifact.Target) (io.ReadCloser, error) {
	return os.Open(filepath.Join(f.dir, f.Statement.Manifest.ArchiveName(p)))
}

// Files returns the names of the files to publish.
func (f *Folder) Files() []string {
	out := []string{artifact.StatementFile, artifact.SumsFile}
	if f.Release.Signed[0].Signature != nil {
		out = append(out, artifact.StatementMinisig)
	}
	if f.Release.SumsSignature != nil {
		out = append(out, artifact.SumsMinisig)
	}
	for _, p := range f.Statement.Platforms() {
		out = append(out, f.Statement.Manifest.ArchiveName(p))
	}
	return out
}

func read(dir, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened only for reading
	raw, err := io.ReadAll(artifact.Bounded(f, artifact.MaxMetadata))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
	}
	return raw, nil
}

func readIfThere(dir, name string) ([]byte, error) {
	raw, err := read(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// writeStatement writes the statement and the sums, and removes earlier signatures.
func writeStatement(dir string, s artifact.Statement) error {
	raw, err := s.Bytes()
	if err != nil {
		return err
	}
	if _, err := artifact.ParseStatement(raw); err != nil {
		return err
	}
	for _, name := range []string{artifact.StatementMinisig, artifact.SumsMinisig} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(write(dir, artifact.StatementFile, raw), write(dir, artifact.SumsFile, s.Sums(raw).Bytes()))
}

// write writes a file that all can read, because it will be published.
func write(dir, name string, raw []byte) error {
	path := filepath.Join(dir, name)
	return errors.Join(disk.Replace(path, raw, true), os.Chmod(path, 0o644))
}
