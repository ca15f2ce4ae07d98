// Releases as files: the common part of HTTPS, GitHub and folders.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// place is where the files of releases are.
type place interface {
	// versions returns the versions in any order.
	versions(ctx context.Context) ([]artifact.Version, error)
	// open opens a file of a version; ErrNotFound if it is missing. If it is longer than most
	// bytes, open may fail or return a longer reader.
	open(ctx context.Context, v artifact.Version, name string, most int64) (io.ReadCloser, error)
}

// filesRemote reads releases from a place.
type filesRemote struct {
	source artifact.Source
	place  place
}

func (f *filesRemote) Versions(ctx context.Context) ([]artifact.Version, error) {
	all, err := f.place.versions(ctx)
	return newestFirst(all), f.explain(err)
}

func (f *filesRemote) Release(ctx context.Context, v artifact.Version, pinned digest.Digest) (*artifact.Release,
	error) {
	if pinned != "" {
		if err := artifact.CheckDigest(pinned); err != nil {
			return nil, err
		}
	}
	r, err := f.release(ctx, v)
	if err == nil && pinned != "" && r.Index.Descriptor.Digest != pinned {
		err = fmt.Errorf("%w: %s is not there any more: version %s is the release %s now", ErrNotFound, pinned, v,
			r.Index.Descriptor.Digest)
	}
	if err != nil {
		return nil, f.explain(err)
	}
	return r, nil
}

func (f *filesRemote) release(ctx context.Context, v artifact.Version) (*artifact.Release, error) {
	statement, err := f.read(ctx, v, artifact.StatementFile)
	if err != nil {
		return nil, err
	}
	signature, err := f.read(ctx, v, artifact.StatementMinisig)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	sums, err := f.sums(ctx, v)
	if err != nil {
		return nil, err
	}
	r, err := artifact.NewRelease(artifact.Signed{Statement: statement, Signature: signature})
	if err != nil {
		return nil, err
	}
	r.Name, r.Version = f.source.Name, v // where it was found
	return r, sums.CheckRelease(statement)
}

func (f *filesRemote) sums(ctx context.Context, v artifact.Version) (artifact.Sums, error) {
	raw, err := f.read(ctx, v, artifact.SumsFile)
	if err != nil {
		return nil, err
	}
	return artifact.ParseSums(raw)
}

// read reads a small file.
func (f *filesRemote) read(ctx context.Context, v artifact.Version, name string) ([]byte, error) {
	body, err := f.place.open(ctx, v, name, artifact.MaxMetadata)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(artifact.Bounded(body, artifact.MaxMetadata))
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return raw, nil
}

// Archive finds the file by digest, because the publisher chooses its name.
func (f *filesRemote) Archive(ctx context.Context, r *artifact.Release, t artifact.Target) (io.ReadCloser, error) {
	sums, err := f.sums(ctx, r.Version)
	if err != nil {
		return nil, f.explain(err)
	}
	name, ok := sums.Named(t.Archive)
	if !ok {
		return nil, f.explain(fmt.Errorf("%w: %s has no archive %s", ErrNotFound, artifact.SumsFile, t.Archive))
	}
	body, err := f.place.open(ctx, r.Version, name, t.Size)
	if err != nil {
		return nil, f.explain(err)
	}
	return artifact.Exactly(body, t.Archived()), nil
}

func (f *filesRemote) explain(err error) error {
	if err == nil {
		return nil
	}
	return &SourceError{f.source.Text, err}
}
